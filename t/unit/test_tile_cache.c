/*
 * Guards the tiles at hand: never one of another version, key or length, never
 * more memory than the slots, and a tile asked for twice stays.
 */

#include "t/unit/testing.h"

#include "core/schema.h"
#include "core/tile.h"
#include "core/tile_cache.h"

static const struct p2pfs_hash root = {{1}};

static struct p2pfs_tile_cache *
new_cache(void)
{
    struct p2pfs_tile_cache *c;

    assert_int_equal(p2pfs_tile_cache_new(&c), P2PFS_OK);
    return c;
}

static void
keep(struct p2pfs_tile_cache *c, int64_t tk, uint8_t byte, size_t len)
{
    uint8_t tile[P2PFS_TILE_BYTES_MAX];

    memset(tile, byte, sizeof(tile));
    p2pfs_tile_cache_offer(c, tk, &root, tile, len);
    p2pfs_tile_cache_offer(c, tk, &root, tile, len);
}

static void
a_tile_is_kept_when_it_is_offered_again(void **state)
{
    struct p2pfs_tile_cache *c = new_cache();
    int64_t tk = p2pfs_schema_tile_key(3, 0, 70);
    uint8_t tile[64] = {7};
    const uint8_t *found;

    (void)state;
    assert_null(p2pfs_tile_cache_find(c, tk, &root, 64));
    p2pfs_tile_cache_offer(c, tk, &root, tile, 64);
    assert_null(p2pfs_tile_cache_find(c, tk, &root, 64));
    p2pfs_tile_cache_offer(c, tk, &root, tile, 64);
    found = p2pfs_tile_cache_find(c, tk, &root, 64);
    assert_non_null(found);
    assert_memory_equal(found, tile, 64);
    p2pfs_tile_cache_clear(c);
    assert_null(p2pfs_tile_cache_find(c, tk, &root, 64));
    p2pfs_tile_cache_free(c);
    p2pfs_tile_cache_free(NULL);
}

static void
another_key_root_or_length_is_not_found(void **state)
{
    struct p2pfs_tile_cache *c = new_cache();
    struct p2pfs_hash other = {{2}};

    (void)state;
    keep(c, p2pfs_schema_tile_key(1, 1, 5), 1, 96);
    assert_non_null(
        p2pfs_tile_cache_find(c, p2pfs_schema_tile_key(1, 1, 5), &root, 96));
    assert_null(
        p2pfs_tile_cache_find(c, p2pfs_schema_tile_key(1, 1, 5), &other, 96));
    assert_null(
        p2pfs_tile_cache_find(c, p2pfs_schema_tile_key(1, 1, 5), &root, 64));
    assert_null(
        p2pfs_tile_cache_find(c, p2pfs_schema_tile_key(1, 2, 5), &root, 96));
    assert_null(
        p2pfs_tile_cache_find(c, p2pfs_schema_tile_key(2, 1, 5), &root, 96));
    assert_null(p2pfs_tile_cache_find(c, 0, &root, 0));
    p2pfs_tile_cache_free(c);
}

/* Neighbours do not drive each other out; what is far away does, and what is
 * found is always what was kept under that key. */
static void
slots_hold_what_was_kept_last(void **state)
{
    struct p2pfs_tile_cache *c = new_cache();
    unsigned i, found = 0;
    const uint8_t *tile;

    (void)state;
    for (i = 0; i < 3 * P2PFS_TILE_CACHE_LOW; i++) {
        keep(c, p2pfs_schema_tile_key(1, 0, i), (uint8_t)(i * 7),
            P2PFS_TILE_BYTES_MAX);
    }
    for (i = 0; i < 3 * P2PFS_TILE_CACHE_LOW; i++) {
        tile = p2pfs_tile_cache_find(c, p2pfs_schema_tile_key(1, 0, i), &root,
            P2PFS_TILE_BYTES_MAX);
        if (tile != NULL) {
            assert_int_equal(tile[0], (uint8_t)(i * 7));
            assert_int_equal(tile[P2PFS_TILE_BYTES_MAX - 1], (uint8_t)(i * 7));
            found++;
        }
    }
    assert_int_equal(found, P2PFS_TILE_CACHE_LOW);
    p2pfs_tile_cache_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tile_is_kept_when_it_is_offered_again),
        cmocka_unit_test(another_key_root_or_length_is_not_found),
        cmocka_unit_test(slots_hold_what_was_kept_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
