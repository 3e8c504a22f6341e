/* The reader's connection, and which version a GET reads. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/reader_impl.h"

static const char *const reader_texts[] = {
#define READER_Q_TEXT(name, text) text,
    READER_STATEMENTS(READER_Q_TEXT)
#undef READER_Q_TEXT
};

enum p2pfs_err
p2pfs_reader_fail(struct p2pfs_reader *r, const char *what)
{
    snprintf(r->detail, sizeof(r->detail), "%s: %s", what,
        sqlite3_errmsg(r->db));
    return p2pfs_sql_err(&r->q);
}

enum p2pfs_err
p2pfs_reader_note(struct p2pfs_reader *r, const char *what, enum p2pfs_err err)
{
    snprintf(r->detail, sizeof(r->detail), "%s: %s", what,
        p2pfs_err_row(err)->text);
    return err;
}

const char *
p2pfs_reader_detail(const struct p2pfs_reader *r)
{
    return r->detail;
}

void
p2pfs_reader_damaged(const struct p2pfs_reader *r, struct p2pfs_damaged *out)
{
    *out = r->damaged;
}

static void
disconnect(struct p2pfs_reader *r)
{
    p2pfs_sql_fini(&r->q);
    sqlite3_close(r->db);
    r->db = NULL;
    if (r->tiles != NULL) {
        p2pfs_tile_cache_clear(r->tiles);
    }
    memset(r->known, 0, sizeof(r->known));
}

static enum p2pfs_err
connect_db(struct p2pfs_reader *r)
{
    enum p2pfs_err err;
    struct stat st;

    /* By name: closing a descriptor of the file would drop SQLite's locks. */
    if (stat(r->path, &st) != 0) {
        return p2pfs_reader_note(r, "find the database",
            P2PFS_STORE_UNAVAILABLE);
    }
    err = p2pfs_sql_open_reader(&r->db, r->path, r->detail, sizeof(r->detail));
    if (err != P2PFS_OK) {
        return err;
    }
    r->dev = st.st_dev;
    r->ino = st.st_ino;
    r->shm_ino = stat(r->shm_path, &st) == 0 ? st.st_ino : 0;
    err = p2pfs_sql_init(&r->q, r->db, reader_texts, Q_COUNT);
    if (err != P2PFS_OK) {
        err = p2pfs_reader_fail(r, "prepare");
        disconnect(r);
    }
    return err;
}

static enum p2pfs_err
keep_path(struct p2pfs_reader *r, const char *path)
{
    size_t room = strlen(path) + sizeof("-shm");

    r->path = strdup(path);
    r->shm_path = malloc(room);
    if (r->path == NULL || r->shm_path == NULL) {
        return P2PFS_NO_MEMORY;
    }
    snprintf(r->shm_path, room, "%s-shm", path);
    return P2PFS_OK;
}

enum p2pfs_err
p2pfs_reader_open(struct p2pfs_reader **out, const char *path)
{
    struct p2pfs_reader *r;
    enum p2pfs_err err;

    *out = NULL;
    r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return P2PFS_NO_MEMORY;
    }
    err = keep_path(r, path);
    if (err == P2PFS_OK) {
        err = p2pfs_hasher_new(&r->hasher);
    }
    if (err == P2PFS_OK) {
        err = p2pfs_tile_cache_new(&r->tiles);
    }
    if (err == P2PFS_OK) {
        err = connect_db(r);
    }
    if (err != P2PFS_OK) {
        p2pfs_reader_close(r);
        return err;
    }
    *out = r;
    return P2PFS_OK;
}

void
p2pfs_reader_close(struct p2pfs_reader *r)
{
    if (r == NULL) {
        return;
    }
    disconnect(r);
    p2pfs_hasher_free(r->hasher);
    p2pfs_tile_cache_free(r->tiles);
    free(r->path);
    free(r->shm_path);
    free(r);
}

/* Somebody who removes the database must not leave readers on the file that
 * they have open: it is not found by anybody else any more. */
static int
is_replaced(const struct p2pfs_reader *r)
{
    struct stat st;

    if (stat(r->path, &st) != 0 || st.st_dev != r->dev || st.st_ino != r->ino) {
        return 1;
    }
    /* A new -shm: the writer has another database, or begins anew. */
    return stat(r->shm_path, &st) != 0 || st.st_ino != r->shm_ino;
}

/* Forgets what is known of labels where anything was committed since. */
static enum p2pfs_err
follow_changes(struct p2pfs_reader *r)
{
    int64_t changes;

    if (p2pfs_sql_step(&r->q, Q_CHANGES, NULL, 0) <= 0) {
        return p2pfs_reader_fail(r, "read the data version");
    }
    changes = p2pfs_sql_int(&r->q, Q_CHANGES, 0);
    p2pfs_sql_reset(&r->q, Q_CHANGES);
    if (changes != r->changes) {
        memset(r->known, 0, sizeof(r->known));
        r->changes = changes;
    }
    return P2PFS_OK;
}

enum p2pfs_err
p2pfs_reader_begin(struct p2pfs_reader *r)
{
    enum p2pfs_err err;

    p2pfs_reader_end(r);
    if (r->db != NULL && is_replaced(r)) {
        disconnect(r);
    }
    if (r->db == NULL) {
        err = connect_db(r);
        if (err != P2PFS_OK) {
            return err;
        }
    }
    if (p2pfs_sql_run(&r->q, Q_BEGIN, NULL, 0) != P2PFS_OK) {
        return p2pfs_reader_fail(r, "begin");
    }
    return follow_changes(r);
}

void
p2pfs_reader_end(struct p2pfs_reader *r)
{
    p2pfs_sql_reset_all(&r->q);
    if (r->db != NULL && !sqlite3_get_autocommit(r->db)
        && p2pfs_sql_run(&r->q, Q_END, NULL, 0) != P2PFS_OK) {
        sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

enum p2pfs_err
p2pfs_reader_label(struct p2pfs_reader *r, const char *id, size_t id_len,
    int64_t *sk, int64_t *served)
{
    int got;

    *sk = 0;
    *served = 0;
    p2pfs_sql_text(&r->q, Q_LABEL, 1, id, id_len);
    got = p2pfs_sql_step(&r->q, Q_LABEL, NULL, 0);
    if (got < 0) {
        return p2pfs_reader_fail(r, "find a set");
    }
    if (got == 0) {
        return P2PFS_SET_NOT_FOUND;
    }
    *sk = p2pfs_sql_int(&r->q, Q_LABEL, 0);
    *served = p2pfs_sql_int(&r->q, Q_LABEL, 1);
    p2pfs_sql_reset(&r->q, Q_LABEL);
    return P2PFS_OK;
}

void
p2pfs_reader_columns(struct p2pfs_reader *r, enum reader_statement id,
    struct p2pfs_version *v)
{
    const uint8_t *root;
    size_t len = 0;

    v->vk = p2pfs_sql_int(&r->q, id, 0);
    v->gk = p2pfs_sql_int(&r->q, id, 1);
    v->n = (uint32_t)p2pfs_sql_int(&r->q, id, 2);
    v->received = (uint32_t)p2pfs_sql_int(&r->q, id, 3);
    v->complete = p2pfs_sql_int(&r->q, id, 4) == P2PFS_STATE_COMPLETE;
    root = p2pfs_sql_bytes(&r->q, id, 5, &len);
    memset(&v->root, 0, sizeof(v->root));
    if (root != NULL && len == sizeof(v->root)) {
        memcpy(v->root.b, root, len);
    }
}

enum p2pfs_err
p2pfs_reader_version(struct p2pfs_reader *r, enum reader_statement id,
    int64_t key, struct p2pfs_version *v, int *found)
{
    int got = P2PFS_SQL_STEP(&r->q, id, key);

    *found = got > 0;
    if (got < 0) {
        return p2pfs_reader_fail(r, "find a version");
    }
    if (got > 0) {
        p2pfs_reader_columns(r, id, v);
        p2pfs_sql_reset(&r->q, id);
    }
    return P2PFS_OK;
}

static enum p2pfs_err
find_rooted(struct p2pfs_reader *r, int64_t sk, uint64_t index,
    const struct p2pfs_hash *root, struct p2pfs_version *v)
{
    enum p2pfs_err err;
    int found;

    p2pfs_sql_blob(&r->q, Q_ROOTED, 2, root->b, sizeof(*root));
    err = p2pfs_reader_version(r, Q_ROOTED, sk, v, &found);
    if (err != P2PFS_OK) {
        return err;
    }
    if (!found) {
        return P2PFS_VERSION_NOT_FOUND;
    }
    if (index >= v->n) {
        return P2PFS_FILE_NOT_FOUND;
    }
    return v->complete ? P2PFS_OK : P2PFS_SET_INCOMPLETE;
}

/* No version is complete. */
static enum p2pfs_err
find_fullest(struct p2pfs_reader *r, int64_t sk, uint64_t index,
    struct p2pfs_version *v)
{
    enum p2pfs_err err;
    uint64_t largest;
    int found;

    err = p2pfs_reader_version(r, Q_FULLEST, sk, v, &found);
    if (err != P2PFS_OK) {
        return err;
    }
    if (!found) {
        return P2PFS_SET_NOT_FOUND;
    }
    if (P2PFS_SQL_STEP(&r->q, Q_LARGEST, sk) <= 0) {
        return p2pfs_reader_fail(r, "find the largest version");
    }
    largest = (uint64_t)p2pfs_sql_int(&r->q, Q_LARGEST, 0);
    p2pfs_sql_reset(&r->q, Q_LARGEST);
    return index >= largest ? P2PFS_FILE_NOT_FOUND : P2PFS_SET_INCOMPLETE;
}

static enum p2pfs_err
find_served(struct p2pfs_reader *r, int64_t sk, int64_t served, uint64_t index,
    struct p2pfs_version *v)
{
    enum p2pfs_err err;
    int found;

    if (served == 0) {
        return find_fullest(r, sk, index, v);
    }
    err = p2pfs_reader_version(r, Q_VERSION, served, v, &found);
    if (err != P2PFS_OK) {
        return err;
    }
    if (!found) {
        return p2pfs_reader_note(r, "find the version served",
            P2PFS_STORE_ERROR);
    }
    return index >= v->n ? P2PFS_FILE_NOT_FOUND : P2PFS_OK;
}

/* Where this label, and root, would be known. */
static struct reader_known *
known_slot(struct p2pfs_reader *r, const char *id, size_t id_len,
    const struct p2pfs_hash *root)
{
    uint32_t hash = root == NULL ? 0 : root->b[0] + 1u;
    size_t i;

    for (i = 0; i < id_len; i++) {
        hash = hash * 31 + (uint8_t)id[i];
    }
    return &r->known[hash % READER_KNOWN];
}

static int
is_known(const struct reader_known *k, const char *id, size_t id_len,
    const struct p2pfs_hash *root)
{
    return id_len > 0 && k->id_len == id_len && memcmp(k->id, id, id_len) == 0
        && k->has_root == (root != NULL)
        && (root == NULL || p2pfs_hash_cmp(&k->v.root, root) == 0);
}

enum p2pfs_err
p2pfs_reader_find(struct p2pfs_reader *r, const char *id, size_t id_len,
    uint64_t index, const struct p2pfs_hash *root, struct p2pfs_version *v)
{
    struct reader_known *k = known_slot(r, id, id_len, root);
    int64_t sk, served;
    enum p2pfs_err err;

    if (is_known(k, id, id_len, root)) {
        *v = k->v;
        return index >= v->n ? P2PFS_FILE_NOT_FOUND : P2PFS_OK;
    }
    memset(v, 0, sizeof(*v));
    err = p2pfs_reader_label(r, id, id_len, &sk, &served);
    if (err == P2PFS_OK) {
        err = root != NULL ? find_rooted(r, sk, index, root, v)
                           : find_served(r, sk, served, index, v);
    }
    if (err == P2PFS_OK && id_len <= sizeof(k->id)) {
        memcpy(k->id, id, id_len);
        k->id_len = id_len;
        k->has_root = root != NULL;
        k->v = *v;
    }
    return err;
}
