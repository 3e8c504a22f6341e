/*
 * Guards the table of wants: one want for each record whoever offers it, the
 * turn of the providers, rests that grow, what is given up and what never is.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "t/unit/fetch_rig.h"

static void
test_offers_join(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1), other = rig_file(2);
    struct fetch_action get;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    rig_offer(&r, 1, &file, 10);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_offer(&r, 2, &file, 10);
    rig_offer(&r, 1, &file, 10);
    assert_int_equal(r.n, 0);
    assert_int_equal(rig_stats(&r).wants, 1);
    rig_offer(&r, 2, &other, 10);
    assert_int_equal(rig_stats(&r).wants, 2);

    rig_status(&r, &get, FETCH_STATUS_NOT_HERE);
    assert_int_equal(rig_only(&r, FETCH_SEND_GET)->peer, 2);
    rig_fini(&r);
}

/* The first to offer cannot make the others look guilty by a false size. */
static void
test_sizes_belong_to_their_peers(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1);
    struct fetch_action get;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    rig_offer(&r, 1, &file, 999);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_offer(&r, 2, &file, 10);
    rig_status(&r, &get, FETCH_STATUS_NOT_HERE);
    get = *rig_only(&r, FETCH_SEND_GET);
    assert_int_equal(get.length, 10);
    rig_data(&r, &get, 10);
    assert_int_equal(rig_stats(&r).blamed, 0);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_OK);
    rig_fini(&r);
}

static void
test_rests_grow_and_end(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1);
    struct fetch_action get;
    uint64_t rest, last = 0;
    int rounds;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 0, 0);
    rig_offer(&r, 1, &file, 10);
    for (rounds = 1; rounds < 6; rounds++) {
        get = *rig_only(&r, FETCH_SEND_GET);
        rig_status(&r, &get, FETCH_STATUS_NOT_HERE);
        assert_int_equal(r.n, 0);
        rest = fetch_deadline(r.f) - r.now;
        assert_true(rest > last && rest <= 40000);
        last = rest;
        rig_tick(&r, 40000);
    }
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_status(&r, &get, FETCH_STATUS_NOT_HERE);
    assert_int_equal(rig_stats(&r).active, 0);
    assert_int_equal(rig_stats(&r).dropped, 1);
    assert_true(fetch_deadline(r.f) == UINT64_MAX);
    rig_fini(&r);
}

static void
test_new_provider_wakes(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1);
    struct fetch_action get;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    rig_offer(&r, 1, &file, 10);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_status(&r, &get, FETCH_STATUS_NOT_HERE);
    assert_int_equal(r.n, 0);
    rig_offer(&r, 2, &file, 10);
    assert_int_equal(rig_only(&r, FETCH_SEND_GET)->peer, 2);
    rig_fini(&r);
}

static void
test_peer_down(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1), other = rig_file(2);
    struct fetch_action get;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    rig_offer(&r, 1, &file, 10);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_offer(&r, 1, &other, 10);
    rig_offer(&r, 2, &file, 10);
    rig_down(&r, 1);
    assert_int_equal(rig_only(&r, FETCH_SEND_GET)->peer, 2);
    assert_int_equal(rig_stats(&r).active, 1); /* the other had only 1 */
    rig_data(&r, &get, 10);                    /* of a peer that is gone */
    assert_int_equal(r.n, 0);
    rig_down(&r, 2);
    assert_int_equal(rig_stats(&r).active, 0);
    assert_int_equal(rig_stats(&r).bytes, 0);
    rig_fini(&r);
}

static void
test_peer_down_while_storing(void **state)
{
    const enum p2pfs_err answer[] = {P2PFS_OK, P2PFS_NOT_IN_ROOT,
        P2PFS_STORE_FULL, P2PFS_STORE_UNAVAILABLE, P2PFS_FILE_NOT_FOUND,
        P2PFS_BAD_SET_ID};
    struct rig r;
    struct p2pfs_record file = rig_file(1);
    struct fetch_action get, store;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(answer) / sizeof(answer[0]); i++) {
        rig_init(&r, NULL);
        rig_up(&r, 1, rig_epoch, 0);
        rig_offer(&r, 1, &file, 10);
        get = *rig_only(&r, FETCH_SEND_GET);
        rig_data(&r, &get, 10);
        store = *rig_only(&r, FETCH_STORE);
        rig_down(&r, 1);
        assert_int_equal(rig_stats(&r).active, 1);
        rig_stored(&r, &store, answer[i]);
        assert_int_equal(rig_count(&r, FETCH_BLAME), 0);
        assert_int_equal(rig_stats(&r).active, 0);
        assert_int_equal(rig_stats(&r).bytes, 0);
        rig_fini(&r);
    }
}

/* A want that waits for its turn loses the one peer it had not tried. */
static void
test_last_untried_leaves(void **state)
{
    struct fetch_params p;
    struct rig r;
    struct p2pfs_record blocker = rig_file(1), file = rig_file(2);
    struct fetch_action get, held;

    (void)state;
    fetch_params_default(&p);
    p.peer_requests_max = 1;
    rig_init(&r, &p);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    rig_page(&r, 1, 0, 0, 0);
    rig_offer(&r, 2, &blocker, 10);
    held = *rig_only(&r, FETCH_SEND_GET);
    rig_offer(&r, 1, &file, 10);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_offer(&r, 2, &file, 10);
    rig_status(&r, &get, FETCH_STATUS_NOT_HERE); /* 2 has no room now */
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 0);
    rig_down(&r, held.peer);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 0);
    rig_tick(&r, 1000);
    assert_int_equal(rig_only(&r, FETCH_SEND_GET)->peer, 1);
    rig_fini(&r);
}

static void
test_limits_of_offers(void **state)
{
    struct fetch_params p;
    struct rig r;
    struct p2pfs_record file = rig_file(0), list = rig_version(1000);
    unsigned i;

    (void)state;
    fetch_params_default(&p);
    p.wants_max = 16;
    p.list_max = 31999;
    rig_init(&r, &p);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);

    rig_offer(&r, 1, &file, (1u << 20) + 1);
    assert_int_equal(rig_only(&r, FETCH_BLAME)->peer, 1);
    rig_offer(&r, 1, &list, 0); /* of no constant of the network: no blame */
    assert_int_equal(r.n, 0);
    assert_int_equal(rig_stats(&r).refused, 2);

    for (i = 0; i < 10; i++) {
        file = rig_file(i);
        rig_offer(&r, 1, &file, 10);
    }
    assert_int_equal(rig_stats(&r).active, 4); /* a quarter is one peer's */
    assert_int_equal(rig_stats(&r).dropped, 6);
    rig_offer(&r, 2, &file, 10);
    assert_int_equal(rig_stats(&r).active, 5);
    rig_fini(&r);
}

/* Nine peers have it, eight fit; when those eight leave the ninth is asked. */
static void
test_more_providers_than_room(void **state)
{
    struct rig r;
    struct fetch_action check;
    uint64_t i;

    (void)state;
    rig_init(&r, NULL);
    for (i = 1; i <= 9; i++) {
        rig_up(&r, i, rig_epoch, 0);
        rig_page(&r, i, 0, 1, 1);
        check = *rig_only(&r, FETCH_CHECK);
        rig_checked(&r, &check, rig_all);
    }
    assert_int_equal(rig_stats(&r).active, 1);
    for (i = 1; i <= 8; i++) {
        rig_down(&r, i);
    }
    assert_int_equal(rig_only(&r, FETCH_SEND_GET)->peer, 9);
    assert_int_equal(rig_stats(&r).active, 1);
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers_join),
        cmocka_unit_test(test_sizes_belong_to_their_peers),
        cmocka_unit_test(test_rests_grow_and_end),
        cmocka_unit_test(test_new_provider_wakes),
        cmocka_unit_test(test_peer_down),
        cmocka_unit_test(test_peer_down_while_storing),
        cmocka_unit_test(test_last_untried_leaves),
        cmocka_unit_test(test_limits_of_offers),
        cmocka_unit_test(test_more_providers_than_room),
    };

    return cmocka_run_group_tests_name("fetch_want", tests, NULL, NULL);
}
