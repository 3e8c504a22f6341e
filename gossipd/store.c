/* Opening the store and its transactions. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gossipd/store_impl.h"

static const char published[] = "published";

static const char *const store_texts[] = {
#define STORE_Q_TEXT(name, text) text,
    STORE_STATEMENTS(STORE_Q_TEXT)
#undef STORE_Q_TEXT
};

const char *
store_detail(const struct store *s)
{
    return s->detail;
}

void
store_epoch(const struct store *s, uint8_t out[STORE_EPOCH_BYTES])
{
    memcpy(out, s->epoch, STORE_EPOCH_BYTES);
}

uint64_t
store_log_head(const struct store *s)
{
    return s->committed;
}

/*
 * The file has to exist with its mode before SQLite opens it: -wal and -shm
 * take theirs from it, and SQLite itself would start from 0644. It is never
 * opened a second time: closing any descriptor of it drops SQLite's locks.
 */
static enum p2pfs_err
create_file(const char *path, char *detail, size_t room)
{
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0640);

    if (fd < 0) {
        if (errno == EEXIST) {
            return P2PFS_OK;
        }
        snprintf(detail, room, "create \"%s\": %s", path, strerror(errno));
        return P2PFS_STORE_UNAVAILABLE;
    }
    if (fchmod(fd, 0640) != 0) { /* whatever the umask is */
        snprintf(detail, room, "chmod \"%s\": %s", path, strerror(errno));
        close(fd);
        return P2PFS_STORE_UNAVAILABLE;
    }
    close(fd);
    return P2PFS_OK;
}

static enum p2pfs_err
check_file(const char *path, const char *suffix, char *detail, size_t room)
{
    const char *wrong = NULL;
    char name[4096];
    struct stat st;

    snprintf(name, sizeof(name), "%s%s", path, suffix);
    if (stat(name, &st) != 0) {
        if (errno == ENOENT && suffix[0] != '\0') {
            return P2PFS_OK;
        }
        snprintf(detail, room, "stat \"%s\": %s", name, strerror(errno));
        return P2PFS_STORE_UNAVAILABLE;
    }
    if (!S_ISREG(st.st_mode)) {
        wrong = "is not a regular file";

    } else if (st.st_uid != geteuid()) {
        wrong = "belongs to another user";

    } else if (st.st_mode & S_IWOTH
        || (suffix[0] == '\0' && st.st_mode & S_IWGRP)) {
        wrong = "can be written by other users";
    }
    if (wrong == NULL) {
        return P2PFS_OK;
    }
    snprintf(detail, room, "database \"%s\" %s", name, wrong);
    return P2PFS_STORE_UNAVAILABLE;
}

static enum p2pfs_err
check_files(const char *path, char *detail, size_t room)
{
    enum p2pfs_err err;

    if (strlen(path) > 4000) {
        snprintf(detail, room, "database path is too long");
        return P2PFS_STORE_UNAVAILABLE;
    }
    err = create_file(path, detail, room);
    if (err == P2PFS_OK) {
        err = check_file(path, "", detail, room);
    }
    if (err == P2PFS_OK) {
        err = check_file(path, "-wal", detail, room);
    }
    if (err == P2PFS_OK) {
        err = check_file(path, "-shm", detail, room);
    }
    return err;
}

static enum p2pfs_err
connect_db(struct store *s)
{
    int on = 1;
    int rc;
    enum p2pfs_err err;

    rc = sqlite3_open_v2(s->path, &s->db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (s->db == NULL) {
        return P2PFS_NO_MEMORY;
    }
    sqlite3_extended_result_codes(s->db, 1);
    if (rc != SQLITE_OK) {
        return p2pfs_sql_map(rc);
    }
    /* A reader may hold a lock for a moment while -shm is recovered. */
    sqlite3_busy_timeout(s->db, 2000);
    err = p2pfs_sql_exec(s->db,
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"
        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
        "PRAGMA journal_size_limit = 67108864; PRAGMA cell_size_check = 1;"
        "PRAGMA mmap_size = 0; PRAGMA cache_size = -16384");
    if (err != P2PFS_OK) {
        return err;
    }
    if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on)
        != SQLITE_OK) {
        return P2PFS_STORE_ERROR;
    }
    err = p2pfs_schema_migrate(s->db);
    if (err == P2PFS_OK) {
        err = p2pfs_sql_init(&s->q, s->db, store_texts, Q_COUNT);
    }
    return err;
}

static enum p2pfs_err
load_epoch(struct store *s)
{
    static const char name[] = "log_epoch";
    const uint8_t *bytes;
    size_t len = 0;
    int got;

    p2pfs_sql_text(&s->q, Q_META_GET, 1, name, sizeof(name) - 1);
    got = p2pfs_sql_step(&s->q, Q_META_GET, NULL, 0);
    if (got > 0) {
        bytes = p2pfs_sql_bytes(&s->q, Q_META_GET, 0, &len);
        if (bytes == NULL || len != STORE_EPOCH_BYTES) {
            return P2PFS_STORE_SCHEMA;
        }
        memcpy(s->epoch, bytes, len);
        p2pfs_sql_reset(&s->q, Q_META_GET);
        return P2PFS_OK;
    }
    if (got < 0) {
        return p2pfs_sql_err(&s->q);
    }
    if (getrandom(s->epoch, sizeof(s->epoch), 0) != sizeof(s->epoch)) {
        return P2PFS_IO;
    }
    p2pfs_sql_blob(&s->q, Q_META_SET, 1, s->epoch, sizeof(s->epoch));
    p2pfs_sql_text(&s->q, Q_META_SET, 2, name, sizeof(name) - 1);
    return p2pfs_sql_run(&s->q, Q_META_SET, NULL, 0);
}

static enum p2pfs_err
load_head(struct store *s)
{
    if (p2pfs_sql_step(&s->q, Q_LOG_HEAD, NULL, 0) < 0) {
        return p2pfs_sql_err(&s->q);
    }
    s->committed = (uint64_t)p2pfs_sql_int(&s->q, Q_LOG_HEAD, 0);
    p2pfs_sql_reset(&s->q, Q_LOG_HEAD);
    s->head = s->committed;
    return P2PFS_OK;
}

/* Versions that have all their files and were not made complete: one
 * transaction makes both, so only a foreign hand leaves any. */
static enum p2pfs_err
finish_versions(struct store *s)
{
    struct p2pfs_version v;
    enum p2pfs_err err;
    int got;

    for (;;) {
        got = p2pfs_sql_step(&s->q, Q_VERSION_UNFINISHED, NULL, 0);
        if (got <= 0) {
            return got < 0 ? p2pfs_sql_err(&s->q) : P2PFS_OK;
        }
        memset(&v, 0, sizeof(v));
        v.vk = p2pfs_sql_int(&s->q, Q_VERSION_UNFINISHED, 0);
        v.gk = p2pfs_sql_int(&s->q, Q_VERSION_UNFINISHED, 1);
        p2pfs_sql_reset(&s->q, Q_VERSION_UNFINISHED);
        if (P2PFS_SQL_STEP(&s->q, Q_GROUP_LABEL, v.gk) <= 0) {
            return store_fail(s, "finish a version", P2PFS_STORE_ERROR);
        }
        v.n = (uint32_t)p2pfs_sql_int(&s->q, Q_GROUP_LABEL, 1);
        p2pfs_sql_reset(&s->q, Q_GROUP_LABEL);
        if (P2PFS_SQL_STEP(&s->q, Q_VERSION_GET, v.vk) <= 0) {
            return store_fail(s, "finish a version", P2PFS_STORE_ERROR);
        }
        store_read_version(s, Q_VERSION_GET, &v);
        p2pfs_sql_reset(&s->q, Q_VERSION_GET);
        err = store_birth(s, &v, STORE_LOCAL);
        if (err != P2PFS_OK) {
            return err;
        }
    }
}

static enum p2pfs_err
load(struct store *s)
{
    enum p2pfs_err err;

    err = store_begin(s);
    if (err != P2PFS_OK) {
        return err;
    }
    err = load_epoch(s);
    if (err == P2PFS_OK) {
        err = load_head(s);
    }
    if (err == P2PFS_OK) {
        err = finish_versions(s);
    }
    if (err == P2PFS_OK) {
        return store_commit(s);
    }
    store_rollback(s);
    return err;
}

/*
 * What the run before left in the WAL moves into the database before anything
 * is added: where its last fsync failed, frames that never reached the disk
 * would stand before ours. A reader in the way or a full disk is no obstacle.
 */
static enum p2pfs_err
begin_anew(struct store *s)
{
    enum p2pfs_err err = store_move_wal(s);

    if (err != P2PFS_OK && err != P2PFS_STORE_BUSY && err != P2PFS_STORE_FULL) {
        return err;
    }
    store_keep_space(s);
    return P2PFS_OK;
}

enum p2pfs_err
store_open(struct store **out, const struct store_config *c, char *detail,
    size_t room)
{
    struct store *s;
    enum p2pfs_err err;

    *out = NULL;
    detail[0] = '\0';
    err = check_files(c->path, detail, room);
    if (err != P2PFS_OK) {
        return err;
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return P2PFS_NO_MEMORY;
    }
    s->file_max = c->file_max;
    s->count_max = c->count_max;
    s->size_max = c->size_max;
    s->free_min = c->free_min;
    s->ballast = c->ballast;
    s->path = strdup(c->path);
    err = s->path == NULL ? P2PFS_NO_MEMORY : p2pfs_hasher_new(&s->hasher);
    if (err == P2PFS_OK) {
        err = connect_db(s);
    }
    if (err == P2PFS_OK) {
        sqlite3_wal_hook(s->db, store_on_wal, s);
        err = store_remember_files(s);
    }
    if (err == P2PFS_OK) {
        err = load(s);
    }
    if (err == P2PFS_OK) {
        err = begin_anew(s);
    }
    if (err != P2PFS_OK) {
        snprintf(detail, room, "open database \"%s\": %s (%s)", c->path,
            p2pfs_err_row(err)->text,
            s->db == NULL ? "not opened" : sqlite3_errmsg(s->db));
        store_close(s);
        return err;
    }
    *out = s;
    return P2PFS_OK;
}

void
store_close(struct store *s)
{
    if (s == NULL) {
        return;
    }
    if (s->db != NULL) {
        if (s->q.n > 0) {
            store_rollback(s);
            store_checkpoint(s, STORE_CHECKPOINT_STOP);
        }
        p2pfs_sql_fini(&s->q);
        /* That was the checkpoint, or there is a reason to have none. */
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        sqlite3_close(s->db);
        store_clear_place(s);
    }
    p2pfs_hasher_free(s->hasher);
    free(s->path);
    free(s);
}

enum p2pfs_err
store_begin(struct store *s)
{
    enum p2pfs_err err;

    /* After a failed write or fsync the kernel may have dropped the pages, and
     * the next fsync would report success: nothing may be acknowledged. */
    if (s->disk_failed) {
        return P2PFS_STORE_ERROR; /* detail still says what it was */
    }
    err = store_check_place(s);
    if (err != P2PFS_OK) {
        return err;
    }
    err = p2pfs_sql_run(&s->q, Q_BEGIN, NULL, 0);
    if (err != P2PFS_OK) {
        return store_fail(s, "begin a transaction", err);
    }
    store_measure(s);
    return P2PFS_OK;
}

enum p2pfs_err
store_commit(struct store *s)
{
    enum p2pfs_err err;

    /* An open read would outlive the transaction and pin the WAL. */
    p2pfs_sql_reset_all(&s->q);
    err = p2pfs_sql_run(&s->q, Q_COMMIT, NULL, 0);
    if (err != P2PFS_OK) {
        err = store_fail(s, "commit", err);
        store_rollback(s);
        return err;
    }
    s->committed = s->head;
    /* Deleted meanwhile: it was written to a file that nobody finds again. */
    return store_check_place(s);
}

void
store_rollback(struct store *s)
{
    p2pfs_sql_reset_all(&s->q);
    /* Some errors roll back by themselves. */
    if (!sqlite3_get_autocommit(s->db)) {
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    s->head = s->committed;
}

enum p2pfs_err
store_set_published(struct store *s, uint64_t seq)
{
    p2pfs_sql_text(&s->q, Q_META_SET, 2, published, sizeof(published) - 1);
    if (P2PFS_SQL_RUN(&s->q, Q_META_SET, (int64_t)seq) != P2PFS_OK) {
        return store_fail(s, "keep the publish cursor", P2PFS_OK);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_published(struct store *s, uint64_t *seq)
{
    int got;

    p2pfs_sql_text(&s->q, Q_META_GET, 1, published, sizeof(published) - 1);
    got = p2pfs_sql_step(&s->q, Q_META_GET, NULL, 0);
    if (got < 0) {
        return store_fail(s, "read the publish cursor", P2PFS_OK);
    }
    *seq = got > 0 ? (uint64_t)p2pfs_sql_int(&s->q, Q_META_GET, 0) : 0;
    p2pfs_sql_reset(&s->q, Q_META_GET);
    return P2PFS_OK;
}

enum p2pfs_err
store_set_peer(struct store *s, const uint8_t node_id[static 32],
    const uint8_t epoch[static STORE_EPOCH_BYTES], uint64_t seq)
{
    p2pfs_sql_blob(&s->q, Q_PEER_SET, 2, node_id, 32);
    p2pfs_sql_blob(&s->q, Q_PEER_SET, 3, epoch, STORE_EPOCH_BYTES);
    if (P2PFS_SQL_RUN(&s->q, Q_PEER_SET, (int64_t)seq) != P2PFS_OK) {
        return store_fail(s, "keep a peer's cursor", P2PFS_OK);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_set_damaged(struct store *s, int kind, int64_t key, int64_t since)
{
    if (P2PFS_SQL_RUN(&s->q, Q_DAMAGED_SET, kind, key, since) != P2PFS_OK) {
        return store_fail(s, "mark damage", P2PFS_OK);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_clear_damaged(struct store *s, int kind, int64_t key)
{
    if (P2PFS_SQL_RUN(&s->q, Q_DAMAGED_CLEAR, kind, key) != P2PFS_OK) {
        return store_fail(s, "clear damage", P2PFS_OK);
    }
    return P2PFS_OK;
}

void
store_read_stats(const struct store *s, struct store_stats *out)
{
    *out = s->stats;
}
