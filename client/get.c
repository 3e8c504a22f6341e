/*
 * client/get.c: reading files, none of which is handed on unverified.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/internal.h"
#include "core/hex.h"

/* Twice the largest content in hex, a proof, and room for other members. */
#define FILE_REPLY_MAX                                                         \
    (2 * (size_t)P2PFS_CLIENT_FILE_MAX                                         \
        + P2PFS_PROOF_MAX * (P2PFS_HASH_HEX + 8) + 16384)

/* A read under way: what is asked for, and what the answer must match. */
struct fetch {
    const char *id;
    uint64_t index;
    const struct client_trust *trust;
    struct p2pfs_client_file *out;
};

static enum p2pfs_err
not_verified(struct p2pfs_client *c, const char *server, const struct fetch *f,
    const char *why)
{
    client_answer_file_fini(&c->file);
    return client_fail(c, P2PFS_NOT_VERIFIED,
        "NOT VERIFIED: what %s sent as file %" PRIu64 " of set \"%s\" is not"
        " that file: %s",
        server, f->index, f->id, why);
}

static void
lend(struct p2pfs_client *c, const char *server, const struct fetch *f,
    const struct p2pfs_hash *entry)
{
    struct p2pfs_client_file *out = f->out;

    out->content = c->file.content;
    out->len = c->file.len;
    out->index = f->index;
    out->count = f->trust->in.count;
    memcpy(out->root, f->trust->in.root, sizeof(out->root));
    memcpy(out->hash, entry->b, sizeof(out->hash));
    out->proof = c->file.proof.hash[0].b;
    out->proof_len = c->file.proof.len;
    out->server = server;
}

static enum p2pfs_err
judge(struct p2pfs_client *c, const char *server,
    const struct client_reply *reply, void *ctx)
{
    const struct fetch *f = ctx;
    struct p2pfs_hash entry;
    struct p2pfs_hash root;
    enum p2pfs_err err;

    client_answer_file_fini(&c->file);
    err = client_answer_file(&c->file, reply->body, reply->len,
        P2PFS_CLIENT_FILE_MAX);
    if (err != P2PFS_OK) {
        client_answer_file_fini(&c->file);
        return client_fail(c, err,
            "%s answered with something that is not a file and its proof",
            server);
    }
    if (c->file.index != f->index) {
        return not_verified(c, server, f, "its proof is of another index");
    }
    if (c->file.proof.len != p2pfs_proof_length(f->trust->in.count, f->index)) {
        return not_verified(c, server, f,
            "its proof is not of the length that"
            " this index has in a set of this many files");
    }
    memcpy(root.b, f->trust->in.root, sizeof(root.b));
    p2pfs_hash_data(c->hasher, c->file.content, c->file.len, &entry);
    err = p2pfs_proof_verify(c->hasher, &root, f->trust->in.count, f->index,
        &entry, &c->file.proof);
    if (p2pfs_hasher_failed(c->hasher)) {
        return client_fail(c, P2PFS_INTERNAL, "cannot hash");
    }
    if (err != P2PFS_OK) {
        return not_verified(c, server, f,
            "content and proof do not lead to the"
            " root of the set");
    }
    lend(c, server, f, &entry);
    return P2PFS_OK;
}

enum p2pfs_err
client_fetch(struct p2pfs_client *c, const char *id, uint64_t index,
    const struct client_trust *trust, struct p2pfs_client_file *out)
{
    struct fetch f = {id, index, trust, out};
    struct client_call call = {
        .reply_max = FILE_REPLY_MAX,
        .expected = trust->expected,
        .accept = judge,
        .ctx = &f,
    };
    char path[P2PFS_CLIENT_ID_MAX + P2PFS_HASH_HEX + 64];
    char root[P2PFS_HASH_HEX + 1];

    if (index >= trust->in.count) {
        return client_fail(c, P2PFS_FILE_NOT_FOUND,
            "set \"%s\" has the files 0 to %" PRIu64 ", no %" PRIu64, id,
            trust->in.count - 1, index);
    }
    p2pfs_hex_encode(root, trust->in.root, sizeof(trust->in.root));
    root[P2PFS_HASH_HEX] = '\0';
    (void)snprintf(path, sizeof(path), "sets/%s/files/%" PRIu64 "?root=0x%s",
        id, index, root);
    call.path = path;
    return client_call(c, &call);
}

enum p2pfs_outcome
p2pfs_client_get(struct p2pfs_client *c, const char *id, uint64_t index,
    const struct p2pfs_client_trust *trust, struct p2pfs_client_file *out)
{
    struct client_trust t;
    enum p2pfs_err err;

    err = client_resolve_trust(c, id, trust, &t);
    if (err == P2PFS_OK) {
        err = client_fetch(c, id, index, &t, out);
    }
    return client_outcome(err);
}

enum p2pfs_outcome
p2pfs_client_get_all(struct p2pfs_client *c, const char *id,
    const struct p2pfs_client_trust *trust,
    int (*each)(void *ctx, const struct p2pfs_client_file *f), void *ctx)
{
    struct client_trust t;
    struct p2pfs_client_file f;
    enum p2pfs_err err;
    uint64_t i;

    err = client_resolve_trust(c, id, trust, &t);
    for (i = 0; err == P2PFS_OK && i < t.in.count; i++) {
        if (client_is_cancelled(c)) {
            err = client_fail(c, P2PFS_CANCELLED, NULL);
            break;
        }
        err = client_fetch(c, id, i, &t, &f);
        if (err == P2PFS_OK && each != NULL && each(ctx, &f) != 0) {
            err = client_fail(c, P2PFS_CANCELLED, NULL);
        }
        if (err == P2PFS_OK && c->progress != NULL) {
            c->progress(c->ctx, P2PFS_CLIENT_FETCHING, i + 1, t.in.count);
        }
    }
    return client_outcome(err);
}
