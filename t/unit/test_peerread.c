/*
 * Guards what peers read of this node: the log as records in order, ranges of
 * contents and of entry lists, proofs also out of incomplete versions, what is
 * missing here, and the bound of the queue. (test_store_merge.c reads whole
 * histories through it.)
 */

#include <semaphore.h>

#include "gossipd/peerread.h"
#include "t/unit/store_fixture.h"

struct node {
    struct fixture f;
    struct peerread *p;
};

static void
node_init(struct node *n)
{
    fixture_init(&n->f, 0);
    assert_int_equal(peerread_start(&n->p, n->f.path, 4, NULL), P2PFS_OK);
}

static void
node_fini(struct node *n)
{
    peerread_stop(n->p);
    fixture_fini(&n->f);
}

static void
on_done(struct peerread_job *job, void *ctx)
{
    (void)job;
    sem_post(ctx);
}

static struct peerread_job *
new_job(enum peerread_kind kind)
{
    struct peerread_job *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    job->kind = kind;
    return job;
}

static enum p2pfs_err
run(struct node *n, struct peerread_job *job)
{
    sem_t sem;

    sem_init(&sem, 0, 0);
    job->done = on_done;
    job->ctx = &sem;
    assert_int_equal(peerread_submit(n->p, job), 0);
    while (sem_wait(&sem) != 0) {
        continue;
    }
    sem_destroy(&sem);
    return job->err;
}

static struct p2pfs_record
file_record(const struct set *set, uint32_t i, int rooted)
{
    struct p2pfs_record r = {.kind = P2PFS_RECORD_FILE,
        .id_len = 1,
        .id = "s",
        .n = set->n,
        .index = i,
        .entry = set->entries[i]};

    if (rooted) {
        r.root = set->root;
    }
    return r;
}

static struct p2pfs_record
version_record(const struct set *set)
{
    struct p2pfs_record r = {.kind = P2PFS_RECORD_VERSION,
        .id_len = 1,
        .id = "s",
        .n = set->n,
        .root = set->root};

    return r;
}

static int
is_missing(struct node *n, const struct p2pfs_record *r)
{
    struct peerread_job *job = new_job(PEERREAD_MISSING);
    int missing;

    job->rows = calloc(1, sizeof(*job->rows));
    job->rows[0].record = *r;
    job->n_rows = 1;
    assert_int_equal(run(n, job), P2PFS_OK);
    missing = job->rows[0].missing;
    peerread_job_free(job);
    return missing;
}

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

/* A candidate is here, and so is what only a complete version contains. */
static void
test_missing(void **state)
{
    struct p2pfs_record r;
    struct set a, b;
    struct node n;
    uint32_t i;

    (void)state;
    node_init(&n);
    set_init(&a, &n.f, 2, 0);
    set_init(&b, &n.f, 2, 1);
    r = file_record(&a, 0, 0);
    assert_true(is_missing(&n, &r));
    put_rooted(&n.f, "s", &a, 0, STORE_LOCAL);
    assert_true(is_missing(&n, &r)); /* only in an open version */
    put_rooted(&n.f, "s", &a, 1, STORE_LOCAL);
    assert_false(is_missing(&n, &r));
    r = file_record(&b, 1, 0);
    assert_true(is_missing(&n, &r));
    put_plain(&n.f, "s", 2, 1, 1, STORE_GOSSIP);
    assert_false(is_missing(&n, &r));
    for (i = 0; i < 2; i++) {
        r = file_record(&b, i, 1);
        assert_true(is_missing(&n, &r));
    }
    r = version_record(&b);
    assert_true(is_missing(&n, &r));
    set_fini(&a);
    set_fini(&b);
    node_fini(&n);
}

/* Behind the back of the store, which is closed meanwhile. */
static void
spoil(struct node *n, const char *sql)
{
    sqlite3 *db;

    fixture_close(&n->f);
    assert_int_equal(sqlite3_open(n->f.path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    fixture_open(&n->f);
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
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damaged_rows_of_the_log),
        cmocka_unit_test(test_peer),
        cmocka_unit_test(test_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
