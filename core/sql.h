/*
 * core/sql.h: prepared statements of one SQLite connection, kept by number.
 *
 * A user has a table of statement texts and an enum for it. In every text the
 * integer parameters come first, ?1 to ?n, and are given with each step; blobs
 * and texts have the numbers behind them and are bound by a call before it.
 *
 *     p2pfs_sql_blob(q, FIND, 2, root, 32);
 *     got = P2PFS_SQL_STEP(q, FIND, gk);
 *     if (got > 0) { vk = p2pfs_sql_int(q, FIND, 0); }
 *     p2pfs_sql_reset(q, FIND);
 *
 * A step is 1 (a row), 0 (no row, no further row) or -1, and then
 * p2pfs_sql_err() says which error. A statement that gave a row holds its read
 * lock until it is reset or its rows are at their end.
 */

#ifndef P2PFS_CORE_SQL_H
#define P2PFS_CORE_SQL_H

#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include "core/error.h"

struct p2pfs_sql {
    sqlite3 *db;
    sqlite3_stmt **stmt;
    unsigned n;
    int rc; /* of the last call that failed */
};

/*
 * Prepares n statements for as long as the connection lives. On an error q
 * is empty and p2pfs_sql_err(q) is what was returned. fini takes an empty q.
 */
enum p2pfs_err p2pfs_sql_init(struct p2pfs_sql *q, sqlite3 *db,
    const char *const *text, unsigned n) P2PFS_MUST_CHECK;
void p2pfs_sql_fini(struct p2pfs_sql *q);

/* Both reset the statement; the bytes must live until its step returned. */
void p2pfs_sql_blob(struct p2pfs_sql *q, unsigned id, int param,
    const void *data, size_t len);
void p2pfs_sql_text(struct p2pfs_sql *q, unsigned id, int param,
    const char *text, size_t len);

/* Resets, binds ints[0..n) to ?1..?n and runs to the first row. */
int p2pfs_sql_step(struct p2pfs_sql *q, unsigned id, const int64_t *ints,
    size_t n);
int p2pfs_sql_next(struct p2pfs_sql *q, unsigned id);
void p2pfs_sql_reset(struct p2pfs_sql *q, unsigned id);
void p2pfs_sql_reset_all(struct p2pfs_sql *q);

#define P2PFS_SQL_STEP(q, id, ...)                                             \
    p2pfs_sql_step(q, id, (const int64_t[]){__VA_ARGS__},                      \
        sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* A step that gives no rows. */
enum p2pfs_err p2pfs_sql_run(struct p2pfs_sql *q, unsigned id,
    const int64_t *ints, size_t n) P2PFS_MUST_CHECK;

#define P2PFS_SQL_RUN(q, id, ...)                                              \
    p2pfs_sql_run(q, id, (const int64_t[]){__VA_ARGS__},                       \
        sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Columns of the row that a statement stands on. bytes: NULL only for an SQL
 * NULL or where memory ran out. */
int64_t p2pfs_sql_int(struct p2pfs_sql *q, unsigned id, int column);
const uint8_t *p2pfs_sql_bytes(struct p2pfs_sql *q, unsigned id, int column,
    size_t *len);

/*
 * What an SQLite result means to us. STORE_BUSY: recovery or a checkpoint,
 * over in milliseconds. STORE_UNAVAILABLE: no file there. STORE_FULL,
 * NO_MEMORY, STORE_SCHEMA (not a database), STORE_ERROR: the rest.
 */
enum p2pfs_err p2pfs_sql_map(int rc);
enum p2pfs_err p2pfs_sql_err(const struct p2pfs_sql *q);

/*
 * A read-only connection that never waits, writes or checkpoints and never
 * creates the file; the schema is checked. The connection belongs to one
 * thread. On an error *db is NULL and detail (room bytes) has words.
 */
enum p2pfs_err p2pfs_sql_open_reader(sqlite3 **db, const char *path,
    char *detail, size_t room) P2PFS_MUST_CHECK;

/* One SQL text without parameters or rows. */
enum p2pfs_err p2pfs_sql_exec(sqlite3 *db, const char *text) P2PFS_MUST_CHECK;

#endif
