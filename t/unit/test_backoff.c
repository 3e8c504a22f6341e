/* Guards: a backoff never gets shorter, ends when it should, goes with its
 * peer, and the table keeps its cap. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gossipd/backoff.h"

static struct backoff *
open_backoff(size_t max)
{
    struct backoff *b;

    assert_int_equal(backoff_new(&b, max, 1), P2PFS_OK);
    return b;
}

static void
test_longest_wins(void **state)
{
    struct backoff *b = open_backoff(10);

    (void)state;
    assert_true(backoff_until(b, 1, 0) == 0);
    backoff_set(b, 1, 0, 500);
    backoff_set(b, 1, 0, 300);
    assert_true(backoff_until(b, 1, 0) == 500);
    backoff_set(b, 1, 0, 700);
    assert_true(backoff_until(b, 1, 0) == 700);
    assert_true(backoff_until(b, 1, 1) == 0);
    assert_true(backoff_until(b, 2, 0) == 0);
    assert_int_equal(backoff_size(b), 1);
    backoff_free(b);
    backoff_free(NULL);
}

static void
test_drop_and_sweep(void **state)
{
    struct backoff *b = open_backoff(10);

    (void)state;
    backoff_set(b, 1, 0, 100);
    backoff_set(b, 1, 1, 900);
    backoff_set(b, 2, 0, 200);
    backoff_set(b, 3, 0, 300);
    backoff_sweep(b, 200);
    assert_true(backoff_until(b, 1, 0) == 0);
    assert_true(backoff_until(b, 2, 0) == 200);
    backoff_drop_peer(b, 1);
    assert_true(backoff_until(b, 1, 1) == 0);
    assert_int_equal(backoff_size(b), 2);
    backoff_free(b);
}

static void
test_cap(void **state)
{
    struct backoff *b = open_backoff(2);

    (void)state;
    backoff_set(b, 1, 0, 100);
    backoff_set(b, 2, 0, 100);
    backoff_set(b, 3, 0, 100);
    assert_int_equal(backoff_size(b), 2);
    assert_true(backoff_until(b, 1, 0) == 0);
    assert_true(backoff_until(b, 3, 0) == 100);
    backoff_free(b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_wins),
        cmocka_unit_test(test_drop_and_sweep),
        cmocka_unit_test(test_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
