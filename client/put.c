/*
 * client/put.c: a put, in two passes over the files: the first hashes them and
 * knows the root, the second sends each with its proof.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/internal.h"
#include "core/hex.h"
#include "core/text.h"

#define STORED_REPLY_MAX 16384
#define INVENTED_ID_DIGITS 16

/* The body of an upload without content and proof, at most. */
#define BODY_FIXED_MAX 256
#define BODY_MAX                                                               \
    (BODY_FIXED_MAX + 2 * (size_t)P2PFS_CLIENT_FILE_MAX                        \
        + P2PFS_PROOF_MAX * (P2PFS_HASH_HEX + 5))

struct put {
    struct p2pfs_client *c;
    const struct p2pfs_client_source *src;
    struct p2pfs_client_record record;
    struct p2pfs_hash *entry; /* src->n of them */
    struct p2pfs_tree *tree;
    struct p2pfs_hash root;
    uint8_t *content; /* P2PFS_CLIENT_FILE_MAX + 1 */
    char *body;       /* BODY_MAX */
    uint64_t index;   /* of the file being sent */
};

/* File i into p->content, and its hash. */
static enum p2pfs_err
load(struct put *p, uint64_t i, size_t *len, struct p2pfs_hash *entry)
{
    struct p2pfs_client *c = p->c;

    if (client_is_cancelled(c)) {
        return client_fail(c, P2PFS_CANCELLED, NULL);
    }
    if (p->src->read(p->src->ctx, i, p->content, P2PFS_CLIENT_FILE_MAX + 1, len)
        != 0) {
        return client_fail(c, P2PFS_IO, "cannot read file %" PRIu64, i);
    }
    if (*len > P2PFS_CLIENT_FILE_MAX) {
        return client_fail(c, P2PFS_BODY_TOO_LARGE,
            "file %" PRIu64 " is larger than the %u bytes that a file may have",
            i, P2PFS_CLIENT_FILE_MAX);
    }
    p2pfs_hash_data(c->hasher, p->content, *len, entry);
    if (p2pfs_hasher_failed(c->hasher)) {
        return client_fail(c, P2PFS_INTERNAL, "cannot hash");
    }
    return P2PFS_OK;
}

static void
report(const struct put *p, enum p2pfs_client_phase phase, uint64_t done)
{
    if (p->c->progress != NULL) {
        p->c->progress(p->c->ctx, phase, done, p->src->n);
    }
}

/* The first pass. */
static enum p2pfs_err
hash_all(struct put *p)
{
    enum p2pfs_err err;
    size_t len;
    uint64_t i;

    for (i = 0; i < p->src->n; i++) {
        err = load(p, i, &len, &p->entry[i]);
        if (err != P2PFS_OK) {
            return err;
        }
        report(p, P2PFS_CLIENT_HASHING, i + 1);
    }
    err = p2pfs_tree_new(&p->tree, p->c->hasher, p->entry, p->src->n);
    if (err != P2PFS_OK) {
        return client_fail(p->c, err, NULL);
    }
    p2pfs_tree_root(p->tree, &p->root);
    return P2PFS_OK;
}

static void
fill_record(struct put *p, const char *id, int64_t now)
{
    struct p2pfs_client_record *r = &p->record;

    memcpy(r->root, p->root.b, sizeof(r->root));
    r->count = p->src->n;
    r->created = now;
    r->updated = now;
    r->server = p->c->server[p->c->current];
    if (id == NULL) {
        char digits[INVENTED_ID_DIGITS + 1];

        p2pfs_hex_encode(digits, p->root.b, INVENTED_ID_DIGITS / 2);
        digits[INVENTED_ID_DIGITS] = '\0';
        (void)snprintf(r->id, sizeof(r->id), "set-%s", digits);
    } else {
        (void)snprintf(r->id, sizeof(r->id), "%s", id);
    }
}

static enum p2pfs_err
begin(struct put *p)
{
    struct p2pfs_client *c = p->c;
    enum p2pfs_err err;

    err = client_store_begin(c->store, &p->record, p->record.created);
    if (err == P2PFS_ROOT_CHANGED) {
        return client_fail(c, err,
            "other files were put as set \"%s\" before, and an id stands for"
            " one set of files for ever: choose another id",
            p->record.id);
    }
    if (err != P2PFS_OK) {
        return client_fail(c, err, "cannot write the record to \"%s\": %s",
            c->store_path, client_store_detail(c->store));
    }
    return P2PFS_OK;
}

static size_t
compose(struct put *p, size_t len, const struct p2pfs_proof *proof)
{
    struct p2pfs_text t;
    unsigned i;

    p2pfs_text_init(&t, p->body, BODY_MAX);
    p2pfs_text_str(&t, "{\"content\":\"0x");
    p2pfs_text_hex(&t, p->content, len);
    p2pfs_text_str(&t, "\",\"setCount\":");
    p2pfs_text_u64(&t, p->src->n);
    p2pfs_text_str(&t, ",\"root\":\"0x");
    p2pfs_text_hash(&t, &p->root);
    p2pfs_text_str(&t, "\",\"proof\":[");
    for (i = 0; i < proof->len; i++) {
        p2pfs_text_str(&t, i > 0 ? ",\"0x" : "\"0x");
        p2pfs_text_hash(&t, &proof->hash[i]);
        p2pfs_text_str(&t, "\"");
    }
    p2pfs_text_str(&t, "]}");
    return t.bad ? 0 : t.len;
}

/* What the server says it stored must be what was sent. */
static enum p2pfs_err
judge(struct p2pfs_client *c, const char *server,
    const struct client_reply *reply, void *ctx)
{
    const struct put *p = ctx;
    struct p2pfs_hash stored;
    enum p2pfs_err err;

    err = client_answer_stored(reply->body, reply->len, &stored);
    if (err != P2PFS_OK) {
        return client_fail(c, err,
            "%s answered an upload with something that makes no sense", server);
    }
    if (p2pfs_hash_cmp(&stored, &p->entry[p->index]) != 0) {
        return client_fail(c, P2PFS_NOT_VERIFIED,
            "NOT VERIFIED: the hash of what %s stored as file %" PRIu64
            " of set \"%s\" is not the hash of what was sent",
            server, p->index, p->record.id);
    }
    return P2PFS_OK;
}

static enum p2pfs_err
send_one(struct put *p, uint64_t i)
{
    struct client_call call = {
        .body = p->body,
        .reply_max = STORED_REPLY_MAX,
        .accept = judge,
        .ctx = p,
    };
    char path[P2PFS_CLIENT_ID_MAX + 64];
    struct p2pfs_proof proof;
    struct p2pfs_hash entry;
    enum p2pfs_err err;
    size_t len;

    err = load(p, i, &len, &entry);
    if (err != P2PFS_OK) {
        return err;
    }
    if (p2pfs_hash_cmp(&entry, &p->entry[i]) != 0) {
        return client_fail(p->c, P2PFS_ROOT_CHANGED,
            "file %" PRIu64 " changed while the set was being put", i);
    }
    err = p2pfs_tree_proof(p->tree, i, &proof);
    if (err != P2PFS_OK) {
        return client_fail(p->c, err, NULL);
    }
    call.body_len = compose(p, len, &proof);
    if (call.body_len == 0) {
        return client_fail(p->c, P2PFS_LIMIT, NULL);
    }
    (void)snprintf(path, sizeof(path), "sets/%s/files/%" PRIu64, p->record.id,
        i);
    call.path = path;
    p->index = i;
    return client_call(p->c, &call);
}

/* The second pass. */
static enum p2pfs_err
send_all(struct put *p)
{
    struct p2pfs_client *c = p->c;
    enum p2pfs_err err;
    uint64_t i;

    for (i = 0; i < p->src->n; i++) {
        err = send_one(p, i);
        if (err != P2PFS_OK) {
            return err;
        }
        report(p, P2PFS_CLIENT_UPLOADING, i + 1);
    }
    p->record.updated = (int64_t)time(NULL);
    err = client_store_finish(c->store, p->record.id, p->record.updated);
    if (err != P2PFS_OK) {
        return client_fail(c, err, "cannot write the record to \"%s\": %s",
            c->store_path, client_store_detail(c->store));
    }
    p->record.complete = 1;
    return P2PFS_OK;
}

static enum p2pfs_err
prepare(struct put *p, const char *id)
{
    struct p2pfs_client *c = p->c;
    enum p2pfs_err err;

    if (c->n_servers == 0) {
        return client_fail(c, P2PFS_USAGE,
            "no server is given: use -s URL or P2PFS_SERVER");
    }
    if (p->src->n < 1 || p->src->n > P2PFS_SET_COUNT_MAX) {
        return client_fail(c, P2PFS_BAD_SET_COUNT, "a set has 1 to %llu files",
            (unsigned long long)P2PFS_SET_COUNT_MAX);
    }
    if (id != NULL) {
        err = client_check_id(c, id);
        if (err != P2PFS_OK) {
            return err;
        }
    }
    if (c->store_path == NULL) {
        return client_fail(c, P2PFS_USAGE,
            "a put needs a file of records: give one (--store)");
    }
    err = client_need_store(c, 1);
    if (err != P2PFS_OK) {
        return err;
    }
    p->entry = calloc(p->src->n, sizeof(*p->entry));
    p->content = malloc(P2PFS_CLIENT_FILE_MAX + 1);
    p->body = malloc(BODY_MAX);
    if (p->entry == NULL || p->content == NULL || p->body == NULL) {
        return client_fail(c, P2PFS_NO_MEMORY, NULL);
    }
    return P2PFS_OK;
}

enum p2pfs_outcome
p2pfs_client_put(struct p2pfs_client *c, const char *id,
    const struct p2pfs_client_source *src, struct p2pfs_client_record *out)
{
    enum p2pfs_err err;
    struct put p;

    memset(&p, 0, sizeof(p));
    p.c = c;
    p.src = src;
    p.record.server = "";
    err = prepare(&p, id);
    if (err == P2PFS_OK) {
        err = hash_all(&p);
    }
    if (err == P2PFS_OK) {
        fill_record(&p, id, (int64_t)time(NULL));
        err = begin(&p);
    }
    if (err == P2PFS_OK) {
        err = send_all(&p);
    }
    if (out != NULL) {
        *out = p.record;
    }
    p2pfs_tree_free(p.tree);
    free(p.entry);
    free(p.content);
    free(p.body);
    return client_outcome(err);
}
