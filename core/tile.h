/*
 * core/tile.h: fat tiles, the form in which trees are stored.
 *
 * The tree of core/merkle.h is cut into tiles of height 7: tile t of tile level
 * L holds the nodes of tree level 7 L from 128 t on (at most 128, `width` of
 * them) and all inner nodes above them inside the tile, so a proof is copied
 * out of tiles without hashing; it needs one tile for each tile level.
 *
 * Bytes: tree level by level from below, level j (0..6) with ceil(width / 2^j)
 * hashes; the odd last node of a level stands again, unchanged, one level up.
 * A full tile has 254 hashes, 8,128 bytes. The node above level 6 is not in the
 * tile: it is the leaf of the tile above, or the root.
 */

#ifndef P2PFS_CORE_TILE_H
#define P2PFS_CORE_TILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/merkle.h"

#define P2PFS_TILE_HEIGHT 7
#define P2PFS_TILE_WIDTH 128
#define P2PFS_TILE_BYTES_MAX 8128
#define P2PFS_TILE_LEVELS_MAX 5 /* 128^5 > P2PFS_SET_COUNT_MAX */

/* Geometry of a tree of n >= 1 leaves. */
unsigned p2pfs_tile_levels(uint64_t n);                /* 1..5 */
uint64_t p2pfs_tile_count(uint64_t n, unsigned level); /* tiles of a level */
unsigned p2pfs_tile_width(uint64_t n, unsigned level, uint64_t t); /* 1..128 */

/* Bytes of a tile of this width. */
size_t p2pfs_tile_bytes(unsigned width);

/* Byte offset of node i of level j (0..6) in a tile of this width. */
size_t p2pfs_tile_offset(unsigned width, unsigned level, unsigned i);

/* Level 0 is filled in by the caller: computes levels 1..6. */
void p2pfs_tile_fill(struct p2pfs_hasher *h, uint8_t *tile, unsigned width);

/* The node above level 6. */
void p2pfs_tile_top(struct p2pfs_hasher *h, const uint8_t *tile, unsigned width,
    struct p2pfs_hash *out);

/*
 * Copies the siblings of leaf i that stand inside the tile, bottom-up, to out
 * (room for 7). Returns how many there are: fewer than 7 on the right edge.
 */
unsigned p2pfs_tile_path(const uint8_t *tile, unsigned width, unsigned i,
    struct p2pfs_hash *out);

#endif
