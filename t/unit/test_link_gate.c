/*
 * Guards gossipd/link_gate.h: connections that say nothing are few and do not
 * last.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gossipd/link_gate.h"

static struct link_gate gate;

static void
test_only_the_silent_expire(void **state)
{
    (void)state;
    gate.n = 0;
    assert_int_equal(link_gate_enter(&gate, 5, 100), 0);
    assert_int_equal(link_gate_enter(&gate, 6, 200), 0);
    assert_int_equal(link_gate_enter(&gate, 7, 300), 0);
    link_gate_leave(&gate, 6);
    link_gate_leave(&gate, 99);
    assert_int_equal(link_gate_expired(&gate, 100), -1);
    assert_int_equal(link_gate_expired(&gate, 101), 5);
    assert_int_equal(link_gate_expired(&gate, 300), -1);
    assert_int_equal(link_gate_expired(&gate, 301), 7);
    assert_int_equal(link_gate_expired(&gate, 999), -1);
}

static void
test_a_number_in_use_again_starts_anew(void **state)
{
    (void)state;
    gate.n = 0;
    assert_int_equal(link_gate_enter(&gate, 5, 100), 0);
    assert_int_equal(link_gate_enter(&gate, 6, 150), 0);
    assert_int_equal(link_gate_enter(&gate, 5, 200), 0);
    assert_int_equal(gate.n, 2);
    assert_int_equal(link_gate_expired(&gate, 151), 6);
    assert_int_equal(link_gate_expired(&gate, 151), -1);
}

static void
test_full_is_full(void **state)
{
    int fd;

    (void)state;
    gate.n = 0;
    for (fd = 0; fd < GATE_MAX; fd++) {
        assert_int_equal(link_gate_enter(&gate, fd, 1), 0);
    }
    assert_int_equal(link_gate_enter(&gate, fd, 1), -1);
    link_gate_leave(&gate, 0);
    assert_int_equal(link_gate_enter(&gate, fd, 1), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_silent_expire),
        cmocka_unit_test(test_a_number_in_use_again_starts_anew),
        cmocka_unit_test(test_full_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
