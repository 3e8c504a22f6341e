/*
 * core/tile.c: the geometry of fat tiles and the nodes inside one.
 */

#include "core/tile.h"

#include <string.h>

/* Nodes of tree level `shift`: what n leaves shrink to. */
static uint64_t
nodes(uint64_t n, unsigned shift)
{
    return ((n - 1) >> shift) + 1;
}

unsigned
p2pfs_tile_levels(uint64_t n)
{
    unsigned levels = 1;

    while (p2pfs_tile_count(n, levels - 1) > 1) {
        levels++;
    }

    return levels;
}

uint64_t
p2pfs_tile_count(uint64_t n, unsigned level)
{
    return nodes(n, P2PFS_TILE_HEIGHT * (level + 1));
}

unsigned
p2pfs_tile_width(uint64_t n, unsigned level, uint64_t t)
{
    uint64_t left;

    left = nodes(n, P2PFS_TILE_HEIGHT * level) - t * P2PFS_TILE_WIDTH;

    return left < P2PFS_TILE_WIDTH ? (unsigned)left : P2PFS_TILE_WIDTH;
}

/* Level 7 would begin where the tile ends. */
size_t
p2pfs_tile_bytes(unsigned width)
{
    return p2pfs_tile_offset(width, P2PFS_TILE_HEIGHT, 0);
}

size_t
p2pfs_tile_offset(unsigned width, unsigned level, unsigned i)
{
    size_t before = i;
    unsigned j;

    for (j = 0; j < level; j++) {
        before += (size_t)nodes(width, j);
    }

    return before * P2PFS_HASH_BYTES;
}

/* One level from the one below it. */
static void
fill_level(struct p2pfs_hasher *h, const struct p2pfs_hash *below,
    unsigned n_below, struct p2pfs_hash *here)
{
    unsigned i;

    for (i = 0; i + 1 < n_below; i += 2) {
        p2pfs_hash_node(h, &below[i], &below[i + 1], &here[i / 2]);
    }

    if (i < n_below) {
        here[i / 2] = below[i];
    }
}

void
p2pfs_tile_fill(struct p2pfs_hasher *h, uint8_t *tile, unsigned width)
{
    struct p2pfs_hash *below = (struct p2pfs_hash *)tile;
    unsigned j, n;

    for (j = 1; j < P2PFS_TILE_HEIGHT; j++) {
        n = (unsigned)nodes(width, j - 1);
        fill_level(h, below, n, below + n);
        below += n;
    }
}

void
p2pfs_tile_top(struct p2pfs_hasher *h, const uint8_t *tile, unsigned width,
    struct p2pfs_hash *out)
{
    const struct p2pfs_hash *below;
    unsigned j = P2PFS_TILE_HEIGHT - 1;

    below = (const struct p2pfs_hash *)(tile + p2pfs_tile_offset(width, j, 0));

    fill_level(h, below, (unsigned)nodes(width, j), out);
}

unsigned
p2pfs_tile_path(const uint8_t *tile, unsigned width, unsigned i,
    struct p2pfs_hash *out)
{
    unsigned j, n, len = 0;

    for (j = 0; j < P2PFS_TILE_HEIGHT; j++) {
        n = (unsigned)nodes(width, j);

        if ((i ^ 1) < n) {
            memcpy(&out[len++], tile + (i ^ 1) * P2PFS_HASH_BYTES,
                P2PFS_HASH_BYTES);
        }

        tile += n * P2PFS_HASH_BYTES;
        i /= 2;
    }

    return len;
}
