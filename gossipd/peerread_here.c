/* Where records are, and whether they are here at all. */

#include <string.h>

#include "gossipd/peerread_impl.h"

static enum p2pfs_err
find_version(struct peerread_db *d, const struct p2pfs_record *r,
    struct peerread_place *p)
{
    int got;

    p2pfs_sql_blob(&d->q, Q_ROOTED, 2, r->root.b, sizeof(r->root));
    got = P2PFS_SQL_STEP(&d->q, Q_ROOTED, p->gk);
    if (got <= 0) {
        return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_FILE_NOT_FOUND;
    }
    p->vk = p2pfs_sql_int(&d->q, Q_ROOTED, 0);
    p->complete = p2pfs_sql_int(&d->q, Q_ROOTED, 1) == P2PFS_STATE_COMPLETE;
    p2pfs_sql_reset(&d->q, Q_ROOTED);
    return P2PFS_OK;
}

static enum p2pfs_err
find_entry(struct peerread_db *d, const struct p2pfs_hash *entry,
    struct peerread_place *p)
{
    const uint8_t *bytes;
    size_t len = 0;
    int got;

    got = P2PFS_SQL_STEP(&d->q, Q_CONTENT, p->k);
    if (got <= 0) {
        return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_OK;
    }
    bytes = p2pfs_sql_bytes(&d->q, Q_CONTENT, 0, &len);
    if (len == sizeof(*entry) && memcmp(bytes, entry->b, len) == 0) {
        p->ak = 0;
    }
    p2pfs_sql_reset(&d->q, Q_CONTENT);
    if (p->ak == 0) {
        return P2PFS_OK;
    }
    p2pfs_sql_blob(&d->q, Q_FIND_ALT, 2, entry->b, sizeof(*entry));
    got = P2PFS_SQL_STEP(&d->q, Q_FIND_ALT, p->k);
    if (got < 0) {
        return p2pfs_sql_err(&d->q);
    }
    if (got > 0) {
        p->ak = p2pfs_sql_int(&d->q, Q_FIND_ALT, 0);
        p2pfs_sql_reset(&d->q, Q_FIND_ALT);
    }
    return P2PFS_OK;
}

enum p2pfs_err
peerread_find(struct peerread_db *d, const struct p2pfs_record *r,
    struct peerread_place *p)
{
    enum p2pfs_err err = P2PFS_OK;
    int got;

    memset(p, 0, sizeof(*p));
    p->ak = -1;
    p2pfs_sql_text(&d->q, Q_FIND_GROUP, 2, r->id, r->id_len);
    got = P2PFS_SQL_STEP(&d->q, Q_FIND_GROUP, r->n);
    if (got <= 0) {
        return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_FILE_NOT_FOUND;
    }
    p->gk = p2pfs_sql_int(&d->q, Q_FIND_GROUP, 0);
    p->k = p2pfs_schema_key(p->gk, r->index);
    p2pfs_sql_reset(&d->q, Q_FIND_GROUP);
    if (p2pfs_record_has_root(r)) {
        err = find_version(d, r, p);
    }
    if (err == P2PFS_OK && r->kind == P2PFS_RECORD_FILE) {
        err = find_entry(d, &r->entry, p);
    }
    return err;
}

/* Is the content row of this place in an open version? */
static enum p2pfs_err
has_bit(struct peerread_db *d, int64_t vk, uint32_t index, int *has)
{
    const uint8_t *bits;
    size_t len = 0;
    int got;

    got = P2PFS_SQL_STEP(&d->q, Q_PART,
        p2pfs_schema_key(vk, index / P2PFS_TILE_WIDTH));
    if (got <= 0) {
        return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_OK;
    }
    bits = p2pfs_sql_bytes(&d->q, Q_PART, 0, &len);
    index %= P2PFS_TILE_WIDTH;
    *has = bits != NULL && len == 16 && (bits[index / 8] >> index % 8 & 1);
    p2pfs_sql_reset(&d->q, Q_PART);
    return P2PFS_OK;
}

enum p2pfs_err
peerread_has(struct peerread_db *d, int64_t vk, int complete, uint32_t index,
    int64_t ak, int *has)
{
    int64_t pk2 = p2pfs_schema_key(vk, index);
    int got;

    *has = 0;
    if (ak < 0) {
        return P2PFS_OK;
    }
    if (ak == 0 && !complete) {
        return has_bit(d, vk, index, has);
    }
    if (ak == 0) {
        got = P2PFS_SQL_STEP(&d->q, Q_PICKED, pk2);
        p2pfs_sql_reset(&d->q, Q_PICKED);
        *has = got == 0; /* the content row, where no other was picked */
    } else {
        got = P2PFS_SQL_STEP(&d->q, Q_PICK, pk2, ak);
        p2pfs_sql_reset(&d->q, Q_PICK);
        *has = got > 0;
    }
    return got < 0 ? p2pfs_sql_err(&d->q) : P2PFS_OK;
}

/* In the draft or in any complete version of its group? */
static enum p2pfs_err
is_plain_here(struct peerread_db *d, const struct p2pfs_record *r,
    const struct peerread_place *p, int *here)
{
    enum p2pfs_err err = P2PFS_OK;
    int got;

    *here = 0;
    got = P2PFS_SQL_STEP(&d->q, Q_WITH_PLAIN, p->gk);
    while (got > 0 && !*here && err == P2PFS_OK) {
        err = peerread_has(d, p2pfs_sql_int(&d->q, Q_WITH_PLAIN, 0),
            p2pfs_sql_int(&d->q, Q_WITH_PLAIN, 1) == P2PFS_STATE_COMPLETE,
            r->index, p->ak, here);
        if (err == P2PFS_OK && !*here) {
            got = p2pfs_sql_next(&d->q, Q_WITH_PLAIN);
        }
    }
    p2pfs_sql_reset(&d->q, Q_WITH_PLAIN);
    return got < 0 ? p2pfs_sql_err(&d->q) : err;
}

static enum p2pfs_err
is_here(struct peerread_db *d, const struct p2pfs_record *r, int *here)
{
    struct peerread_place p;
    enum p2pfs_err err;

    *here = 0;
    err = peerread_find(d, r, &p);
    if (err != P2PFS_OK) {
        return err == P2PFS_FILE_NOT_FOUND ? P2PFS_OK : err;
    }
    if (r->kind == P2PFS_RECORD_VERSION) {
        *here = p.complete;
        return P2PFS_OK;
    }
    if (p.vk == 0) {
        return is_plain_here(d, r, &p, here);
    }
    return peerread_has(d, p.vk, p.complete, r->index, p.ak, here);
}

enum p2pfs_err
peerread_missing(struct peerread_db *d, struct peerread_job *job)
{
    enum p2pfs_err err;
    unsigned i;
    int here;

    for (i = 0; i < job->n_rows; i++) {
        err = is_here(d, &job->rows[i].record, &here);
        if (err != P2PFS_OK) {
            return err;
        }
        job->rows[i].missing = !here;
    }
    return P2PFS_OK;
}
