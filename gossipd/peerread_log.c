/* Rows of the log as records, and how far a peer's log was read. */

#include <stdlib.h>
#include <string.h>

#include "gossipd/peerread_impl.h"

/* A row of the log as it is stored. */
struct log_row {
    int kind;
    int64_t a;
    int64_t b;
};

/* What a row of the log points to is gone, or not of its shape. */
static enum p2pfs_err
missing_row(struct peerread_db *d, int got)
{
    return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_FILE_DAMAGED;
}

static enum p2pfs_err
read_group(struct peerread_db *d, int64_t gk, struct p2pfs_record *r)
{
    const uint8_t *id;
    size_t len = 0;
    int got;

    got = P2PFS_SQL_STEP(&d->q, Q_GROUP, gk);
    if (got <= 0) {
        return missing_row(d, got);
    }
    id = p2pfs_sql_bytes(&d->q, Q_GROUP, 0, &len);
    if (id == NULL || len > P2PFS_SET_ID_MAX) {
        return P2PFS_FILE_DAMAGED;
    }
    memcpy(r->id, id, len);
    r->id[len] = '\0';
    r->id_len = (uint8_t)len;
    r->n = (uint32_t)p2pfs_sql_int(&d->q, Q_GROUP, 1);
    p2pfs_sql_reset(&d->q, Q_GROUP);
    return P2PFS_OK;
}

static enum p2pfs_err
read_version(struct peerread_db *d, int64_t vk, int64_t *gk,
    struct p2pfs_hash *root)
{
    const uint8_t *bytes;
    size_t len = 0;
    int got;

    got = P2PFS_SQL_STEP(&d->q, Q_VERSION, vk);
    if (got <= 0) {
        return missing_row(d, got);
    }
    *gk = p2pfs_sql_int(&d->q, Q_VERSION, 0);
    bytes = p2pfs_sql_bytes(&d->q, Q_VERSION, 1, &len);
    if (bytes == NULL || len != sizeof(*root)) {
        return P2PFS_FILE_DAMAGED;
    }
    memcpy(root->b, bytes, len);
    p2pfs_sql_reset(&d->q, Q_VERSION);
    return P2PFS_OK;
}

/* Entry and size of the content row k or the alt row ak. */
static enum p2pfs_err
read_entry(struct peerread_db *d, int64_t k, int64_t ak,
    struct peerread_row *row)
{
    enum peerread_statement id = ak == 0 ? Q_CONTENT : Q_ALT;
    const uint8_t *bytes;
    size_t len = 0;
    int got;

    got = P2PFS_SQL_STEP(&d->q, id, ak == 0 ? k : ak);
    if (got <= 0) {
        return missing_row(d, got);
    }
    bytes = p2pfs_sql_bytes(&d->q, id, 0, &len);
    if (bytes == NULL || len != sizeof(row->record.entry)) {
        return P2PFS_FILE_DAMAGED;
    }
    memcpy(row->record.entry.b, bytes, len);
    row->size = (uint32_t)p2pfs_sql_int(&d->q, id, 1);
    p2pfs_sql_reset(&d->q, id);
    return P2PFS_OK;
}

static enum p2pfs_err
build_file(struct peerread_db *d, const struct log_row *l,
    struct peerread_row *row)
{
    struct p2pfs_record *r = &row->record;
    int64_t gk = l->a >> 32;
    enum p2pfs_err err = P2PFS_OK;

    r->kind = P2PFS_RECORD_FILE;
    r->index = (uint32_t)l->a;
    if (l->kind == P2PFS_LOG_ROOTED_FILE) {
        err = read_version(d, l->a >> 32, &gk, &r->root);
    }
    if (err == P2PFS_OK) {
        err = read_group(d, gk, r);
    }
    if (err == P2PFS_OK) {
        err = read_entry(d, p2pfs_schema_key(gk, r->index), l->b, row);
    }
    return err;
}

static enum p2pfs_err
build_version(struct peerread_db *d, const struct log_row *l,
    struct peerread_row *row)
{
    enum p2pfs_err err;
    uint64_t size;
    int64_t gk = 0;

    row->record.kind = P2PFS_RECORD_VERSION;
    err = read_version(d, l->a, &gk, &row->record.root);
    if (err == P2PFS_OK) {
        err = read_group(d, gk, &row->record);
    }
    size = (uint64_t)row->record.n * P2PFS_HASH_BYTES;
    row->size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    return err;
}

static enum p2pfs_err
build_row(struct peerread_db *d, struct peerread_row *row)
{
    struct log_row l = {.kind = (int)p2pfs_sql_int(&d->q, Q_LOG, 1),
        .a = p2pfs_sql_int(&d->q, Q_LOG, 3),
        .b = p2pfs_sql_int(&d->q, Q_LOG, 4)};

    row->seq = (uint64_t)p2pfs_sql_int(&d->q, Q_LOG, 0);
    row->origin = (enum store_origin)p2pfs_sql_int(&d->q, Q_LOG, 2);
    switch (l.kind) {
    case P2PFS_LOG_FILE:
    case P2PFS_LOG_ROOTED_FILE: return build_file(d, &l, row);
    case P2PFS_LOG_VERSION: return build_version(d, &l, row);
    default: return P2PFS_FILE_DAMAGED;
    }
}

/* A row that is damaged is left out: it must not keep back all behind it. */
static enum p2pfs_err
read_rows(struct peerread_db *d, struct peerread_job *job, unsigned max)
{
    struct peerread_row *row;
    enum p2pfs_err err;
    int got;

    got = P2PFS_SQL_STEP(&d->q, Q_LOG, (int64_t)job->after);
    while (got > 0 && job->n_rows < max) {
        row = &job->rows[job->n_rows];
        err = build_row(d, row);
        if (err == P2PFS_FILE_DAMAGED) {
            job->damaged++;
            memset(row, 0, sizeof(*row));
        } else if (err != P2PFS_OK) {
            return err;
        } else {
            job->n_rows++;
        }
        got = p2pfs_sql_next(&d->q, Q_LOG);
    }
    return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_OK;
}

enum p2pfs_err
peerread_log(struct peerread_db *d, struct peerread_job *job)
{
    unsigned max = job->max > PEERREAD_PAGE_MAX ? PEERREAD_PAGE_MAX : job->max;
    int got;

    job->n_rows = 0;
    job->damaged = 0;
    job->rows = calloc(max > 0 ? max : 1, sizeof(*job->rows));
    if (job->rows == NULL) {
        return P2PFS_NO_MEMORY;
    }
    got = p2pfs_sql_step(&d->q, Q_LOG_HEAD, NULL, 0);
    if (got <= 0) {
        return missing_row(d, got);
    }
    job->head = (uint64_t)p2pfs_sql_int(&d->q, Q_LOG_HEAD, 0);
    p2pfs_sql_reset(&d->q, Q_LOG_HEAD);
    if (job->after >= job->head) {
        return P2PFS_OK; /* also what would not fit SQLite's integers */
    }
    return read_rows(d, job, max);
}

enum p2pfs_err
peerread_peer(struct peerread_db *d, struct peerread_job *job)
{
    const uint8_t *bytes;
    size_t len = 0;
    int got;

    memset(job->epoch, 0, sizeof(job->epoch));
    job->after = 0;
    p2pfs_sql_blob(&d->q, Q_PEER, 1, job->node_id, sizeof(job->node_id));
    got = p2pfs_sql_step(&d->q, Q_PEER, NULL, 0);
    if (got <= 0) {
        return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_OK;
    }
    bytes = p2pfs_sql_bytes(&d->q, Q_PEER, 0, &len);
    if (bytes == NULL || len != sizeof(job->epoch)) {
        return P2PFS_STORE_ERROR;
    }
    memcpy(job->epoch, bytes, len);
    job->after = (uint64_t)p2pfs_sql_int(&d->q, Q_PEER, 1);
    return P2PFS_OK;
}
