/*
 * Guards clients against peers in the writer's queue: a flood of records once
 * filled it, so that uploads were refused, and an upload waited behind all of a
 * catch-up.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gossipd/writer_queue.h"

static struct writer_job *
new_job(enum writer_kind kind, enum store_origin origin, size_t len,
    uint64_t tag)
{
    struct writer_job *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    job->kind = kind;
    job->origin = origin;
    job->len = len;
    job->tag = tag;
    return job;
}

/* Puts a file; 1 where it was taken. */
static int
put(struct writer_queue *q, enum store_origin origin, size_t len, uint64_t tag)
{
    struct writer_job *job = new_job(WRITER_FILE, origin, len, tag);

    if (writer_queue_put(q, job) != 0) {
        free(job);
        return 0;
    }
    return 1;
}

/* Takes a group, checks the order within lanes, gives the room back. */
static size_t
take(struct writer_queue *q, size_t of_lane[WRITER_LANES],
    uint64_t tag[WRITER_LANES])
{
    struct writer_load load[WRITER_LANES] = {{0, 0}};
    struct writer_job *job, *next;
    size_t n, seen = 0;
    unsigned lane;

    memset(of_lane, 0, WRITER_LANES * sizeof(*of_lane));
    for (job = writer_queue_take(q, &n); job != NULL; job = next) {
        next = job->next;
        lane = job->origin == STORE_LOCAL ? LANE_CLIENTS : LANE_PEERS;
        assert_int_equal(job->tag, tag[lane]);
        tag[lane]++;
        of_lane[lane]++;
        seen++;
        writer_load_add(load, job);
        free(job);
    }
    assert_int_equal(seen, n);
    writer_queue_settle(q, load);
    return n;
}

static void
test_peers_fill_half(void **state)
{
    static const struct writer_limits limits = {100, 1000000};
    uint64_t tag[WRITER_LANES] = {0};
    size_t of_lane[WRITER_LANES];
    struct writer_queue q;
    uint64_t i;

    (void)state;
    writer_queue_init(&q, &limits);
    for (i = 0; put(&q, i % 2 == 0 ? STORE_GOSSIP : STORE_CATCHUP, 10, i);
         i++) {
        continue;
    }
    assert_int_equal(i, 50);
    for (i = 0; put(&q, STORE_LOCAL, 10, i); i++) {
        continue;
    }
    assert_int_equal(i, 50);
    assert_int_equal(take(&q, of_lane, tag), 100);
    assert_int_equal(q.queued, 0);
    for (i = 0; put(&q, STORE_LOCAL, 10, 50 + i); i++) {
        continue;
    }
    assert_int_equal(i, 100); /* clients alone may have all of it */
    assert_int_equal(take(&q, of_lane, tag), 100);
    assert_int_equal(take(&q, of_lane, tag), 0);
}

static void
test_bytes(void **state)
{
    static const struct writer_limits limits = {100, 1000};
    uint64_t tag[WRITER_LANES] = {0};
    size_t of_lane[WRITER_LANES];
    struct writer_queue q;

    (void)state;
    writer_queue_init(&q, &limits);
    assert_true(put(&q, STORE_GOSSIP, 400, 0));
    assert_false(put(&q, STORE_GOSSIP, 101, 1));
    assert_true(put(&q, STORE_LOCAL, 600, 0));
    assert_false(put(&q, STORE_LOCAL, 1, 1));
    assert_int_equal(take(&q, of_lane, tag), 2);
    assert_true(put(&q, STORE_CATCHUP, 5000, 1)); /* alone: always */
    assert_int_equal(take(&q, of_lane, tag), 1);
}

static void
test_clients_are_not_kept_waiting(void **state)
{
    static const struct writer_limits limits = {10000, 1000000};
    uint64_t tag[WRITER_LANES] = {0};
    size_t of_lane[WRITER_LANES];
    struct writer_queue q;
    uint64_t i;

    (void)state;
    writer_queue_init(&q, &limits);
    for (i = 0; i < 2000; i++) {
        assert_true(put(&q, STORE_CATCHUP, 10, i));
    }
    for (i = 0; i < 300; i++) {
        assert_true(put(&q, STORE_LOCAL, 10, i));
    }
    /* three quarters are the clients', though they came last .. */
    assert_int_equal(take(&q, of_lane, tag), WRITER_BATCH_MAX);
    assert_int_equal(of_lane[LANE_CLIENTS], WRITER_BATCH_MAX / 4 * 3);
    /* .. and peers go on all the time, and have what is left */
    assert_int_equal(take(&q, of_lane, tag), WRITER_BATCH_MAX);
    assert_int_equal(of_lane[LANE_CLIENTS], 300 - WRITER_BATCH_MAX / 4 * 3);
    for (i = 0; take(&q, of_lane, tag) > 0; i++) {
        continue;
    }
    assert_int_equal(tag[LANE_PEERS], 2000);
    assert_int_equal(q.load[LANE_PEERS].jobs, 0);
    assert_int_equal(q.load[LANE_PEERS].bytes, 0);
}

static void
test_facts_are_always_taken(void **state)
{
    static const struct writer_limits limits = {2, 100};
    struct writer_queue q;
    struct writer_job *job, *next;
    uint64_t i;
    size_t n;

    (void)state;
    writer_queue_init(&q, &limits);
    assert_true(put(&q, STORE_LOCAL, 10, 0));
    assert_true(put(&q, STORE_GOSSIP, 10, 0));
    assert_false(put(&q, STORE_LOCAL, 10, 1));
    for (i = 0; i < 50; i++) {
        job = new_job(i % 2 == 0 ? WRITER_PEER : WRITER_PUBLISHED, STORE_LOCAL,
            0, i);
        assert_int_equal(writer_queue_put(&q, job), 0);
    }
    for (job = writer_queue_take(&q, &n); job != NULL; job = next) {
        next = job->next;
        free(job);
    }
    assert_int_equal(n, 52);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers_fill_half),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_clients_are_not_kept_waiting),
        cmocka_unit_test(test_facts_are_always_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
