/* Prepared statements by number, and what SQLite's results mean to us. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/schema.h"
#include "core/sql.h"

enum p2pfs_err
p2pfs_sql_map(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return P2PFS_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return P2PFS_STORE_BUSY;
    case SQLITE_READONLY:
        /* The writer is just making or recovering its -shm. */
        if (rc == SQLITE_READONLY_RECOVERY || rc == SQLITE_READONLY_CANTINIT) {
            return P2PFS_STORE_BUSY;
        }
        return P2PFS_STORE_ERROR;
    case SQLITE_CANTOPEN: return P2PFS_STORE_UNAVAILABLE;
    case SQLITE_NOTADB: return P2PFS_STORE_SCHEMA;
    case SQLITE_FULL: return P2PFS_STORE_FULL;
    case SQLITE_NOMEM: return P2PFS_NO_MEMORY;
    default: return P2PFS_STORE_ERROR;
    }
}

enum p2pfs_err
p2pfs_sql_err(const struct p2pfs_sql *q)
{
    enum p2pfs_err err = p2pfs_sql_map(q->rc);

    return err == P2PFS_OK ? P2PFS_STORE_ERROR : err;
}

enum p2pfs_err
p2pfs_sql_init(struct p2pfs_sql *q, sqlite3 *db, const char *const *text,
    unsigned n)
{
    unsigned i;
    int rc;

    memset(q, 0, sizeof(*q));
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    q->stmt = calloc(n, sizeof(*q->stmt));
    if (q->stmt == NULL) {
        q->rc = SQLITE_NOMEM;
        return P2PFS_NO_MEMORY;
    }
    q->db = db;
    q->n = n;
    for (i = 0; i < n; i++) {
        rc = sqlite3_prepare_v3(db, text[i], -1, SQLITE_PREPARE_PERSISTENT,
            &q->stmt[i], NULL);
        if (rc != SQLITE_OK) {
            p2pfs_sql_fini(q);
            q->rc = rc;
            return p2pfs_sql_err(q);
        }
    }
    return P2PFS_OK;
}

void
p2pfs_sql_fini(struct p2pfs_sql *q)
{
    unsigned i;

    for (i = 0; i < q->n; i++) {
        sqlite3_finalize(q->stmt[i]);
    }
    free(q->stmt);
    memset(q, 0, sizeof(*q));
}

/*
 * A failing bind leaves the parameter NULL; the constraints of the schema and
 * the lengths that readers check make that an error, never a wrong answer. It
 * can fail only for lack of memory or a wrong number.
 */
void
p2pfs_sql_blob(struct p2pfs_sql *q, unsigned id, int param, const void *data,
    size_t len)
{
    sqlite3_reset(q->stmt[id]);
    sqlite3_bind_blob64(q->stmt[id], param, len == 0 ? "" : data, len,
        SQLITE_STATIC);
}

void
p2pfs_sql_text(struct p2pfs_sql *q, unsigned id, int param, const char *text,
    size_t len)
{
    sqlite3_reset(q->stmt[id]);
    sqlite3_bind_text64(q->stmt[id], param, len == 0 ? "" : text, len,
        SQLITE_STATIC, SQLITE_UTF8);
}

int
p2pfs_sql_next(struct p2pfs_sql *q, unsigned id)
{
    int rc = sqlite3_step(q->stmt[id]);

    if (rc == SQLITE_ROW) {
        return 1;
    }
    sqlite3_reset(q->stmt[id]);
    if (rc == SQLITE_DONE) {
        return 0;
    }
    q->rc = sqlite3_extended_errcode(q->db);
    return -1;
}

int
p2pfs_sql_step(struct p2pfs_sql *q, unsigned id, const int64_t *ints, size_t n)
{
    size_t i;
    int rc;

    sqlite3_reset(q->stmt[id]);
    for (i = 0; i < n; i++) {
        rc = sqlite3_bind_int64(q->stmt[id], (int)i + 1, ints[i]);
        if (rc != SQLITE_OK) {
            q->rc = rc;
            return -1;
        }
    }
    return p2pfs_sql_next(q, id);
}

enum p2pfs_err
p2pfs_sql_run(struct p2pfs_sql *q, unsigned id, const int64_t *ints, size_t n)
{
    int got = p2pfs_sql_step(q, id, ints, n);

    p2pfs_sql_reset(q, id);
    return got < 0 ? p2pfs_sql_err(q) : P2PFS_OK;
}

void
p2pfs_sql_reset(struct p2pfs_sql *q, unsigned id)
{
    sqlite3_reset(q->stmt[id]);
}

void
p2pfs_sql_reset_all(struct p2pfs_sql *q)
{
    unsigned i;

    for (i = 0; i < q->n; i++) {
        sqlite3_reset(q->stmt[i]);
    }
}

int64_t
p2pfs_sql_int(struct p2pfs_sql *q, unsigned id, int column)
{
    return sqlite3_column_int64(q->stmt[id], column);
}

const uint8_t *
p2pfs_sql_bytes(struct p2pfs_sql *q, unsigned id, int column, size_t *len)
{
    static const uint8_t nothing[1];
    const uint8_t *p = sqlite3_column_blob(q->stmt[id], column);

    *len = (size_t)sqlite3_column_bytes(q->stmt[id], column);
    if (p == NULL && *len == 0
        && sqlite3_column_type(q->stmt[id], column) != SQLITE_NULL) {
        return nothing; /* SQLite has no address for a blob of no bytes */
    }
    return p;
}

enum p2pfs_err
p2pfs_sql_exec(sqlite3 *db, const char *text)
{
    int rc = sqlite3_exec(db, text, NULL, NULL, NULL);

    if (rc == SQLITE_OK) {
        return P2PFS_OK;
    }
    return p2pfs_sql_map(sqlite3_extended_errcode(db));
}

enum p2pfs_err
p2pfs_sql_open_reader(sqlite3 **out, const char *path, char *detail,
    size_t room)
{
    sqlite3 *db = NULL;
    enum p2pfs_err err;
    int rc;

    *out = NULL;
    rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
        NULL);
    if (db == NULL) {
        snprintf(detail, room, "open \"%s\": out of memory", path);
        return P2PFS_NO_MEMORY;
    }
    sqlite3_extended_result_codes(db, 1);
    err = p2pfs_sql_map(rc);
    if (err == P2PFS_OK) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_busy_timeout(db, 0);
        err = p2pfs_sql_exec(db,
            "PRAGMA query_only = 1;"
            "PRAGMA cell_size_check = 1;"
            "PRAGMA cache_size = -8192");
    }
    if (err == P2PFS_OK) {
        err = p2pfs_schema_check(db);
    }
    if (err != P2PFS_OK) {
        snprintf(detail, room, "open \"%s\": %s", path,
            err == P2PFS_STORE_SCHEMA ? p2pfs_err_row(err)->text
                                      : sqlite3_errmsg(db));
        sqlite3_close(db);
        return err;
    }
    *out = db;
    return P2PFS_OK;
}
