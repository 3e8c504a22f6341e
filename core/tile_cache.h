/*
 * core/tile_cache.h: tiles of complete versions that a reader has at hand.
 *
 * Such a tile never changes, so nothing here is ever out of date while the
 * database is the same file: a tile is named by its key in the store and by its
 * version's root, in case a key is used again. Belongs to one reader.
 *
 * Memory: P2PFS_TILE_CACHE_LOW tiles of level 0 and P2PFS_TILE_CACHE_HIGH of
 * the levels above, which every read needs, at 8 KiB each, allocated as they
 * come. A tile is kept when it is asked for a second time without another one
 * of its slot between: a walk over a large set does not fill the cache.
 */

#ifndef P2PFS_CORE_TILE_CACHE_H
#define P2PFS_CORE_TILE_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"

#define P2PFS_TILE_CACHE_LOW 1024 /* 8 MiB; 131,072 files */
#define P2PFS_TILE_CACHE_HIGH 128 /* 1 MiB */

struct p2pfs_tile_cache;

enum p2pfs_err p2pfs_tile_cache_new(struct p2pfs_tile_cache **out)
    P2PFS_MUST_CHECK;
void p2pfs_tile_cache_free(struct p2pfs_tile_cache *c); /* takes NULL */

/* The database is another one: forgets all. */
void p2pfs_tile_cache_clear(struct p2pfs_tile_cache *c);

/* NULL, or a tile of exactly len bytes, borrowed until the next offer. */
const uint8_t *p2pfs_tile_cache_find(const struct p2pfs_tile_cache *c,
    int64_t tk, const struct p2pfs_hash *root, size_t len);

/* What was just read, for the next time; copied or not. */
void p2pfs_tile_cache_offer(struct p2pfs_tile_cache *c, int64_t tk,
    const struct p2pfs_hash *root, const uint8_t *tile, size_t len);

#endif
