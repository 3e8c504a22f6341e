/* Proofs out of the tiles in the database: copies, no hashing. */

#include <string.h>

#include "core/schema.h"
#include "core/tile.h"
#include "core/tile_read.h"

enum p2pfs_err
p2pfs_tile_read_level(struct p2pfs_sql *q, unsigned id, int64_t vk, uint64_t n,
    unsigned level, uint32_t index, struct p2pfs_hash *leaf,
    struct p2pfs_proof *proof)
{
    uint64_t node = (uint64_t)index >> P2PFS_TILE_HEIGHT * level;
    uint64_t t = node / P2PFS_TILE_WIDTH;
    unsigned i = node % P2PFS_TILE_WIDTH;
    unsigned width = p2pfs_tile_width(n, level, t);
    const uint8_t *tile;
    size_t len = 0;
    struct p2pfs_hash path[P2PFS_TILE_HEIGHT];
    unsigned siblings;
    int got;

    got = P2PFS_SQL_STEP(q, id, p2pfs_schema_tile_key(vk, level, t));
    if (got < 0) {
        return p2pfs_sql_err(q);
    }
    if (got == 0) {
        return P2PFS_FILE_DAMAGED;
    }
    tile = p2pfs_sql_bytes(q, id, 0, &len);
    if (tile == NULL || len != p2pfs_tile_bytes(width)) {
        p2pfs_sql_reset(q, id);
        return P2PFS_FILE_DAMAGED;
    }
    if (level == 0) {
        memcpy(leaf->b, tile + p2pfs_tile_offset(width, 0, i), sizeof(*leaf));
    }
    siblings = p2pfs_tile_path(tile, width, i, path);
    p2pfs_sql_reset(q, id);
    if (siblings > P2PFS_PROOF_MAX - proof->len) {
        return P2PFS_FILE_DAMAGED;
    }
    memcpy(proof->hash + proof->len, path, siblings * sizeof(*path));
    proof->len += siblings;
    return P2PFS_OK;
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
