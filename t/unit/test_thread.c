/*
 * Guards threads: none takes a signal that main waits for, and a wait ends at
 * its deadline, not at a change of the wall clock.
 */

#include <errno.h>
#include <signal.h>

#include "gossipd/thread.h"
#include "t/unit/testing.h"

static void *
read_mask(void *arg)
{
    (void)pthread_sigmask(SIG_SETMASK, NULL, arg);
    return NULL;
}

static void
test_signals_stay_with_the_others(void **state)
{
    sigset_t mask, before, after;
    pthread_t thread;

    (void)state;
    sigemptyset(&mask);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    assert_int_equal(thread_start(&thread, read_mask, &mask), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(sigismember(&mask, SIGTERM), 1);
    assert_int_equal(sigismember(&mask, SIGHUP), 1);
    assert_int_equal(sigismember(&mask, SIGINT), 1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
    assert_int_equal(sigismember(&after, SIGTERM),
        sigismember(&before, SIGTERM));
}

struct box {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int full;
};

static void *
fill(void *arg)
{
    struct box *b = arg;

    (void)pthread_mutex_lock(&b->lock);
    b->full = 1;
    (void)pthread_cond_signal(&b->cond);
    (void)pthread_mutex_unlock(&b->lock);
    return NULL;
}

static void
test_a_wait_ends(void **state)
{
    struct box b = {.lock = PTHREAD_MUTEX_INITIALIZER};
    uint64_t began = thread_now_us(), until;
    pthread_t thread;
    int rc = 0;

    (void)state;
    assert_int_equal(thread_cond_init(&b.cond), 0);
    assert_int_equal(pthread_mutex_lock(&b.lock), 0);
    while (rc == 0) { /* woken for nothing: waits on */
        rc = thread_wait_until(&b.cond, &b.lock, began + 30000);
    }
    assert_int_equal(rc, ETIMEDOUT);
    assert_true(thread_now_us() >= began + 30000);
    rc = thread_wait_until(&b.cond, &b.lock, began); /* over already */
    assert_int_equal(rc, ETIMEDOUT);

    until = thread_now_us() + 10000000;
    assert_int_equal(thread_start(&thread, fill, &b), 0);
    while (!b.full && rc != -1) {
        if (thread_wait_until(&b.cond, &b.lock, until) == ETIMEDOUT) {
            rc = -1;
        }
    }
    assert_true(b.full);
    assert_int_equal(pthread_mutex_unlock(&b.lock), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_cond_destroy(&b.cond);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signals_stay_with_the_others),
        cmocka_unit_test(test_a_wait_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
