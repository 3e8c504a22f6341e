/*
 * client/status.c: what one server says, for display only.
 */

#include <stdio.h>
#include <string.h>

#include "client/internal.h"

#define SET_REPLY_MAX 1048576

/* A label that nobody needs: a p2pfs answers it with a set or with its own
 * set-not-found, anything else does not. */
#define PROBE_ID "~"

struct ask {
    struct p2pfs_hash root;
    int has_root;
    struct p2pfs_client_status *out;
};

static enum p2pfs_err
judge(struct p2pfs_client *c, const char *server,
    const struct client_reply *reply, void *ctx)
{
    const struct ask *a = ctx;
    struct client_answer_set s;
    enum p2pfs_err err;

    err = client_answer_set(&s, reply->body, reply->len,
        a->has_root ? &a->root : NULL);
    if (err == P2PFS_VERSION_NOT_FOUND) {
        return client_fail(c, err, "%s knows the set, but not with this root",
            server);
    }
    if (err != P2PFS_OK) {
        return client_fail(c, err,
            "%s answered with something that is not the state of a set",
            server);
    }
    a->out->count = s.count;
    a->out->received = s.received;
    a->out->complete = s.complete;
    a->out->has_root = s.has_root;
    memcpy(a->out->root, s.root.b, sizeof(a->out->root));
    return P2PFS_OK;
}

enum p2pfs_outcome
p2pfs_client_status(struct p2pfs_client *c, size_t i, const char *id,
    const struct p2pfs_client_trust *trust, struct p2pfs_client_status *out)
{
    struct ask a = {{{0}}, trust != NULL, out};
    struct client_call call = {
        .reply_max = SET_REPLY_MAX,
        .accept = judge,
        .ctx = &a,
    };
    char path[P2PFS_CLIENT_ID_MAX + 16];
    enum p2pfs_err err;
    uint32_t after;

    memset(out, 0, sizeof(*out));
    if (i >= c->n_servers) {
        return client_outcome(client_fail(c, P2PFS_USAGE,
            "no server is given: use -s URL or P2PFS_SERVER"));
    }
    if (id != NULL) {
        err = client_check_id(c, id);
        if (err != P2PFS_OK) {
            return client_outcome(err);
        }
    }
    if (trust != NULL) {
        memcpy(a.root.b, trust->root, sizeof(a.root.b));
    }
    (void)snprintf(path, sizeof(path), "sets/%s", id != NULL ? id : PROBE_ID);
    call.path = path;
    err = client_call_once(c, &call, (unsigned)i, &after);
    if (id == NULL && err == P2PFS_SET_NOT_FOUND) {
        err = P2PFS_OK;
    }
    return client_outcome(err);
}
