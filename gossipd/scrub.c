/* The scrub's thread: reports first, then a pass as fast as it may be. */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gossipd/audit.h"
#include "gossipd/scrub.h"
#include "gossipd/thread.h"

#define MARKS_MAX 1024 /* looked at again before each pass */
#define WORDS_MAX 50   /* findings of a pass that are logged */
#define FAR_US ((uint64_t)INT64_MAX / 1000)
#define RETRY_US 1000000
#define RECOUNT_US 200000 /* until the writer has marked what was found */

struct mark {
    int kind;
    int64_t key;
};

struct scrub {
    struct scrub_config conf;
    struct audit *audit;
    struct writer *writer;
    struct log *log;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;

    /* under the mutex */
    struct p2pfs_damaged reports[SCRUB_REPORTS_MAX];
    unsigned n_reports;
    struct scrub_stats stats;
    int stopping;

    /* the thread's own */
    unsigned told;       /* findings logged in this pass */
    uint64_t recount_us; /* when marks are to be counted again, or 0 */
    struct mark marks[MARKS_MAX];
    unsigned n_marks;
};

static void
free_job(struct writer_job *job, void *ctx)
{
    (void)ctx;
    free(job);
}

/* Where it cannot be queued the next pass finds the row again. */
static void
submit(struct scrub *s, enum writer_kind what, int kind, int64_t key)
{
    struct writer_job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return;
    }
    job->kind = what;
    job->row_kind = kind;
    job->row_key = key;
    job->seq = (uint64_t)time(NULL);
    job->done = free_job;
    if (writer_submit(s->writer, job) != 0) {
        free(job);
    }
}

static void
on_found(void *ctx, int kind, int64_t key, const char *words)
{
    struct scrub *s = ctx;

    if (s->told < WORDS_MAX) {
        log_error(s->log, "scrub: %s", words);
    } else if (s->told == WORDS_MAX) {
        log_error(s->log, "scrub: there is more, see gossipd --check-store");
    }
    s->told++;
    if (kind != 0) {
        submit(s, WRITER_DAMAGED, kind, key);
        s->recount_us = thread_now_us() + RECOUNT_US;
    }
}

/* 1: stop. Returns early for a report. */
static int
wait_until(struct scrub *s, uint64_t deadline_us)
{
    int stopping;

    pthread_mutex_lock(&s->mutex);
    while (!s->stopping && s->n_reports == 0 && thread_now_us() < deadline_us) {
        (void)thread_wait_until(&s->cond, &s->mutex, deadline_us);
    }
    stopping = s->stopping;
    pthread_mutex_unlock(&s->mutex);
    return stopping;
}

static int
take_report(struct scrub *s, struct p2pfs_damaged *out)
{
    int got;

    pthread_mutex_lock(&s->mutex);
    got = s->n_reports > 0;
    if (got) {
        *out = s->reports[--s->n_reports];
    }
    pthread_mutex_unlock(&s->mutex);
    return got;
}

static void
on_mark(void *ctx, int kind, int64_t key)
{
    struct scrub *s = ctx;

    s->marks[s->n_marks].kind = kind;
    s->marks[s->n_marks++].key = key;
}

static void
count_marks(struct scrub *s)
{
    uint64_t n;

    s->n_marks = 0;
    if (audit_marks(s->audit, MARKS_MAX, on_mark, s, &n) == P2PFS_OK) {
        pthread_mutex_lock(&s->mutex);
        s->stats.damaged = n;
        pthread_mutex_unlock(&s->mutex);
    }
}

static void
take_back_marks(struct scrub *s)
{
    unsigned i;
    int damaged;

    count_marks(s);
    for (i = 0; i < s->n_marks; i++) {
        if (audit_row(s->audit, s->marks[i].kind, s->marks[i].key, &damaged)
                == P2PFS_OK
            && !damaged) {
            submit(s, WRITER_SOUND, s->marks[i].kind, s->marks[i].key);
            s->recount_us = thread_now_us() + RECOUNT_US;
        }
    }
}

static void
look_at_reports(struct scrub *s)
{
    struct p2pfs_damaged place;
    enum p2pfs_err err;

    while (take_report(s, &place)) {
        err = audit_place(s->audit, place.gk, place.vk, place.index);
        if (err != P2PFS_OK) {
            log_error(s->log, "scrub: cannot look at a report: %s",
                audit_detail(s->audit));
        }
    }
}

static void
end_pass(struct scrub *s, const struct audit_totals *t)
{
    pthread_mutex_lock(&s->mutex);
    s->stats.passes++;
    s->stats.wrong = t->wrong;
    pthread_mutex_unlock(&s->mutex);
    log_write(s->log, t->damaged + t->wrong > 0 ? LOG_ERROR : LOG_INFO,
        "scrub: all read: files=%llu bytes=%llu damaged=%llu wrong=%llu",
        (unsigned long long)t->files, (unsigned long long)t->bytes,
        (unsigned long long)t->damaged, (unsigned long long)t->wrong);
    s->told = 0;
}

/* One step; returns the time of the next. */
static uint64_t
step(struct scrub *s)
{
    uint64_t begin = thread_now_us();
    struct audit_totals before, after;
    enum p2pfs_err err;
    int done;

    audit_read_totals(s->audit, &before);
    err = audit_step(s->audit, &done);
    audit_read_totals(s->audit, &after);
    if (err == P2PFS_STORE_BUSY) {
        return begin + RETRY_US;
    }
    if (err != P2PFS_OK) {
        log_error(s->log, "scrub: %s: %s", audit_phase(s->audit),
            audit_detail(s->audit));
        audit_skip(s->audit, &done);
    }
    if (after.bytes < before.bytes) {
        before.bytes = 0; /* a pass begins */
    }
    pthread_mutex_lock(&s->mutex);
    s->stats.read += after.bytes - before.bytes;
    pthread_mutex_unlock(&s->mutex);
    if (done) {
        end_pass(s, &after);
        return begin + (uint64_t)s->conf.pause_s * 1000000;
    }
    return begin
        + (after.bytes - before.bytes) * 1000000 / s->conf.bytes_per_second;
}

static void
recount(struct scrub *s)
{
    if (s->recount_us > 0 && thread_now_us() >= s->recount_us) {
        s->recount_us = 0;
        count_marks(s);
    }
}

static void *
run(void *arg)
{
    struct scrub *s = arg;
    uint64_t next = s->conf.bytes_per_second == 0 ? FAR_US : thread_now_us();
    uint64_t passes = UINT64_MAX;

    count_marks(s);
    while (!wait_until(s,
        s->recount_us > 0 && s->recount_us < next ? s->recount_us : next)) {
        look_at_reports(s);
        recount(s);
        if (thread_now_us() < next) {
            continue;
        }
        if (passes != s->stats.passes) {
            passes = s->stats.passes;
            take_back_marks(s);
        }
        next = step(s);
    }
    return NULL;
}

enum p2pfs_err
scrub_start(struct scrub **out, const struct scrub_config *c, struct writer *w,
    struct log *log)
{
    struct scrub *s = calloc(1, sizeof(*s));
    char detail[512];
    enum p2pfs_err err;

    *out = NULL;
    if (s == NULL) {
        return P2PFS_NO_MEMORY;
    }
    s->conf = *c;
    s->writer = w;
    s->log = log;
    err =
        audit_open(&s->audit, c->db_path, on_found, s, detail, sizeof(detail));
    if (err != P2PFS_OK) {
        log_error(log, "scrub: %s", detail);
        goto no_audit;
    }
    err = P2PFS_NO_MEMORY;
    if (pthread_mutex_init(&s->mutex, NULL) != 0) {
        goto no_mutex;
    }
    if (thread_cond_init(&s->cond) != 0) {
        goto no_cond;
    }
    if (thread_start(&s->thread, run, s) != 0) {
        goto no_thread;
    }
    *out = s;
    return P2PFS_OK;

no_thread:
    pthread_cond_destroy(&s->cond);
no_cond:
    pthread_mutex_destroy(&s->mutex);
no_mutex:
    audit_close(s->audit);
no_audit:
    free(s);
    return err;
}

void
scrub_stop(struct scrub *s)
{
    if (s == NULL) {
        return;
    }
    pthread_mutex_lock(&s->mutex);
    s->stopping = 1;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->thread, NULL);
}

void
scrub_free(struct scrub *s)
{
    if (s == NULL) {
        return;
    }
    pthread_cond_destroy(&s->cond);
    pthread_mutex_destroy(&s->mutex);
    audit_close(s->audit);
    free(s);
}

void
scrub_report(struct scrub *s, const struct p2pfs_damaged *place)
{
    unsigned i;

    pthread_mutex_lock(&s->mutex);
    for (i = 0; i < s->n_reports; i++) {
        if (s->reports[i].gk == place->gk && s->reports[i].vk == place->vk
            && s->reports[i].index == place->index) {
            break;
        }
    }
    if (i == s->n_reports && i < SCRUB_REPORTS_MAX) {
        s->reports[s->n_reports++] = *place;
        pthread_cond_signal(&s->cond);
    }
    pthread_mutex_unlock(&s->mutex);
}

void
scrub_read_stats(struct scrub *s, struct scrub_stats *out)
{
    pthread_mutex_lock(&s->mutex);
    *out = s->stats;
    pthread_mutex_unlock(&s->mutex);
}
