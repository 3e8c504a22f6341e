/*
 * Guards the order in which servers are asked: every one once in a round, only
 * those that may do better again, waits within their bounds and the budget,
 * and the failure that a user is told in the end.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/retry.h"

static void
test_elsewhere_goes_round_once(void **state)
{
    struct client_retry r;
    uint32_t wait;

    (void)state;
    client_retry_init(&r, 3, 1, 10000);
    assert_int_equal(r.server, 1);
    assert_true(client_retry_next(&r, CLIENT_RETRY_ELSEWHERE, 0, 7, &wait));
    assert_int_equal(r.server, 2);
    assert_int_equal(wait, 0);
    assert_true(client_retry_next(&r, CLIENT_RETRY_ELSEWHERE, 0, 7, &wait));
    assert_int_equal(r.server, 0);
    assert_false(client_retry_next(&r, CLIENT_RETRY_ELSEWHERE, 0, 7, &wait));
}

static void
test_never_stops_at_once(void **state)
{
    struct client_retry r;
    uint32_t wait;

    (void)state;
    client_retry_init(&r, 3, 0, 10000);
    assert_false(client_retry_next(&r, CLIENT_RETRY_NEVER, 0, 7, &wait));
}

static void
test_later_comes_back_alone(void **state)
{
    struct client_retry r;
    uint32_t wait;

    (void)state;
    client_retry_init(&r, 3, 0, 10000);
    assert_true(client_retry_next(&r, CLIENT_RETRY_ELSEWHERE, 0, 7, &wait));
    assert_true(client_retry_next(&r, CLIENT_RETRY_LATER, 0, 7, &wait));
    assert_int_equal(wait, 0);
    assert_true(client_retry_next(&r, CLIENT_RETRY_ELSEWHERE, 0, 7, &wait));
    assert_int_equal(r.server, 1);
    assert_in_range(wait, RETRY_BASE_MS / 2, RETRY_BASE_MS);
    /* and the others are not asked again */
    assert_true(client_retry_next(&r, CLIENT_RETRY_LATER, 0, 7, &wait));
    assert_int_equal(r.server, 1);
    assert_in_range(wait, RETRY_BASE_MS, 2 * RETRY_BASE_MS);
}

static void
test_waits_stay_in_their_bounds(void **state)
{
    const uint32_t draws[] = {0, 1, 0x7fffffff, 0xffffffff};
    struct client_retry r;
    uint32_t total;
    uint32_t wait;
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(draws) / sizeof(draws[0]); i++) {
        client_retry_init(&r, 1, 0, 60000);
        total = 0;
        while (client_retry_next(&r, CLIENT_RETRY_LATER, 0, draws[i], &wait)) {
            assert_in_range(wait, RETRY_BASE_MS / 2, RETRY_BACKOFF_MAX_MS);
            total += wait;
            assert_true(r.round < 100);
        }
        assert_in_range(total, 60000 - RETRY_BACKOFF_MAX_MS, 60000);
    }
}

static void
test_retry_after(void **state)
{
    struct client_retry r;
    uint32_t wait;

    (void)state;
    /* the shortest of the round */
    client_retry_init(&r, 2, 0, 60000);
    assert_true(client_retry_next(&r, CLIENT_RETRY_LATER, 3000, 0, &wait));
    assert_true(client_retry_next(&r, CLIENT_RETRY_LATER, 2000, 0, &wait));
    assert_int_equal(wait, 2000);
    /* it does not outlive its round */
    assert_true(client_retry_next(&r, CLIENT_RETRY_LATER, 0, 0, &wait));
    assert_true(client_retry_next(&r, CLIENT_RETRY_LATER, 0, 0, &wait));
    assert_int_equal(wait, RETRY_BASE_MS);
    /* and is cut */
    client_retry_init(&r, 1, 0, 60000);
    assert_true(client_retry_next(&r, CLIENT_RETRY_LATER, 3600000, 0, &wait));
    assert_int_equal(wait, RETRY_AFTER_MAX_MS);
}

static void
test_no_budget_is_one_round(void **state)
{
    struct client_retry r;
    uint32_t wait;

    (void)state;
    client_retry_init(&r, 2, 0, 0);
    assert_true(client_retry_next(&r, CLIENT_RETRY_LATER, 0, 0, &wait));
    assert_false(client_retry_next(&r, CLIENT_RETRY_LATER, 0, 0, &wait));
}

static void
test_sixteen_servers(void **state)
{
    struct client_retry r;
    uint32_t seen = 1u << 9;
    uint32_t wait;
    unsigned i;

    (void)state;
    client_retry_init(&r, 16, 9, 0);
    for (i = 0; i < 15; i++) {
        assert_true(client_retry_next(&r, CLIENT_RETRY_ELSEWHERE, 0, 0, &wait));
        assert_false(seen & (1u << r.server));
        seen |= 1u << r.server;
    }
    assert_false(client_retry_next(&r, CLIENT_RETRY_ELSEWHERE, 0, 0, &wait));
    assert_int_equal(seen, 0xffff);
}

static void
test_classes(void **state)
{
    (void)state;
    assert_int_equal(client_retry_class(P2PFS_NETWORK, 0), CLIENT_RETRY_LATER);
    assert_int_equal(client_retry_class(P2PFS_STORE_UNAVAILABLE, 0),
        CLIENT_RETRY_LATER);
    assert_int_equal(client_retry_class(P2PFS_OUTCOME_UNKNOWN, 0),
        CLIENT_RETRY_LATER);
    assert_int_equal(client_retry_class(P2PFS_NOT_VERIFIED, 0),
        CLIENT_RETRY_ELSEWHERE);
    assert_int_equal(client_retry_class(P2PFS_STORE_FULL, 0),
        CLIENT_RETRY_ELSEWHERE);
    assert_int_equal(client_retry_class(P2PFS_SET_EXISTS, 0),
        CLIENT_RETRY_NEVER);
    assert_int_equal(client_retry_class(P2PFS_CANCELLED, 0),
        CLIENT_RETRY_NEVER);
}

/* A set that was put a moment ago is on its way to the other nodes. */
static void
test_expected(void **state)
{
    (void)state;
    assert_int_equal(client_retry_class(P2PFS_SET_NOT_FOUND, 0),
        CLIENT_RETRY_ELSEWHERE);
    assert_int_equal(client_retry_class(P2PFS_SET_NOT_FOUND, 1),
        CLIENT_RETRY_LATER);
    assert_int_equal(client_retry_class(P2PFS_SET_INCOMPLETE, 1),
        CLIENT_RETRY_LATER);
    assert_int_equal(client_retry_class(P2PFS_FILE_NOT_FOUND, 1),
        CLIENT_RETRY_ELSEWHERE);
    assert_int_equal(client_retry_class(P2PFS_SET_EXISTS, 1),
        CLIENT_RETRY_NEVER);
}

static void
test_the_most_telling_failure(void **state)
{
    (void)state;
    assert_true(client_retry_worse(P2PFS_NOT_VERIFIED, P2PFS_NETWORK));
    assert_true(client_retry_worse(P2PFS_NOT_VERIFIED, P2PFS_SET_NOT_FOUND));
    assert_true(client_retry_worse(P2PFS_SET_INCOMPLETE, P2PFS_NETWORK));
    assert_true(client_retry_worse(P2PFS_NETWORK, P2PFS_SET_NOT_FOUND));
    assert_true(client_retry_worse(P2PFS_SET_NOT_FOUND, P2PFS_BAD_REPLY));
    assert_false(client_retry_worse(P2PFS_NETWORK, P2PFS_NETWORK));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elsewhere_goes_round_once),
        cmocka_unit_test(test_never_stops_at_once),
        cmocka_unit_test(test_later_comes_back_alone),
        cmocka_unit_test(test_waits_stay_in_their_bounds),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_no_budget_is_one_round),
        cmocka_unit_test(test_sixteen_servers),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_expected),
        cmocka_unit_test(test_the_most_telling_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
