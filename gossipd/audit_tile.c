/* One tile: against itself, the node above and the files below. */

#include <string.h>

#include "gossipd/audit_impl.h"

enum p2pfs_err
audit_read_tile(struct audit *a, int64_t vk, unsigned level, uint64_t t,
    unsigned width, uint8_t tile[P2PFS_TILE_BYTES_MAX], int *found)
{
    const uint8_t *bytes;
    size_t len = 0;
    int got;

    *found = 0;
    got = P2PFS_SQL_STEP(&a->q, Q_TILE, p2pfs_schema_tile_key(vk, level, t));
    if (got < 0) {
        return audit_fail(a, "read a tile");
    }
    if (got > 0) {
        bytes = p2pfs_sql_bytes(&a->q, Q_TILE, 0, &len);
        audit_count_bytes(a, len);
        if (bytes != NULL && len == p2pfs_tile_bytes(width)) {
            memcpy(tile, bytes, len);
            *found = 1;
        }
    }
    p2pfs_sql_reset(&a->q, Q_TILE);
    return P2PFS_OK;
}

int
audit_tile_is_sound(struct audit *a, const uint8_t *tile, unsigned width)
{
    uint8_t computed[P2PFS_TILE_BYTES_MAX];
    size_t len = p2pfs_tile_bytes(width);

    memcpy(computed, tile, width * sizeof(struct p2pfs_hash));
    p2pfs_tile_fill(a->hasher, computed, width);
    return memcmp(computed, tile, len) == 0;
}

static enum p2pfs_err
read_contents(struct audit *a, const struct p2pfs_version *v, uint32_t block,
    const uint8_t *bits, struct audit_files *f)
{
    int64_t first = p2pfs_schema_key(v->gk, block * P2PFS_TILE_WIDTH);
    const uint8_t *entry;
    size_t len = 0;
    unsigned i;
    int got;

    got = P2PFS_SQL_STEP(&a->q, Q_ENTRIES, first, first + P2PFS_TILE_WIDTH - 1);
    for (; got > 0; got = p2pfs_sql_next(&a->q, Q_ENTRIES)) {
        i = (unsigned)(p2pfs_sql_int(&a->q, Q_ENTRIES, 0) - first);
        entry = p2pfs_sql_bytes(&a->q, Q_ENTRIES, 1, &len);
        audit_count_bytes(a, len);
        if (entry == NULL || len != sizeof(f->entry[0])
            || (bits != NULL && (bits[i / 8] >> i % 8 & 1) == 0)) {
            continue;
        }
        memcpy(f->entry[i].b, entry, len);
        f->ak[i] = 0;
        f->n++;
    }
    return got < 0 ? audit_fail(a, "read entries") : P2PFS_OK;
}

static enum p2pfs_err
read_picks(struct audit *a, const struct p2pfs_version *v, uint32_t block,
    struct audit_files *f)
{
    int64_t first = p2pfs_schema_key(v->vk, block * P2PFS_TILE_WIDTH);
    const uint8_t *entry;
    size_t len = 0;
    unsigned i;
    int got;

    got = P2PFS_SQL_STEP(&a->q, Q_PICKS, first, first + P2PFS_TILE_WIDTH - 1);
    for (; got > 0; got = p2pfs_sql_next(&a->q, Q_PICKS)) {
        i = (unsigned)(p2pfs_sql_int(&a->q, Q_PICKS, 0) - first);
        entry = p2pfs_sql_bytes(&a->q, Q_PICKS, 2, &len);
        if (entry == NULL || len != sizeof(f->entry[0])
            || (!v->complete && f->ak[i] >= 0
                && memcmp(entry, f->entry[i].b, len) >= 0)) {
            continue;
        }
        f->n += f->ak[i] < 0;
        memcpy(f->entry[i].b, entry, len);
        f->ak[i] = p2pfs_sql_int(&a->q, Q_PICKS, 1);
    }
    return got < 0 ? audit_fail(a, "read picks") : P2PFS_OK;
}

enum p2pfs_err
audit_read_files(struct audit *a, const struct p2pfs_version *v, uint32_t block,
    const uint8_t *bits, struct audit_files *f)
{
    enum p2pfs_err err;
    unsigned i;

    f->n = 0;
    for (i = 0; i < P2PFS_TILE_WIDTH; i++) {
        f->ak[i] = -1;
    }
    err = read_contents(a, v, block, bits, f);
    return err == P2PFS_OK ? read_picks(a, v, block, f) : err;
}

void
audit_compare_files(struct audit *a, const struct p2pfs_version *v,
    uint32_t block, const uint8_t *tile, unsigned width,
    const struct audit_files *f)
{
    uint32_t first = block * P2PFS_TILE_WIDTH;
    struct p2pfs_hash leaf;
    int64_t k;
    unsigned i;

    for (i = 0; i < width; i++) {
        k = p2pfs_schema_key(v->gk, first + i);
        if (f->ak[i] < 0) {
            audit_tell(a, P2PFS_DAMAGED_CONTENT, k, v->gk, first + i,
                "the file is missing");
            continue;
        }
        p2pfs_hash_leaf(a->hasher, &f->entry[i], &leaf);
        if (memcmp(leaf.b, tile + p2pfs_tile_offset(width, 0, i), sizeof(leaf))
            == 0) {
            continue;
        }
        audit_tell(a, f->ak[i] == 0 ? P2PFS_DAMAGED_CONTENT : P2PFS_DAMAGED_ALT,
            f->ak[i] == 0 ? k : f->ak[i], v->gk, first + i,
            "the hash does not match the tree");
    }
}

/* The node that the tile's top has to be; *known 0: what is above is broken
 * too, and told by itself. */
static enum p2pfs_err
node_above(struct audit *a, const struct p2pfs_version *v, unsigned level,
    uint64_t t, struct p2pfs_hash *node, int *known)
{
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    uint64_t parent = t / P2PFS_TILE_WIDTH;
    enum p2pfs_err err;
    unsigned width;

    *node = v->root;
    *known = 1;
    if (level + 1 >= p2pfs_tile_levels(v->n)) {
        return P2PFS_OK;
    }
    width = p2pfs_tile_width(v->n, level + 1, parent);
    err = audit_read_tile(a, v->vk, level + 1, parent, width, tile, known);
    if (err != P2PFS_OK || !*known) {
        return err;
    }
    *known = audit_tile_is_sound(a, tile, width);
    memcpy(node->b, tile + p2pfs_tile_offset(width, 0, t % P2PFS_TILE_WIDTH),
        sizeof(*node));
    return P2PFS_OK;
}

/* What is wrong with a tile of a complete version; NULL: nothing. */
static enum p2pfs_err
judge_tile(struct audit *a, const struct p2pfs_version *v, unsigned level,
    uint64_t t, uint8_t tile[P2PFS_TILE_BYTES_MAX], const char **wrong)
{
    unsigned width = p2pfs_tile_width(v->n, level, t);
    struct p2pfs_hash top, above;
    enum p2pfs_err err;
    int found, known;

    *wrong = NULL;
    err = audit_read_tile(a, v->vk, level, t, width, tile, &found);
    if (err != P2PFS_OK) {
        return err;
    }
    if (!found) {
        *wrong = "a tile is missing or has another length";
        return P2PFS_OK;
    }
    if (!audit_tile_is_sound(a, tile, width)) {
        *wrong = "a tile does not match its own lowest nodes";
        return P2PFS_OK;
    }
    err = node_above(a, v, level, t, &above, &known);
    if (err == P2PFS_OK && known) {
        p2pfs_tile_top(a->hasher, tile, width, &top);
        if (p2pfs_hash_cmp(&top, &above) != 0) {
            *wrong = "a tile does not match the node above it";
        }
    }
    return err;
}

enum p2pfs_err
audit_tile(struct audit *a, const struct p2pfs_version *v, unsigned level,
    uint64_t t)
{
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    struct audit_files f;
    enum p2pfs_err err;
    const char *wrong;

    a->totals.tiles++;
    err = judge_tile(a, v, level, t, tile, &wrong);
    if (err != P2PFS_OK) {
        return err;
    }
    if (wrong != NULL) {
        audit_tell(a, P2PFS_DAMAGED_TILE,
            p2pfs_schema_tile_key(v->vk, level, t), v->gk,
            (uint32_t)(t << P2PFS_TILE_HEIGHT * (level + 1)), wrong);
        return P2PFS_OK;
    }
    if (level > 0) {
        return P2PFS_OK;
    }
    err = audit_read_files(a, v, (uint32_t)t, NULL, &f);
    if (err == P2PFS_OK) {
        audit_compare_files(a, v, (uint32_t)t, tile,
            p2pfs_tile_width(v->n, 0, t), &f);
    }
    return err;
}
