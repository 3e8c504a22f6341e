/*
 * t/unit/peerread_rig.h: a store with a thread that reads from it, and the
 * records of a set. For test_peerread*.c.
 */

#ifndef P2PFS_T_PEERREAD_RIG_H
#define P2PFS_T_PEERREAD_RIG_H

#include <semaphore.h>

#include "gossipd/peerread.h"
#include "t/unit/store_fixture.h"

struct node {
    struct fixture f;
    struct peerread *p;
};

static inline void
node_init(struct node *n)
{
    fixture_init(&n->f, 0);
    assert_int_equal(peerread_start(&n->p, n->f.path, 4, NULL), P2PFS_OK);
}

static inline void
node_fini(struct node *n)
{
    peerread_stop(n->p);
    fixture_fini(&n->f);
}

static inline void
on_done(struct peerread_job *job, void *ctx)
{
    (void)job;
    sem_post(ctx);
}

static inline struct peerread_job *
new_job(enum peerread_kind kind)
{
    struct peerread_job *job = calloc(1, sizeof(*job));

    assert_non_null(job);
    job->kind = kind;
    return job;
}

static inline enum p2pfs_err
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

static inline struct p2pfs_record
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

static inline struct p2pfs_record
version_record(const struct set *set)
{
    struct p2pfs_record r = {.kind = P2PFS_RECORD_VERSION,
        .id_len = 1,
        .id = "s",
        .n = set->n,
        .root = set->root};

    return r;
}

static inline int
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

/* Behind the back of the store, which is closed meanwhile. */
static inline void
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

#endif
