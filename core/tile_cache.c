/* Tiles at hand: two tables with one place for each slot. */

#include <stdlib.h>
#include <string.h>

#include "core/schema.h"
#include "core/tile.h"
#include "core/tile_cache.h"

struct slot {
    int64_t tk;
    int64_t wanted; /* asked for last, and not kept */
    struct p2pfs_hash root;
    size_t len;    /* 0: nothing is kept */
    uint8_t *tile; /* P2PFS_TILE_BYTES_MAX, or NULL */
};

struct p2pfs_tile_cache {
    struct slot low[P2PFS_TILE_CACHE_LOW];
    struct slot high[P2PFS_TILE_CACHE_HIGH];
};

enum p2pfs_err
p2pfs_tile_cache_new(struct p2pfs_tile_cache **out)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? P2PFS_OK : P2PFS_NO_MEMORY;
}

static void
clear(struct slot *slot, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        free(slot[i].tile);
    }
    memset(slot, 0, n * sizeof(*slot));
}

void
p2pfs_tile_cache_clear(struct p2pfs_tile_cache *c)
{
    clear(c->low, P2PFS_TILE_CACHE_LOW);
    clear(c->high, P2PFS_TILE_CACHE_HIGH);
}

void
p2pfs_tile_cache_free(struct p2pfs_tile_cache *c)
{
    if (c != NULL) {
        p2pfs_tile_cache_clear(c);
        free(c);
    }
}

/* Neighbours have places of their own; versions and levels are spread. */
static size_t
place(int64_t tk, size_t slots)
{
    uint64_t level = p2pfs_schema_tile_level(tk);
    uint64_t version = (uint64_t)tk >> P2PFS_SCHEMA_TILE_VERSION_SHIFT;

    return (size_t)((uint64_t)tk + level * 61 + version * 257) % slots;
}

static const struct slot *
find_slot(const struct p2pfs_tile_cache *c, int64_t tk)
{
    return p2pfs_schema_tile_level(tk) == 0
        ? &c->low[place(tk, P2PFS_TILE_CACHE_LOW)]
        : &c->high[place(tk, P2PFS_TILE_CACHE_HIGH)];
}

const uint8_t *
p2pfs_tile_cache_find(const struct p2pfs_tile_cache *c, int64_t tk,
    const struct p2pfs_hash *root, size_t len)
{
    const struct slot *slot = find_slot(c, tk);

    return slot->tk == tk && slot->len == len && len > 0
            && p2pfs_hash_cmp(&slot->root, root) == 0
        ? slot->tile
        : NULL;
}

void
p2pfs_tile_cache_offer(struct p2pfs_tile_cache *c, int64_t tk,
    const struct p2pfs_hash *root, const uint8_t *tile, size_t len)
{
    struct slot *slot = (struct slot *)find_slot(c, tk);

    if (slot->wanted != tk) {
        slot->wanted = tk;
        return;
    }
    if (slot->tile == NULL) {
        slot->tile = malloc(P2PFS_TILE_BYTES_MAX);
    }
    if (slot->tile == NULL || len > P2PFS_TILE_BYTES_MAX) {
        return; /* the cache is a convenience */
    }
    memcpy(slot->tile, tile, len);
    slot->tk = tk;
    slot->root = *root;
    slot->len = len;
}
