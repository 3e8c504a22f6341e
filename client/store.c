/*
 * client/store.c: see client/store.h.
 */

#include "client/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#define BUSY_MS 5000

struct client_store {
    sqlite3 *db;
};

static const char schema[] =
    "CREATE TABLE record ("
    " id TEXT PRIMARY KEY, count INTEGER NOT NULL, root BLOB NOT NULL,"
    " complete INTEGER NOT NULL, created INTEGER NOT NULL,"
    " updated INTEGER NOT NULL, server TEXT NOT NULL) WITHOUT ROWID;"
    "PRAGMA application_id = 1882351203;" /* CLIENT_STORE_APPLICATION_ID */
    "PRAGMA user_version = 1;";           /* CLIENT_STORE_VERSION */

_Static_assert(CLIENT_STORE_APPLICATION_ID == 1882351203, "as in schema");
_Static_assert(CLIENT_STORE_VERSION == 1, "as in schema");

static enum p2pfs_err
run(struct client_store *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK
        ? P2PFS_OK
        : P2PFS_STORE_ERROR;
}

static enum p2pfs_err
read_number(struct client_store *s, const char *sql, int64_t *out)
{
    enum p2pfs_err err = P2PFS_STORE_ERROR;
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK
        && sqlite3_step(st) == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
        err = P2PFS_OK;
    }
    (void)sqlite3_finalize(st);
    return err;
}

/* Inside a transaction. An empty file (a crash before the first commit leaves
 * one) becomes a store where it may, others must be one. */
static enum p2pfs_err
settle_schema(struct client_store *s, int create)
{
    enum p2pfs_err err;
    int64_t app = 0;
    int64_t version = 0;
    int64_t tables = 0;

    err = read_number(s, "PRAGMA application_id", &app);
    if (err == P2PFS_OK) {
        err = read_number(s, "PRAGMA user_version", &version);
    }
    if (err == P2PFS_OK) {
        err = read_number(s, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    if (app == 0 && version == 0 && tables == 0) {
        return create ? run(s, schema) : P2PFS_NO_RECORD;
    }
    if (app != CLIENT_STORE_APPLICATION_ID || version != CLIENT_STORE_VERSION) {
        return P2PFS_STORE_SCHEMA;
    }
    return P2PFS_OK;
}

static enum p2pfs_err
open_db(struct client_store *s, const char *path, int create)
{
    enum p2pfs_err err;

    if (sqlite3_open_v2(path, &s->db,
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
                | (create ? SQLITE_OPEN_CREATE : 0),
            NULL)
        != SQLITE_OK) {
        return P2PFS_STORE_ERROR;
    }
    (void)sqlite3_busy_timeout(s->db, BUSY_MS);
    /* Reading works on a store that cannot be written. */
    err = run(s,
        create ? "PRAGMA synchronous = EXTRA; BEGIN IMMEDIATE"
               : "PRAGMA synchronous = EXTRA; BEGIN");
    if (err == P2PFS_OK) {
        err = settle_schema(s, create);
    }
    if (err == P2PFS_OK) {
        return run(s, "COMMIT");
    }
    if (sqlite3_errcode(s->db) == SQLITE_NOTADB) {
        err = P2PFS_STORE_SCHEMA;
    }
    return err;
}

enum p2pfs_err
client_store_open(struct client_store **out, const char *path, int create)
{
    struct client_store *s;

    *out = NULL;
    if (!create && access(path, F_OK) != 0 && errno == ENOENT) {
        return P2PFS_NO_RECORD;
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return P2PFS_NO_MEMORY;
    }
    *out = s;
    return open_db(s, path, create);
}

void
client_store_close(struct client_store *s)
{
    if (s != NULL) {
        (void)sqlite3_close(s->db);
        free(s);
    }
}

const char *
client_store_detail(const struct client_store *s)
{
    return s != NULL && s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory";
}

static void
read_row(sqlite3_stmt *st, struct p2pfs_client_record *r)
{
    const unsigned char *id = sqlite3_column_text(st, 0);
    const void *root = sqlite3_column_blob(st, 2);

    memset(r, 0, sizeof(*r));
    (void)snprintf(r->id, sizeof(r->id), "%s", id ? (const char *)id : "");
    r->count = (uint64_t)sqlite3_column_int64(st, 1);
    if (root != NULL && sqlite3_column_bytes(st, 2) == sizeof(r->root)) {
        memcpy(r->root, root, sizeof(r->root));
    }
    r->complete = sqlite3_column_int(st, 3);
    r->created = sqlite3_column_int64(st, 4);
    r->updated = sqlite3_column_int64(st, 5);
    r->server = (const char *)sqlite3_column_text(st, 6);
    if (r->server == NULL) {
        r->server = "";
    }
}

#define COLUMNS "id, count, root, complete, created, updated, server"

enum p2pfs_err
client_store_find(struct client_store *s, const char *id,
    struct p2pfs_client_record *out, char *server, size_t server_len)
{
    enum p2pfs_err err = P2PFS_STORE_ERROR;
    sqlite3_stmt *st = NULL;
    int rc;

    if (sqlite3_prepare_v2(s->db, "SELECT " COLUMNS " FROM record WHERE id = ?",
            -1, &st, NULL)
            != SQLITE_OK
        || sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC) != SQLITE_OK) {
        goto done;
    }
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW) {
        read_row(st, out);
        (void)snprintf(server, server_len, "%s", out->server);
        out->server = server;
        err = P2PFS_OK;
    } else if (rc == SQLITE_DONE) {
        err = P2PFS_NO_RECORD;
    }

done:
    (void)sqlite3_finalize(st);
    return err;
}

static enum p2pfs_err
insert(struct client_store *s, const struct p2pfs_client_record *r, int64_t now)
{
    enum p2pfs_err err = P2PFS_STORE_ERROR;
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(s->db,
            "INSERT INTO record (" COLUMNS ") VALUES (?, ?, ?, 0, ?4, ?4, ?5)",
            -1, &st, NULL)
            == SQLITE_OK
        && sqlite3_bind_text(st, 1, r->id, -1, SQLITE_STATIC) == SQLITE_OK
        && sqlite3_bind_int64(st, 2, (int64_t)r->count) == SQLITE_OK
        && sqlite3_bind_blob(st, 3, r->root, sizeof(r->root), SQLITE_STATIC)
            == SQLITE_OK
        && sqlite3_bind_int64(st, 4, now) == SQLITE_OK
        && sqlite3_bind_text(st, 5, r->server, -1, SQLITE_STATIC) == SQLITE_OK
        && sqlite3_step(st) == SQLITE_DONE) {
        err = P2PFS_OK;
    }
    (void)sqlite3_finalize(st);
    return err;
}

enum p2pfs_err
client_store_begin(struct client_store *s, const struct p2pfs_client_record *r,
    int64_t now)
{
    struct p2pfs_client_record old;
    enum p2pfs_err err;
    char server[1];

    err = run(s, "BEGIN IMMEDIATE");
    if (err != P2PFS_OK) {
        return err;
    }
    err = client_store_find(s, r->id, &old, server, sizeof(server));
    if (err == P2PFS_NO_RECORD) {
        err = insert(s, r, now);
    } else if (err == P2PFS_OK
        && (old.count != r->count
            || memcmp(old.root, r->root, sizeof(old.root)) != 0)) {
        err = P2PFS_ROOT_CHANGED;
    }
    if (err == P2PFS_OK) {
        err = run(s, "COMMIT");
    }
    if (err != P2PFS_OK && !sqlite3_get_autocommit(s->db)) {
        (void)run(s, "ROLLBACK");
    }
    return err;
}

enum p2pfs_err
client_store_finish(struct client_store *s, const char *id, int64_t now)
{
    enum p2pfs_err err = P2PFS_STORE_ERROR;
    sqlite3_stmt *st = NULL;

    if (sqlite3_prepare_v2(s->db,
            "UPDATE record SET complete = 1, updated = ?2"
            " WHERE id = ?1 AND complete = 0",
            -1, &st, NULL)
            == SQLITE_OK
        && sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC) == SQLITE_OK
        && sqlite3_bind_int64(st, 2, now) == SQLITE_OK
        && sqlite3_step(st) == SQLITE_DONE) {
        err = P2PFS_OK;
    }
    (void)sqlite3_finalize(st);
    return err;
}

enum p2pfs_err
client_store_list(struct client_store *s,
    int (*each)(void *ctx, const struct p2pfs_client_record *r), void *ctx)
{
    enum p2pfs_err err = P2PFS_OK;
    struct p2pfs_client_record r;
    sqlite3_stmt *st = NULL;
    int rc;

    if (sqlite3_prepare_v2(s->db,
            "SELECT " COLUMNS " FROM record ORDER BY created, id", -1, &st,
            NULL)
        != SQLITE_OK) {
        return P2PFS_STORE_ERROR;
    }
    for (rc = sqlite3_step(st); rc == SQLITE_ROW; rc = sqlite3_step(st)) {
        read_row(st, &r);
        if (each(ctx, &r) != 0) {
            err = P2PFS_CANCELLED;
            goto done;
        }
    }
    if (rc != SQLITE_DONE) {
        err = P2PFS_STORE_ERROR;
    }

done:
    (void)sqlite3_finalize(st);
    return err;
}
