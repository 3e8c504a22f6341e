/* How a version that has all its files becomes complete (rules 1 and 5). */

#include <string.h>

#include "gossipd/store_impl.h"

/* What to add to a key of one version to get the same place of another. */
static int64_t
place_delta(int64_t from, int64_t to)
{
    return (to - from) * ((int64_t)1 << 32);
}

static int64_t
tile_delta(int64_t from, int64_t to)
{
    return p2pfs_schema_tile_key(to, 0, 0) - p2pfs_schema_tile_key(from, 0, 0);
}

static enum p2pfs_err
set_done(struct store *s, const struct p2pfs_version *v)
{
    p2pfs_sql_blob(&s->q, Q_VERSION_DONE, 3, v->root.b, sizeof(v->root));
    if (P2PFS_SQL_RUN(&s->q, Q_VERSION_DONE, v->vk, v->n) != P2PFS_OK) {
        return store_fail(s, "complete a version", P2PFS_OK);
    }
    return P2PFS_OK;
}

/* Of one block of a draft, drops what v has; *left: places still held. */
static enum p2pfs_err
strip_block(struct store *s, const struct p2pfs_version *draft,
    const struct p2pfs_version *v, uint32_t block, unsigned *left)
{
    int64_t first = p2pfs_schema_key(draft->vk, block * P2PFS_TILE_WIDTH);
    int64_t pk = p2pfs_schema_key(draft->vk, block);
    uint8_t picks[16] = {0};
    struct store_block b;
    enum p2pfs_err err;
    unsigned i;

    *left = 0;
    err = store_block_picks(s, v->vk, block, picks);
    if (err != P2PFS_OK) {
        return err;
    }
    if (P2PFS_SQL_RUN(&s->q, Q_PICK_DROP_COMMON, first,
            first + P2PFS_TILE_WIDTH - 1, place_delta(draft->vk, v->vk))
        != P2PFS_OK) {
        return store_fail(s, "delete picks", P2PFS_OK);
    }
    err = store_block_read(s, draft->vk, block, &b);
    if (err != P2PFS_OK) {
        return err;
    }
    for (i = 0; i < sizeof(picks); i++) {
        /* v has the content row wherever it picked no other. */
        b.bits[i] &= picks[i];
        b.mask[i] = b.bits[i];
    }
    err = store_block_picks(s, draft->vk, block, b.mask);
    if (err != P2PFS_OK) {
        return err;
    }
    *left = store_block_count(&b);
    if (*left > 0) {
        return store_block_write(s, draft->vk, block, &b, NULL, 0);
    }
    if (P2PFS_SQL_RUN(&s->q, Q_PART_DROP, pk, pk) != P2PFS_OK) {
        return store_fail(s, "delete a part", P2PFS_OK);
    }
    return P2PFS_OK;
}

static enum p2pfs_err
strip_blocks(struct store *s, const struct p2pfs_version *draft,
    const struct p2pfs_version *v, int64_t *have)
{
    int64_t next = p2pfs_schema_key(draft->vk, 0);
    int64_t last = p2pfs_schema_key(draft->vk, UINT32_MAX);
    enum p2pfs_err err;
    unsigned left;
    int got;

    *have = 0;
    for (;;) {
        got = P2PFS_SQL_STEP(&s->q, Q_PART_NEXT, next, last);
        if (got <= 0) {
            return got < 0 ? store_fail(s, "read parts", P2PFS_OK) : P2PFS_OK;
        }
        next = p2pfs_sql_int(&s->q, Q_PART_NEXT, 0);
        p2pfs_sql_reset(&s->q, Q_PART_NEXT);
        err = strip_block(s, draft, v, (uint32_t)next, &left);
        if (err != P2PFS_OK) {
            return err;
        }
        *have += left;
        next++;
    }
}

/* A draft beside a complete version keeps only what that version lacks. */
static enum p2pfs_err
strip_draft(struct store *s, const struct p2pfs_version *v)
{
    struct store_place p = {.gk = v->gk, .n = v->n};
    struct p2pfs_version draft;
    enum p2pfs_err err;
    int64_t have;

    err = store_find_version(s, &p, NULL, &draft);
    if (err != P2PFS_OK || draft.vk == 0) {
        return err;
    }
    err = store_tiles_drop(s, draft.vk);
    if (err == P2PFS_OK) {
        err = strip_blocks(s, &draft, v, &have);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    if (have == 0) {
        err = P2PFS_SQL_RUN(&s->q, Q_VERSION_DROP, draft.vk);
    } else {
        err = P2PFS_SQL_RUN(&s->q, Q_VERSION_HAVE, draft.vk, have);
    }
    return err == P2PFS_OK ? P2PFS_OK : store_fail(s, "strip a draft", err);
}

enum p2pfs_err
store_complete(struct store *s, struct p2pfs_version *v,
    enum store_origin origin)
{
    enum p2pfs_err err;
    int64_t sk;

    err = set_done(s, v);
    if (err != P2PFS_OK) {
        return err;
    }
    v->complete = 1;
    v->received = v->n;
    if (P2PFS_SQL_RUN(&s->q, Q_PART_DROP, p2pfs_schema_key(v->vk, 0),
            p2pfs_schema_key(v->vk, UINT32_MAX))
        != P2PFS_OK) {
        return store_fail(s, "delete parts", P2PFS_OK);
    }
    err = strip_draft(s, v);
    if (err != P2PFS_OK) {
        return err;
    }
    if (P2PFS_SQL_STEP(&s->q, Q_GROUP_LABEL, v->gk) <= 0) {
        return store_fail(s, "find a label", P2PFS_STORE_ERROR);
    }
    sk = p2pfs_sql_int(&s->q, Q_GROUP_LABEL, 0);
    p2pfs_sql_reset(&s->q, Q_GROUP_LABEL);
    if (P2PFS_SQL_RUN(&s->q, Q_LABEL_SERVE, sk) != P2PFS_OK) {
        return store_fail(s, "serve a version", P2PFS_OK);
    }
    return store_log(s, P2PFS_LOG_VERSION, origin, v->vk, 0);
}

/* Leaves one pick where the smallest entry is one, none where it is the
 * content row. What the draft has is read from `draft`. */
static enum p2pfs_err
keep_smallest(struct store *s, int64_t vk, const struct p2pfs_version *draft)
{
    int64_t next = p2pfs_schema_key(vk, 0);
    int64_t last = p2pfs_schema_key(vk, UINT32_MAX);
    struct p2pfs_hash entry;
    enum p2pfs_err err;
    int64_t ak;
    int got;

    for (;;) {
        got = P2PFS_SQL_STEP(&s->q, Q_PICK_NEXT, next, last);
        if (got <= 0) {
            return got < 0 ? store_fail(s, "read picks", P2PFS_OK) : P2PFS_OK;
        }
        next = p2pfs_sql_int(&s->q, Q_PICK_NEXT, 0);
        p2pfs_sql_reset(&s->q, Q_PICK_NEXT);
        err = store_entry_at(s, draft, (uint32_t)next, &entry, &ak);
        if (err != P2PFS_OK) {
            return err;
        }
        if (P2PFS_SQL_RUN(&s->q, Q_PICK_KEEP, next, ak) != P2PFS_OK) {
            return store_fail(s, "choose a file", P2PFS_OK);
        }
        next++;
    }
}

static enum p2pfs_err
copy_picks(struct store *s, int64_t from, int64_t to)
{
    if (P2PFS_SQL_RUN(&s->q, Q_PICK_COPY, p2pfs_schema_key(from, 0),
            p2pfs_schema_key(from, UINT32_MAX), place_delta(from, to))
        != P2PFS_OK) {
        return store_fail(s, "copy picks", P2PFS_OK);
    }
    return P2PFS_OK;
}

/* The root had been started here by uploads that named it: that row becomes
 * the version and gets the draft's tiles; the draft keeps its own row. */
static enum p2pfs_err
move_to(struct store *s, const struct p2pfs_version *draft,
    struct p2pfs_version *v)
{
    enum p2pfs_err err;

    err = store_tree_drop(s, v->vk);
    if (err != P2PFS_OK) {
        return err;
    }
    if (P2PFS_SQL_RUN(&s->q, Q_TILE_MOVE,
            p2pfs_schema_tile_key(draft->vk, 0, 0),
            p2pfs_schema_tile_key(draft->vk + 1, 0, 0) - 1,
            tile_delta(draft->vk, v->vk))
        != P2PFS_OK) {
        return store_fail(s, "move tiles", P2PFS_OK);
    }
    err = copy_picks(s, draft->vk, v->vk);
    if (err != P2PFS_OK) {
        return err;
    }
    return keep_smallest(s, v->vk, draft);
}

/* The draft's row becomes the version; what it has besides, which only a pick
 * can tell of, goes to a new draft row. */
static enum p2pfs_err
hand_over(struct store *s, struct p2pfs_version *v)
{
    int64_t first = p2pfs_schema_key(v->vk, 0);
    int64_t last = p2pfs_schema_key(v->vk, UINT32_MAX);
    struct p2pfs_version draft;
    enum p2pfs_err err;
    int got;

    got = P2PFS_SQL_STEP(&s->q, Q_PICK_NEXT, first, last);
    p2pfs_sql_reset(&s->q, Q_PICK_NEXT);
    if (got <= 0) {
        return got < 0 ? store_fail(s, "read picks", P2PFS_OK) : P2PFS_OK;
    }
    err = set_done(s, v); /* a group has one row without a root */
    if (err == P2PFS_OK) {
        err = store_make_version(s, v->gk, v->n, NULL, &draft);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    if (P2PFS_SQL_RUN(&s->q, Q_PART_COPY, first, last,
            place_delta(v->vk, draft.vk))
        != P2PFS_OK) {
        return store_fail(s, "copy parts", P2PFS_OK);
    }
    err = copy_picks(s, v->vk, draft.vk);
    if (err != P2PFS_OK) {
        return err;
    }
    return keep_smallest(s, v->vk, &draft);
}

enum p2pfs_err
store_birth(struct store *s, struct p2pfs_version *v, enum store_origin origin)
{
    struct store_place p = {.gk = v->gk, .n = v->n};
    struct p2pfs_version started;
    struct p2pfs_hash root;
    enum p2pfs_err err;

    err = store_tree_finish(s, v, &root);
    if (err != P2PFS_OK) {
        return err;
    }
    if (!p2pfs_hash_is_zero(&v->root)) {
        if (p2pfs_hash_cmp(&root, &v->root) != 0) {
            return store_fail(s, "complete a version: another root",
                P2PFS_INTERNAL);
        }
        return store_complete(s, v, origin);
    }

    err = store_find_version(s, &p, &root, &started);
    if (err != P2PFS_OK) {
        return err;
    }
    if (started.vk != 0) {
        err = move_to(s, v, &started);
        *v = started;
    } else {
        v->root = root;
        err = hand_over(s, v);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    return store_complete(s, v, origin);
}
