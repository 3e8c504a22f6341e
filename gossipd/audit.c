/* The audit's connection, the order of its steps and its findings. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gossipd/audit_impl.h"

#define BUSY_MS 1000
#define TICK_OPS 1000000 /* of SQLite's virtual machine */

static const char *const audit_texts[] = {
#define AUDIT_Q_TEXT(name, text) text,
    AUDIT_STATEMENTS(AUDIT_Q_TEXT)
#undef AUDIT_Q_TEXT
};

enum p2pfs_err
audit_fail(struct audit *a, const char *what)
{
    enum p2pfs_err err = p2pfs_sql_err(&a->q);

    (void)snprintf(a->detail, sizeof(a->detail), "%s: %s", what,
        sqlite3_errmsg(a->db));
    return err;
}

const char *
audit_detail(const struct audit *a)
{
    return a->detail;
}

void
audit_count_bytes(struct audit *a, size_t bytes)
{
    a->step_bytes += bytes;
    a->totals.bytes += bytes;
}

static void
count(struct audit *a, int kind)
{
    if (kind == 0) {
        a->totals.wrong++;
    } else {
        a->totals.damaged++;
    }
}

/* "file 7 of "set" (3 files): words"; a group that is not there has no name. */
static void
tell(struct audit *a, int kind, int64_t key, int64_t gk, const char *file,
    const char *words)
{
    const uint8_t *name;
    size_t len = 0;
    char text[512];
    int got;

    got = P2PFS_SQL_STEP(&a->q, Q_GROUP, gk);
    if (got > 0) {
        name = p2pfs_sql_bytes(&a->q, Q_GROUP, 0, &len);
        (void)snprintf(text, sizeof(text), "%sset \"%.*s\" of %lld: %s", file,
            (int)len, name == NULL ? "" : (const char *)name,
            (long long)p2pfs_sql_int(&a->q, Q_GROUP, 1), words);
    } else {
        (void)snprintf(text, sizeof(text), "%sa set without a name: %s", file,
            words);
    }
    p2pfs_sql_reset(&a->q, Q_GROUP);
    count(a, kind);
    a->found(a->ctx, kind, key, text);
}

void
audit_tell(struct audit *a, int kind, int64_t key, int64_t gk, uint32_t index,
    const char *words)
{
    char file[32];

    (void)snprintf(file, sizeof(file), "file %u of ", index);
    tell(a, kind, key, gk, file, words);
}

void
audit_tell_set(struct audit *a, int64_t gk, const char *words)
{
    tell(a, 0, 0, gk, "", words);
}

void
audit_tell_plain(struct audit *a, const char *words)
{
    count(a, 0);
    a->found(a->ctx, 0, 0, words);
}

static enum p2pfs_err
begin(struct audit *a)
{
    a->step_bytes = 0;
    if (p2pfs_sql_run(&a->q, Q_BEGIN, NULL, 0) != P2PFS_OK) {
        return audit_fail(a, "begin");
    }
    return P2PFS_OK;
}

static enum p2pfs_err
end(struct audit *a, enum p2pfs_err err)
{
    p2pfs_sql_reset_all(&a->q);
    if (!sqlite3_get_autocommit(a->db)) {
        sqlite3_exec(a->db, "ROLLBACK", NULL, NULL, NULL);
    }
    if (err == P2PFS_OK && p2pfs_hasher_failed(a->hasher)) {
        (void)snprintf(a->detail, sizeof(a->detail), "the hasher failed");
        return P2PFS_INTERNAL;
    }
    return err;
}

static enum p2pfs_err
measure(struct audit *a)
{
    if (p2pfs_sql_step(&a->q, Q_PAGES, NULL, 0) <= 0) {
        return audit_fail(a, "count pages");
    }
    a->size =
        (uint64_t)p2pfs_sql_int(&a->q, Q_PAGES, 0) * P2PFS_SCHEMA_PAGE_BYTES;
    p2pfs_sql_reset(&a->q, Q_PAGES);
    return P2PFS_OK;
}

enum p2pfs_err
audit_open(struct audit **out, const char *path, audit_found found, void *ctx,
    char *detail, size_t room)
{
    struct audit *a = calloc(1, sizeof(*a));
    enum p2pfs_err err;

    *out = NULL;
    if (a == NULL) {
        (void)snprintf(detail, room, "out of memory");
        return P2PFS_NO_MEMORY;
    }
    a->found = found;
    a->ctx = ctx;
    detail[0] = '\0';
    err = p2pfs_hasher_new(&a->hasher);
    if (err == P2PFS_OK) {
        err = p2pfs_sql_open_reader(&a->db, path, detail, room);
    }
    if (err == P2PFS_OK) {
        /* Nobody waits for this connection. */
        sqlite3_busy_timeout(a->db, BUSY_MS);
        err = p2pfs_sql_init(&a->q, a->db, audit_texts, Q_COUNT);
        if (err == P2PFS_OK) {
            err = measure(a);
        }
        if (err != P2PFS_OK) {
            (void)snprintf(detail, room, "read \"%s\": %s", path,
                sqlite3_errmsg(a->db));
        }
    }
    if (err != P2PFS_OK) {
        audit_close(a);
        return err;
    }
    *out = a;
    return P2PFS_OK;
}

void
audit_close(struct audit *a)
{
    if (a == NULL) {
        return;
    }
    p2pfs_sql_fini(&a->q);
    sqlite3_close(a->db);
    p2pfs_hasher_free(a->hasher);
    free(a);
}

static enum p2pfs_err
run_phase(struct audit *a, int *done)
{
    switch (a->phase) {
    case AUDIT_CONTENTS: return audit_contents(a, done);
    case AUDIT_ALTS: return audit_alts(a, done);
    case AUDIT_VERSIONS: return audit_versions(a, done);
    case AUDIT_LOG: return audit_log(a, done);
    case AUDIT_LABELS: return audit_labels(a, done);
    case AUDIT_PHASES: break;
    }
    return P2PFS_INTERNAL;
}

void
audit_skip(struct audit *a, int *done)
{
    a->next = 0;
    memset(&a->v, 0, sizeof(a->v));
    a->phase++;
    *done = a->phase == AUDIT_PHASES;
}

enum p2pfs_err
audit_step(struct audit *a, int *done)
{
    enum p2pfs_err err;

    *done = 0;
    if (a->phase == AUDIT_PHASES) {
        memset(&a->totals, 0, sizeof(a->totals));
        a->version_records = 0;
        a->phase = AUDIT_CONTENTS;
    }
    err = begin(a);
    if (err != P2PFS_OK) {
        return err;
    }
    if (a->phase == AUDIT_CONTENTS && a->next == 0) {
        err = measure(a);
    }
    if (err == P2PFS_OK) {
        err = run_phase(a, done);
    }
    err = end(a, err);
    if (err == P2PFS_OK && *done) {
        audit_skip(a, done);
    }
    return err;
}

const char *
audit_phase(const struct audit *a)
{
    switch (a->phase) {
    case AUDIT_CONTENTS: return "contents";
    case AUDIT_ALTS: return "alternatives";
    case AUDIT_VERSIONS: return "versions";
    case AUDIT_LOG: return "log";
    case AUDIT_LABELS: return "labels";
    case AUDIT_PHASES: break;
    }
    return "end";
}

uint64_t
audit_size(const struct audit *a)
{
    return a->size;
}

void
audit_read_totals(const struct audit *a, struct audit_totals *out)
{
    *out = a->totals;
}

/* Totals count what a pass finds; a look at one place is not part of it. */
enum p2pfs_err
audit_place(struct audit *a, int64_t gk, int64_t vk, uint32_t index)
{
    struct audit_totals totals = a->totals;
    enum p2pfs_err err;

    if (gk < 0 || gk > INT32_MAX || vk < 0 || vk > INT32_MAX) {
        return P2PFS_OK;
    }
    err = begin(a);
    if (err == P2PFS_OK) {
        err = end(a, audit_one_place(a, gk, vk, index));
    }
    a->totals = totals;
    return err;
}

enum p2pfs_err
audit_row(struct audit *a, int kind, int64_t key, int *damaged)
{
    struct audit_totals totals = a->totals;
    enum p2pfs_err err;

    *damaged = 0;
    err = begin(a);
    if (err == P2PFS_OK) {
        err = end(a, audit_one_row(a, kind, key, damaged));
    }
    a->totals = totals;
    return err;
}

enum p2pfs_err
audit_marks(struct audit *a, unsigned max,
    void (*row)(void *ctx, int kind, int64_t key), void *ctx, uint64_t *n)
{
    enum p2pfs_err err;
    int got;

    *n = 0;
    err = begin(a);
    if (err != P2PFS_OK) {
        return err;
    }
    got = p2pfs_sql_step(&a->q, Q_MARK_COUNT, NULL, 0);
    if (got > 0) {
        *n = (uint64_t)p2pfs_sql_int(&a->q, Q_MARK_COUNT, 0);
        got = P2PFS_SQL_STEP(&a->q, Q_MARKS, max);
    }
    for (; got > 0; got = p2pfs_sql_next(&a->q, Q_MARKS)) {
        row(ctx, (int)p2pfs_sql_int(&a->q, Q_MARKS, 0),
            p2pfs_sql_int(&a->q, Q_MARKS, 1));
    }
    return end(a, got < 0 ? audit_fail(a, "read marks") : P2PFS_OK);
}

struct ticker {
    void (*tick)(void *ctx);
    void *ctx;
};

static int
on_progress(void *ctx)
{
    struct ticker *t = ctx;

    t->tick(t->ctx);
    return 0;
}

enum p2pfs_err
audit_integrity(struct audit *a, void (*tick)(void *ctx), void *ctx, int *ok,
    char *words, size_t room)
{
    struct ticker t = {tick, ctx};
    sqlite3_stmt *stmt = NULL;
    enum p2pfs_err err = P2PFS_OK;
    const char *text;
    int rc;

    *ok = 0;
    words[0] = '\0';
    sqlite3_progress_handler(a->db, TICK_OPS, on_progress, &t);
    rc =
        sqlite3_prepare_v2(a->db, "PRAGMA integrity_check(1)", -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
    }
    if (rc == SQLITE_ROW) {
        text = (const char *)sqlite3_column_text(stmt, 0);
        *ok = text != NULL && strcmp(text, "ok") == 0;
        (void)snprintf(words, room, "%s", text == NULL ? "" : text);
    } else {
        err = p2pfs_sql_map(sqlite3_extended_errcode(a->db));
        (void)snprintf(words, room, "%s", sqlite3_errmsg(a->db));
    }
    sqlite3_finalize(stmt);
    sqlite3_progress_handler(a->db, 0, NULL, NULL);
    return err;
}
