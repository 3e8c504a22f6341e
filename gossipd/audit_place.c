/* Looks at one place or one row: a report of damage, or a mark. */

#include "gossipd/audit_impl.h"

static enum p2pfs_err
check_content(struct audit *a, int64_t gk, uint32_t index)
{
    int64_t k = p2pfs_schema_key(gk, index);
    int got;

    got = P2PFS_SQL_STEP(&a->q, Q_CONTENT, k);
    if (got > 0 && !audit_body_is_sound(a, Q_CONTENT)) {
        audit_tell(a, P2PFS_DAMAGED_CONTENT, k, gk, index,
            "the bytes do not match their hash");
    }
    p2pfs_sql_reset(&a->q, Q_CONTENT);
    return got < 0 ? audit_fail(a, "read a file") : P2PFS_OK;
}

static enum p2pfs_err
check_alt(struct audit *a, int64_t ak)
{
    int64_t k;
    int got;

    got = P2PFS_SQL_STEP(&a->q, Q_ALT, ak);
    if (got > 0 && !audit_body_is_sound(a, Q_ALT)) {
        k = p2pfs_sql_int(&a->q, Q_ALT, 0);
        audit_tell(a, P2PFS_DAMAGED_ALT, ak, k >> 32, (uint32_t)k,
            "the bytes do not match their hash");
    }
    p2pfs_sql_reset(&a->q, Q_ALT);
    return got < 0 ? audit_fail(a, "read a file") : P2PFS_OK;
}

static enum p2pfs_err
check_alts(struct audit *a, int64_t k)
{
    enum p2pfs_err err;
    int got;

    got = P2PFS_SQL_STEP(&a->q, Q_ALTS_OF, k);
    for (; got > 0; got = p2pfs_sql_next(&a->q, Q_ALTS_OF)) {
        err = check_alt(a, p2pfs_sql_int(&a->q, Q_ALTS_OF, 0));
        if (err != P2PFS_OK) {
            return err;
        }
    }
    return got < 0 ? audit_fail(a, "read alternatives") : P2PFS_OK;
}

/* The tiles from a leaf to the root. */
static enum p2pfs_err
check_path(struct audit *a, int64_t vk, uint32_t index)
{
    enum p2pfs_err err;
    struct p2pfs_version v;
    unsigned level;

    err = audit_read_version(a, vk, &v);
    if (err != P2PFS_OK || v.vk != vk || !v.complete || index >= v.n) {
        return err;
    }
    for (level = 0; err == P2PFS_OK && level < p2pfs_tile_levels(v.n);
         level++) {
        err = audit_tile(a, &v, level,
            (uint64_t)index >> P2PFS_TILE_HEIGHT * (level + 1));
    }
    return err;
}

enum p2pfs_err
audit_one_place(struct audit *a, int64_t gk, int64_t vk, uint32_t index)
{
    enum p2pfs_err err;

    err = check_content(a, gk, index);
    if (err == P2PFS_OK) {
        err = check_alts(a, p2pfs_schema_key(gk, index));
    }
    if (err == P2PFS_OK && vk > 0) {
        err = check_path(a, vk, index);
    }
    return err;
}

/* Stands in for the caller's function while one row is looked for. */
struct search {
    int kind;
    int64_t key;
    int found;
};

static void
on_found(void *ctx, int kind, int64_t key, const char *words)
{
    struct search *s = ctx;

    (void)words;
    if (kind == s->kind && key == s->key) {
        s->found = 1;
    }
}

static enum p2pfs_err
search_content(struct audit *a, int64_t gk, uint32_t index)
{
    enum p2pfs_err err;
    int64_t vk = 0;
    int got;

    err = check_content(a, gk, index);
    while (err == P2PFS_OK) {
        got = P2PFS_SQL_STEP(&a->q, Q_COMPLETE_NEXT, gk, vk + 1);
        if (got <= 0) {
            return got < 0 ? audit_fail(a, "find a version") : P2PFS_OK;
        }
        vk = p2pfs_sql_int(&a->q, Q_COMPLETE_NEXT, 0);
        p2pfs_sql_reset(&a->q, Q_COMPLETE_NEXT);
        err = check_path(a, vk, index);
    }
    return err;
}

static enum p2pfs_err
search_tile(struct audit *a, int64_t key)
{
    unsigned level = (unsigned)(key >> 26 & 7);
    uint64_t t = (uint64_t)key & (((uint64_t)1 << 26) - 1);
    struct p2pfs_version v;
    uint32_t block = (uint32_t)t;
    enum p2pfs_err err;
    int none;

    err = audit_read_version(a, key >> 29, &v);
    if (err != P2PFS_OK || v.vk != key >> 29) {
        return err;
    }
    if (!v.complete) {
        return audit_block(a, &v, &block, &none);
    }
    if (level >= p2pfs_tile_levels(v.n) || t >= p2pfs_tile_count(v.n, level)) {
        return P2PFS_OK;
    }
    return audit_tile(a, &v, level, t);
}

enum p2pfs_err
audit_one_row(struct audit *a, int kind, int64_t key, int *damaged)
{
    struct search s = {kind, key, 0};
    audit_found found = a->found;
    void *ctx = a->ctx;
    uint64_t have = a->have;
    enum p2pfs_err err = P2PFS_OK;

    a->found = on_found;
    a->ctx = &s; /* cppcheck-suppress autoVariables; put back below */
    switch (kind) {
    case P2PFS_DAMAGED_CONTENT:
        err = search_content(a, key >> 32, (uint32_t)key);
        break;
    case P2PFS_DAMAGED_ALT: err = check_alt(a, key); break;
    case P2PFS_DAMAGED_TILE: err = search_tile(a, key); break;
    default: break;
    }
    a->found = found;
    a->ctx = ctx;
    a->have = have;
    *damaged = s.found;
    return err;
}
