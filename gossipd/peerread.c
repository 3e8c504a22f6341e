/* The reading thread: a bounded queue, one read transaction for each job. */

#include <stdlib.h>
#include <string.h>

#include "gossipd/peerread_impl.h"
#include "gossipd/thread.h"

#define BUSY_MS 1000
#define COMPLAIN_US 10000000 /* the next complaint of the same kind */

static const char *const peerread_texts[] = {
#define PEERREAD_Q_TEXT(name, text) text,
    PEERREAD_STATEMENTS(PEERREAD_Q_TEXT)
#undef PEERREAD_Q_TEXT
};

struct peerread {
    struct peerread_db d;
    struct log *log;
    pthread_t thread;
    uint64_t complain_at; /* the thread's own */
    pthread_mutex_t mutex;
    pthread_cond_t cond;

    /* under the mutex */
    struct peerread_job *first;
    struct peerread_job **last;
    size_t queued;
    size_t queued_max;
    int stopping;
};

int
peerread_submit(struct peerread *p, struct peerread_job *job)
{
    int taken;

    pthread_mutex_lock(&p->mutex);
    taken = !p->stopping && p->queued < p->queued_max;
    if (taken) {
        job->next = NULL;
        *p->last = job;
        p->last = &job->next;
        p->queued++;
        pthread_cond_signal(&p->cond);
    }
    pthread_mutex_unlock(&p->mutex);
    return taken ? 0 : -1;
}

void
peerread_job_free(struct peerread_job *job)
{
    if (job == NULL) {
        return;
    }
    free(job->rows);
    free(job->data);
    free(job);
}

/* Out of the queue; NULL: stopping and empty. */
static struct peerread_job *
take_job(struct peerread *p, int *stopping)
{
    struct peerread_job *job;

    pthread_mutex_lock(&p->mutex);
    while (p->first == NULL && !p->stopping) {
        pthread_cond_wait(&p->cond, &p->mutex);
    }
    job = p->first;
    if (job != NULL) {
        p->first = job->next;
        p->queued--;
        if (p->first == NULL) {
            p->last = &p->first;
        }
    }
    *stopping = p->stopping;
    pthread_mutex_unlock(&p->mutex);
    return job;
}

static enum p2pfs_err
read_job(struct peerread_db *d, struct peerread_job *job)
{
    switch (job->kind) {
    case PEERREAD_LOG: return peerread_log(d, job);
    case PEERREAD_BYTES: return peerread_bytes(d, job);
    case PEERREAD_MISSING: return peerread_missing(d, job);
    case PEERREAD_PEER: return peerread_peer(d, job);
    }
    return P2PFS_INTERNAL;
}

/* What is wrong is met again with each job: peers must not fill the log. */
static void
complain(struct peerread *p, const struct peerread_job *job, enum p2pfs_err err)
{
    uint64_t now = thread_now_us();

    if (now < p->complain_at) {
        return;
    }
    p->complain_at = now + COMPLAIN_US;
    if (err != P2PFS_OK) {
        log_error(p->log, "peerread: %s (%s)", p2pfs_err_row(err)->text,
            sqlite3_errmsg(p->d.db));
    } else {
        log_error(p->log,
            "peerread: the log behind %llu has %u damaged rows, left out",
            (unsigned long long)job->after, job->damaged);
    }
}

static enum p2pfs_err
transact(struct peerread *p, struct peerread_job *job)
{
    enum p2pfs_err err;

    err = p2pfs_sql_run(&p->d.q, Q_BEGIN, NULL, 0);
    if (err == P2PFS_OK) {
        err = read_job(&p->d, job);
    }
    if ((err != P2PFS_OK && err != P2PFS_FILE_NOT_FOUND) || job->damaged > 0) {
        complain(p, job, err);
    }
    p2pfs_sql_reset_all(&p->d.q);
    if (!sqlite3_get_autocommit(p->d.db)) {
        sqlite3_exec(p->d.db, "ROLLBACK", NULL, NULL, NULL);
    }
    return err;
}

static void *
run(void *arg)
{
    struct peerread *p = arg;
    struct peerread_job *job;
    int stopping;

    while ((job = take_job(p, &stopping)) != NULL) {
        job->err = stopping ? P2PFS_STORE_UNAVAILABLE : transact(p, job);
        job->done(job, job->ctx);
    }
    return NULL;
}

static void
close_db(struct peerread_db *d)
{
    p2pfs_sql_fini(&d->q);
    sqlite3_close(d->db);
    p2pfs_hasher_free(d->hasher);
}

static enum p2pfs_err
open_db(struct peerread_db *d, const char *path, struct log *log)
{
    char detail[256] = "";
    enum p2pfs_err err;

    err = p2pfs_hasher_new(&d->hasher);
    if (err == P2PFS_OK) {
        err = p2pfs_sql_open_reader(&d->db, path, detail, sizeof(detail));
    }
    if (err == P2PFS_OK) {
        /* This thread may wait, unlike a worker. */
        sqlite3_busy_timeout(d->db, BUSY_MS);
        err = p2pfs_sql_init(&d->q, d->db, peerread_texts, Q_COUNT);
    }
    if (err != P2PFS_OK) {
        log_error(log, "peerread: %s: %s", p2pfs_err_row(err)->text, detail);
    }
    return err;
}

enum p2pfs_err
peerread_start(struct peerread **out, const char *db_path, size_t jobs_max,
    struct log *log)
{
    struct peerread *p = calloc(1, sizeof(*p));
    enum p2pfs_err err;

    *out = NULL;
    if (p == NULL) {
        return P2PFS_NO_MEMORY;
    }
    p->log = log;
    p->queued_max = jobs_max;
    p->last = &p->first;
    err = open_db(&p->d, db_path, log);
    if (err != P2PFS_OK) {
        goto no_db;
    }
    err = P2PFS_NO_MEMORY;
    if (pthread_mutex_init(&p->mutex, NULL) != 0) {
        goto no_db;
    }
    if (thread_cond_init(&p->cond) != 0) {
        goto no_cond;
    }
    if (thread_start(&p->thread, run, p) != 0) {
        goto no_thread;
    }
    *out = p;
    return P2PFS_OK;

no_thread:
    pthread_cond_destroy(&p->cond);
no_cond:
    pthread_mutex_destroy(&p->mutex);
no_db:
    close_db(&p->d);
    free(p);
    return err;
}

void
peerread_stop(struct peerread *p)
{
    if (p == NULL) {
        return;
    }
    pthread_mutex_lock(&p->mutex);
    p->stopping = 1;
    pthread_cond_signal(&p->cond);
    pthread_mutex_unlock(&p->mutex);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->cond);
    pthread_mutex_destroy(&p->mutex);
    close_db(&p->d);
    free(p);
}
