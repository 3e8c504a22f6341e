/* The rules for one file: what is accepted, refused, and where it goes. */

#include <string.h>

#include "gossipd/store_impl.h"

/* What was found out about a file before anything is written. */
struct verdict {
    int record; /* store it, in version v (vk 0: a new one) */
    struct p2pfs_version v;
    int sealed; /* a complete version of (set_id, n) is here */
};

/* Everything about the file that needs no database. */
static enum p2pfs_err
check_file(struct store *s, const struct store_file *f,
    struct p2pfs_hash *entry)
{
    static const struct p2pfs_proof none;
    enum p2pfs_err err;

    err = p2pfs_set_id_check(f->id, f->id_len);
    if (err != P2PFS_OK) {
        return err;
    }
    if (f->n < 1 || f->n > s->count_max) {
        return P2PFS_BAD_SET_COUNT;
    }
    if (f->index >= f->n) {
        return P2PFS_INDEX_OUT_OF_RANGE;
    }
    if (f->len > s->file_max) {
        return P2PFS_BODY_TOO_LARGE;
    }
    p2pfs_hash_data(s->hasher, f->content, f->len, entry);
    if (p2pfs_hasher_failed(s->hasher)) {
        return P2PFS_INTERNAL;
    }
    if (f->expected != NULL && p2pfs_hash_cmp(f->expected, entry) != 0) {
        return P2PFS_NOT_IN_ROOT;
    }
    if (f->root == NULL) {
        return P2PFS_OK;
    }
    return p2pfs_proof_verify(s->hasher, f->root, f->n, f->index, entry,
        f->proof == NULL ? &none : f->proof);
}

static void
report(struct store_result *out, const struct p2pfs_version *v)
{
    out->received = v->received;
    out->set_count = v->n;
}

/* The root that a plain GET reads, zero where none is complete. */
static enum p2pfs_err
served_root(struct store *s, const struct store_place *p,
    struct p2pfs_hash *root)
{
    struct p2pfs_version v;

    memset(root, 0, sizeof(*root));
    if (p->served == 0) {
        return P2PFS_OK;
    }
    if (P2PFS_SQL_STEP(&s->q, Q_VERSION_GET, p->served) <= 0) {
        return store_fail(s, "find the version served", P2PFS_STORE_ERROR);
    }
    store_read_version(s, Q_VERSION_GET, &v);
    p2pfs_sql_reset(&s->q, Q_VERSION_GET);
    *root = v.root;
    return P2PFS_OK;
}

/* Rules 1 and 3. */
static enum p2pfs_err
judge_rooted(struct store *s, const struct store_file *f,
    const struct store_place *p, struct verdict *d, struct store_result *out)
{
    enum p2pfs_err err;
    int has;

    err = store_find_version(s, p, f->root, &d->v);
    if (err != P2PFS_OK) {
        return err;
    }
    if (d->v.vk != 0) {
        err = store_has(s, &d->v, p->index, p->ak, &has);
        if (err != P2PFS_OK || has) {
            report(out, &d->v);
            return err;
        }
        if (d->v.complete) {
            /* The proof holds, so the version had this file once. */
            return store_fail(s, "a complete version lacks a file",
                P2PFS_STORE_ERROR);
        }
    }
    if (f->origin == STORE_LOCAL && d->v.vk == 0 && p->served != 0) {
        out->err = P2PFS_SET_EXISTS;
        return served_root(s, p, &out->root);
    }
    d->record = 1;
    return P2PFS_OK;
}

/* What a file without a root meets at its place. */
struct company {
    int known;               /* in the draft or a complete version */
    int elsewhere;           /* in an incomplete version with a root */
    struct p2pfs_version in; /* which */
    int other; /* the draft or a complete version has only others */
    struct p2pfs_hash entry; /* one of those */
    struct p2pfs_version beside;
};

static enum p2pfs_err
meet(struct store *s, const struct store_place *p,
    const struct p2pfs_version *v, struct company *c)
{
    int rooted = !p2pfs_hash_is_zero(&v->root);
    struct p2pfs_hash entry;
    enum p2pfs_err err;
    int64_t ak;
    int has;

    err = store_has(s, v, p->index, p->ak, &has);
    if (err != P2PFS_OK) {
        return err;
    }
    if (has) {
        if (!rooted || v->complete) {
            c->known = 1;
        } else {
            c->elsewhere = 1;
        }
        c->in = *v;
        return P2PFS_OK;
    }
    if (rooted && !v->complete) {
        return P2PFS_OK;
    }
    err = store_entry_at(s, v, p->index, &entry, &ak);
    if (err == P2PFS_OK && ak >= 0) {
        c->other = 1;
        c->entry = entry;
        c->beside = *v;
    }
    return err;
}

/* The draft comes first: its root is NULL. */
static enum p2pfs_err
meet_all(struct store *s, const struct store_place *p, struct verdict *d,
    struct company *c)
{
    struct p2pfs_version v = {.gk = p->gk, .n = p->n};
    enum p2pfs_err err;
    int got;

    got = P2PFS_SQL_STEP(&s->q, Q_VERSION_LIST, p->gk);
    while (got > 0) {
        store_read_version(s, Q_VERSION_LIST, &v);
        if (p2pfs_hash_is_zero(&v.root)) {
            d->v = v;
        }
        d->sealed |= v.complete;
        err = meet(s, p, &v, c);
        if (err != P2PFS_OK) {
            return err;
        }
        if (c->known) {
            break;
        }
        got = p2pfs_sql_next(&s->q, Q_VERSION_LIST);
    }
    p2pfs_sql_reset(&s->q, Q_VERSION_LIST);
    return got < 0 ? store_fail(s, "read versions", P2PFS_OK) : P2PFS_OK;
}

/* Rule 2's conflicts, into out->err. */
static enum p2pfs_err
check_conflict(struct store *s, const struct store_place *p,
    const struct verdict *d, const struct company *c, struct store_result *out)
{
    int got;

    if (c->other) {
        out->err = P2PFS_FILE_CONFLICT;
        out->entry = c->entry;
        report(out, &c->beside);
        return served_root(s, p, &out->root);
    }
    if (d->v.vk != 0 || p->sk == 0) {
        return P2PFS_OK;
    }
    got = P2PFS_SQL_STEP(&s->q, Q_GROUP_OTHER, p->sk, p->n);
    if (got <= 0) {
        return got < 0 ? store_fail(s, "read groups", P2PFS_OK) : P2PFS_OK;
    }
    out->err = P2PFS_SET_COUNT_CONFLICT;
    out->set_count = (uint64_t)p2pfs_sql_int(&s->q, Q_GROUP_OTHER, 0);
    out->received = (uint64_t)p2pfs_sql_int(&s->q, Q_GROUP_OTHER, 1);
    p2pfs_sql_reset(&s->q, Q_GROUP_OTHER);
    return served_root(s, p, &out->root);
}

/* Rule 2. */
static enum p2pfs_err
judge_plain(struct store *s, const struct store_file *f,
    const struct store_place *p, struct verdict *d, struct store_result *out)
{
    struct store_result conflict = *out;
    struct company c;
    enum p2pfs_err err;

    memset(&c, 0, sizeof(c));
    d->v.gk = p->gk;
    d->v.n = p->n;
    err = meet_all(s, p, d, &c);
    if (err != P2PFS_OK) {
        return err;
    }
    if (c.known) {
        report(out, &c.in);
        return P2PFS_OK;
    }
    if (f->origin == STORE_LOCAL) {
        err = check_conflict(s, p, d, &c, &conflict);
        if (err != P2PFS_OK) {
            return err;
        }
    }
    if (conflict.err == P2PFS_OK) {
        d->record = 1;

    } else if (c.elsewhere) {
        /* Here all the same, so the answer is 200; it joins no draft. */
        report(out, &c.in);

    } else {
        *out = conflict;
    }
    return P2PFS_OK;
}

/* The bytes, where they are not here yet. */
static enum p2pfs_err
store_bytes(struct store *s, const struct store_file *f, struct store_place *p)
{
    unsigned id = p->has_content ? Q_ALT_NEW : Q_CONTENT_NEW;

    if (p->ak >= 0) {
        return P2PFS_OK;
    }
    p2pfs_sql_blob(&s->q, id, 2, p->entry.b, sizeof(p->entry));
    p2pfs_sql_blob(&s->q, id, 3, f->content, f->len);
    if (P2PFS_SQL_RUN(&s->q, id, p->k) != P2PFS_OK) {
        return store_fail(s, "write a file", P2PFS_OK);
    }
    p->ak = p->has_content ? sqlite3_last_insert_rowid(s->db) : 0;
    return P2PFS_OK;
}

/* Bits, count and tile of the version that the file goes to. */
static enum p2pfs_err
join_version(struct store *s, const struct store_file *f,
    const struct store_place *p, struct verdict *d)
{
    uint32_t block = p->index / P2PFS_TILE_WIDTH;
    unsigned width = p2pfs_tile_width(p->n, 0, block);
    const struct p2pfs_hash *upper = NULL;
    unsigned inside, n_upper = 0;
    struct store_block b;
    enum p2pfs_err err;
    int full;

    if (f->root != NULL && f->proof != NULL) {
        inside = p2pfs_proof_length(width, p->index % P2PFS_TILE_WIDTH);
        upper = f->proof->hash + inside;
        n_upper = f->proof->len - inside;
    }
    err = store_block_read(s, d->v.vk, block, &b);
    if (err != P2PFS_OK) {
        return err;
    }
    if (!store_bit(b.mask, p->index)) {
        d->v.received++;
        if (P2PFS_SQL_RUN(&s->q, Q_VERSION_HAVE, d->v.vk, d->v.received)
            != P2PFS_OK) {
            return store_fail(s, "count a file", P2PFS_OK);
        }
    }
    err = store_block_add(s, d->v.vk, p->index, p->ak, &b, upper, n_upper);
    if (err != P2PFS_OK) {
        return err;
    }
    full = store_block_full(&b, width);
    if (f->root != NULL) {
        return store_tree_leaf(s, &d->v, p->index, &p->entry, f->proof, full);
    }
    /* A later, smaller candidate changes the tile of a full block. */
    return full && !d->sealed ? store_tree_block(s, &d->v, block) : P2PFS_OK;
}

static enum p2pfs_err
log_file(struct store *s, const struct store_file *f,
    const struct store_place *p, const struct verdict *d)
{
    if (f->root != NULL) {
        return store_log(s, P2PFS_LOG_ROOTED_FILE, f->origin,
            p2pfs_schema_key(d->v.vk, p->index), p->ak);
    }
    return store_log(s, P2PFS_LOG_FILE, f->origin, p->k, p->ak);
}

static enum p2pfs_err
record(struct store *s, const struct store_file *f, struct store_place *p,
    struct verdict *d, struct store_result *out)
{
    enum p2pfs_err err;

    err = store_make_group(s, p);
    if (err == P2PFS_OK && d->v.vk == 0) {
        err = store_make_version(s, p->gk, p->n, f->root, &d->v);
    }
    if (err == P2PFS_OK) {
        err = store_bytes(s, f, p);
    }
    if (err == P2PFS_OK) {
        err = join_version(s, f, p, d);
    }
    if (err == P2PFS_OK) {
        err = log_file(s, f, p, d);
    }
    if (err == P2PFS_OK && d->v.received == p->n && !d->sealed) {
        err = store_birth(s, &d->v, f->origin);
    }
    if (err == P2PFS_OK) {
        out->created = 1;
        report(out, &d->v);
    }
    return err;
}

/* No room: bytes that are here already are still acknowledged. */
static void
refuse_full(const struct store_place *p, const struct store_file *f,
    struct store_result *out)
{
    out->set_count = p->n;
    if (p->ak < 0 || f->root != NULL) {
        out->err = P2PFS_STORE_FULL;
    }
}

enum p2pfs_err
store_put_file(struct store *s, const struct store_file *f,
    struct store_result *out)
{
    struct store_place p;
    struct verdict d;
    enum p2pfs_err err;

    memset(out, 0, sizeof(*out));
    memset(&p, 0, sizeof(p));
    memset(&d, 0, sizeof(d));
    out->err = check_file(s, f, &out->entry);
    if (out->err != P2PFS_OK) {
        return P2PFS_OK;
    }
    p.id = f->id;
    p.id_len = f->id_len;
    p.n = (uint32_t)f->n;
    p.index = (uint32_t)f->index;
    p.entry = out->entry;
    err = store_find_group(s, &p);
    if (err == P2PFS_OK) {
        err = store_find_entry(s, &p);
    }
    if (err == P2PFS_OK) {
        err = f->root != NULL ? judge_rooted(s, f, &p, &d, out)
                              : judge_plain(s, f, &p, &d, out);
    }
    if (err != P2PFS_OK || out->err != P2PFS_OK || !d.record) {
        return err;
    }
    if (!store_take_room(s, f->len)) {
        refuse_full(&p, f, out);
        return P2PFS_OK;
    }
    return record(s, f, &p, &d, out);
}
