/*
 * Guards the thread that reads for peers: its queue is bounded, and what waits
 * at the end is answered. (What the jobs read: test_peerread_log.c, _bytes.c,
 * _here.c; test_store_merge.c reads whole histories through it.)
 */

#include "t/unit/peerread_rig.h"

/* Holds the reading thread until told to go on. */
struct gate {
    sem_t entered;
    sem_t go;
    unsigned done;
    unsigned refused;
};

static void
at_gate(struct peerread_job *job, void *ctx)
{
    struct gate *g = ctx;

    sem_post(&g->entered);
    sem_wait(&g->go);
    g->done++;
    g->refused += job->err == P2PFS_STORE_UNAVAILABLE;
    peerread_job_free(job);
}

static void
test_queue(void **state)
{
    struct peerread_job *job;
    struct gate g = {.done = 0};
    struct node n;
    int i;

    (void)state;
    node_init(&n);
    sem_init(&g.entered, 0, 0);
    sem_init(&g.go, 0, 0);
    for (i = 0; i < 5; i++) { /* one at the gate, four queued */
        job = new_job(PEERREAD_PEER);
        job->done = at_gate;
        job->ctx = &g;
        assert_int_equal(peerread_submit(n.p, job), 0);
        if (i == 0) {
            sem_wait(&g.entered);
        }
    }
    job = new_job(PEERREAD_PEER);
    assert_int_equal(peerread_submit(n.p, job), -1);
    peerread_job_free(job);
    for (i = 0; i < 5; i++) {
        sem_post(&g.go);
    }
    peerread_stop(n.p);
    assert_int_equal(g.done, 5);
    assert_true(g.refused <= 4);
    sem_destroy(&g.entered);
    sem_destroy(&g.go);
    fixture_fini(&n.f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
