/* Files and their proofs, checked against the tree on every read. */

#include <string.h>

#include "core/reader_impl.h"
#include "core/tile_read.h"

/* The body that a statement gives for a key, and its entry; *found. */
static enum p2pfs_err
read_body(struct p2pfs_reader *r, enum reader_statement id, int64_t key,
    struct p2pfs_file *f, int *found)
{
    int got = P2PFS_SQL_STEP(&r->q, id, key);

    *found = got > 0;
    if (got < 0) {
        return p2pfs_reader_fail(r, "read a file");
    }
    if (got == 0) {
        return P2PFS_OK;
    }
    f->content = p2pfs_sql_bytes(&r->q, id, 0, &f->len);
    if (f->content == NULL) {
        return p2pfs_reader_note(r, "read a file", P2PFS_NO_MEMORY);
    }
    p2pfs_hash_data(r->hasher, f->content, f->len, &f->entry);
    if (p2pfs_hasher_failed(r->hasher)) {
        return p2pfs_reader_note(r, "hash a file", P2PFS_INTERNAL);
    }
    return P2PFS_OK;
}

static enum p2pfs_err
read_matching(struct p2pfs_reader *r, enum reader_statement id, int64_t key,
    const struct p2pfs_hash *leaf, struct p2pfs_file *f, int *matches)
{
    struct p2pfs_hash computed;
    enum p2pfs_err err;

    err = read_body(r, id, key, f, matches);
    if (err != P2PFS_OK || !*matches) {
        return err;
    }
    p2pfs_hash_leaf(r->hasher, &f->entry, &computed);
    *matches =
        p2pfs_hash_cmp(&computed, leaf) == 0 && !p2pfs_hasher_failed(r->hasher);
    return P2PFS_OK;
}

/* What one tile has on the leaf that stands at s. */
static enum p2pfs_err
take_tile(const uint8_t *tile, unsigned level, const struct p2pfs_tile_spot *s,
    struct p2pfs_hash *leaf, struct p2pfs_proof *proof)
{
    if (level == 0) {
        p2pfs_tile_leaf(tile, s, leaf);
    }
    return p2pfs_tile_append(tile, s, proof);
}

static enum p2pfs_err
read_level(struct p2pfs_reader *r, const struct p2pfs_version *v,
    unsigned level, uint32_t index, struct p2pfs_hash *leaf,
    struct p2pfs_proof *proof)
{
    struct p2pfs_tile_spot s = p2pfs_tile_spot(v->vk, v->n, level, index);
    const uint8_t *tile;
    enum p2pfs_err err;

    tile = p2pfs_tile_cache_find(r->tiles, s.tk, &v->root, s.len);
    if (tile != NULL) {
        return take_tile(tile, level, &s, leaf, proof);
    }
    err = p2pfs_tile_fetch(&r->q, Q_TILE, &s, &tile);
    if (err != P2PFS_OK) {
        return err;
    }
    err = take_tile(tile, level, &s, leaf, proof);
    p2pfs_tile_cache_offer(r->tiles, s.tk, &v->root, tile, s.len);
    p2pfs_sql_reset(&r->q, Q_TILE);
    return err;
}

/* As p2pfs_tile_read_proof(), by way of the tiles at hand. */
static enum p2pfs_err
read_proof(struct p2pfs_reader *r, const struct p2pfs_version *v,
    uint32_t index, struct p2pfs_hash *leaf, struct p2pfs_proof *proof)
{
    unsigned levels = p2pfs_tile_levels(v->n);
    enum p2pfs_err err;
    unsigned level;

    proof->len = 0;
    for (level = 0; level < levels; level++) {
        err = read_level(r, v, level, index, leaf, proof);
        if (err != P2PFS_OK) {
            return err;
        }
    }
    return proof->len == p2pfs_proof_length(v->n, index) ? P2PFS_OK
                                                         : P2PFS_FILE_DAMAGED;
}

enum p2pfs_err
p2pfs_reader_file(struct p2pfs_reader *r, const struct p2pfs_version *v,
    uint32_t index, struct p2pfs_file *f)
{
    struct p2pfs_hash leaf;
    enum p2pfs_err err;
    int matches;

    if (!v->complete) {
        return P2PFS_SET_INCOMPLETE;
    }
    if (index >= v->n) {
        return P2PFS_FILE_NOT_FOUND;
    }
    f->index = index;
    f->n = v->n;
    r->damaged.gk = v->gk;
    r->damaged.vk = v->vk;
    r->damaged.index = index;
    err = read_proof(r, v, index, &leaf, &f->proof);
    if (err != P2PFS_OK) {
        return p2pfs_reader_note(r, "read a proof", err);
    }
    err = read_matching(r, Q_CONTENT, p2pfs_schema_key(v->gk, index), &leaf, f,
        &matches);
    if (err != P2PFS_OK || matches) {
        return err;
    }
    err = read_matching(r, Q_PICKED, p2pfs_schema_key(v->vk, index), &leaf, f,
        &matches);
    if (err != P2PFS_OK || matches) {
        return err;
    }
    return p2pfs_reader_note(r, "read a file", P2PFS_FILE_DAMAGED);
}

/* The file in one group; *found. */
static enum p2pfs_err
read_by_entry(struct p2pfs_reader *r, int64_t k, const struct p2pfs_hash *hash,
    struct p2pfs_file *f, int *found)
{
    static const enum reader_statement ids[] = {Q_CONTENT_BY_ENTRY,
        Q_ALT_BY_ENTRY};
    enum p2pfs_err err;
    unsigned i;

    *found = 0;
    for (i = 0; i < sizeof(ids) / sizeof(*ids) && !*found; i++) {
        p2pfs_sql_blob(&r->q, ids[i], 2, hash->b, sizeof(*hash));
        err = read_body(r, ids[i], k, f, found);
        if (err != P2PFS_OK) {
            return err;
        }
    }
    if (*found && p2pfs_hash_cmp(&f->entry, hash) != 0) {
        r->damaged.gk = k >> 32;
        r->damaged.vk = 0;
        r->damaged.index = (uint32_t)k;
        return p2pfs_reader_note(r, "read a file", P2PFS_FILE_DAMAGED);
    }
    return P2PFS_OK;
}

enum p2pfs_err
p2pfs_reader_by_hash(struct p2pfs_reader *r, const char *id, size_t id_len,
    uint64_t index, const struct p2pfs_hash *hash, struct p2pfs_file *f)
{
    int64_t sk = 0, served = 0, k;
    enum p2pfs_err err;
    int got, found;

    err = p2pfs_reader_label(r, id, id_len, &sk, &served);
    if (err != P2PFS_OK) {
        return err;
    }
    memset(&f->proof, 0, sizeof(f->proof));
    got = P2PFS_SQL_STEP(&r->q, Q_GROUPS, sk);
    for (; got > 0; got = p2pfs_sql_next(&r->q, Q_GROUPS)) {
        f->n = (uint32_t)p2pfs_sql_int(&r->q, Q_GROUPS, 1);
        if (index >= f->n) {
            continue;
        }
        f->index = (uint32_t)index;
        k = p2pfs_schema_key(p2pfs_sql_int(&r->q, Q_GROUPS, 0), f->index);
        err = read_by_entry(r, k, hash, f, &found);
        if (err != P2PFS_OK || found) {
            p2pfs_sql_reset(&r->q, Q_GROUPS);
            return err;
        }
    }
    return got < 0 ? p2pfs_reader_fail(r, "read groups")
                   : P2PFS_VERSION_NOT_FOUND;
}
