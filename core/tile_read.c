/* Proofs out of the tiles in the database: copies, no hashing. */

#include <string.h>

#include "core/schema.h"
#include "core/tile.h"
#include "core/tile_read.h"

struct p2pfs_tile_spot
p2pfs_tile_spot(int64_t vk, uint64_t n, unsigned level, uint32_t index)
{
    uint64_t node = (uint64_t)index >> P2PFS_TILE_HEIGHT * level;
    uint64_t t = node / P2PFS_TILE_WIDTH;
    struct p2pfs_tile_spot s;

    s.tk = p2pfs_schema_tile_key(vk, level, t);
    s.width = p2pfs_tile_width(n, level, t);
    s.i = node % P2PFS_TILE_WIDTH;
    s.len = p2pfs_tile_bytes(s.width);
    return s;
}

enum p2pfs_err
p2pfs_tile_append(const uint8_t *tile, const struct p2pfs_tile_spot *s,
    struct p2pfs_proof *proof)
{
    struct p2pfs_hash path[P2PFS_TILE_HEIGHT];
    unsigned siblings = p2pfs_tile_path(tile, s->width, s->i, path);

    if (siblings > P2PFS_PROOF_MAX - proof->len) {
        return P2PFS_FILE_DAMAGED;
    }
    memcpy(proof->hash + proof->len, path, siblings * sizeof(*path));
    proof->len += siblings;
    return P2PFS_OK;
}

void
p2pfs_tile_leaf(const uint8_t *tile, const struct p2pfs_tile_spot *s,
    struct p2pfs_hash *leaf)
{
    memcpy(leaf->b, tile + p2pfs_tile_offset(s->width, 0, s->i), sizeof(*leaf));
}

enum p2pfs_err
p2pfs_tile_fetch(struct p2pfs_sql *q, unsigned id,
    const struct p2pfs_tile_spot *s, const uint8_t **tile)
{
    size_t len = 0;
    int got = P2PFS_SQL_STEP(q, id, s->tk);

    *tile = NULL;
    if (got < 0) {
        return p2pfs_sql_err(q);
    }
    if (got == 0) {
        return P2PFS_FILE_DAMAGED;
    }
    *tile = p2pfs_sql_bytes(q, id, 0, &len);
    if (*tile == NULL || len != s->len) {
        p2pfs_sql_reset(q, id);
        *tile = NULL;
        return P2PFS_FILE_DAMAGED;
    }
    return P2PFS_OK;
}

enum p2pfs_err
p2pfs_tile_read_level(struct p2pfs_sql *q, unsigned id, int64_t vk, uint64_t n,
    unsigned level, uint32_t index, struct p2pfs_hash *leaf,
    struct p2pfs_proof *proof)
{
    struct p2pfs_tile_spot s = p2pfs_tile_spot(vk, n, level, index);
    const uint8_t *tile;
    enum p2pfs_err err;

    err = p2pfs_tile_fetch(q, id, &s, &tile);
    if (tile == NULL) {
        return err;
    }
    if (level == 0) {
        p2pfs_tile_leaf(tile, &s, leaf);
    }
    err = p2pfs_tile_append(tile, &s, proof);
    p2pfs_sql_reset(q, id);
    return err;
}

enum p2pfs_err
p2pfs_tile_read_proof(struct p2pfs_sql *q, unsigned id, int64_t vk, uint64_t n,
    uint32_t index, struct p2pfs_hash *leaf, struct p2pfs_proof *proof)
{
    unsigned levels = p2pfs_tile_levels(n);
    enum p2pfs_err err;
    unsigned level;

    proof->len = 0;
    for (level = 0; level < levels; level++) {
        err = p2pfs_tile_read_level(q, id, vk, n, level, index, leaf, proof);
        if (err != P2PFS_OK) {
            return err;
        }
    }
    return proof->len == p2pfs_proof_length(n, index) ? P2PFS_OK
                                                      : P2PFS_FILE_DAMAGED;
}
