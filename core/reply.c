/*
 * core/reply.c: the JSON of the answers.
 */

#include "core/reply.h"

#include <string.h>

/*
 * Room, rounded up. A hash is 66 characters in quotes with 0x, a number has at
 * most 20 digits, and the names of the members are part of the fixed room.
 */
#define FIXED_MAX 512
#define HASH_MAX 80
#define RANGE_MAX 32
#define VERSION_MAX 192
#define CANDIDATE_MAX 160

#define DETAIL_MAX 96 /* of it, six characters for one at worst */

/* A name stands as it goes out, with its quotes and what is in front of it. */
static void
put_number(struct p2pfs_text *t, const char *name, uint64_t v)
{
    p2pfs_text_str(t, name);
    p2pfs_text_u64(t, v);
}

static void
put_bool(struct p2pfs_text *t, const char *name, int v)
{
    p2pfs_text_str(t, name);
    p2pfs_text_str(t, v ? "true" : "false");
}

static void
put_0x(struct p2pfs_text *t, const uint8_t *data, size_t len)
{
    p2pfs_text_str(t, "\"0x");
    p2pfs_text_hex(t, data, len);
    p2pfs_text_str(t, "\"");
}

/* With 0x: roots and siblings. Zero is no root. */
static void
put_root(struct p2pfs_text *t, const char *name, const struct p2pfs_hash *root)
{
    p2pfs_text_str(t, name);

    if (p2pfs_hash_is_zero(root)) {
        p2pfs_text_str(t, "null");
    } else {
        put_0x(t, root->b, sizeof(root->b));
    }
}

/* Without 0x: the SHA-256 of a content, as sha256sum writes it. */
static void
put_entry(struct p2pfs_text *t, const char *name,
    const struct p2pfs_hash *entry)
{
    p2pfs_text_str(t, name);
    p2pfs_text_str(t, "\"");
    p2pfs_text_hash(t, entry);
    p2pfs_text_str(t, "\"");
}

size_t
p2pfs_reply_file_max(const struct p2pfs_file *f)
{
    return FIXED_MAX + 2 * f->len + HASH_MAX * (size_t)f->proof.len;
}

void
p2pfs_reply_file(struct p2pfs_text *t, const struct p2pfs_file *f,
    const struct p2pfs_hash *root)
{
    unsigned i;

    p2pfs_text_str(t, "{\"file\":");
    put_0x(t, f->content, f->len);

    p2pfs_text_str(t, ",\"proof\":{\"proof\":[");

    for (i = 0; i < f->proof.len; i++) {
        p2pfs_text_str(t, i > 0 ? "," : "");
        put_0x(t, f->proof.hash[i].b, P2PFS_HASH_BYTES);
    }

    put_number(t, "],\"index\":", f->index);
    put_root(t, "},\"root\":", root);
    put_number(t, ",\"setCount\":", f->n);
    put_entry(t, ",\"hash\":", &f->entry);
    p2pfs_text_str(t, "}");
}

void
p2pfs_reply_candidate(struct p2pfs_text *t, const struct p2pfs_file *f)
{
    p2pfs_text_str(t, "{\"file\":");
    put_0x(t, f->content, f->len);
    put_number(t, ",\"index\":", f->index);
    put_number(t, ",\"setCount\":", f->n);
    put_entry(t, ",\"hash\":", &f->entry);
    p2pfs_text_str(t, "}");
}

void
p2pfs_reply_stored(struct p2pfs_text *t, const struct p2pfs_hash *entry,
    uint64_t index, uint64_t n)
{
    put_entry(t, "{\"success\":true,\"hash\":", entry);
    put_number(t, ",\"index\":", index);
    put_number(t, ",\"setCount\":", n);
    p2pfs_text_str(t, "}");
}

size_t
p2pfs_reply_set_max(const struct p2pfs_set *s)
{
    return FIXED_MAX + 128 + (size_t)s->n_missing * RANGE_MAX
        + (size_t)s->n_versions * VERSION_MAX
        + (size_t)s->n_candidates * CANDIDATE_MAX;
}

static void
put_missing(struct p2pfs_text *t, const struct p2pfs_set *s)
{
    unsigned i;

    p2pfs_text_str(t, ",\"missing\":[");

    for (i = 0; i < s->n_missing; i++) {
        put_number(t, i > 0 ? ",[" : "[", s->missing[i].first);
        put_number(t, ",", s->missing[i].last);
        p2pfs_text_str(t, "]");
    }

    p2pfs_text_str(t, "]");
}

static void
put_versions(struct p2pfs_text *t, const struct p2pfs_set *s)
{
    const struct p2pfs_version *v;
    unsigned i;

    p2pfs_text_str(t, ",\"versions\":[");

    for (i = 0; i < s->n_versions; i++) {
        v = &s->version[i];
        put_root(t, i > 0 ? ",{\"root\":" : "{\"root\":", &v->root);
        put_number(t, ",\"setCount\":", v->n);
        put_number(t, ",\"received\":", v->received);
        put_bool(t, ",\"complete\":", v->complete);
        p2pfs_text_str(t, "}");
    }

    p2pfs_text_str(t, "]");
}

static void
put_candidates(struct p2pfs_text *t, const struct p2pfs_set *s)
{
    const struct p2pfs_candidate *c;
    unsigned i;

    p2pfs_text_str(t, ",\"candidates\":[");

    for (i = 0; i < s->n_candidates; i++) {
        c = &s->candidate[i];
        put_number(t, i > 0 ? ",{\"index\":" : "{\"index\":", c->index);
        put_number(t, ",\"setCount\":", c->n);
        put_entry(t, ",\"hash\":", &c->hash);
        p2pfs_text_str(t, "}");
    }

    p2pfs_text_str(t, "]");
}

void
p2pfs_reply_set(struct p2pfs_text *t, const char *id, size_t id_len,
    const struct p2pfs_set *s)
{
    p2pfs_text_str(t, "{\"setId\":");
    p2pfs_text_json(t, id, id_len);
    put_number(t, ",\"setCount\":", s->top.n);
    put_number(t, ",\"received\":", s->top.received);
    put_bool(t, ",\"complete\":", s->top.complete);
    put_root(t, ",\"root\":", &s->top.root);

    put_missing(t, s);
    put_versions(t, s);
    put_candidates(t, s);

    if (s->more_missing) {
        put_bool(t, ",\"moreMissing\":", 1);
    }

    if (s->more_versions) {
        put_bool(t, ",\"moreVersions\":", 1);
    }

    if (s->more_candidates) {
        put_bool(t, ",\"moreCandidates\":", 1);
    }

    p2pfs_text_str(t, "}");
}

_Static_assert(P2PFS_SET_COUNT_MAX == 4294967295u
        && P2PFS_FILE_BYTES_MAX == 1048576u,
    "the numbers in limit_of()");

/* The network's limit that a request went beyond, by name. */
static const char *
limit_of(enum p2pfs_err err)
{
    if (err == P2PFS_BAD_SET_COUNT) {
        return "setCount is 1 to 4294967295";
    }
    if (err == P2PFS_BODY_TOO_LARGE) {
        return "a file has at most 1048576 bytes, here perhaps less";
    }
    return NULL;
}

void
p2pfs_reply_problem(struct p2pfs_text *t, const struct p2pfs_problem *p)
{
    const struct p2pfs_err_row *row = p2pfs_err_row(p->err);
    const char *detail = p->detail != NULL ? p->detail : limit_of(p->err);
    size_t len;

    p2pfs_text_str(t, "{\"type\":\"urn:p2pfs:error:");
    p2pfs_text_str(t, row->code);
    p2pfs_text_str(t, "\",\"title\":\"");
    p2pfs_text_str(t, row->text);
    put_number(t, "\",\"status\":", (uint64_t)row->http_status);
    p2pfs_text_str(t, ",\"code\":\"");
    p2pfs_text_str(t, row->code);
    p2pfs_text_str(t, "\"");

    if (detail != NULL) {
        len = strnlen(detail, DETAIL_MAX);
        p2pfs_text_str(t, ",\"detail\":");
        p2pfs_text_json(t, detail, len);
    }

    if (p->root != NULL) {
        put_root(t, ",\"root\":", p->root);
    }

    if (p->hash != NULL) {
        put_entry(t, ",\"hash\":", p->hash);
    }

    if (p->has_progress) {
        put_number(t, ",\"received\":", p->received);
        put_number(t, ",\"setCount\":", p->set_count);
    }

    p2pfs_text_str(t, "}");
}
