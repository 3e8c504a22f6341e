/*
 * gossipd/link_dial.c: addresses of the configuration, dialled until they
 * answer.
 *
 * Every attempt resolves the name again and is a new socket: libzmq's own
 * reconnecting would go on behind the back of the handshake, and gives up for
 * good where a key was refused. Waiting grows from DIAL_MIN_MS to redial_ms,
 * each time up to half shorter or longer, so that nodes started together do not
 * dial in step.
 */

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gossipd/link_int.h"

#define DIAL_MIN_MS 200
#define DIAL_SELF_MS 60000    /* an address that turned out to be our own */
#define DIAL_LINKED_MS 500    /* its node is linked: look again */
#define DIAL_RESOLVE_MS 30000 /* until a lost answer is given up */
#define DIAL_STABLE_MS 3000   /* up for so long: the next wait is short */
#define DIAL_LOG_MS 60000

static void
wait_for(struct links *l, struct dial *d, unsigned ms)
{
    d->state = DIAL_IDLE;
    d->conn = NULL;
    d->next_at = l->now + ms / 2 + randombytes_uniform(ms + 1);
}

static void
back_off(struct links *l, struct dial *d)
{
    wait_for(l, d, d->backoff_ms);
    d->backoff_ms *= 2;
    if (d->backoff_ms > l->redial_ms) {
        d->backoff_ms = l->redial_ms;
    }
}

void
dial_failed(struct links *l, struct dial *d, const char *why)
{
    int own =
        d->has_node && memcmp(d->node, l->self.id.node_id, NODE_ID_BYTES) == 0;

    back_off(l, d);
    if (own) {
        d->next_at = l->now + DIAL_SELF_MS;
    }
    if (d->has_node && link_by_node(l, d->node) != NULL) {
        return; /* it is linked the other way */
    }
    if (d->logged_at == 0 || l->now - d->logged_at >= DIAL_LOG_MS) {
        d->logged_at = l->now;
        log_info(l->log, "link: dialling \"%s:%u\" failed: %s", d->host,
            (unsigned)d->port, why);
    }
}

void
dial_unlinked(struct links *l, struct dial *d, uint64_t up_ms)
{
    d->link = NULL;
    if (up_ms >= DIAL_STABLE_MS) {
        d->backoff_ms = DIAL_MIN_MS;
        d->logged_at = 0;
    }
    back_off(l, d);
}

int
dial_add(struct links *l, const char *host, uint16_t port)
{
    size_t len = strlen(host);
    struct dial *d;

    if (len == 0 || len >= sizeof(d->host)) {
        return -1;
    }
    d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return -1;
    }
    memcpy(d->host, host, len);
    d->port = port;
    d->backoff_ms = DIAL_MIN_MS;
    d->keep = 1;
    d->next = l->dials;
    l->dials = d;
    return 0;
}

/* A link that is up outlives the address it was dialled at. */
static void
forget(struct links *l, struct dial *d)
{
    if (d->link != NULL) {
        d->link->dial = NULL;
    }
    if (d->conn != NULL) {
        d->conn->dial = NULL;
        if (d->link == NULL) {
            conn_kill(l, d->conn, BYE_CLOSING, "no longer a peer");
        }
    }
    free(d);
}

void
dial_set_peers(struct links *l, const struct link_peer *peers, size_t n)
{
    struct dial *d, **p;
    size_t i;

    for (d = l->dials; d != NULL; d = d->next) {
        d->keep = 0;
    }
    for (i = 0; i < n; i++) {
        for (d = l->dials; d != NULL; d = d->next) {
            if (d->port == peers[i].port
                && strcmp(d->host, peers[i].host) == 0) {
                d->keep = 1;
                break;
            }
        }
        if (d == NULL && dial_add(l, peers[i].host, peers[i].port) != 0) {
            log_error(l->log, "link: adding peer \"%s\" failed", peers[i].host);
        }
    }
    for (p = &l->dials; (d = *p) != NULL;) {
        if (d->keep) {
            p = &d->next;
        } else {
            *p = d->next;
            forget(l, d);
        }
    }
}

/* Dials a numeric address. */
static void
connect_to(struct links *l, struct dial *d, const char *address)
{
    const char *fmt =
        strchr(address, ':') != NULL ? "tcp://[%s]:%u" : "tcp://%s:%u";
    struct link_shake shake;
    uint8_t nonce[SHAKE_NONCE_BYTES];
    struct conn *c = NULL;

    snprintf(d->endpoint, sizeof(d->endpoint), fmt, address, (unsigned)d->port);
    randombytes_buf(nonce, sizeof(nonce));
    if (shake_hello(&shake, &l->self, nonce, &l->buf) == SHAKE_OK) {
        c = conn_outbound(l, d->endpoint, &l->buf, CONN_HELLO_OK);
    }
    if (c == NULL) {
        dial_failed(l, d, "no memory or no socket left");
        return;
    }
    c->shake = shake;
    c->dial = d;
    d->conn = c;
    d->state = DIAL_BUSY;
}

static int
is_numeric(const char *host)
{
    struct in6_addr a;

    return inet_pton(AF_INET, host, &a) == 1
        || inet_pton(AF_INET6, host, &a) == 1;
}

static void
dial(struct links *l, struct dial *d)
{
    if (d->has_node && link_by_node(l, d->node) != NULL) {
        wait_for(l, d, DIAL_LINKED_MS);
        return;
    }
    if (is_numeric(d->host)) {
        connect_to(l, d, d->host);
        return;
    }
    d->tag = ++l->dial_tag;
    if (link_resolve_ask(l->resolve, d->tag, d->host) != 0) {
        dial_failed(l, d, "the resolver's queue is full");
        return;
    }
    d->state = DIAL_RESOLVING;
    d->next_at = l->now + DIAL_RESOLVE_MS;
}

void
dial_answers(struct links *l)
{
    struct resolved answer;
    struct dial *d;

    while (link_resolve_answer(l->resolve, &answer)) {
        for (d = l->dials; d != NULL; d = d->next) {
            if (d->state == DIAL_RESOLVING && d->tag == answer.tag) {
                break;
            }
        }
        if (d == NULL) {
            continue;
        }
        if (answer.n == 0) {
            dial_failed(l, d, "the name has no address");
        } else {
            connect_to(l, d, answer.address[d->attempts++ % answer.n]);
        }
    }
}

void
dial_tick(struct links *l)
{
    struct dial *d;

    for (d = l->dials; d != NULL; d = d->next) {
        if (l->now < d->next_at) {
            continue;
        }
        if (d->state == DIAL_RESOLVING) {
            dial_failed(l, d, "the resolver does not answer");
        } else if (d->state == DIAL_IDLE) {
            dial(l, d);
        }
    }
}

uint64_t
dial_due(const struct links *l)
{
    const struct dial *d;
    uint64_t due = UINT64_MAX;

    for (d = l->dials; d != NULL; d = d->next) {
        if ((d->state == DIAL_IDLE || d->state == DIAL_RESOLVING)
            && d->next_at < due) {
            due = d->next_at;
        }
    }
    return due;
}
