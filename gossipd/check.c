/* gossipd --check-store: everything read and hashed again. */

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "gossipd/audit.h"
#include "gossipd/check.h"
#include "gossipd/thread.h"

#define PROGRESS_US 1000000
#define FINDINGS_SHOWN 100
#define TRIES 20 /* of a step while the database is busy */

struct check {
    struct audit *audit;
    uint64_t told_us;
    unsigned shown;
    unsigned failed; /* phases that could not be read to their end */
};

static void
on_found(void *ctx, int kind, int64_t key, const char *words)
{
    struct check *c = ctx;

    (void)key;
    if (c->shown < FINDINGS_SHOWN) {
        (void)printf("%s: %s\n", kind == 0 ? "wrong" : "damaged", words);
    } else if (c->shown == FINDINGS_SHOWN) {
        (void)printf("and more, which only the numbers below count\n");
    }
    c->shown++;
}

static int
is_time(struct check *c)
{
    uint64_t now = thread_now_us();

    if (now - c->told_us < PROGRESS_US) {
        return 0;
    }
    c->told_us = now;
    return 1;
}

static void
on_tick(void *ctx)
{
    if (is_time(ctx)) {
        (void)fprintf(stderr, "gossipd: checking pages and indexes\n");
    }
}

static void
tell_progress(struct check *c)
{
    struct audit_totals t;

    if (!is_time(c)) {
        return;
    }
    audit_read_totals(c->audit, &t);
    (void)fprintf(stderr,
        "gossipd: checking %s: %" PRIu64 " files, %" PRIu64 " tiles, %" PRIu64
        " of about %" PRIu64 " MiB\n",
        audit_phase(c->audit), t.files, t.tiles, t.bytes >> 20,
        audit_size(c->audit) >> 20);
}

static void
check_pages(struct check *c)
{
    char words[256];
    int ok;

    if (audit_integrity(c->audit, on_tick, c, &ok, words, sizeof(words))
            != P2PFS_OK
        || !ok) {
        (void)printf("wrong: database: %s\n", words);
        c->failed++;
    }
    (void)printf("integrity %s\n", ok ? "ok" : "failed");
}

static void
check_rows(struct check *c)
{
    enum p2pfs_err err;
    unsigned tries = 0;
    int done = 0;

    while (!done) {
        err = audit_step(c->audit, &done);
        if (err == P2PFS_STORE_BUSY && ++tries < TRIES) {
            continue;
        }
        tries = 0;
        if (err != P2PFS_OK) {
            (void)printf("wrong: %s: %s\n", audit_phase(c->audit),
                audit_detail(c->audit));
            c->failed++;
            audit_skip(c->audit, &done);
        }
        tell_progress(c);
    }
}

static void
on_mark(void *ctx, int kind, int64_t key)
{
    (void)ctx;
    (void)kind;
    (void)key;
}

/* 1: sound. */
static int
summarize(const struct check *c)
{
    struct audit_totals t;
    uint64_t marked = 0;
    int sound;

    audit_read_totals(c->audit, &t);
    if (audit_marks(c->audit, 0, on_mark, NULL, &marked) != P2PFS_OK) {
        (void)printf("wrong: marks: %s\n", audit_detail(c->audit));
    }
    sound = t.damaged == 0 && t.wrong == 0 && c->failed == 0;
    (void)printf("files %" PRIu64 "\ntiles %" PRIu64 "\nversions %" PRIu64
                 "\nrecords %" PRIu64 "\nbytes %" PRIu64 "\nmarked %" PRIu64
                 "\ndamaged %" PRIu64 "\nwrong %" PRIu64 "\nresult %s\n",
        t.files, t.tiles, t.versions, t.records, t.bytes, marked, t.damaged,
        t.wrong + c->failed, sound ? "sound" : "damaged");
    return sound;
}

int
check_store(const char *db_path)
{
    struct check c = {.told_us = thread_now_us()};
    char detail[512];
    enum p2pfs_err err;
    int sound;

    err = audit_open(&c.audit, db_path, on_found, &c, detail, sizeof(detail));
    if (err != P2PFS_OK) {
        (void)fprintf(stderr, "gossipd: cannot check: %s\n", detail);
        return P2PFS_EXIT_OTHER;
    }
    check_pages(&c);
    check_rows(&c);
    sound = summarize(&c);
    audit_close(c.audit);
    return sound ? 0 : P2PFS_EXIT_OTHER;
}
