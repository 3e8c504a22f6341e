/*
 * Guards the frame around fetch: defaults that make sense together, rests that
 * grow and end, events of peers that are not there, caps of peers, and that
 * nothing is due where nothing is waited for.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "t/unit/fetch_rig.h"

static void
test_defaults(void **state)
{
    struct fetch_params p;

    (void)state;
    fetch_params_default(&p);
    assert_true(p.file_max <= p.bytes_max);
    assert_true(p.list_max <= p.bytes_max);
    assert_true(FETCH_WINDOW * FETCH_RANGE_BYTES <= p.peer_bytes_max);
    assert_true(p.page_max * PAGES_AHEAD_MAX <= p.wants_max);
}

static void
test_backoff(void **state)
{
    struct rig r;
    unsigned tries;
    uint64_t ms, middle = 500;

    (void)state;
    rig_init(&r, NULL);
    for (tries = 1; tries < 40; tries++) {
        ms = fetch_backoff(r.f, tries);
        assert_true(ms > middle * 3 / 4 && ms <= middle * 5 / 4 + 1);
        middle = middle * 2 > 30000 ? 30000 : middle * 2;
    }
    rig_fini(&r);
}

static void
test_strangers(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1);
    struct fetch_event e = {.peer = 9,
        .epoch = rig_epoch,
        .record = &file,
        .request = 77,
        .tag = 77};
    int kind;

    (void)state;
    rig_init(&r, NULL);
    for (kind = FETCH_PEER_DOWN; kind <= FETCH_TICK; kind++) {
        e.kind = (enum fetch_event_kind)kind;
        rig_step(&r, &e);
        assert_int_equal(r.n, 0);
    }
    assert_true(fetch_deadline(r.f) == UINT64_MAX);
    assert_int_equal(rig_stats(&r).caught_up, 1); /* with nobody */
    rig_fini(&r);
}

static void
test_peers_come_and_go(void **state)
{
    struct fetch_params p;
    struct rig r;
    uint64_t i;

    (void)state;
    fetch_params_default(&p);
    p.peers_max = 2;
    rig_init(&r, &p);
    for (i = 1; i <= 3; i++) {
        rig_up(&r, i, NULL, 0);
        assert_int_equal(rig_count(&r, FETCH_SEND_LOG_GET), i <= 2);
    }
    rig_up(&r, 1, NULL, 0); /* twice */
    assert_int_equal(r.n, 0);
    assert_int_equal(rig_stats(&r).dropped, 1);
    rig_down(&r, 1);
    rig_up(&r, 4, NULL, 0);
    assert_int_equal(rig_only(&r, FETCH_SEND_LOG_GET)->peer, 4);
    rig_down(&r, 2);
    rig_down(&r, 4);
    assert_true(fetch_deadline(r.f) == UINT64_MAX);
    rig_fini(&r);
}

/* With wants of all kinds under way: what is held is freed (under ASan). */
static void
test_free_in_the_middle(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(500);
    struct fetch_action check;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 128, 300);
    check = *rig_only(&r, FETCH_CHECK);
    rig_checked(&r, &check, rig_all);
    rig_page(&r, 1, 128, 128, 300);
    rig_offer(&r, 1, &file, 1000000);
    assert_int_equal(rig_stats(&r).active, 129);
    rig_fini(&r);
    fetch_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_peers_come_and_go),
        cmocka_unit_test(test_free_in_the_middle),
    };

    return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
