/*
 * Guards bytes with a count of their holders: copied or taken over, given back
 * with the last one, whichever thread that is on.
 */

#include "gossipd/link.h"
#include "gossipd/thread.h"
#include "t/unit/testing.h"

static void
test_payload_is_shared(void **state)
{
    struct payload *p = payload_new("abc", 3);

    (void)state;
    assert_ptr_equal(payload_ref(p), p);
    payload_unref(p);
    assert_int_equal(payload_len(p), 3);
    assert_memory_equal(payload_data(p), "abc", 3);
    payload_unref(p);
    payload_unref(NULL);
}

static void
test_copied_or_taken(void **state)
{
    uint8_t bytes[4] = {1, 2, 3, 4}, *own = malloc(4);
    struct payload *p;

    (void)state;
    p = payload_new(bytes, sizeof(bytes));
    assert_non_null(p);
    bytes[0] = 9;
    assert_int_equal(payload_data(p)[0], 1);
    payload_unref(p);

    assert_non_null(own);
    memset(own, 7, 4);
    p = payload_take(own, 4);
    assert_ptr_equal(payload_data(p), own); /* no copy */
    assert_int_equal(payload_len(p), 4);
    payload_unref(p);
}

static void
test_no_bytes(void **state)
{
    struct payload *p = payload_new(NULL, 0);

    (void)state;
    assert_non_null(p);
    assert_non_null(payload_data(p));
    assert_int_equal(payload_len(p), 0);
    payload_unref(p);

    p = payload_take(NULL, 0); /* what a read of an empty file gives */
    assert_non_null(p);
    assert_int_equal(payload_len(p), 0);
    payload_unref(p);

    assert_null(payload_new(NULL, SIZE_MAX)); /* no such length */
}

#define ROUNDS 20000

static void *
hold_and_let_go(void *arg)
{
    unsigned i;

    for (i = 0; i < ROUNDS; i++) {
        (void)payload_ref(arg);
        payload_unref(arg);
    }
    payload_unref(arg); /* the one that the thread was given */
    return NULL;
}

static void
test_holders_on_threads(void **state)
{
    struct payload *p = payload_new("shared", 6);
    pthread_t thread[3];
    unsigned i;

    (void)state;
    for (i = 0; i < 3; i++) {
        assert_int_equal(thread_start(&thread[i], hold_and_let_go,
                             payload_ref(p)),
            0);
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    }
    assert_memory_equal(payload_data(p), "shared", 6); /* ours is left */
    payload_unref(p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_payload_is_shared),
        cmocka_unit_test(test_copied_or_taken),
        cmocka_unit_test(test_no_bytes),
        cmocka_unit_test(test_holders_on_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
