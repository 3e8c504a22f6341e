/* The writer thread: group commit, one retry alone, checkpoints when idle. */

#include <stdlib.h>
#include <string.h>

#include "gossipd/thread.h"
#include "gossipd/writer_queue.h"

#define TICK_US 1000000
#define COMPLAIN_US 1000000 /* a disk that fails, fails for every job */

struct writer {
    struct store *store;
    struct log *log;
    void (*on_log)(void *ctx, uint64_t head);
    void *ctx;

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;

    /* under the mutex */
    struct writer_queue queue;
    int stopping;
    enum p2pfs_err health; /* written by the thread alone */
    struct store_stats stats;

    /* the thread's own */
    size_t previous;       /* jobs in the group before */
    uint64_t committed_us; /* when that was committed */
    uint64_t head;         /* of the log, as last told */
    uint64_t complain_at;
    uint64_t ticked_us;
};

/* A group of jobs on its way through one transaction. */
struct group {
    struct writer_job *first;
    size_t n;
};

int
writer_submit(struct writer *w, struct writer_job *job)
{
    int taken;

    pthread_mutex_lock(&w->mutex);
    taken = !w->stopping && writer_queue_put(&w->queue, job) == 0;
    if (taken) {
        pthread_cond_signal(&w->cond);
    }
    pthread_mutex_unlock(&w->mutex);
    return taken ? 0 : -1;
}

/* What is due each second, and after a failure. */
static void
tick(struct writer *w)
{
    enum p2pfs_err err = store_health(w->store);
    struct store_stats stats;

    if (err == P2PFS_OK) {
        store_keep_space(w->store);
        err = store_health(w->store);
    }
    if (err != P2PFS_OK && w->health == P2PFS_OK) {
        log_error(w->log,
            "store: %s: nothing is written until it is opened "
            "anew",
            store_detail(w->store));
    }
    store_read_stats(w->store, &stats);
    w->ticked_us = thread_now_us();
    pthread_mutex_lock(&w->mutex);
    w->health = err;
    w->stats = stats;
    pthread_mutex_unlock(&w->mutex);
}

/*
 * Waits for the first job. Where the group before had several, their senders
 * have just been answered and are about to send again: a moment's patience
 * then saves a commit for each. A job that comes alone is never held up.
 */
static void
wait_for_jobs(struct writer *w)
{
    uint64_t deadline = thread_now_us() + TICK_US;

    while (w->queue.queued == 0 && !w->stopping) {
        if (thread_wait_until(&w->cond, &w->mutex, deadline) != 0) {
            pthread_mutex_unlock(&w->mutex);
            store_checkpoint(w->store, STORE_CHECKPOINT_IDLE);
            tick(w);
            pthread_mutex_lock(&w->mutex);
            deadline = thread_now_us() + TICK_US;
        }
    }
    deadline = w->committed_us + WRITER_GATHER_US;
    while (w->previous > 1 && w->queue.queued < w->previous && !w->stopping
        && thread_wait_until(&w->cond, &w->mutex, deadline) == 0) {
        continue;
    }
}

static enum p2pfs_err
apply_file(struct writer *w, struct writer_job *job)
{
    const struct p2pfs_record *r = &job->record;
    int local = job->origin == STORE_LOCAL;
    struct store_file f = {.id = r->id,
        .id_len = r->id_len,
        .n = local ? job->n : r->n,
        .index = local ? job->index : r->index,
        .content = job->data,
        .len = job->len,
        .root = p2pfs_hash_is_zero(&r->root) ? NULL : &r->root,
        .proof = &job->proof,
        .expected = job->check_entry ? &r->entry : NULL,
        .origin = job->origin};

    return store_put_file(w->store, &f, &job->result);
}

static enum p2pfs_err
apply_version(struct writer *w, struct writer_job *job)
{
    if (job->len != (uint64_t)job->record.n * P2PFS_HASH_BYTES) {
        memset(&job->result, 0, sizeof(job->result));
        job->result.err = P2PFS_NOT_IN_ROOT;
        return P2PFS_OK;
    }
    return store_put_version(w->store, &job->record, job->data, job->origin,
        &job->result);
}

static enum p2pfs_err
apply(struct writer *w, struct writer_job *job)
{
    switch (job->kind) {
    case WRITER_FILE: return apply_file(w, job);
    case WRITER_VERSION: return apply_version(w, job);
    case WRITER_PUBLISHED:
        memset(&job->result, 0, sizeof(job->result));
        return store_set_published(w->store, job->seq);
    case WRITER_PEER:
        memset(&job->result, 0, sizeof(job->result));
        return store_set_peer(w->store, job->node_id, job->epoch, job->seq);
    case WRITER_DAMAGED:
        memset(&job->result, 0, sizeof(job->result));
        return store_set_damaged(w->store, job->row_kind, job->row_key,
            (int64_t)job->seq);
    case WRITER_SOUND:
        memset(&job->result, 0, sizeof(job->result));
        return store_clear_damaged(w->store, job->row_kind, job->row_key);
    }
    return P2PFS_INTERNAL;
}

static void
complain(struct writer *w)
{
    uint64_t now = thread_now_us();

    if (now >= w->complain_at) {
        w->complain_at = now + COMPLAIN_US;
        log_error(w->log, "writer: %s", store_detail(w->store));
    }
}

/* All or nothing of n jobs. */
static enum p2pfs_err
transact(struct writer *w, struct writer_job *job, size_t n)
{
    enum p2pfs_err err;

    err = store_begin(w->store);
    for (; n > 0 && err == P2PFS_OK; n--) {
        err = apply(w, job);
        job = job->next;
    }
    if (err == P2PFS_OK) {
        err = store_commit(w->store);
    } else {
        store_rollback(w->store);
    }
    if (err != P2PFS_OK) {
        complain(w);
    }
    return err;
}

static void
set_failed(struct writer_job *job, enum p2pfs_err err)
{
    memset(&job->result, 0, sizeof(job->result));
    job->result.err =
        err == P2PFS_STORE_FULL ? P2PFS_STORE_FULL : P2PFS_STORE_UNAVAILABLE;
}

/* A group that failed is tried again job by job, so that only what fails by
 * itself is refused. */
static void
run_group(struct writer *w, const struct group *g)
{
    struct writer_job *job;
    enum p2pfs_err err;

    err = w->health == P2PFS_OK ? transact(w, g->first, g->n) : w->health;
    if (err == P2PFS_OK) {
        return;
    }
    tick(w);
    for (job = g->first; job != NULL; job = job->next) {
        if (g->n > 1 && w->health == P2PFS_OK) {
            err = transact(w, job, 1);
        }
        if (err != P2PFS_OK) {
            set_failed(job, err);
        }
    }
}

static void
answer_group(struct writer *w, const struct group *g)
{
    struct writer_job *job = g->first;
    struct writer_job *next;
    struct writer_load load[WRITER_LANES] = {{0, 0}};

    for (; job != NULL; job = next) {
        next = job->next; /* done() may free the job */
        writer_load_add(load, job);
        job->done(job, job->ctx);
    }
    pthread_mutex_lock(&w->mutex);
    writer_queue_settle(&w->queue, load);
    pthread_mutex_unlock(&w->mutex);
}

static void *
run(void *arg)
{
    struct writer *w = arg;
    struct group g;
    uint64_t head;

    for (;;) {
        pthread_mutex_lock(&w->mutex);
        wait_for_jobs(w);
        g.first = writer_queue_take(&w->queue, &g.n);
        pthread_mutex_unlock(&w->mutex);
        if (g.n == 0) {
            return NULL; /* stopping, and nothing is left */
        }
        run_group(w, &g);
        w->previous = g.n;
        w->committed_us = thread_now_us();
        answer_group(w, &g);
        head = store_log_head(w->store);
        if (head != w->head && w->on_log != NULL) {
            w->on_log(w->ctx, head);
        }
        w->head = head;
        store_checkpoint(w->store, STORE_CHECKPOINT_COMMIT);
        if (w->committed_us - w->ticked_us >= TICK_US) {
            tick(w);
        }
    }
}

enum p2pfs_err
writer_start(struct writer **out, struct store *s,
    const struct writer_limits *limits, struct log *log,
    void (*on_log)(void *ctx, uint64_t head), void *ctx)
{
    struct writer *w = calloc(1, sizeof(*w));

    *out = NULL;
    if (w == NULL) {
        return P2PFS_NO_MEMORY;
    }
    w->store = s;
    writer_queue_init(&w->queue, limits);
    w->log = log;
    w->on_log = on_log;
    w->ctx = ctx;
    w->head = store_log_head(s);
    if (pthread_mutex_init(&w->mutex, NULL) != 0) {
        goto no_mutex;
    }
    if (thread_cond_init(&w->cond) != 0) {
        goto no_cond;
    }
    if (thread_start(&w->thread, run, w) != 0) {
        goto no_thread;
    }
    *out = w;
    return P2PFS_OK;

no_thread:
    pthread_cond_destroy(&w->cond);
no_cond:
    pthread_mutex_destroy(&w->mutex);
no_mutex:
    free(w);
    return P2PFS_NO_MEMORY;
}

enum p2pfs_err
writer_health(struct writer *w)
{
    enum p2pfs_err err;

    pthread_mutex_lock(&w->mutex);
    err = w->health;
    pthread_mutex_unlock(&w->mutex);
    return err;
}

void
writer_read_stats(struct writer *w, struct store_stats *out)
{
    pthread_mutex_lock(&w->mutex);
    *out = w->stats;
    pthread_mutex_unlock(&w->mutex);
}

void
writer_stop(struct writer *w)
{
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->mutex);
    w->stopping = 1;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->cond);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}
