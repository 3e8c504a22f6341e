/*
 * The message cache: bounds of entries and bytes, what leaves first, and the
 * index after many removals (a lost slot would make a message unfindable).
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gossipd/cache.h"

static struct p2pfs_hash
id_of(unsigned i)
{
    struct p2pfs_hash h;

    memset(&h, 0, sizeof(h));
    /* few different first bytes: long probe chains on purpose */
    h.b[0] = (uint8_t)(i % 3);
    memcpy(h.b + 8, &i, sizeof(i));
    return h;
}

static void
put(struct cache *c, unsigned i, size_t len)
{
    static const uint8_t zeros[4096];
    struct p2pfs_record r = {.kind = P2PFS_RECORD_FILE, .n = 1};
    struct p2pfs_hash id = id_of(i);

    r.index = i;
    assert_int_equal(cache_put(c, &id, &r, (uint32_t)len, NULL,
                         payload_new(zeros, len)),
        P2PFS_OK);
}

static void
test_keeps_the_newest(void **state)
{
    const struct cached *e;
    struct p2pfs_hash id;
    struct cache *c;
    unsigned i;

    (void)state;
    assert_int_equal(cache_new(&c, 100, 1000000), P2PFS_OK);
    for (i = 0; i < 1000; i++) {
        put(c, i, 10);
    }
    assert_int_equal(cache_entries(c), 100);
    assert_int_equal(cache_bytes(c), 1000);
    for (i = 0; i < 1000; i++) {
        id = id_of(i);
        e = cache_find(c, &id);
        if (i < 900) {
            assert_null(e);
        } else {
            assert_non_null(e);
            assert_int_equal(e->record.index, i);
            assert_int_equal(payload_len(e->payload), 10);
        }
    }
    cache_free(c);
}

static void
test_contents_leave_before_entries(void **state)
{
    const struct cached *e;
    struct p2pfs_hash id;
    struct cache *c;
    unsigned i;

    (void)state;
    assert_int_equal(cache_new(&c, 100, 5000), P2PFS_OK);
    for (i = 0; i < 10; i++) {
        put(c, i, 1000);
    }
    assert_int_equal(cache_entries(c), 10);
    assert_int_equal(cache_bytes(c), 5000);
    id = id_of(0);
    e = cache_find(c, &id);
    assert_non_null(e);
    assert_null(e->payload);

    /* and it does not come back, or the budget would mean nothing */
    put(c, 0, 1000);
    assert_null(cache_find(c, &id)->payload);
    assert_int_equal(cache_bytes(c), 5000);
    id = id_of(9);
    assert_non_null(cache_find(c, &id)->payload);
    cache_free(c);
}

static void
test_completes_an_entry(void **state)
{
    struct p2pfs_record r = {.kind = P2PFS_RECORD_FILE, .n = 1};
    struct p2pfs_proof proof = {.len = 1};
    struct p2pfs_hash id = id_of(7);
    struct cache *c;

    (void)state;
    assert_int_equal(cache_new(&c, 4, 5000), P2PFS_OK);
    assert_int_equal(cache_put(c, &id, &r, 3, NULL, NULL), P2PFS_OK);
    assert_null(cache_find(c, &id)->payload);
    assert_int_equal(cache_put(c, &id, &r, 3, &proof, payload_new("abc", 3)),
        P2PFS_OK);
    assert_int_equal(cache_find(c, &id)->proof->len, 1);
    assert_memory_equal(payload_data(cache_find(c, &id)->payload), "abc", 3);
    assert_int_equal(cache_entries(c), 1);
    cache_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_the_newest),
        cmocka_unit_test(test_contents_leave_before_entries),
        cmocka_unit_test(test_completes_an_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
