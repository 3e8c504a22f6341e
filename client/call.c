/*
 * client/call.c: a request, its servers and its waits.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/internal.h"
#include "client/retry.h"

#define WAIT_SLICE_MS 50 /* how late a cancellation may be noticed */

static enum p2pfs_err
no_answer(struct p2pfs_client *c, const char *server, enum p2pfs_err err,
    const struct client_call *call, const struct client_reply *reply)
{
    if (err == P2PFS_NETWORK) {
        return client_fail(c, err, "no answer from %s: %s", server,
            reply->detail);
    }
    if (err == P2PFS_BAD_REPLY) {
        return client_fail(c, err,
            "%s answered with more than the %zu bytes that an answer may have",
            server, call->reply_max);
    }
    return client_fail(c, err, NULL);
}

static enum p2pfs_err
refused(struct p2pfs_client *c, const char *server,
    const struct client_reply *reply)
{
    struct client_problem p;
    const char *hint = "";

    client_answer_problem(&p, reply->status, reply->body, reply->len);
    if (p.err == P2PFS_ROUTE_NOT_FOUND) {
        hint = " (is the path of the URL right?)";
    }
    return client_fail(c, p.err, "%s: %s%s%s%s%s", server,
        p2pfs_err_row(p.err)->text, p.detail[0] ? " (" : "", p.detail,
        p.detail[0] ? ")" : "", hint);
}

enum p2pfs_err
client_call_once(struct p2pfs_client *c, const struct client_call *call,
    unsigned i, uint32_t *retry_after_ms)
{
    char url[CLIENT_URL_MAX + 512];
    struct client_reply reply;
    const char *server = c->server[i];
    enum p2pfs_err err;

    (void)snprintf(url, sizeof(url), "%s/%s", server, call->path);
    err = client_http_exchange(c->http, url, call->body, call->body_len,
        call->reply_max, &reply);
    *retry_after_ms = reply.retry_after_ms;
    if (err != P2PFS_OK) {
        return no_answer(c, server, err, call, &reply);
    }
    if (reply.status < 200 || reply.status > 299) {
        return refused(c, server, &reply);
    }
    return call->accept(c, server, &reply, call->ctx);
}

static int
wait_ms(const struct p2pfs_client *c, uint32_t ms)
{
    while (ms > 0) {
        uint32_t slice = ms < WAIT_SLICE_MS ? ms : WAIT_SLICE_MS;
        struct timespec t = {0, (long)slice * 1000000};

        if (client_is_cancelled(c)) {
            return 0;
        }
        (void)nanosleep(&t, NULL);
        ms -= slice;
    }
    return !client_is_cancelled(c);
}

/* Somebody should know that a server lies or is away, even if all ends well. */
static void
notify(struct p2pfs_client *c, uint32_t wait)
{
    char text[CLIENT_TEXT_MAX + 64];

    if (c->notice == NULL) {
        return;
    }
    if (wait > 0) {
        (void)snprintf(text, sizeof(text), "%s; trying again in %u.%u s",
            c->fail.text, (unsigned)(wait / 1000),
            (unsigned)(wait % 1000 / 100));
    } else {
        (void)snprintf(text, sizeof(text), "%s; trying another server",
            c->fail.text);
    }
    c->notice(c->ctx, text);
}

enum p2pfs_err
client_call(struct p2pfs_client *c, const struct client_call *call)
{
    struct client_failure worst = {P2PFS_OK, ""};
    struct client_retry retry;
    uint32_t after;
    uint32_t wait;

    if (c->n_servers == 0) {
        return client_fail(c, P2PFS_USAGE,
            "no server is given: use -s URL or P2PFS_SERVER");
    }
    client_retry_init(&retry, c->n_servers, c->current, c->wait_ms);
    for (;;) {
        enum client_retry_class cls;
        enum p2pfs_err err;

        err = client_call_once(c, call, retry.server, &after);
        if (err == P2PFS_OK) {
            c->current = retry.server;
            return err;
        }
        cls = client_retry_class(err, call->expected);
        if (cls == CLIENT_RETRY_NEVER) {
            return err;
        }
        if (worst.err == P2PFS_OK || client_retry_worse(err, worst.err)) {
            worst = c->fail;
        }
        if (!client_retry_next(&retry, cls, after, (uint32_t)client_random(c),
                &wait)) {
            c->fail = worst;
            return worst.err;
        }
        notify(c, wait);
        if (!wait_ms(c, wait)) {
            return client_fail(c, P2PFS_CANCELLED, NULL);
        }
    }
}
