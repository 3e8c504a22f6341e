/*
 * Guards the promises of the writer: done() after the commit and in order, the
 * bounds of its queue, that a job that fails alone fails nobody else, and that
 * stopping commits what was taken.
 */

#include <pthread.h>
#include <time.h>

#include "gossipd/writer.h"
#include "t/unit/store_fixture.h"

#define JOBS 1000

struct seen {
    pthread_mutex_t mutex;
    unsigned n;
    uint64_t tag[2 * JOBS];
    enum p2pfs_err err[2 * JOBS];
    uint64_t head;
    struct fixture *f;
    int check_commit;
    int lost;
};

/* Was the job's file committed before this call? */
static void
look_up(struct seen *seen, const struct writer_job *job)
{
    struct p2pfs_reader *r;
    struct p2pfs_file file;

    if (p2pfs_reader_open(&r, seen->f->path) != P2PFS_OK
        || p2pfs_reader_begin(r) != P2PFS_OK
        || p2pfs_reader_by_hash(r, job->record.id, job->record.id_len,
               job->index, &job->result.entry, &file)
            != P2PFS_OK) {
        seen->lost++;
    }
    p2pfs_reader_close(r);
}

static void
on_done(struct writer_job *job, void *ctx)
{
    struct seen *seen = ctx;

    if (seen->check_commit) {
        look_up(seen, job);
    }
    pthread_mutex_lock(&seen->mutex);
    seen->tag[seen->n] = job->tag;
    seen->err[seen->n] = job->result.err;
    seen->n++;
    pthread_mutex_unlock(&seen->mutex);
    free(job->data);
    free(job);
}

static void
on_log(void *ctx, uint64_t head)
{
    struct seen *seen = ctx;

    pthread_mutex_lock(&seen->mutex);
    seen->head = head;
    pthread_mutex_unlock(&seen->mutex);
}

static struct writer_job *
new_job(struct seen *seen, const char *id, uint64_t n, uint64_t index)
{
    struct writer_job *job = calloc(1, sizeof(*job));
    struct bytes b = file_bytes((uint32_t)index, 0);

    assert_non_null(job);
    job->kind = WRITER_FILE;
    job->record.id_len = (uint8_t)strlen(id);
    memcpy(job->record.id, id, job->record.id_len);
    job->n = n;
    job->index = index;
    job->len = b.len;
    job->data = malloc(b.len);
    assert_non_null(job->data);
    memcpy(job->data, b.data, b.len);
    job->done = on_done;
    job->ctx = seen;
    job->tag = index;
    return job;
}

static void
drop(struct writer_job *job)
{
    free(job->data);
    free(job);
}

static void
start(struct fixture *f, struct writer **w, struct seen *seen, size_t jobs,
    size_t bytes)
{
    struct writer_limits limits = {.jobs_max = jobs, .bytes_max = bytes};

    memset(seen, 0, sizeof(*seen));
    pthread_mutex_init(&seen->mutex, NULL);
    seen->f = f;
    assert_int_equal(writer_start(w, f->s, &limits, NULL, on_log, seen),
        P2PFS_OK);
}

static unsigned
count(struct seen *seen)
{
    unsigned n;

    pthread_mutex_lock(&seen->mutex);
    n = seen->n;
    pthread_mutex_unlock(&seen->mutex);
    return n;
}

/* At most ten seconds. */
static void
wait_for(struct seen *seen, unsigned n)
{
    struct timespec pause = {.tv_nsec = 1000000};
    unsigned i;

    for (i = 0; i < 10000 && count(seen) < n; i++) {
        nanosleep(&pause, NULL);
    }
    assert_true(count(seen) >= n);
}

static void
test_order(void **state)
{
    static struct seen seen;
    struct writer *w;
    struct fixture f;
    struct set set;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    start(&f, &w, &seen, 2 * JOBS, 100 << 20);
    for (i = 0; i < JOBS; i++) {
        assert_int_equal(writer_submit(w, new_job(&seen, "s", JOBS, i)), 0);
    }
    wait_for(&seen, JOBS);
    writer_stop(w);
    for (i = 0; i < JOBS; i++) {
        assert_int_equal(seen.tag[i], i);
        assert_int_equal(seen.err[i], P2PFS_OK);
    }
    assert_int_equal(seen.head, JOBS + 1);
    set_init(&set, &f, JOBS, 0);
    check_set(&f, "s", &set, 1);
    set_fini(&set);
    fixture_fini(&f);
}

static void
test_done_after_commit(void **state)
{
    static struct seen seen;
    struct writer *w;
    struct fixture f;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    start(&f, &w, &seen, 100, 1 << 20);
    seen.check_commit = 1;
    for (i = 0; i < 50; i++) {
        assert_int_equal(writer_submit(w, new_job(&seen, "s", 50, i)), 0);
    }
    wait_for(&seen, 50);
    writer_stop(w);
    assert_int_equal(seen.lost, 0);
    fixture_fini(&f);
}

static void
test_stop_commits(void **state)
{
    static struct seen seen;
    struct writer *w;
    struct fixture f;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    start(&f, &w, &seen, JOBS, 100 << 20);
    for (i = 0; i < 700; i++) {
        assert_int_equal(writer_submit(w, new_job(&seen, "s", 700, i)), 0);
    }
    writer_stop(w);
    assert_int_equal(seen.n, 700);
    assert_int_equal(ask(&f, "SELECT count(*) FROM content"), 700);
    fixture_fini(&f);
}

/* The queue is full by count and by bytes; facts are taken all the same. The
 * writer is held up by a lock on the database while this is looked at. */
static void
test_bounds(void **state)
{
    static struct seen seen;
    struct writer *w;
    struct writer_job *job;
    struct fixture f;
    sqlite3 *db;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
        SQLITE_OK);
    start(&f, &w, &seen, 10, 1 << 20);
    for (i = 0; i < 10; i++) {
        assert_int_equal(writer_submit(w, new_job(&seen, "s", 20, i)), 0);
    }
    job = new_job(&seen, "s", 20, 10);
    assert_int_equal(writer_submit(w, job), -1);
    drop(job);
    job = new_job(&seen, "s", 20, 11);
    job->kind = WRITER_PUBLISHED;
    job->seq = 3;
    assert_int_equal(writer_submit(w, job), 0);
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    wait_for(&seen, 11);
    writer_stop(w);

    start(&f, &w, &seen, 10, 8);
    assert_int_equal(writer_submit(w, new_job(&seen, "t", 2, 0)), 0);
    job = new_job(&seen, "t", 2, 1);
    if (writer_submit(w, job) != 0) { /* the first may be done already */
        drop(job);
    }
    writer_stop(w);
    assert_true(seen.n >= 1);
    fixture_fini(&f);
}

/* A trigger makes one job fail; those in its group are stored. */
static void
test_poison(void **state)
{
    static struct seen seen;
    struct writer *w;
    struct fixture f;
    sqlite3 *db;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db,
                         "CREATE TRIGGER poison BEFORE INSERT ON content"
                         " WHEN (new.k & 0xffffffff) = 7"
                         " BEGIN SELECT raise(ABORT, 'poison'); END",
                         NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
        SQLITE_OK);
    start(&f, &w, &seen, 100, 1 << 20);
    for (i = 0; i < 20; i++) {
        assert_int_equal(writer_submit(w, new_job(&seen, "s", 20, i)), 0);
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    wait_for(&seen, 20);
    writer_stop(w);
    for (i = 0; i < 20; i++) {
        assert_int_equal(seen.tag[i], i);
        assert_int_equal(seen.err[i],
            i == 7 ? P2PFS_STORE_UNAVAILABLE : P2PFS_OK);
    }
    assert_int_equal(ask(&f, "SELECT count(*) FROM content"), 19);
    fixture_fini(&f);
}

/* What a client did wrong is told to it alone and is no failure. */
static void
test_client_errors(void **state)
{
    static struct seen seen;
    struct writer *w;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    start(&f, &w, &seen, 100, 1 << 20);
    assert_int_equal(writer_submit(w, new_job(&seen, "s", 2, 0)), 0);
    assert_int_equal(writer_submit(w, new_job(&seen, "s", 2, 2)), 0);
    assert_int_equal(writer_submit(w, new_job(&seen, "s", UINT64_MAX, 0)), 0);
    assert_int_equal(writer_submit(w, new_job(&seen, "s", 2, 1)), 0);
    writer_stop(w);
    assert_int_equal(seen.n, 4);
    assert_int_equal(seen.err[0], P2PFS_OK);
    assert_int_equal(seen.err[1], P2PFS_INDEX_OUT_OF_RANGE);
    assert_int_equal(seen.err[2], P2PFS_BAD_SET_COUNT);
    assert_int_equal(seen.err[3], P2PFS_OK);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_done_after_commit),
        cmocka_unit_test(test_stop_commits),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_client_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
