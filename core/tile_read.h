/*
 * core/tile_read.h: proofs out of the tiles in the database, for whoever has a
 * connection with the statement "SELECT h FROM tile WHERE tk = ?1".
 *
 * FILE_DAMAGED: a tile is missing or has a wrong length. Other errors are those
 * of the connection.
 */

#ifndef P2PFS_CORE_TILE_READ_H
#define P2PFS_CORE_TILE_READ_H

#include "core/merkle.h"
#include "core/sql.h"

/* Where leaf `index` stands on one tile level. */
struct p2pfs_tile_spot {
    int64_t tk;     /* key of the tile */
    unsigned width; /* of the tile */
    unsigned i;     /* place in it */
    size_t len;     /* bytes that the tile has */
};

struct p2pfs_tile_spot p2pfs_tile_spot(int64_t vk, uint64_t n, unsigned level,
    uint32_t index);

/* The tile, borrowed until the statement is reset (by the caller, after OK);
 * NULL with every error. */
enum p2pfs_err p2pfs_tile_fetch(struct p2pfs_sql *q, unsigned id,
    const struct p2pfs_tile_spot *s, const uint8_t **tile) P2PFS_MUST_CHECK;

/* The siblings in a tile, behind what proof has; the leaf hash (level 0). */
enum p2pfs_err p2pfs_tile_append(const uint8_t *tile,
    const struct p2pfs_tile_spot *s, struct p2pfs_proof *proof)
    P2PFS_MUST_CHECK;
void p2pfs_tile_leaf(const uint8_t *tile, const struct p2pfs_tile_spot *s,
    struct p2pfs_hash *leaf);

/*
 * What one tile level has on leaf `index` of version vk (n leaves): appends the
 * siblings to proof; level 0 also gives the leaf hash.
 */
enum p2pfs_err p2pfs_tile_read_level(struct p2pfs_sql *q, unsigned id,
    int64_t vk, uint64_t n, unsigned level, uint32_t index,
    struct p2pfs_hash *leaf, struct p2pfs_proof *proof) P2PFS_MUST_CHECK;

/* All levels: the leaf hash and its whole proof. */
enum p2pfs_err p2pfs_tile_read_proof(struct p2pfs_sql *q, unsigned id,
    int64_t vk, uint64_t n, uint32_t index, struct p2pfs_hash *leaf,
    struct p2pfs_proof *proof) P2PFS_MUST_CHECK;

#endif
