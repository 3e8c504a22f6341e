/* The rows that all rules of the store share: labels, groups, versions, log. */

#include <stdio.h>
#include <string.h>

#include "gossipd/store_impl.h"

/* SHMSIZE: no room for one more page of -shm. */
static void
note_disk(struct store *s, int code)
{
    if ((code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE) {
        s->disk_full = 1;

    } else if ((code & 0xff) == SQLITE_IOERR && code != SQLITE_IOERR_NOMEM) {
        s->disk_failed = 1;
    }
}

enum p2pfs_err
store_fail(struct store *s, const char *what, enum p2pfs_err err)
{
    if (err == P2PFS_OK) {
        err = p2pfs_sql_err(&s->q);
    }
    snprintf(s->detail, sizeof(s->detail), "%s: %s (%s)", what,
        p2pfs_err_row(err)->text, sqlite3_errmsg(s->db));
    note_disk(s, sqlite3_extended_errcode(s->db));
    return err;
}

static enum p2pfs_err
new_key(struct store *s, int64_t *key)
{
    *key = sqlite3_last_insert_rowid(s->db);
    if (*key >= STORE_KEY_MAX) {
        return store_fail(s, "make a row", P2PFS_STORE_FULL);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_find_group(struct store *s, struct store_place *p)
{
    int got;

    p->sk = 0;
    p->served = 0;
    p->gk = 0;
    p->k = 0;
    p2pfs_sql_text(&s->q, Q_LABEL_GET, 1, p->id, p->id_len);
    got = p2pfs_sql_step(&s->q, Q_LABEL_GET, NULL, 0);
    if (got <= 0) {
        return got < 0 ? store_fail(s, "find a label", P2PFS_OK) : P2PFS_OK;
    }
    p->sk = p2pfs_sql_int(&s->q, Q_LABEL_GET, 0);
    p->served = p2pfs_sql_int(&s->q, Q_LABEL_GET, 1);
    p2pfs_sql_reset(&s->q, Q_LABEL_GET);

    got = P2PFS_SQL_STEP(&s->q, Q_GROUP_GET, p->sk, p->n);
    if (got <= 0) {
        return got < 0 ? store_fail(s, "find a group", P2PFS_OK) : P2PFS_OK;
    }
    p->gk = p2pfs_sql_int(&s->q, Q_GROUP_GET, 0);
    p->k = p2pfs_schema_key(p->gk, p->index);
    p2pfs_sql_reset(&s->q, Q_GROUP_GET);
    return P2PFS_OK;
}

enum p2pfs_err
store_make_group(struct store *s, struct store_place *p)
{
    enum p2pfs_err err;

    if (p->sk == 0) {
        p2pfs_sql_text(&s->q, Q_LABEL_NEW, 1, p->id, p->id_len);
        if (p2pfs_sql_run(&s->q, Q_LABEL_NEW, NULL, 0) != P2PFS_OK) {
            return store_fail(s, "make a label", P2PFS_OK);
        }
        p->sk = sqlite3_last_insert_rowid(s->db);
    }
    if (p->gk == 0) {
        if (P2PFS_SQL_RUN(&s->q, Q_GROUP_NEW, p->sk, p->n) != P2PFS_OK) {
            return store_fail(s, "make a group", P2PFS_OK);
        }
        err = new_key(s, &p->gk);
        if (err != P2PFS_OK) {
            return err;
        }
        p->k = p2pfs_schema_key(p->gk, p->index);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_find_entry(struct store *s, struct store_place *p)
{
    const uint8_t *entry;
    size_t len = 0;
    int got;

    p->has_content = 0;
    p->ak = -1;
    if (p->gk == 0) {
        return P2PFS_OK;
    }
    got = P2PFS_SQL_STEP(&s->q, Q_CONTENT_ENTRY, p->k);
    if (got <= 0) {
        return got < 0 ? store_fail(s, "find a file", P2PFS_OK) : P2PFS_OK;
    }
    entry = p2pfs_sql_bytes(&s->q, Q_CONTENT_ENTRY, 0, &len);
    p->has_content = 1;
    if (len == sizeof(p->entry) && memcmp(entry, p->entry.b, len) == 0) {
        p->ak = 0;
    }
    p2pfs_sql_reset(&s->q, Q_CONTENT_ENTRY);
    if (p->ak == 0) {
        return P2PFS_OK;
    }

    p2pfs_sql_blob(&s->q, Q_ALT_GET, 2, p->entry.b, sizeof(p->entry));
    got = P2PFS_SQL_STEP(&s->q, Q_ALT_GET, p->k);
    if (got < 0) {
        return store_fail(s, "find a file", P2PFS_OK);
    }
    if (got > 0) {
        p->ak = p2pfs_sql_int(&s->q, Q_ALT_GET, 0);
        p2pfs_sql_reset(&s->q, Q_ALT_GET);
    }
    return P2PFS_OK;
}

void
store_read_version(struct store *s, enum store_statement id,
    struct p2pfs_version *v)
{
    const uint8_t *root;
    size_t len = 0;

    v->vk = p2pfs_sql_int(&s->q, id, 0);
    root = p2pfs_sql_bytes(&s->q, id, 1, &len);
    memset(&v->root, 0, sizeof(v->root));
    if (root != NULL && len == sizeof(v->root)) {
        memcpy(v->root.b, root, len);
    }
    v->complete = p2pfs_sql_int(&s->q, id, 2) == P2PFS_STATE_COMPLETE;
    v->received = (uint32_t)p2pfs_sql_int(&s->q, id, 3);
}

enum p2pfs_err
store_find_version(struct store *s, const struct store_place *p,
    const struct p2pfs_hash *root, struct p2pfs_version *v)
{
    enum store_statement id = root == NULL ? Q_VERSION_DRAFT : Q_VERSION_ROOT;
    int got;

    memset(v, 0, sizeof(*v));
    v->gk = p->gk;
    v->n = p->n;
    if (root != NULL) {
        p2pfs_sql_blob(&s->q, id, 2, root->b, sizeof(*root));
    }
    got = P2PFS_SQL_STEP(&s->q, id, p->gk);
    if (got < 0) {
        return store_fail(s, "find a version", P2PFS_OK);
    }
    if (got > 0) {
        store_read_version(s, id, v);
        p2pfs_sql_reset(&s->q, id);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_make_version(struct store *s, int64_t gk, uint32_t n,
    const struct p2pfs_hash *root, struct p2pfs_version *v)
{
    enum store_statement id = Q_VERSION_NEW_DRAFT;

    memset(v, 0, sizeof(*v));
    v->gk = gk;
    v->n = n;
    if (root != NULL) {
        id = Q_VERSION_NEW;
        v->root = *root;
        p2pfs_sql_blob(&s->q, id, 2, root->b, sizeof(*root));
    }
    if (P2PFS_SQL_RUN(&s->q, id, gk) != P2PFS_OK) {
        return store_fail(s, "make a version", P2PFS_OK);
    }
    return new_key(s, &v->vk);
}

enum p2pfs_err
store_log(struct store *s, int kind, enum store_origin origin, int64_t a,
    int64_t b)
{
    if (P2PFS_SQL_RUN(&s->q, Q_LOG_NEW, (int64_t)s->head + 1, kind,
            (int64_t)origin, a, b)
        != P2PFS_OK) {
        return store_fail(s, "log a record", P2PFS_OK);
    }
    s->head++;
    return P2PFS_OK;
}
