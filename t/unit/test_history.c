/*
 * Guards: windows hold what they should, an id put twice keeps its place (else
 * it would vanish a window early), and the ring forgets its oldest at the cap.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gossipd/history.h"

static struct p2pfs_hash
id_of(unsigned k)
{
    struct p2pfs_hash id = {{0}};

    memcpy(id.b, &k, sizeof(k));
    return id;
}

static struct history *
open_history(unsigned windows, size_t max)
{
    struct history *h;

    assert_int_equal(history_new(&h, windows, max, 1), P2PFS_OK);
    return h;
}

static int
put(struct history *h, unsigned k, unsigned topic)
{
    struct p2pfs_hash id = id_of(k);
    size_t slot;

    return history_put(h, &id, topic, &slot);
}

static int
has(const struct history *h, unsigned k)
{
    struct p2pfs_hash id = id_of(k);
    unsigned topic;
    size_t slot;

    return history_find(h, &id, &topic, &slot);
}

/* 3 gossip and 5 history windows of 10 messages: 50 kept, 30 gossiped. */
static void
test_windows(void **state)
{
    struct history *h = open_history(5, 1000);
    struct p2pfs_hash ids[1000], want;

    (void)state;
    for (unsigned w = 0; w < 7; w++) {
        history_shift(h);
        for (unsigned k = 0; k < 10; k++) {
            assert_int_equal(put(h, w * 10 + k, 0), 1);
        }
    }
    assert_int_equal(history_size(h), 50);
    assert_false(has(h, 19));
    assert_true(has(h, 20));
    assert_true(has(h, 69));
    assert_int_equal(history_ids(h, 0, 0, 3, ids), 30);
    want = id_of(40);
    assert_memory_equal(&ids[0], &want, sizeof(want));
    want = id_of(69);
    assert_memory_equal(&ids[29], &want, sizeof(want));
    assert_int_equal(history_ids(h, 0, 1, 3, ids), 20);
    want = id_of(59);
    assert_memory_equal(&ids[19], &want, sizeof(want));
    assert_int_equal(history_ids(h, 0, 0, 99, ids), 50);
    assert_int_equal(history_ids(h, 0, 3, 3, ids), 0);
    assert_int_equal(history_ids(h, 1, 0, 5, ids), 0);
    for (int i = 0; i < 5; i++) {
        history_shift(h);
    }
    assert_int_equal(history_size(h), 0);
    history_free(h);
    history_free(NULL);
}

static void
test_double_put(void **state)
{
    struct history *h = open_history(3, 10);

    (void)state;
    assert_int_equal(put(h, 1, 0), 1);
    history_shift(h);
    assert_int_equal(put(h, 1, 0), 0);
    assert_int_equal(history_size(h), 1);
    history_shift(h);
    assert_true(has(h, 1));
    history_shift(h);
    assert_false(has(h, 1));
    assert_int_equal(put(h, 1, 0), 1);
    history_free(h);
}

static void
test_cap_and_slots(void **state)
{
    struct history *h = open_history(2, 4);
    struct p2pfs_hash ids[4], id;
    unsigned topic = 9;
    size_t slot, again;

    (void)state;
    for (unsigned k = 0; k < 10; k++) {
        id = id_of(k);
        assert_int_equal(history_put(h, &id, k % 2, &slot), 1);
        assert_true(slot < 4);
        assert_int_equal(history_find(h, &id, &topic, &again), 1);
        assert_int_equal(slot, again);
        assert_int_equal(topic, k % 2);
    }
    assert_int_equal(history_size(h), 4);
    assert_false(has(h, 5));
    assert_true(has(h, 6));
    assert_int_equal(history_ids(h, 0, 0, 2, ids), 2);
    history_free(h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_double_put),
        cmocka_unit_test(test_cap_and_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
