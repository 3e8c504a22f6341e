/* Versions: all tiles of a complete one, all proofs of one that grows. */

#include <string.h>

#include "gossipd/audit_impl.h"

enum p2pfs_err
audit_read_version(struct audit *a, int64_t vk, struct p2pfs_version *v)
{
    const uint8_t *root;
    size_t len = 0;
    int got;

    memset(v, 0, sizeof(*v));
    got = P2PFS_SQL_STEP(&a->q, Q_VERSION_NEXT, vk);
    if (got > 0) {
        v->vk = p2pfs_sql_int(&a->q, Q_VERSION_NEXT, 0);
        v->gk = p2pfs_sql_int(&a->q, Q_VERSION_NEXT, 1);
        v->n = (uint32_t)p2pfs_sql_int(&a->q, Q_VERSION_NEXT, 2);
        v->received = (uint32_t)p2pfs_sql_int(&a->q, Q_VERSION_NEXT, 3);
        v->complete =
            p2pfs_sql_int(&a->q, Q_VERSION_NEXT, 4) == P2PFS_STATE_COMPLETE;
        root = p2pfs_sql_bytes(&a->q, Q_VERSION_NEXT, 5, &len);
        if (root != NULL && len == sizeof(v->root)) {
            memcpy(v->root.b, root, len);
        }
    }
    p2pfs_sql_reset(&a->q, Q_VERSION_NEXT);
    return got < 0 ? audit_fail(a, "read a version") : P2PFS_OK;
}

/* The part above level 0 that all proofs of a block share. */
struct upper {
    struct p2pfs_hash hash[P2PFS_PROOF_MAX];
    unsigned n;
};

/* A block of a rooted version that grows: the stored proof of each file. */
static enum p2pfs_err
check_proofs(struct audit *a, const struct p2pfs_version *v, uint32_t block,
    const struct upper *upper, const struct audit_files *f)
{
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    unsigned width = p2pfs_tile_width(v->n, 0, block);
    uint32_t first = block * P2PFS_TILE_WIDTH;
    struct p2pfs_proof proof;
    enum p2pfs_err err;
    unsigned i;
    int sound;

    a->totals.tiles++;
    err = audit_read_tile(a, v->vk, 0, block, width, tile, &sound);
    for (i = 0; err == P2PFS_OK && sound && i < width; i++) {
        if (f->ak[i] < 0) {
            continue;
        }
        proof.len = p2pfs_tile_path(tile, width, i, proof.hash);
        if (upper->n > P2PFS_PROOF_MAX - proof.len) {
            sound = 0;
            break;
        }
        memcpy(&proof.hash[proof.len], upper->hash,
            upper->n * sizeof(upper->hash[0]));
        proof.len += upper->n;
        sound = p2pfs_proof_verify(a->hasher, &v->root, v->n, first + i,
                    &f->entry[i], &proof)
            == P2PFS_OK;
    }
    if (err == P2PFS_OK && !sound) {
        audit_tell(a, P2PFS_DAMAGED_TILE,
            p2pfs_schema_tile_key(v->vk, 0, block), v->gk, first,
            "a stored proof does not lead to the root");
    }
    return err;
}

/* A draft has a tile for each block that is full, unless it stands beside a
 * complete version. */
static enum p2pfs_err
check_draft(struct audit *a, const struct p2pfs_version *v, uint32_t block,
    const struct audit_files *f)
{
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    unsigned width = p2pfs_tile_width(v->n, 0, block);
    enum p2pfs_err err;
    int got, found;

    if (f->n < width) {
        return P2PFS_OK;
    }
    got = P2PFS_SQL_STEP(&a->q, Q_COMPLETE_NEXT, v->gk, 0);
    p2pfs_sql_reset(&a->q, Q_COMPLETE_NEXT);
    if (got != 0) {
        return got < 0 ? audit_fail(a, "find a version") : P2PFS_OK;
    }
    a->totals.tiles++;
    err = audit_read_tile(a, v->vk, 0, block, width, tile, &found);
    if (err != P2PFS_OK) {
        return err;
    }
    if (!found || !audit_tile_is_sound(a, tile, width)) {
        audit_tell(a, P2PFS_DAMAGED_TILE,
            p2pfs_schema_tile_key(v->vk, 0, block), v->gk,
            block * P2PFS_TILE_WIDTH,
            "a tile is missing or does not match its own lowest nodes");
        return P2PFS_OK;
    }
    audit_compare_files(a, v, block, tile, width, f);
    return P2PFS_OK;
}

/* The row of PART_NEXT; 0: of a wrong length. */
static int
read_part(struct audit *a, uint8_t bits[16], struct upper *upper)
{
    const uint8_t *p;
    size_t len = 0;

    p = p2pfs_sql_bytes(&a->q, Q_PART_NEXT, 1, &len);
    if (p == NULL || len != 16) {
        return 0;
    }
    memcpy(bits, p, len);
    p = p2pfs_sql_bytes(&a->q, Q_PART_NEXT, 2, &len);
    upper->n = (unsigned)(len / sizeof(upper->hash[0]));
    if (len % sizeof(upper->hash[0]) != 0 || len > sizeof(upper->hash)) {
        return 0;
    }
    if (p != NULL) {
        memcpy(upper->hash, p, len);
    }
    return 1;
}

enum p2pfs_err
audit_block(struct audit *a, const struct p2pfs_version *v, uint32_t *block,
    int *none)
{
    uint32_t blocks = (uint32_t)p2pfs_tile_count(v->n, 0);
    struct audit_files f;
    struct upper upper;
    enum p2pfs_err err;
    uint8_t bits[16];
    int got, whole = 0;

    got = P2PFS_SQL_STEP(&a->q, Q_PART_NEXT, p2pfs_schema_key(v->vk, *block),
        p2pfs_schema_key(v->vk, UINT32_MAX));
    *none = got <= 0;
    if (got > 0) {
        *block = (uint32_t)p2pfs_sql_int(&a->q, Q_PART_NEXT, 0);
        whole = read_part(a, bits, &upper);
    }
    p2pfs_sql_reset(&a->q, Q_PART_NEXT);
    if (got <= 0) {
        return got < 0 ? audit_fail(a, "read parts") : P2PFS_OK;
    }
    if (!whole || *block >= blocks) {
        audit_tell_set(a, v->gk, "a part has a wrong length or place");
        (*block)++;
        return P2PFS_OK;
    }
    err = audit_read_files(a, v, *block, bits, &f);
    if (err == P2PFS_OK) {
        a->have += f.n;
        err = p2pfs_hash_is_zero(&v->root)
            ? check_draft(a, v, *block, &f)
            : check_proofs(a, v, *block, &upper, &f);
    }
    (*block)++;
    return err;
}

/* Chooses the version to go on with: the one before, or the next. */
static enum p2pfs_err
choose(struct audit *a)
{
    struct p2pfs_version v;
    enum p2pfs_err err;

    err = audit_read_version(a, a->next, &v);
    if (err != P2PFS_OK) {
        return err;
    }
    if (v.vk == a->v.vk && v.complete == a->v.complete
        && p2pfs_hash_cmp(&v.root, &a->v.root) == 0) {
        a->grown |= v.received != a->v.received;
        return P2PFS_OK;
    }
    /* Another one, or it became complete between two steps. */
    a->v = v;
    a->next = v.vk;
    a->level = 0;
    a->tile = 0;
    a->block = 0;
    a->have = 0;
    a->grown = 0;
    return P2PFS_OK;
}

static void
finish(struct audit *a)
{
    const struct p2pfs_version *v = &a->v;

    a->totals.versions++;
    if (v->complete ? v->received != v->n
                    : !a->grown && v->received != a->have) {
        audit_tell_set(a, v->gk, "counts other files than it has");
    }
    a->next = v->vk + 1;
    memset(&a->v, 0, sizeof(a->v));
}

/* *end: nothing of the version is left. */
static enum p2pfs_err
go_on(struct audit *a, int *end)
{
    const struct p2pfs_version *v = &a->v;
    enum p2pfs_err err;

    if (v->n == 0) {
        audit_tell_set(a, v->gk, "a version without a group");
        *end = 1;
        return P2PFS_OK;
    }
    if (!v->complete) {
        return audit_block(a, v, &a->block, end);
    }
    err = audit_tile(a, v, a->level, a->tile);
    a->tile++;
    if (a->tile == p2pfs_tile_count(v->n, a->level)) {
        a->tile = 0;
        a->level++;
    }
    *end = a->level == p2pfs_tile_levels(v->n);
    return err;
}

enum p2pfs_err
audit_versions(struct audit *a, int *done)
{
    enum p2pfs_err err = P2PFS_OK;
    int end = 0;

    while (err == P2PFS_OK && a->step_bytes < AUDIT_STEP_BYTES) {
        err = choose(a);
        if (err != P2PFS_OK || a->v.vk == 0) {
            *done = err == P2PFS_OK;
            return err;
        }
        /* A little of its own for versions that read nothing. */
        audit_count_bytes(a, 64);
        err = go_on(a, &end);
        if (err == P2PFS_OK && end) {
            finish(a);
        }
    }
    return err;
}
