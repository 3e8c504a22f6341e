/* Creating and recognising the database of core/schema.h. */

#include "core/schema.h"
#include "core/sql.h"

/*
 * Version 1. Contents and tiles are rowid tables (their rows are large); the
 * small ones whose key is no single integer are WITHOUT ROWID. AUTOINCREMENT
 * is not needed: rows of log, label and grp are never deleted.
 */
static const char schema_v1[] =
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE label (sk INTEGER PRIMARY KEY,"
    "  set_id TEXT NOT NULL UNIQUE, served INTEGER);"
    "CREATE TABLE grp (gk INTEGER PRIMARY KEY, sk INTEGER NOT NULL,"
    "  n INTEGER NOT NULL, UNIQUE (sk, n));"
    "CREATE TABLE version (vk INTEGER PRIMARY KEY, gk INTEGER NOT NULL,"
    "  root BLOB CHECK (root IS NULL OR length(root) = 32),"
    "  state INTEGER NOT NULL, have INTEGER NOT NULL, UNIQUE (gk, root));"
    "CREATE UNIQUE INDEX version_draft ON version (gk) WHERE root IS NULL;"
    "CREATE TABLE content (k INTEGER PRIMARY KEY,"
    "  entry BLOB NOT NULL CHECK (length(entry) = 32), body BLOB NOT NULL);"
    "CREATE TABLE alt (ak INTEGER PRIMARY KEY, k INTEGER NOT NULL,"
    "  entry BLOB NOT NULL CHECK (length(entry) = 32), body BLOB NOT NULL,"
    "  UNIQUE (k, entry));"
    "CREATE TABLE part (pk INTEGER PRIMARY KEY,"
    "  bits BLOB NOT NULL CHECK (length(bits) = 16), upper BLOB);"
    "CREATE TABLE pick (pk2 INTEGER NOT NULL, ak INTEGER NOT NULL,"
    "  PRIMARY KEY (pk2, ak)) WITHOUT ROWID;"
    "CREATE TABLE tile (tk INTEGER PRIMARY KEY, h BLOB NOT NULL);"
    "CREATE TABLE log (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
    "  origin INTEGER NOT NULL, a INTEGER NOT NULL, b INTEGER NOT NULL);"
    "CREATE TABLE peer (node_id BLOB PRIMARY KEY, epoch BLOB NOT NULL,"
    "  seq INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE damaged (kind INTEGER NOT NULL, key INTEGER NOT NULL,"
    "  since INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;"
    "PRAGMA application_id = 1882351219;"
    "PRAGMA user_version = 1;";

_Static_assert(P2PFS_SCHEMA_APPLICATION_ID == 1882351219,
    "the number in schema_v1");

/* steps[v] leads from version v to v + 1, its user_version included. */
static const char *const steps[] = {schema_v1};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == P2PFS_SCHEMA_VERSION,
    "a step to every version");

int64_t
p2pfs_schema_tile_key(int64_t vk, unsigned level, uint64_t tile)
{
    return vk << P2PFS_SCHEMA_TILE_VERSION_SHIFT | (int64_t)level << 26
        | (int64_t)tile;
}

unsigned
p2pfs_schema_tile_level(int64_t tk)
{
    return (unsigned)(tk >> 26) & 7;
}

int64_t
p2pfs_schema_key(int64_t high, uint32_t low)
{
    return high << 32 | low;
}

static enum p2pfs_err
read_number(sqlite3 *db, const char *text, int64_t *out)
{
    sqlite3_stmt *stmt = NULL;
    int rc;

    rc = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
    }
    if (rc == SQLITE_ROW) {
        *out = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? P2PFS_OK
                            : p2pfs_sql_map(sqlite3_extended_errcode(db));
}

struct stamp {
    int64_t application;
    int64_t version;
    int64_t tables;
};

static enum p2pfs_err
read_stamp(sqlite3 *db, struct stamp *s)
{
    enum p2pfs_err err;

    err = read_number(db, "PRAGMA application_id", &s->application);
    if (err == P2PFS_OK) {
        err = read_number(db, "PRAGMA user_version", &s->version);
    }
    if (err == P2PFS_OK) {
        err = read_number(db, "SELECT count(*) FROM sqlite_schema", &s->tables);
    }
    return err;
}

static int
is_empty(const struct stamp *s)
{
    return s->application == 0 && s->version == 0 && s->tables == 0;
}

static int
is_ours(const struct stamp *s)
{
    return s->application == P2PFS_SCHEMA_APPLICATION_ID && s->version >= 1
        && s->version <= P2PFS_SCHEMA_VERSION;
}

static enum p2pfs_err
take_steps(sqlite3 *db, const struct stamp *s)
{
    enum p2pfs_err err = P2PFS_OK;
    int64_t v;

    if (!is_empty(s) && !is_ours(s)) {
        return P2PFS_STORE_SCHEMA;
    }
    for (v = s->version; v < P2PFS_SCHEMA_VERSION && err == P2PFS_OK; v++) {
        err = p2pfs_sql_exec(db, steps[v]);
    }
    return err;
}

enum p2pfs_err
p2pfs_schema_migrate(sqlite3 *db)
{
    struct stamp s = {0};
    enum p2pfs_err err;

    err = p2pfs_sql_exec(db, "BEGIN IMMEDIATE");
    if (err != P2PFS_OK) {
        return err;
    }
    err = read_stamp(db, &s);
    if (err == P2PFS_OK) {
        err = take_steps(db, &s);
    }
    if (err == P2PFS_OK) {
        err = p2pfs_sql_exec(db, "COMMIT");
    }
    if (err != P2PFS_OK && !sqlite3_get_autocommit(db)) {
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    return err;
}

enum p2pfs_err
p2pfs_schema_check(sqlite3 *db)
{
    struct stamp s = {0};
    enum p2pfs_err err;

    err = read_stamp(db, &s);
    if (err != P2PFS_OK) {
        return err;
    }
    if (is_empty(&s)) {
        return P2PFS_STORE_UNAVAILABLE;
    }
    if (s.application != P2PFS_SCHEMA_APPLICATION_ID
        || s.version != P2PFS_SCHEMA_VERSION) {
        return P2PFS_STORE_SCHEMA;
    }
    return P2PFS_OK;
}
