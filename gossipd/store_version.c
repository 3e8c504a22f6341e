/* A version that a peer holds: its list of entries, and files that are here. */

#include <string.h>

#include "gossipd/store_impl.h"

static enum p2pfs_err
check_version(struct store *s, const struct p2pfs_record *v,
    const struct p2pfs_hash *entries)
{
    struct p2pfs_fold fold;
    struct p2pfs_hash root;
    enum p2pfs_err err;
    uint32_t i;

    err = p2pfs_set_id_check(v->id, v->id_len);
    if (err != P2PFS_OK) {
        return err;
    }
    if (v->n < 1 || v->n > s->count_max) {
        return P2PFS_BAD_SET_COUNT;
    }
    p2pfs_fold_init(&fold);
    for (i = 0; i < v->n && err == P2PFS_OK; i++) {
        err = p2pfs_fold_add(&fold, s->hasher, &entries[i]);
    }
    if (err == P2PFS_OK) {
        err = p2pfs_fold_root(&fold, s->hasher, &root);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    return p2pfs_hash_cmp(&root, &v->root) == 0 ? P2PFS_OK : P2PFS_NOT_IN_ROOT;
}

/*
 * The rows of one block's entries: 0 content, above 0 alt, -1 not here. One
 * range over the contents, one look-up for each entry that is another.
 */
static enum p2pfs_err
find_rows(struct store *s, int64_t gk, uint32_t block,
    const struct p2pfs_hash *entry, unsigned width,
    int64_t ak[P2PFS_TILE_WIDTH])
{
    int64_t first = p2pfs_schema_key(gk, block * P2PFS_TILE_WIDTH);
    const uint8_t *bytes;
    size_t len = 0;
    unsigned i;
    int got;

    for (i = 0; i < width; i++) {
        ak[i] = -1;
    }
    got = P2PFS_SQL_STEP(&s->q, Q_CONTENT_RANGE, first, first + width - 1);
    while (got > 0) {
        i = (unsigned)(p2pfs_sql_int(&s->q, Q_CONTENT_RANGE, 0) - first);
        bytes = p2pfs_sql_bytes(&s->q, Q_CONTENT_RANGE, 1, &len);
        if (len == sizeof(*entry) && memcmp(bytes, entry[i].b, len) == 0) {
            ak[i] = 0;
        }
        got = p2pfs_sql_next(&s->q, Q_CONTENT_RANGE);
    }
    for (i = 0; i < width && got >= 0; i++) {
        if (ak[i] == 0) {
            continue;
        }
        p2pfs_sql_blob(&s->q, Q_ALT_GET, 2, entry[i].b, sizeof(entry[i]));
        got = P2PFS_SQL_STEP(&s->q, Q_ALT_GET, first + i);
        if (got > 0) {
            ak[i] = p2pfs_sql_int(&s->q, Q_ALT_GET, 0);
        }
        p2pfs_sql_reset(&s->q, Q_ALT_GET);
    }
    return got < 0 ? store_fail(s, "find files", P2PFS_OK) : P2PFS_OK;
}

static enum p2pfs_err
count_files(struct store *s, const struct store_place *p,
    const struct p2pfs_hash *entries, uint32_t *here)
{
    int64_t ak[P2PFS_TILE_WIDTH];
    uint64_t blocks = p2pfs_tile_count(p->n, 0);
    enum p2pfs_err err;
    unsigned i, width;
    uint32_t block;

    *here = 0;
    if (p->gk == 0) {
        return P2PFS_OK;
    }
    for (block = 0; block < blocks; block++) {
        width = p2pfs_tile_width(p->n, 0, block);
        err = find_rows(s, p->gk, block,
            entries + (size_t)block * P2PFS_TILE_WIDTH, width, ak);
        if (err != P2PFS_OK) {
            return err;
        }
        for (i = 0; i < width; i++) {
            *here += ak[i] >= 0;
        }
    }
    return P2PFS_OK;
}

/* Tile and picks of one block. */
static enum p2pfs_err
write_block(struct store *s, const struct p2pfs_version *v, uint32_t block,
    const struct p2pfs_hash *entry)
{
    unsigned width = p2pfs_tile_width(v->n, 0, block);
    int64_t ak[P2PFS_TILE_WIDTH];
    enum p2pfs_err err;
    unsigned i;

    err = find_rows(s, v->gk, block, entry, width, ak);
    for (i = 0; i < width && err == P2PFS_OK; i++) {
        if (ak[i] > 0) {
            err = P2PFS_SQL_RUN(&s->q, Q_PICK_NEW,
                p2pfs_schema_key(v->vk, block * P2PFS_TILE_WIDTH + i), ak[i]);
        }
    }
    if (err != P2PFS_OK) {
        return store_fail(s, "write picks", err);
    }
    return store_tile_leaves(s, v, block, entry);
}

static enum p2pfs_err
write_version(struct store *s, struct p2pfs_version *v,
    const struct p2pfs_hash *entries, enum store_origin origin)
{
    uint64_t blocks = p2pfs_tile_count(v->n, 0);
    enum p2pfs_err err;
    struct p2pfs_hash root;
    uint32_t block;

    err = store_tree_drop(s, v->vk);
    for (block = 0; block < blocks && err == P2PFS_OK; block++) {
        err = write_block(s, v, block,
            entries + (size_t)block * P2PFS_TILE_WIDTH);
    }
    if (err == P2PFS_OK) {
        err = store_tree_finish(s, v, &root);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    if (p2pfs_hash_cmp(&root, &v->root) != 0) {
        return store_fail(s, "complete a version: another root",
            P2PFS_INTERNAL);
    }
    return store_complete(s, v, origin);
}

static enum p2pfs_err
merge(struct store *s, const struct store_place *p,
    const struct p2pfs_record *v, const struct p2pfs_hash *entries,
    enum store_origin origin, struct store_result *out)
{
    struct p2pfs_version version;
    enum p2pfs_err err;
    uint32_t here;

    err = store_find_version(s, p, &v->root, &version);
    if (err != P2PFS_OK) {
        return err;
    }
    out->received = v->n;
    if (version.complete) {
        return P2PFS_OK;
    }
    err = count_files(s, p, entries, &here);
    if (err != P2PFS_OK) {
        return err;
    }
    out->received = here;
    if (here < v->n) {
        out->err = P2PFS_FILE_NOT_FOUND;
        return P2PFS_OK;
    }
    if (!store_take_room(s, (uint64_t)v->n * 2 * P2PFS_HASH_BYTES)) {
        out->err = P2PFS_STORE_FULL;
        return P2PFS_OK;
    }
    if (version.vk == 0) {
        err = store_make_version(s, p->gk, p->n, &v->root, &version);
    }
    if (err == P2PFS_OK) {
        err = write_version(s, &version, entries, origin);
    }
    out->created = err == P2PFS_OK;
    return err;
}

enum p2pfs_err
store_put_version(struct store *s, const struct p2pfs_record *v,
    const uint8_t *entries, enum store_origin origin, struct store_result *out)
{
    /* A hash is 32 bytes without alignment: the list is an array of them. */
    const struct p2pfs_hash *list = (const struct p2pfs_hash *)entries;
    struct store_place p = {.id = v->id, .id_len = v->id_len, .n = v->n};
    enum p2pfs_err err;

    memset(out, 0, sizeof(*out));
    out->set_count = v->n;
    out->err = check_version(s, v, list);
    if (out->err != P2PFS_OK) {
        return P2PFS_OK;
    }
    err = store_find_group(s, &p);
    if (err != P2PFS_OK) {
        return err;
    }
    return merge(s, &p, v, list, origin, out);
}
