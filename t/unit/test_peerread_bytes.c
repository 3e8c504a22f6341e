/*
 * Guards the bytes that peers get: ranges of contents and of entry lists,
 * proofs also out of incomplete versions, and nothing that does not match its
 * entry.
 */

#include "t/unit/peerread_rig.h"

static struct peerread_job *
get(struct node *n, const struct p2pfs_record *r, uint64_t offset,
    uint32_t length)
{
    struct peerread_job *job = new_job(PEERREAD_BYTES);

    job->record = *r;
    job->offset = offset;
    job->length = length;
    run(n, job);
    return job;
}

static void
check_proof(struct node *n, const struct set *set, uint32_t i)
{
    struct p2pfs_record r = file_record(set, i, 1);
    struct peerread_job *job = get(n, &r, 0, 1000);
    struct bytes b = file_bytes(i, set->variant);

    assert_int_equal(job->err, P2PFS_OK);
    assert_int_equal(job->len, b.len);
    assert_memory_equal(job->data, b.data, b.len);
    assert_int_equal(p2pfs_proof_verify(n->f.h, &set->root, set->n, i,
                         &set->entries[i], &job->proof),
        P2PFS_OK);
    peerread_job_free(job);
}

/* Every file of an incomplete version has its whole proof; then complete. */
static void
test_proofs(void **state)
{
    static const uint32_t sizes[] = {1, 5, 128, 129, 200, 300};
    uint32_t *order;
    unsigned seed = new_seed();
    struct p2pfs_record r;
    struct set set;
    struct node n;
    uint32_t i, j;
    unsigned k;

    (void)state;
    for (k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
        node_init(&n);
        set_init(&set, &n.f, sizes[k], 0);
        order = calloc(set.n, sizeof(*order));
        shuffle(order, set.n, &seed);
        for (i = 0; i < set.n; i++) {
            r = file_record(&set, order[i], 1);
            assert_true(is_missing(&n, &r));
            put_rooted(&n.f, "s", &set, order[i], STORE_LOCAL);
            assert_false(is_missing(&n, &r));
            if (i % 40 == 0 || i + 1 == set.n) {
                for (j = 0; j <= i; j++) {
                    check_proof(&n, &set, order[j]);
                }
            }
        }
        free(order);
        set_fini(&set);
        node_fini(&n);
    }
}

static void
test_ranges(void **state)
{
    struct bytes b = file_bytes(99, 0);
    struct p2pfs_record r;
    struct peerread_job *job;
    struct set set;
    struct node n;

    (void)state;
    node_init(&n);
    set_init(&set, &n.f, 100, 0);
    put_plain(&n.f, "s", 100, 99, 0, STORE_LOCAL);
    r = file_record(&set, 99, 0);
    job = get(&n, &r, 10, 20);
    assert_int_equal(job->err, P2PFS_OK);
    assert_int_equal(job->len, 20);
    assert_int_equal(job->total, b.len);
    assert_memory_equal(job->data, b.data + 10, 20);
    peerread_job_free(job);
    job = get(&n, &r, b.len - 3, UINT32_MAX);
    assert_int_equal(job->len, 3);
    peerread_job_free(job);
    job = get(&n, &r, UINT64_MAX, 20);
    assert_int_equal(job->err, P2PFS_OK);
    assert_int_equal(job->len, 0);
    peerread_job_free(job);
    r = file_record(&set, 98, 0);
    job = get(&n, &r, 0, 20);
    assert_int_equal(job->err, P2PFS_FILE_NOT_FOUND);
    peerread_job_free(job);
    r = file_record(&set, 99, 1); /* here, but not as of that root */
    job = get(&n, &r, 0, 20);
    assert_int_equal(job->err, P2PFS_FILE_NOT_FOUND);
    peerread_job_free(job);
    set_fini(&set);
    node_fini(&n);
}

/* The list of entries, whole and in ranges that fit no block, also of a
 * version whose files are not the first that came to their places. */
static void
test_list(void **state)
{
    struct p2pfs_record r;
    struct peerread_job *job;
    struct set set;
    struct node n;
    uint32_t i;
    size_t at;

    (void)state;
    node_init(&n);
    set_init(&set, &n.f, 300, 0);
    r = version_record(&set);
    for (i = 0; i < 300; i += 7) {
        put_plain(&n.f, "s", 300, i, 1, STORE_GOSSIP);
    }
    for (i = 0; i < 300; i++) {
        if (i == 299) {
            job = get(&n, &r, 0, 32);
            assert_int_equal(job->err, P2PFS_FILE_NOT_FOUND);
            peerread_job_free(job);
            assert_true(is_missing(&n, &r));
        }
        put_rooted(&n.f, "s", &set, i, STORE_LOCAL);
    }
    assert_false(is_missing(&n, &r));
    for (at = 0; at < 9600; at += 1111) {
        job = get(&n, &r, at, 1111);
        assert_int_equal(job->err, P2PFS_OK);
        assert_int_equal(job->total, 9600);
        assert_int_equal(job->len, at + 1111 < 9600 ? 1111 : 9600 - at);
        assert_memory_equal(job->data, (uint8_t *)set.entries + at, job->len);
        peerread_job_free(job);
    }
    job = get(&n, &r, 9600, 32);
    assert_int_equal(job->err, P2PFS_OK);
    assert_int_equal(job->len, 0);
    peerread_job_free(job);
    set_fini(&set);
    node_fini(&n);
}

static void
test_damage(void **state)
{
    struct p2pfs_record r;
    struct peerread_job *job;
    struct set set;
    struct node n;

    (void)state;
    node_init(&n);
    set_init(&set, &n.f, 1, 0);
    put_plain(&n.f, "s", 1, 0, 0, STORE_LOCAL);
    spoil(&n, "UPDATE content SET body = x'0102'");
    r = file_record(&set, 0, 0);
    job = get(&n, &r, 0, 100);
    assert_int_equal(job->err, P2PFS_FILE_DAMAGED);
    peerread_job_free(job);
    set_fini(&set);
    node_fini(&n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
