/* Which files a version has: bits for content rows, picks for the others. */

#include <string.h>

#include "gossipd/store_impl.h"

int
store_bit(const uint8_t mask[16], uint32_t index)
{
    index %= P2PFS_TILE_WIDTH;
    return mask[index / 8] >> index % 8 & 1;
}

static void
set_bit(uint8_t mask[16], uint32_t index)
{
    index %= P2PFS_TILE_WIDTH;
    mask[index / 8] |= (uint8_t)(1u << index % 8);
}

int
store_block_full(const struct store_block *b, unsigned width)
{
    return store_block_count(b) == width;
}

unsigned
store_block_count(const struct store_block *b)
{
    unsigned i;
    unsigned count = 0;

    for (i = 0; i < sizeof(b->mask); i++) {
        count += (unsigned)__builtin_popcount(b->mask[i]);
    }
    return count;
}

enum p2pfs_err
store_block_picks(struct store *s, int64_t vk, uint32_t block, uint8_t mask[16])
{
    int64_t first = p2pfs_schema_key(vk, block * P2PFS_TILE_WIDTH);
    int got;

    got = P2PFS_SQL_STEP(&s->q, Q_PICK_RANGE, first,
        first + P2PFS_TILE_WIDTH - 1);
    while (got > 0) {
        set_bit(mask, (uint32_t)p2pfs_sql_int(&s->q, Q_PICK_RANGE, 0));
        got = p2pfs_sql_next(&s->q, Q_PICK_RANGE);
    }
    return got < 0 ? store_fail(s, "read picks", P2PFS_OK) : P2PFS_OK;
}

enum p2pfs_err
store_block_read(struct store *s, int64_t vk, uint32_t block,
    struct store_block *b)
{
    const uint8_t *bits;
    size_t len = 0;
    int got;

    memset(b, 0, sizeof(*b));
    got = P2PFS_SQL_STEP(&s->q, Q_PART_GET, p2pfs_schema_key(vk, block));
    if (got <= 0) {
        return got < 0 ? store_fail(s, "read a part", P2PFS_OK) : P2PFS_OK;
    }
    bits = p2pfs_sql_bytes(&s->q, Q_PART_GET, 0, &len);
    if (bits == NULL || len != sizeof(b->bits)) {
        return store_fail(s, "read a part", P2PFS_STORE_ERROR);
    }
    memcpy(b->bits, bits, len);
    memcpy(b->mask, bits, len);
    b->stored = 1;
    p2pfs_sql_reset(&s->q, Q_PART_GET);
    return store_block_picks(s, vk, block, b->mask);
}

static enum p2pfs_err
write_part(struct store *s, int64_t pk, const uint8_t bits[16],
    const void *upper, size_t len)
{
    p2pfs_sql_blob(&s->q, Q_PART_SET, 2, bits, 16);
    p2pfs_sql_blob(&s->q, Q_PART_SET, 3, upper, len);
    if (P2PFS_SQL_RUN(&s->q, Q_PART_SET, pk) != P2PFS_OK) {
        return store_fail(s, "write a part", P2PFS_OK);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_block_add(struct store *s, int64_t vk, uint32_t index, int64_t ak,
    struct store_block *b, const struct p2pfs_hash *upper, unsigned n)
{
    enum p2pfs_err err;

    set_bit(b->mask, index);
    if (ak == 0) {
        set_bit(b->bits, index);

    } else if (P2PFS_SQL_RUN(&s->q, Q_PICK_NEW, p2pfs_schema_key(vk, index), ak)
        != P2PFS_OK) {
        return store_fail(s, "write a pick", P2PFS_OK);
    }
    err = store_block_write(s, vk, index / P2PFS_TILE_WIDTH, b, upper, n);
    b->stored = 1;
    return err;
}

enum p2pfs_err
store_block_write(struct store *s, int64_t vk, uint32_t block,
    const struct store_block *b, const struct p2pfs_hash *upper, unsigned n)
{
    return write_part(s, p2pfs_schema_key(vk, block), b->bits, upper,
        n * sizeof(*upper));
}

/* The alt rows that a version has at a place: smallest entry, how many. */
static enum p2pfs_err
smallest_pick(struct store *s, int64_t vk, uint32_t index,
    struct p2pfs_hash *entry, int64_t *ak)
{
    int64_t key = p2pfs_schema_key(vk, index);
    const uint8_t *bytes;
    size_t len = 0;
    int got;

    *ak = 0;
    got = P2PFS_SQL_STEP(&s->q, Q_PICK_RANGE, key, key);
    while (got > 0) {
        bytes = p2pfs_sql_bytes(&s->q, Q_PICK_RANGE, 2, &len);
        if (len == sizeof(*entry)
            && (*ak == 0 || memcmp(bytes, entry->b, len) < 0)) {
            memcpy(entry->b, bytes, len);
            *ak = p2pfs_sql_int(&s->q, Q_PICK_RANGE, 1);
        }
        got = p2pfs_sql_next(&s->q, Q_PICK_RANGE);
    }
    return got < 0 ? store_fail(s, "read picks", P2PFS_OK) : P2PFS_OK;
}

/* Does the version have the content row of the place? */
static enum p2pfs_err
has_content(struct store *s, const struct p2pfs_version *v, uint32_t index,
    int *has)
{
    struct p2pfs_hash entry;
    struct store_block b;
    enum p2pfs_err err;
    int64_t ak;

    if (v->complete) {
        err = smallest_pick(s, v->vk, index, &entry, &ak);
        *has = ak == 0;
        return err;
    }
    err = store_block_read(s, v->vk, index / P2PFS_TILE_WIDTH, &b);
    *has = store_bit(b.bits, index);
    return err;
}

enum p2pfs_err
store_has(struct store *s, const struct p2pfs_version *v, uint32_t index,
    int64_t ak, int *has)
{
    int got;

    *has = 0;
    if (ak < 0) {
        return P2PFS_OK;
    }
    if (ak == 0) {
        return has_content(s, v, index, has);
    }
    got = P2PFS_SQL_STEP(&s->q, Q_PICK_HAS, p2pfs_schema_key(v->vk, index), ak);
    p2pfs_sql_reset(&s->q, Q_PICK_HAS);
    if (got < 0) {
        return store_fail(s, "find a pick", P2PFS_OK);
    }
    *has = got;
    return P2PFS_OK;
}

enum p2pfs_err
store_entry_at(struct store *s, const struct p2pfs_version *v, uint32_t index,
    struct p2pfs_hash *entry, int64_t *ak)
{
    enum p2pfs_err err;
    const uint8_t *bytes;
    size_t len = 0;
    int has;

    err = smallest_pick(s, v->vk, index, entry, ak);
    if (err == P2PFS_OK) {
        err = has_content(s, v, index, &has);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    if (*ak == 0) {
        *ak = -1;
    }
    if (!has) {
        return P2PFS_OK;
    }
    if (P2PFS_SQL_STEP(&s->q, Q_CONTENT_ENTRY, p2pfs_schema_key(v->gk, index))
        <= 0) {
        return store_fail(s, "find a file", P2PFS_OK);
    }
    bytes = p2pfs_sql_bytes(&s->q, Q_CONTENT_ENTRY, 0, &len);
    if (len == sizeof(*entry)
        && (*ak < 0 || memcmp(bytes, entry->b, len) < 0)) {
        memcpy(entry->b, bytes, len);
        *ak = 0;
    }
    p2pfs_sql_reset(&s->q, Q_CONTENT_ENTRY);
    return P2PFS_OK;
}
