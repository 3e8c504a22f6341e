/*
 * The router's inbox: nothing put is lost or taken out of order, and the
 * descriptor rings exactly while something is there (a missed ring would leave
 * an upload unpublished until the next one).
 */

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gossipd/inbox.h"

#define JOBS 20000

static int
readable(struct inbox *in, int timeout_ms)
{
    struct pollfd p = {.fd = inbox_fd(in), .events = POLLIN};

    return poll(&p, 1, timeout_ms) == 1;
}

static void *
produce(void *arg)
{
    struct inbox *in = arg;
    struct writer_job *job;
    unsigned i;

    for (i = 1; i <= JOBS; i++) {
        job = calloc(1, sizeof(*job));
        if (job == NULL) {
            abort();
        }
        job->tag = i;
        inbox_put_written(job, in);
        inbox_put_log(in, i);
    }
    return NULL;
}

static void
test_threads(void **state)
{
    struct inbox_mail mail;
    struct writer_job *job;
    struct inbox *in;
    uint64_t next, head;
    pthread_t t;

    (void)state;
    assert_int_equal(inbox_new(&in), P2PFS_OK);
    assert_false(readable(in, 0));
    assert_int_equal(pthread_create(&t, NULL, produce, in), 0);

    next = 1;
    head = 0;
    while (next <= JOBS || head < JOBS) {
        assert_true(readable(in, 10000));
        inbox_take(in, &mail);
        if (mail.log_head != 0) {
            assert_true(mail.log_head >= head);
            head = mail.log_head;
        }
        while (mail.written != NULL) {
            job = mail.written;
            mail.written = job->next;
            assert_true(job->tag == next);
            next++;
            writer_job_free(job);
        }
    }
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_false(readable(in, 0));
    inbox_free(in);
}

static void
test_free_with_mail(void **state)
{
    struct peerread_job *r;
    struct writer_job *w;
    struct inbox *in;

    (void)state;
    assert_int_equal(inbox_new(&in), P2PFS_OK);
    w = calloc(1, sizeof(*w));
    r = calloc(1, sizeof(*r));
    assert_non_null(w);
    assert_non_null(r);
    w->data = malloc(10);
    r->data = malloc(10);
    inbox_put_written(w, in);
    inbox_put_read(r, in);
    assert_true(readable(in, 0));
    inbox_free(in);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_free_with_mail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
