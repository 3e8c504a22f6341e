/*
 * Guards what the store's answers lead to: wrong bytes are one peer's blame, an
 * impossible record is nobody's want, a full store pauses everything and is
 * probed, a store that is away for a moment costs nobody anything.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "t/unit/fetch_rig.h"

/* Offers a file of one range and brings it up to its FETCH_STORE. */
static void
bring(struct rig *r, uint64_t peer, unsigned number)
{
    struct p2pfs_record file = rig_file(number);
    struct fetch_action get;

    rig_offer(r, peer, &file, 10);
    get = *rig_only(r, FETCH_SEND_GET);
    rig_data(r, &get, 10);
}

static void
test_wrong_bytes(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1);

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    bring(&r, 1, 1);
    {
        struct fetch_action store = *rig_only(&r, FETCH_STORE);

        rig_offer(&r, 2, &file, 10);
        rig_stored(&r, &store, P2PFS_NOT_IN_ROOT);
    }
    assert_int_equal(rig_only(&r, FETCH_BLAME)->peer, 1);
    assert_int_equal(rig_only(&r, FETCH_SEND_GET)->peer, 2);
    assert_int_equal(rig_stats(&r).refused, 0);
    rig_fini(&r);
}

static void
test_impossible_record(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    bring(&r, 1, 1);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_BAD_SET_COUNT);
    assert_int_equal(rig_only(&r, FETCH_BLAME)->peer, 1);
    assert_int_equal(rig_stats(&r).refused, 1);
    assert_int_equal(rig_stats(&r).active, 0);
    rig_fini(&r);
}

static void
test_full_store_is_probed(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(2), third = rig_file(3);
    struct fetch_action get;
    uint64_t pause[3];
    int i;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 0, 0);
    bring(&r, 1, 1);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_STORE_FULL);
    assert_int_equal(r.n, 0);
    assert_int_equal(rig_stats(&r).full, 1);
    rig_offer(&r, 1, &file, 10);
    rig_offer(&r, 1, &third, 10);
    assert_int_equal(r.n, 0);

    for (i = 0; i < 3; i++) {
        pause[i] = fetch_deadline(r.f) - r.now;
        rig_tick(&r, 40000);
        get = *rig_only(&r, FETCH_SEND_GET); /* one at a time */
        rig_data(&r, &get, 10);
        rig_stored(&r, rig_only(&r, FETCH_STORE),
            i < 2 ? P2PFS_STORE_FULL : P2PFS_OK);
    }
    assert_true(pause[2] > pause[0]);
    assert_int_equal(rig_stats(&r).full, 0);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 2); /* all again */
    assert_int_equal(rig_stats(&r).blamed, 0);
    rig_fini(&r);
}

static void
test_store_away_for_a_moment(void **state)
{
    struct rig r;
    int i;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 0, 0);
    bring(&r, 1, 1);
    for (i = 0; i < 20; i++) { /* however often: not given up */
        struct fetch_action get;

        rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_STORE_UNAVAILABLE);
        assert_int_equal(r.n, 0);
        rig_tick(&r, 500);
        get = *rig_only(&r, FETCH_SEND_GET);
        rig_data(&r, &get, 10);
    }
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_OK);
    assert_int_equal(rig_stats(&r).active, 0);
    assert_int_equal(rig_stats(&r).blamed, 0);
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_bytes),
        cmocka_unit_test(test_impossible_record),
        cmocka_unit_test(test_full_store_is_probed),
        cmocka_unit_test(test_store_away_for_a_moment),
    };

    return cmocka_run_group_tests_name("fetch_stored", tests, NULL, NULL);
}
