/* The tiles of a version: level 0 as files come, the rest at its birth. */

#include <string.h>

#include "gossipd/store_impl.h"

static enum p2pfs_err
write_tile(struct store *s, int64_t vk, unsigned level, uint64_t t,
    const uint8_t *tile, unsigned width)
{
    p2pfs_sql_blob(&s->q, Q_TILE_SET, 2, tile, p2pfs_tile_bytes(width));
    if (P2PFS_SQL_RUN(&s->q, Q_TILE_SET, p2pfs_schema_tile_key(vk, level, t))
        != P2PFS_OK) {
        return store_fail(s, "write a tile", P2PFS_OK);
    }
    return P2PFS_OK;
}

/* *found 0: there is none. */
static enum p2pfs_err
read_tile(struct store *s, int64_t vk, unsigned level, uint64_t t,
    uint8_t *tile, unsigned width, int *found)
{
    const uint8_t *bytes;
    size_t len = 0;
    int got;

    got =
        P2PFS_SQL_STEP(&s->q, Q_TILE_GET, p2pfs_schema_tile_key(vk, level, t));
    *found = got > 0;
    if (got <= 0) {
        return got < 0 ? store_fail(s, "read a tile", P2PFS_OK) : P2PFS_OK;
    }
    bytes = p2pfs_sql_bytes(&s->q, Q_TILE_GET, 0, &len);
    if (bytes == NULL || len != p2pfs_tile_bytes(width)) {
        return store_fail(s, "read a tile", P2PFS_STORE_ERROR);
    }
    memcpy(tile, bytes, len);
    p2pfs_sql_reset(&s->q, Q_TILE_GET);
    return P2PFS_OK;
}

static enum p2pfs_err
check_hasher(struct store *s)
{
    if (p2pfs_hasher_failed(s->hasher)) {
        return store_fail(s, "hash a tile", P2PFS_INTERNAL);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_tiles_drop(struct store *s, int64_t vk)
{
    int64_t first = p2pfs_schema_tile_key(vk, 0, 0);

    if (P2PFS_SQL_RUN(&s->q, Q_TILE_DROP, first,
            p2pfs_schema_tile_key(vk + 1, 0, 0) - 1)
        != P2PFS_OK) {
        return store_fail(s, "delete tiles", P2PFS_OK);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_tree_drop(struct store *s, int64_t vk)
{
    int64_t first = p2pfs_schema_key(vk, 0);
    int64_t last = p2pfs_schema_key(vk, UINT32_MAX);

    if (P2PFS_SQL_RUN(&s->q, Q_PART_DROP, first, last) != P2PFS_OK
        || P2PFS_SQL_RUN(&s->q, Q_PICK_DROP, first, last) != P2PFS_OK) {
        return store_fail(s, "clear a version", P2PFS_OK);
    }
    return store_tiles_drop(s, vk);
}

/* Entries of the content rows that the bits name. */
static enum p2pfs_err
read_contents(struct store *s, const struct p2pfs_version *v, uint32_t block,
    struct store_block *b, struct p2pfs_hash entry[P2PFS_TILE_WIDTH])
{
    int64_t first = p2pfs_schema_key(v->gk, block * P2PFS_TILE_WIDTH);
    const uint8_t *bytes;
    size_t len = 0;
    int64_t i;
    int got;

    got = P2PFS_SQL_STEP(&s->q, Q_CONTENT_RANGE, first,
        first + P2PFS_TILE_WIDTH - 1);
    while (got > 0) {
        i = p2pfs_sql_int(&s->q, Q_CONTENT_RANGE, 0) - first;
        bytes = p2pfs_sql_bytes(&s->q, Q_CONTENT_RANGE, 1, &len);
        if (store_bit(b->bits, (uint32_t)i) && len == sizeof(*entry)) {
            memcpy(entry[i].b, bytes, len);
        }
        got = p2pfs_sql_next(&s->q, Q_CONTENT_RANGE);
    }
    return got < 0 ? store_fail(s, "read entries", P2PFS_OK) : P2PFS_OK;
}

/* The same for picks, where they are smaller or alone. */
static enum p2pfs_err
read_picks(struct store *s, const struct p2pfs_version *v, uint32_t block,
    struct store_block *b, struct p2pfs_hash entry[P2PFS_TILE_WIDTH])
{
    int64_t first = p2pfs_schema_key(v->vk, block * P2PFS_TILE_WIDTH);
    uint8_t seen[16];
    const uint8_t *bytes;
    size_t len = 0;
    uint32_t i;
    int got;

    memcpy(seen, b->bits, sizeof(seen));
    got = P2PFS_SQL_STEP(&s->q, Q_PICK_RANGE, first,
        first + P2PFS_TILE_WIDTH - 1);
    while (got > 0) {
        i = (uint32_t)(p2pfs_sql_int(&s->q, Q_PICK_RANGE, 0) - first);
        bytes = p2pfs_sql_bytes(&s->q, Q_PICK_RANGE, 2, &len);
        if (len == sizeof(*entry)
            && (!store_bit(seen, i) || memcmp(bytes, entry[i].b, len) < 0)) {
            memcpy(entry[i].b, bytes, len);
            seen[i / 8] |= (uint8_t)(1u << i % 8);
        }
        got = p2pfs_sql_next(&s->q, Q_PICK_RANGE);
    }
    return got < 0 ? store_fail(s, "read picks", P2PFS_OK) : P2PFS_OK;
}

static enum p2pfs_err
fill(struct store *s, uint8_t *tile, const struct p2pfs_hash *entry,
    unsigned width)
{
    struct p2pfs_hash leaf;
    unsigned i;

    for (i = 0; i < width; i++) {
        p2pfs_hash_leaf(s->hasher, &entry[i], &leaf);
        memcpy(tile + i * sizeof(leaf), leaf.b, sizeof(leaf));
    }
    p2pfs_tile_fill(s->hasher, tile, width);
    return check_hasher(s);
}

/* The smallest entries of a block that is full, as a computed tile. */
static enum p2pfs_err
compute_block(struct store *s, const struct p2pfs_version *v, uint32_t block,
    uint8_t tile[P2PFS_TILE_BYTES_MAX])
{
    unsigned width = p2pfs_tile_width(v->n, 0, block);
    struct p2pfs_hash entry[P2PFS_TILE_WIDTH];
    struct store_block b;
    enum p2pfs_err err;

    err = store_block_read(s, v->vk, block, &b);
    if (err == P2PFS_OK && !store_block_full(&b, width)) {
        err =
            store_fail(s, "build a tile: a file is missing", P2PFS_STORE_ERROR);
    }
    if (err == P2PFS_OK) {
        memset(entry, 0, sizeof(entry));
        err = read_contents(s, v, block, &b, entry);
    }
    if (err == P2PFS_OK) {
        err = read_picks(s, v, block, &b, entry);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    return fill(s, tile, entry, width);
}

enum p2pfs_err
store_tree_block(struct store *s, const struct p2pfs_version *v, uint32_t block)
{
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    enum p2pfs_err err;

    err = compute_block(s, v, block, tile);
    if (err != P2PFS_OK) {
        return err;
    }
    return write_tile(s, v->vk, 0, block, tile,
        p2pfs_tile_width(v->n, 0, block));
}

/*
 * Climbs from a leaf: writes the nodes on the path and the siblings that stand
 * inside the tile. top is the node above level 6.
 */
static void
climb(struct p2pfs_hasher *h, uint8_t *tile, unsigned width, unsigned i,
    const struct p2pfs_hash *leaf, const struct p2pfs_proof *proof,
    struct p2pfs_hash *top)
{
    unsigned level;
    unsigned used = 0;
    unsigned nodes;

    *top = *leaf;
    for (level = 0; level < P2PFS_TILE_HEIGHT; level++) {
        memcpy(tile + p2pfs_tile_offset(width, level, i), top->b, sizeof(*top));
        nodes = (width + (1u << level) - 1) >> level;
        if ((i ^ 1) < nodes) {
            memcpy(tile + p2pfs_tile_offset(width, level, i ^ 1),
                proof->hash[used].b, sizeof(*top));
            if (i & 1) {
                p2pfs_hash_node(h, &proof->hash[used], top, top);
            } else {
                p2pfs_hash_node(h, top, &proof->hash[used], top);
            }
            used++;
        }
        i >>= 1;
    }
}

enum p2pfs_err
store_tree_leaf(struct store *s, const struct p2pfs_version *v, uint32_t index,
    const struct p2pfs_hash *entry, const struct p2pfs_proof *proof, int full)
{
    uint32_t block = index / P2PFS_TILE_WIDTH;
    unsigned width = p2pfs_tile_width(v->n, 0, block);
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    struct p2pfs_hash leaf, top, computed;
    enum p2pfs_err err;
    int found;

    memset(tile, 0, sizeof(tile));
    err = read_tile(s, v->vk, 0, block, tile, width, &found);
    if (err != P2PFS_OK) {
        return err;
    }
    p2pfs_hash_leaf(s->hasher, entry, &leaf);
    climb(s->hasher, tile, width, index % P2PFS_TILE_WIDTH, &leaf, proof, &top);
    if (full) {
        p2pfs_tile_fill(s->hasher, tile, width);
        p2pfs_tile_top(s->hasher, tile, width, &computed);
        if (p2pfs_hash_cmp(&computed, &top) != 0) {
            return store_fail(s, "build a tile: it is not the root's",
                P2PFS_INTERNAL);
        }
    }
    err = check_hasher(s);
    if (err != P2PFS_OK) {
        return err;
    }
    return write_tile(s, v->vk, 0, block, tile, width);
}

static enum p2pfs_err
read_or_build(struct store *s, const struct p2pfs_version *v, unsigned level,
    uint64_t t, uint8_t *tile, unsigned width)
{
    enum p2pfs_err err;
    int found;

    err = read_tile(s, v->vk, level, t, tile, width, &found);
    if (err != P2PFS_OK || found) {
        return err;
    }
    if (level > 0) {
        return store_fail(s, "read a tile: it is missing", P2PFS_STORE_ERROR);
    }
    err = compute_block(s, v, (uint32_t)t, tile);
    if (err != P2PFS_OK) {
        return err;
    }
    return write_tile(s, v->vk, 0, t, tile, width);
}

/* The node above tile t of a level. */
static enum p2pfs_err
tile_top(struct store *s, const struct p2pfs_version *v, unsigned level,
    uint64_t t, struct p2pfs_hash *top)
{
    unsigned width = p2pfs_tile_width(v->n, level, t);
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    enum p2pfs_err err;

    err = read_or_build(s, v, level, t, tile, width);
    if (err != P2PFS_OK) {
        return err;
    }
    p2pfs_tile_top(s->hasher, tile, width, top);
    return P2PFS_OK;
}

static enum p2pfs_err
build_upper(struct store *s, const struct p2pfs_version *v, unsigned level,
    uint64_t t)
{
    unsigned width = p2pfs_tile_width(v->n, level, t);
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    struct p2pfs_hash top;
    enum p2pfs_err err;
    unsigned i;

    for (i = 0; i < width; i++) {
        err = tile_top(s, v, level - 1, t * P2PFS_TILE_WIDTH + i, &top);
        if (err != P2PFS_OK) {
            return err;
        }
        memcpy(tile + i * sizeof(top), top.b, sizeof(top));
    }
    p2pfs_tile_fill(s->hasher, tile, width);
    return write_tile(s, v->vk, level, t, tile, width);
}

enum p2pfs_err
store_tree_finish(struct store *s, const struct p2pfs_version *v,
    struct p2pfs_hash *root)
{
    unsigned levels = p2pfs_tile_levels(v->n);
    enum p2pfs_err err;
    unsigned level;
    uint64_t t;

    for (level = 1; level < levels; level++) {
        for (t = 0; t < p2pfs_tile_count(v->n, level); t++) {
            err = build_upper(s, v, level, t);
            if (err != P2PFS_OK) {
                return err;
            }
        }
    }
    err = tile_top(s, v, levels - 1, 0, root);
    if (err != P2PFS_OK) {
        return err;
    }
    return check_hasher(s);
}

enum p2pfs_err
store_tile_leaves(struct store *s, const struct p2pfs_version *v,
    uint32_t block, const struct p2pfs_hash *entry)
{
    unsigned width = p2pfs_tile_width(v->n, 0, block);
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    enum p2pfs_err err;

    err = fill(s, tile, entry, width);
    if (err != P2PFS_OK) {
        return err;
    }
    return write_tile(s, v->vk, 0, block, tile, width);
}
