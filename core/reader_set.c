/*
 * What GET sets/{id} tells: versions, missing ranges, candidates. Each list is
 * capped, and so are the rows looked at for it, for this runs in a worker.
 */

#include <string.h>

#include "core/reader_impl.h"

#define PARTS_MAX 65536
#define BITS_BYTES 16

/* Every index below `first` is told about. */
struct gaps {
    struct p2pfs_set *out;
    uint64_t first;
};

/* Everything from g->first up to index (exclusive) is missing. */
static void
add_gap(struct gaps *g, uint64_t index)
{
    struct p2pfs_set *out = g->out;

    if (index <= g->first) {
        return;
    }
    if (out->n_missing == P2PFS_SET_RANGES_MAX) {
        out->more_missing = 1;
        return;
    }
    out->missing[out->n_missing].first = (uint32_t)g->first;
    out->missing[out->n_missing].last = (uint32_t)(index - 1);
    out->n_missing++;
}

static void
add_here(struct gaps *g, uint64_t index)
{
    add_gap(g, index);
    g->first = index + 1;
}

static int
bit(const uint8_t bits[BITS_BYTES], unsigned i)
{
    return bits[i / 8] >> i % 8 & 1;
}

/* Ors the picks of a block into its bits. `got` is the state of the
 * statement, which runs through all picks of the version once. */
static int
merge_picks(struct p2pfs_reader *r, uint64_t first, uint8_t bits[BITS_BYTES],
    int got)
{
    uint32_t index;

    while (got > 0) {
        index = (uint32_t)p2pfs_sql_int(&r->q, Q_PICKS, 0);
        if (index >= first + P2PFS_TILE_WIDTH) {
            break;
        }
        bits[index % P2PFS_TILE_WIDTH / 8] |= (uint8_t)(1u << index % 8);
        got = p2pfs_sql_next(&r->q, Q_PICKS);
    }
    return got;
}

static enum p2pfs_err
read_bits(struct p2pfs_reader *r, uint8_t bits[BITS_BYTES])
{
    const uint8_t *stored;
    size_t len = 0;

    stored = p2pfs_sql_bytes(&r->q, Q_PARTS, 1, &len);
    if (stored == NULL || len != BITS_BYTES) {
        return p2pfs_reader_note(r, "read a part", P2PFS_STORE_ERROR);
    }
    memcpy(bits, stored, len);
    return P2PFS_OK;
}

static int
start_rows(struct p2pfs_reader *r, enum reader_statement id, int64_t vk)
{
    return P2PFS_SQL_STEP(&r->q, id, p2pfs_schema_key(vk, 0),
        p2pfs_schema_key(vk, UINT32_MAX));
}

static enum p2pfs_err
list_missing(struct p2pfs_reader *r, struct p2pfs_set *out)
{
    struct gaps g = {.out = out};
    uint8_t bits[BITS_BYTES] = {0};
    unsigned i, parts = 0;
    int got, picks;
    uint64_t first;

    if (out->top.complete) {
        return P2PFS_OK;
    }
    picks = start_rows(r, Q_PICKS, out->top.vk);
    got = start_rows(r, Q_PARTS, out->top.vk);
    while (got > 0 && !out->more_missing) {
        if (++parts > PARTS_MAX) {
            out->more_missing = 1;
            break;
        }
        if (read_bits(r, bits) != P2PFS_OK) {
            return P2PFS_STORE_ERROR;
        }
        first = (uint64_t)(uint32_t)p2pfs_sql_int(&r->q, Q_PARTS, 0)
            * P2PFS_TILE_WIDTH;
        picks = merge_picks(r, first, bits, picks);
        for (i = 0; i < P2PFS_TILE_WIDTH; i++) {
            if (bit(bits, i)) {
                add_here(&g, first + i);
            }
        }
        got = p2pfs_sql_next(&r->q, Q_PARTS);
    }
    p2pfs_sql_reset(&r->q, Q_PARTS);
    p2pfs_sql_reset(&r->q, Q_PICKS);
    if (got < 0 || picks < 0) {
        return p2pfs_reader_fail(r, "read parts");
    }
    if (!out->more_missing) {
        add_gap(&g, out->top.n);
    }
    return P2PFS_OK;
}

static void
add_candidate(struct p2pfs_set *out, uint32_t n, uint32_t index,
    const uint8_t *entry, size_t len)
{
    struct p2pfs_candidate *c;

    if (len != sizeof(c->hash)) {
        return;
    }
    if (out->n_candidates == P2PFS_SET_CANDIDATES_MAX) {
        out->more_candidates = 1;
        return;
    }
    c = &out->candidate[out->n_candidates++];
    c->index = index;
    c->n = n;
    memcpy(c->hash.b, entry, len);
}

static enum p2pfs_err
add_content(struct p2pfs_reader *r, const struct p2pfs_version *v,
    uint32_t index, struct p2pfs_set *out)
{
    const uint8_t *entry;
    size_t len = 0;
    int got;

    got =
        P2PFS_SQL_STEP(&r->q, Q_CONTENT_ENTRY, p2pfs_schema_key(v->gk, index));
    if (got < 0) {
        return p2pfs_reader_fail(r, "read an entry");
    }
    if (got > 0) {
        entry = p2pfs_sql_bytes(&r->q, Q_CONTENT_ENTRY, 0, &len);
        add_candidate(out, v->n, index, entry, len);
        p2pfs_sql_reset(&r->q, Q_CONTENT_ENTRY);
    }
    return P2PFS_OK;
}

static enum p2pfs_err
add_part(struct p2pfs_reader *r, const struct p2pfs_version *v,
    struct p2pfs_set *out)
{
    uint32_t first =
        (uint32_t)p2pfs_sql_int(&r->q, Q_PARTS, 0) * P2PFS_TILE_WIDTH;
    uint8_t bits[BITS_BYTES] = {0};
    enum p2pfs_err err;
    unsigned i;

    err = read_bits(r, bits);
    for (i = 0; i < P2PFS_TILE_WIDTH && err == P2PFS_OK; i++) {
        if (bit(bits, i)) {
            err = add_content(r, v, first + i, out);
        }
    }
    return err;
}

/* A draft beside a complete version: all that it has. */
static enum p2pfs_err
list_late(struct p2pfs_reader *r, const struct p2pfs_version *v,
    struct p2pfs_set *out)
{
    enum p2pfs_err err;
    unsigned parts = 0;
    int got;

    got = start_rows(r, Q_PARTS, v->vk);
    while (got > 0 && !out->more_candidates) {
        if (++parts > P2PFS_SET_CANDIDATES_MAX) {
            out->more_candidates = 1;
            break;
        }
        err = add_part(r, v, out);
        if (err != P2PFS_OK) {
            return err;
        }
        got = p2pfs_sql_next(&r->q, Q_PARTS);
    }
    p2pfs_sql_reset(&r->q, Q_PARTS);
    return got < 0 ? p2pfs_reader_fail(r, "read parts") : P2PFS_OK;
}

/* Is the content row of this place in the open version? */
static int
part_has(struct p2pfs_reader *r, int64_t vk, uint32_t index)
{
    int64_t pk = p2pfs_schema_key(vk, index / P2PFS_TILE_WIDTH);
    uint8_t bits[BITS_BYTES] = {0};
    int has = 0;

    if (P2PFS_SQL_STEP(&r->q, Q_PARTS, pk, pk) > 0
        && read_bits(r, bits) == P2PFS_OK) {
        has = bit(bits, index % P2PFS_TILE_WIDTH);
    }
    p2pfs_sql_reset(&r->q, Q_PARTS);
    return has;
}

/*
 * The picks of a version in order. `contested`: an open draft, where a place
 * is told about when it has two files or more; with them the content row.
 */
static enum p2pfs_err
list_picks(struct p2pfs_reader *r, const struct p2pfs_version *v, int contested,
    struct p2pfs_set *out)
{
    uint64_t last = UINT64_MAX;
    enum p2pfs_err err;
    const uint8_t *entry;
    uint32_t index;
    size_t len = 0;
    int got, content = 0;

    got = start_rows(r, Q_PICKS, v->vk);
    for (; got > 0 && !out->more_candidates;
         got = p2pfs_sql_next(&r->q, Q_PICKS)) {
        index = (uint32_t)p2pfs_sql_int(&r->q, Q_PICKS, 0);
        if (contested && index != last) {
            last = index;
            content = part_has(r, v->vk, index);
            err = content ? add_content(r, v, index, out) : P2PFS_OK;
            if (err != P2PFS_OK) {
                return err;
            }
        }
        if (contested && !content && p2pfs_sql_int(&r->q, Q_PICKS, 2) == 1) {
            continue; /* alone at its place */
        }
        entry = p2pfs_sql_bytes(&r->q, Q_PICKS, 1, &len);
        add_candidate(out, v->n, index, entry, len);
    }
    p2pfs_sql_reset(&r->q, Q_PICKS);
    return got < 0 ? p2pfs_reader_fail(r, "read picks") : P2PFS_OK;
}

/* Rule 5's candidates, of one draft. */
static enum p2pfs_err
list_candidates(struct p2pfs_reader *r, const struct p2pfs_version *v,
    int sealed, struct p2pfs_set *out)
{
    enum p2pfs_err err;

    if (!sealed) {
        return list_picks(r, v, 1, out);
    }
    err = list_late(r, v, out);
    if (err != P2PFS_OK) {
        return err;
    }
    return list_picks(r, v, 0, out);
}

/* Complete ones first, smallest root first. What a draft beside a complete
 * version holds are candidates, not a version. */
static enum p2pfs_err
list_versions(struct p2pfs_reader *r, int64_t sk, struct p2pfs_set *out)
{
    struct p2pfs_version v;
    enum p2pfs_err err;
    int got, sealed;

    got = P2PFS_SQL_STEP(&r->q, Q_VERSIONS, sk);
    for (; got > 0; got = p2pfs_sql_next(&r->q, Q_VERSIONS)) {
        p2pfs_reader_columns(r, Q_VERSIONS, &v);
        sealed = p2pfs_sql_int(&r->q, Q_VERSIONS, 6) != 0;
        if (p2pfs_hash_is_zero(&v.root)) {
            err = list_candidates(r, &v, sealed, out);
            if (err != P2PFS_OK) {
                return err;
            }
            if (sealed) {
                continue;
            }
        }
        if (out->n_versions == P2PFS_SET_VERSIONS_MAX) {
            out->more_versions = 1;
            break;
        }
        out->version[out->n_versions++] = v;
    }
    p2pfs_sql_reset(&r->q, Q_VERSIONS);
    return got < 0 ? p2pfs_reader_fail(r, "read versions") : P2PFS_OK;
}

enum p2pfs_err
p2pfs_reader_set(struct p2pfs_reader *r, const char *id, size_t id_len,
    struct p2pfs_set *out)
{
    int64_t sk = 0, served = 0;
    enum p2pfs_err err;
    int found;

    out->n_missing = 0;
    out->more_missing = 0;
    out->n_versions = 0;
    out->more_versions = 0;
    out->n_candidates = 0;
    out->more_candidates = 0;

    err = p2pfs_reader_label(r, id, id_len, &sk, &served);
    if (err != P2PFS_OK) {
        return err;
    }
    err = p2pfs_reader_version(r, served != 0 ? Q_VERSION : Q_FULLEST,
        served != 0 ? served : sk, &out->top, &found);
    if (err != P2PFS_OK) {
        return err;
    }
    if (!found) {
        return p2pfs_reader_note(r, "find the top version", P2PFS_STORE_ERROR);
    }
    err = list_missing(r, out);
    if (err != P2PFS_OK) {
        return err;
    }
    return list_versions(r, sk, out);
}
