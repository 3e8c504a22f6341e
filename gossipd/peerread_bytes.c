/* Ranges of contents with their proofs, and of a version's list of entries. */

#include <stdlib.h>
#include <string.h>

#include "core/tile_read.h"
#include "gossipd/peerread_impl.h"

/* Sets total, len and data (never NULL) for what the job asks of `total`. */
static enum p2pfs_err
set_range(struct peerread_job *job, uint64_t total)
{
    uint64_t left = job->offset < total ? total - job->offset : 0;
    uint64_t len = job->length;

    if (len > PEERREAD_LENGTH_MAX) {
        len = PEERREAD_LENGTH_MAX;
    }
    job->total = total;
    job->len = (size_t)(len < left ? len : left);
    job->data = malloc(job->len > 0 ? job->len : 1);
    return job->data == NULL ? P2PFS_NO_MEMORY : P2PFS_OK;
}

/* Only the pages of the range are read. */
static enum p2pfs_err
read_content(struct peerread_db *d, const struct peerread_place *p,
    struct peerread_job *job)
{
    sqlite3_blob *blob = NULL;
    enum p2pfs_err err;
    int rc;

    rc = sqlite3_blob_open(d->db, "main", p->ak == 0 ? "content" : "alt",
        "body", p->ak == 0 ? p->k : p->ak, 0, &blob);
    err = p2pfs_sql_map(rc);
    if (err == P2PFS_OK) {
        err = set_range(job, (uint64_t)sqlite3_blob_bytes(blob));
    }
    if (err == P2PFS_OK && job->len > 0) {
        rc =
            sqlite3_blob_read(blob, job->data, (int)job->len, (int)job->offset);
        err = p2pfs_sql_map(rc);
    }
    sqlite3_blob_close(blob);
    return err;
}

/* Read whole, it is checked; a range is checked by who asked for it all. */
static enum p2pfs_err
check_content(struct peerread_db *d, const struct peerread_job *job)
{
    struct p2pfs_hash entry;

    if (job->len != job->total) {
        return P2PFS_OK;
    }
    p2pfs_hash_data(d->hasher, job->data, job->len, &entry);
    if (p2pfs_hasher_failed(d->hasher)) {
        return P2PFS_INTERNAL;
    }
    return p2pfs_hash_cmp(&entry, &job->record.entry) == 0 ? P2PFS_OK
                                                           : P2PFS_FILE_DAMAGED;
}

/* The proof above tile level 0, kept while a version is incomplete. */
static enum p2pfs_err
read_upper(struct peerread_db *d, const struct peerread_place *p,
    uint32_t index, struct p2pfs_proof *proof)
{
    const uint8_t *upper;
    size_t len = 0;
    int got;

    got = P2PFS_SQL_STEP(&d->q, Q_PART,
        p2pfs_schema_key(p->vk, index / P2PFS_TILE_WIDTH));
    if (got <= 0) {
        return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_FILE_DAMAGED;
    }
    upper = p2pfs_sql_bytes(&d->q, Q_PART, 1, &len);
    if (upper == NULL || len % sizeof(*proof->hash) != 0
        || len > (P2PFS_PROOF_MAX - proof->len) * sizeof(*proof->hash)) {
        return P2PFS_FILE_DAMAGED;
    }
    memcpy(proof->hash + proof->len, upper, len);
    proof->len += (unsigned)(len / sizeof(*proof->hash));
    p2pfs_sql_reset(&d->q, Q_PART);
    return P2PFS_OK;
}

static enum p2pfs_err
read_proof(struct peerread_db *d, const struct peerread_place *p,
    struct peerread_job *job)
{
    const struct p2pfs_record *r = &job->record;
    struct p2pfs_hash leaf;
    enum p2pfs_err err;

    job->proof.len = 0;
    if (p->complete) {
        err = p2pfs_tile_read_proof(&d->q, Q_TILE, p->vk, r->n, r->index, &leaf,
            &job->proof);
    } else {
        err = p2pfs_tile_read_level(&d->q, Q_TILE, p->vk, r->n, 0, r->index,
            &leaf, &job->proof);
        if (err == P2PFS_OK) {
            err = read_upper(d, p, r->index, &job->proof);
        }
    }
    if (err != P2PFS_OK) {
        return err;
    }
    err = p2pfs_proof_verify(d->hasher, &r->root, r->n, r->index, &r->entry,
        &job->proof);
    return err == P2PFS_OK ? P2PFS_OK : P2PFS_FILE_DAMAGED;
}

static enum p2pfs_err
read_file(struct peerread_db *d, const struct peerread_place *p,
    struct peerread_job *job)
{
    enum p2pfs_err err = P2PFS_OK;
    int has = p->ak >= 0;

    if (p->vk != 0) {
        err =
            peerread_has(d, p->vk, p->complete, job->record.index, p->ak, &has);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    if (!has) {
        return P2PFS_FILE_NOT_FOUND;
    }
    err = read_content(d, p, job);
    if (err == P2PFS_OK && job->offset == 0) {
        err = check_content(d, job);
    }
    if (err == P2PFS_OK && job->offset == 0 && p->vk != 0) {
        err = read_proof(d, p, job);
    }
    return err;
}

/* Entries out of one statement's rows: key, entry. */
static enum p2pfs_err
copy_entries(struct peerread_db *d, enum peerread_statement id, int64_t first,
    struct p2pfs_hash entry[P2PFS_TILE_WIDTH])
{
    const uint8_t *bytes;
    size_t len = 0;
    int64_t i;
    int got;

    got = P2PFS_SQL_STEP(&d->q, id, first, first + P2PFS_TILE_WIDTH - 1);
    while (got > 0) {
        i = p2pfs_sql_int(&d->q, id, 0) - first;
        bytes = p2pfs_sql_bytes(&d->q, id, 1, &len);
        if (bytes != NULL && len == sizeof(*entry)) {
            memcpy(entry[i].b, bytes, len);
        }
        got = p2pfs_sql_next(&d->q, id);
    }
    return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_OK;
}

/* Every entry must be the one whose leaf stands in the tile. */
static enum p2pfs_err
check_leaves(struct peerread_db *d, const struct peerread_place *p,
    const struct p2pfs_record *r, uint32_t block,
    const struct p2pfs_hash *entry)
{
    unsigned width = p2pfs_tile_width(r->n, 0, block);
    enum p2pfs_err err = P2PFS_OK;
    const uint8_t *tile;
    struct p2pfs_hash leaf;
    size_t len = 0;
    unsigned i;
    int got;

    got = P2PFS_SQL_STEP(&d->q, Q_TILE, p2pfs_schema_tile_key(p->vk, 0, block));
    if (got <= 0) {
        return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_FILE_DAMAGED;
    }
    tile = p2pfs_sql_bytes(&d->q, Q_TILE, 0, &len);
    if (tile == NULL || len != p2pfs_tile_bytes(width)) {
        return P2PFS_FILE_DAMAGED;
    }
    for (i = 0; i < width; i++) {
        p2pfs_hash_leaf(d->hasher, &entry[i], &leaf);
        if (memcmp(leaf.b, tile + i * sizeof(leaf), sizeof(leaf)) != 0) {
            err = P2PFS_FILE_DAMAGED;
        }
    }
    p2pfs_sql_reset(&d->q, Q_TILE);
    return err;
}

/* What of a block's entries lies in the job's range. */
static void
copy_overlap(struct peerread_job *job, uint32_t block,
    const struct p2pfs_hash *entry)
{
    uint64_t first = (uint64_t)block * P2PFS_TILE_WIDTH * sizeof(*entry);
    uint64_t last = first + P2PFS_TILE_WIDTH * sizeof(*entry);
    uint64_t end = job->offset + job->len;
    uint64_t from = first > job->offset ? first : job->offset;
    uint64_t to = last < end ? last : end;

    memcpy(job->data + (from - job->offset),
        (const uint8_t *)entry + (from - first), (size_t)(to - from));
}

static enum p2pfs_err
read_block(struct peerread_db *d, const struct peerread_place *p,
    struct peerread_job *job, uint32_t block)
{
    uint32_t first = block * P2PFS_TILE_WIDTH;
    struct p2pfs_hash entry[P2PFS_TILE_WIDTH];
    enum p2pfs_err err;

    memset(entry, 0, sizeof(entry));
    err = copy_entries(d, Q_ENTRIES, p2pfs_schema_key(p->gk, first), entry);
    if (err == P2PFS_OK) {
        err = copy_entries(d, Q_PICKS, p2pfs_schema_key(p->vk, first), entry);
    }
    if (err == P2PFS_OK) {
        err = check_leaves(d, p, &job->record, block, entry);
    }
    if (err == P2PFS_OK) {
        copy_overlap(job, block, entry);
    }
    return err;
}

static enum p2pfs_err
read_list(struct peerread_db *d, const struct peerread_place *p,
    struct peerread_job *job)
{
    uint64_t block_bytes = P2PFS_TILE_WIDTH * P2PFS_HASH_BYTES;
    uint64_t block, last;
    enum p2pfs_err err;

    if (!p->complete) {
        return P2PFS_FILE_NOT_FOUND;
    }
    err = set_range(job, (uint64_t)job->record.n * P2PFS_HASH_BYTES);
    if (err != P2PFS_OK || job->len == 0) {
        return err;
    }
    last = (job->offset + job->len - 1) / block_bytes;
    for (block = job->offset / block_bytes; block <= last; block++) {
        err = read_block(d, p, job, (uint32_t)block);
        if (err != P2PFS_OK) {
            return err;
        }
    }
    return P2PFS_OK;
}

enum p2pfs_err
peerread_bytes(struct peerread_db *d, struct peerread_job *job)
{
    struct peerread_place p;
    enum p2pfs_err err;

    err = peerread_find(d, &job->record, &p);
    if (err != P2PFS_OK) {
        return err;
    }
    if (job->record.kind == P2PFS_RECORD_VERSION) {
        return read_list(d, &p, job);
    }
    return read_file(d, &p, job);
}
