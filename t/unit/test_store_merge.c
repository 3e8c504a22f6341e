/*
 * Guards rules 5 to 7: two stores take different uploads under one label and
 * then read each other's logs, in random order. In the end both have the same
 * complete versions and serve the same root, and every file that either has
 * acknowledged is readable on both. The merging goes through peerread, as it
 * does between nodes.
 */

#include <semaphore.h>

#include "gossipd/peerread.h"
#include "t/unit/store_fixture.h"

#define SCHEDULES 40
#define VARIANTS 3
#define UPLOADS_MAX 64
#define ROUNDS_MAX 40

static const char id[] = "raced";

struct node {
    struct fixture f;
    struct peerread *reads;
};

struct upload {
    uint32_t n;
    uint32_t i;
    unsigned variant;
};

struct schedule {
    unsigned seed;
    struct node node[2];
    uint32_t sizes[2];
    struct set sets[2][VARIANTS];
    struct upload acked[2 * UPLOADS_MAX];
    unsigned n_acked;
};

static void
on_done(struct peerread_job *job, void *ctx)
{
    (void)job;
    sem_post(ctx);
}

static void
run_job(struct node *n, struct peerread_job *job)
{
    sem_t sem;

    sem_init(&sem, 0, 0);
    job->done = on_done;
    job->ctx = &sem;
    assert_int_equal(peerread_submit(n->reads, job), 0);
    while (sem_wait(&sem) != 0) {
        continue;
    }
    sem_destroy(&sem);
}

static struct peerread_job *
new_job(enum peerread_kind kind)
{
    struct peerread_job *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    job->kind = kind;
    return job;
}

/* One upload by a client of this node; what it acknowledges is noted. */
static void
upload_one(struct schedule *s, struct node *n)
{
    unsigned which = (unsigned)rand_r(&s->seed) % 2;
    unsigned variant = (unsigned)rand_r(&s->seed) % VARIANTS;
    struct set *set = &s->sets[which][variant];
    uint32_t i = (uint32_t)rand_r(&s->seed) % set->n;
    struct store_result res;

    res = rand_r(&s->seed) % 2
        ? put_rooted(&n->f, id, set, i, STORE_LOCAL)
        : put_plain(&n->f, id, set->n, i, variant, STORE_LOCAL);
    if (res.err == P2PFS_OK) {
        s->acked[s->n_acked++] = (struct upload){set->n, i, variant};
    }
}

/* Fetches one record of `from` and stores it at `to`: its error. */
static enum p2pfs_err
fetch(struct node *to, struct node *from, const struct p2pfs_record *r,
    uint32_t size)
{
    struct peerread_job *job = new_job(PEERREAD_BYTES);
    struct store_file file = {.id = r->id,
        .id_len = r->id_len,
        .n = r->n,
        .index = r->index,
        .expected = &r->entry,
        .origin = STORE_CATCHUP};
    struct store_result out;
    enum p2pfs_err err;

    job->record = *r;
    job->length = size;
    run_job(from, job);
    assert_int_equal(job->err, P2PFS_OK);
    assert_int_equal(job->len, size);
    assert_int_equal(job->total, size);
    assert_int_equal(store_begin(to->f.s), P2PFS_OK);
    if (r->kind == P2PFS_RECORD_VERSION) {
        err = store_put_version(to->f.s, r, job->data, STORE_CATCHUP, &out);
    } else {
        file.content = job->data;
        file.len = job->len;
        if (p2pfs_record_has_root(r)) {
            file.root = &r->root;
            file.proof = &job->proof;
        }
        err = store_put_file(to->f.s, &file, &out);
    }
    if (err != P2PFS_OK) {
        fail_msg("%s", store_detail(to->f.s));
    }
    assert_int_equal(store_commit(to->f.s), P2PFS_OK);
    peerread_job_free(job);
    return out.err;
}

/* Takes a random half of what is missing; returns how much was missing. */
static unsigned
merge(struct schedule *s, struct node *to, struct node *from)
{
    struct peerread_job *page = new_job(PEERREAD_LOG);
    struct peerread_job *check = new_job(PEERREAD_MISSING);
    enum p2pfs_err err;
    unsigned missing = 0;
    unsigned i;

    page->max = PEERREAD_PAGE_MAX;
    run_job(from, page);
    assert_int_equal(page->err, P2PFS_OK);
    assert_true(page->n_rows < PEERREAD_PAGE_MAX);
    check->rows = calloc(page->n_rows + 1, sizeof(*check->rows));
    check->n_rows = page->n_rows;
    memcpy(check->rows, page->rows, page->n_rows * sizeof(*check->rows));
    run_job(to, check);
    assert_int_equal(check->err, P2PFS_OK);
    for (i = 0; i < check->n_rows; i++) {
        if (!check->rows[i].missing) {
            continue;
        }
        missing++;
        if (rand_r(&s->seed) % 2) {
            err = fetch(to, from, &check->rows[i].record, check->rows[i].size);
            if (err != P2PFS_OK) { /* a version before its files */
                assert_int_equal(err, P2PFS_FILE_NOT_FOUND);
            }
        }
    }
    peerread_job_free(page);
    peerread_job_free(check);
    return missing;
}

static void
check_acked(struct schedule *s, struct node *n)
{
    struct p2pfs_hash entry;
    struct p2pfs_file file;
    struct upload *u;
    struct bytes b;
    unsigned i;

    assert_int_equal(p2pfs_reader_begin(n->f.r), P2PFS_OK);
    for (i = 0; i < s->n_acked; i++) {
        u = &s->acked[i];
        b = file_bytes(u->i, u->variant);
        entry = entry_of(&n->f, &b);
        assert_int_equal(p2pfs_reader_by_hash(n->f.r, id, strlen(id), u->i,
                             &entry, &file),
            P2PFS_OK);
        assert_int_equal(file.len, b.len);
    }
    p2pfs_reader_end(n->f.r);
}

/* Every complete version reads and verifies. */
static void
check_versions(struct node *n, const struct p2pfs_set *info)
{
    const struct p2pfs_version *v;
    struct p2pfs_version found;
    struct p2pfs_file file;
    unsigned i;
    uint32_t at;

    for (i = 0; i < info->n_versions; i++) {
        v = &info->version[i];
        for (at = 0; v->complete && at < v->n; at++) {
            assert_int_equal(p2pfs_reader_find(n->f.r, id, strlen(id), at,
                                 &v->root, &found),
                P2PFS_OK);
            assert_int_equal(p2pfs_reader_file(n->f.r, &found, at, &file),
                P2PFS_OK);
            assert_int_equal(p2pfs_proof_verify(n->f.h, &v->root, v->n, at,
                                 &file.entry, &file.proof),
                P2PFS_OK);
        }
    }
}

static void
check_equal(struct schedule *s)
{
    static struct p2pfs_set info[2];
    unsigned i, j;

    for (i = 0; i < 2; i++) {
        struct fixture *f = &s->node[i].f;

        assert_int_equal(p2pfs_reader_begin(f->r), P2PFS_OK);
        assert_int_equal(p2pfs_reader_set(f->r, id, strlen(id), &info[i]),
            P2PFS_OK);
        check_versions(&s->node[i], &info[i]);
        p2pfs_reader_end(f->r);
        check_acked(s, &s->node[i]);
    }
    assert_int_equal(info[0].top.complete, info[1].top.complete);
    if (info[0].top.complete) {
        assert_memory_equal(&info[0].top.root, &info[1].top.root, 32);
        assert_int_equal(info[0].top.n, info[1].top.n);
    }
    assert_int_equal(info[0].n_versions, info[1].n_versions);
    for (j = 0; j < info[0].n_versions; j++) {
        assert_memory_equal(&info[0].version[j].root, &info[1].version[j].root,
            32);
        assert_int_equal(info[0].version[j].received,
            info[1].version[j].received);
    }
    assert_int_equal(info[0].n_candidates, info[1].n_candidates);
}

static void
init_schedule(struct schedule *s, unsigned seed)
{
    unsigned i, v;

    memset(s, 0, sizeof(*s));
    s->seed = seed;
    s->sizes[0] = 1 + (uint32_t)rand_r(&s->seed) % 3;
    s->sizes[1] = s->sizes[0] + 1;
    for (i = 0; i < 2; i++) {
        fixture_init(&s->node[i].f, 0);
        assert_int_equal(peerread_start(&s->node[i].reads, s->node[i].f.path, 4,
                             NULL),
            P2PFS_OK);
        for (v = 0; v < VARIANTS; v++) {
            set_init(&s->sets[i][v], &s->node[0].f, s->sizes[i], v);
        }
    }
}

static void
fini_schedule(struct schedule *s)
{
    unsigned i, v;

    for (i = 0; i < 2; i++) {
        for (v = 0; v < VARIANTS; v++) {
            set_fini(&s->sets[i][v]);
        }
        peerread_stop(s->node[i].reads);
        fixture_fini(&s->node[i].f);
    }
}

static void
run_schedule(unsigned seed)
{
    struct schedule s;
    unsigned i, rounds, missing = 1;
    unsigned uploads;

    init_schedule(&s, seed);
    uploads = (unsigned)rand_r(&s.seed) % UPLOADS_MAX;
    upload_one(&s, &s.node[0]);
    for (i = 1; i < uploads; i++) {
        upload_one(&s, &s.node[rand_r(&s.seed) % 2]);
        if (rand_r(&s.seed) % 8 == 0) {
            merge(&s, &s.node[1], &s.node[0]);
        }
        if (rand_r(&s.seed) % 8 == 0) {
            merge(&s, &s.node[0], &s.node[1]);
        }
    }
    for (rounds = 0; missing > 0; rounds++) {
        assert_true(rounds < ROUNDS_MAX);
        missing = merge(&s, &s.node[0], &s.node[1]);
        missing += merge(&s, &s.node[1], &s.node[0]);
    }
    check_equal(&s);
    fini_schedule(&s);
}

static void
test_merge(void **state)
{
    unsigned seed = new_seed();
    unsigned i;

    (void)state;
    for (i = 0; i < SCHEDULES; i++) {
        run_schedule(seed + i);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
