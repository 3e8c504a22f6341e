/*
 * Guards what peers read of this node's log: its records in order and in pages,
 * damaged rows left out alone, and how far this node has read a peer's log.
 */

#include "t/unit/peerread_rig.h"

static void
test_log(void **state)
{
    struct peerread_job *job;
    struct set set;
    struct node n;
    uint32_t i;

    (void)state;
    node_init(&n);
    set_init(&set, &n.f, 3, 0);
    put_plain(&n.f, "s", 3, 1, 1, STORE_GOSSIP);
    for (i = 0; i < 3; i++) {
        put_rooted(&n.f, "s", &set, i, i == 2 ? STORE_CATCHUP : STORE_LOCAL);
    }
    job = new_job(PEERREAD_LOG);
    job->max = 10;
    assert_int_equal(run(&n, job), P2PFS_OK);
    assert_int_equal(job->head, 5);
    assert_int_equal(job->n_rows, 5);
    for (i = 0; i < 5; i++) {
        assert_int_equal(job->rows[i].seq, i + 1);
        assert_string_equal(job->rows[i].record.id, "s");
        assert_int_equal(job->rows[i].record.n, 3);
    }
    assert_false(p2pfs_record_has_root(&job->rows[0].record));
    assert_int_equal(job->rows[0].record.index, 1);
    assert_int_equal(job->rows[0].origin, STORE_GOSSIP);
    for (i = 0; i < 3; i++) {
        struct p2pfs_record want = file_record(&set, i, 1);
        struct bytes b = file_bytes(i, 0);

        assert_memory_equal(&job->rows[i + 1].record, &want, sizeof(want));
        assert_int_equal(job->rows[i + 1].size, b.len);
    }
    assert_int_equal(job->rows[4].record.kind, P2PFS_RECORD_VERSION);
    assert_memory_equal(&job->rows[4].record.root, &set.root, 32);
    assert_int_equal(job->rows[4].size, 96);
    assert_int_equal(job->rows[4].origin, STORE_CATCHUP);
    peerread_job_free(job);

    job = new_job(PEERREAD_LOG);
    job->max = 2;
    job->after = 2;
    assert_int_equal(run(&n, job), P2PFS_OK);
    assert_int_equal(job->n_rows, 2);
    assert_int_equal(job->rows[1].seq, 4);
    peerread_job_free(job);
    job = new_job(PEERREAD_LOG);
    job->max = 2;
    job->after = UINT64_MAX;
    assert_int_equal(run(&n, job), P2PFS_OK);
    assert_int_equal(job->n_rows, 0);
    peerread_job_free(job);
    set_fini(&set);
    node_fini(&n);
}

/* One row that points to nothing kept all behind it from every peer, and from
 * being published. */
static void
test_damaged_rows_of_the_log(void **state)
{
    struct peerread_job *job;
    struct node n;
    uint32_t i;

    (void)state;
    node_init(&n);
    for (i = 0; i < 4; i++) {
        put_plain(&n.f, "s", 9, i, 0, STORE_LOCAL);
    }
    spoil(&n,
        "UPDATE log SET a = a + 1000000 WHERE seq = 1;"
        "UPDATE log SET kind = 99 WHERE seq = 3");
    job = new_job(PEERREAD_LOG);
    job->max = 2;
    assert_int_equal(run(&n, job), P2PFS_OK);
    assert_int_equal(job->n_rows, 2);
    assert_int_equal(job->damaged, 2);
    assert_int_equal(job->rows[0].seq, 2);
    assert_int_equal(job->rows[0].record.index, 1);
    assert_int_equal(job->rows[1].seq, 4);
    assert_int_equal(job->rows[1].record.index, 3);
    peerread_job_free(job);
    node_fini(&n);
}

static void
test_peer(void **state)
{
    static const uint8_t epoch[STORE_EPOCH_BYTES] = {1, 2, 3};
    static const uint8_t zero[STORE_EPOCH_BYTES];
    struct peerread_job *job;
    uint8_t node_id[32] = {5};
    struct node n;

    (void)state;
    node_init(&n);
    assert_int_equal(store_begin(n.f.s), P2PFS_OK);
    assert_int_equal(store_set_peer(n.f.s, node_id, epoch, 77), P2PFS_OK);
    assert_int_equal(store_commit(n.f.s), P2PFS_OK);
    job = new_job(PEERREAD_PEER);
    memcpy(job->node_id, node_id, 32);
    assert_int_equal(run(&n, job), P2PFS_OK);
    assert_int_equal(job->after, 77);
    assert_memory_equal(job->epoch, epoch, sizeof(epoch));
    peerread_job_free(job);
    job = new_job(PEERREAD_PEER);
    assert_int_equal(run(&n, job), P2PFS_OK);
    assert_int_equal(job->after, 0);
    assert_memory_equal(job->epoch, zero, sizeof(zero));
    peerread_job_free(job);
    node_fini(&n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_damaged_rows_of_the_log),
        cmocka_unit_test(test_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
