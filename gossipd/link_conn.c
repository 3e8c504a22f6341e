/*
 * gossipd/link_conn.c: the life of one connection, from its first sign to its
 * end.
 *
 * An inbound connection is never closed by libzmq's own means (there are none):
 * it is told goodbye, then its descriptor is shut, and its routing id is
 * remembered a while longer so that what was under way is dropped and not taken
 * for a new peer.
 */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hex.h"
#include "gossipd/link_int.h"

#define PROBES 4
#define PROBE_MS 30

static unsigned
bucket(uint32_t rid)
{
    return (rid * 2654435761u) >> 22; /* Knuth's, for 1024 buckets */
}

static struct conn *
new_conn(struct links *l, size_t flight_bytes)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        return NULL;
    }
    c->flow = link_flow_new(flight_bytes, l->wake_fd);
    if (c->flow == NULL) {
        free(c);
        return NULL;
    }
    c->fd = -1;
    c->item = -1;
    c->deadline = l->now + l->step_ms;
    c->next = l->conns;
    l->conns = c;
    return c;
}

/* Is the descriptor a connection to the port we listen on, and to whom? */
static int
peer_of(const struct links *l, int fd, struct sockaddr_storage *peer)
{
    struct sockaddr_storage own;
    socklen_t own_len = sizeof(own), peer_len = sizeof(*peer);
    uint16_t port;

    memset(peer, 0, sizeof(*peer));
    memset(&own, 0, sizeof(own));
    if (fd < 0 || getsockname(fd, (struct sockaddr *)&own, &own_len) != 0) {
        return 0;
    }
    if (own.ss_family == AF_INET) {
        port = ((struct sockaddr_in *)&own)->sin_port;
    } else if (own.ss_family == AF_INET6) {
        port = ((struct sockaddr_in6 *)&own)->sin6_port;
    } else {
        return 0;
    }
    return ntohs(port) == l->port
        && getpeername(fd, (struct sockaddr *)peer, &peer_len) == 0;
}

void
conn_shut_fd(const struct links *l, int fd)
{
    struct sockaddr_storage peer;

    if (peer_of(l, fd, &peer)) {
        shutdown(fd, SHUT_RDWR);
    }
}

static struct conn *
find(struct links *l, uint32_t rid)
{
    struct conn *c = l->bucket[bucket(rid)];

    while (c != NULL && c->rid != rid) {
        c = c->chain;
    }
    return c;
}

static struct conn *
new_inbound(struct links *l, struct link_msg *m, int fd)
{
    struct conn *c = NULL;

    if (l->n_inbound < 2 * l->n_slots + GATE_MAX) {
        c = new_conn(l, m->n == 1 ? CONTROL_FLIGHT_BYTES : BULK_FLIGHT_BYTES);
    }
    if (c == NULL) {
        return NULL;
    }
    c->role = CONN_FRESH;
    c->rid = m->rid;
    c->fd = peer_of(l, fd, &c->peer) ? fd : -1;
    c->chain = l->bucket[bucket(c->rid)];
    l->bucket[bucket(c->rid)] = c;
    l->n_inbound++;
    return c;
}

/* The conn a message on the ROUTER belongs to; NULL: to none, drop it. */
struct conn *
conn_inbound(struct links *l, struct link_msg *m)
{
    const char *user = link_msg_user(m);
    struct conn *c = m->foreign || user == NULL ? NULL : find(l, m->rid);
    int fd;

    if (c != NULL && memcmp(c->user_text, user, sizeof(c->user_text)) == 0) {
        return c;
    }
    fd = link_msg_fd(m);
    link_gate_leave(&l->gate, fd);
    /* a routing id in use again by another key is another connection */
    if (c == NULL && !m->foreign && user != NULL) {
        c = new_inbound(l, m, fd);
    } else {
        c = NULL;
    }
    if (c == NULL) {
        conn_shut_fd(l, fd);
        return NULL;
    }
    memcpy(c->user_text, user, sizeof(c->user_text));
    if (p2pfs_hex_decode(c->user, user, sizeof(c->user_text)) != P2PFS_OK) {
        conn_kill(l, c, BYE_NONE, "no key");
    }
    return c;
}

struct conn *
conn_outbound(struct links *l, const char *endpoint,
    const struct wire_buf *first, enum conn_role due)
{
    struct conn *c = new_conn(l,
        due == CONN_HELLO_OK ? CONTROL_FLIGHT_BYTES : BULK_FLIGHT_BYTES);
    char name[64];

    if (c == NULL) {
        return NULL;
    }
    c->role = CONN_CONNECTING;
    c->due = due;
    c->first.p = malloc(first->len);
    if (c->first.p == NULL) {
        goto fail;
    }
    memcpy(c->first.p, first->p, first->len);
    c->first.len = c->first.cap = first->len;
    c->sock = link_sock_dealer(l->context, l->server_public,
        l->self.curve_public, l->self.curve_secret);
    if (c->sock == NULL) {
        goto fail;
    }
    snprintf(name, sizeof(name), "inproc://monitor-%llu",
        (unsigned long long)++l->monitor_number);
    c->monitor = link_sock_monitor(l->context, c->sock, name,
        ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED
            | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
            | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    if (c->monitor == NULL || zmq_connect(c->sock, endpoint) != 0) {
        goto fail;
    }
    return c;

fail:
    c->role = CONN_DEAD;
    return NULL;
}

enum sock_sent
conn_send(struct links *l, struct conn *c, const struct wire_buf *frame,
    int body_too)
{
    return link_sock_send(c->sock != NULL ? c->sock : l->router, c->rid,
        frame->p, frame->len, body_too);
}

void
conn_kill(struct links *l, struct conn *c, enum bye bye, const char *text)
{
    struct wire_buf frame = {0};

    if (c->role == CONN_DEAD) {
        return;
    }
    /* nothing but the handshake is understood on a bulk connection */
    if (bye != BYE_NONE && c->role != CONN_BULK && c->role != CONN_BIND_OK
        && c->role != CONN_CONNECTING && wire_goodbye(&frame, bye, text) == 0) {
        c->linger = conn_send(l, c, &frame, 0) == SOCK_SENT;
    }
    wire_buf_fini(&frame);
    c->role = CONN_DEAD;
    c->deadline = l->now + DEAD_SHUT_MS;
    c->link = NULL;
    if (c->dial != NULL) {
        struct dial *d = c->dial;

        c->dial = NULL;
        d->conn = NULL;
        dial_failed(l, d, text);
    }
}

/* Is the descriptor still the connection that the conn came by? */
static int
still_open(const struct links *l, const struct conn *c)
{
    struct sockaddr_storage peer;

    return peer_of(l, c->fd, &peer)
        && memcmp(&peer, &c->peer, sizeof(peer)) == 0;
}

/* The news may come later than the first message, which opened the gate. */
void
conn_accepted_fd(struct links *l, int fd)
{
    struct conn *c;

    for (c = l->conns; c != NULL; c = c->next) {
        if (c->rid != 0 && c->fd == fd && still_open(l, c)) {
            return;
        }
    }
    if (link_gate_enter(&l->gate, fd, l->now) != 0) {
        conn_shut_fd(l, fd);
    }
}

/* libzmq is about to close this descriptor. The number may be in use again
 * when the news is read, so it is looked at before anything ends. */
void
conn_closed_fd(struct links *l, int fd)
{
    struct conn *c;

    link_gate_leave(&l->gate, fd);
    for (c = l->conns; c != NULL; c = c->next) {
        if (c->rid != 0 && c->fd == fd
            && (c->role == CONN_CONTROL || c->role == CONN_BULK)) {
            c->probes = PROBES;
            c->probe_at = l->now;
        }
    }
}

static void
probe(struct links *l, struct conn *c)
{
    if (!still_open(l, c)) {
        c->probes = 0;
        link_fall(l, c->link, BYE_NONE, "connection closed");
        return;
    }
    c->probes--;
    c->probe_at = l->now + PROBE_MS;
}

static void
tick_dead(struct links *l, struct conn *c)
{
    if (c->rid == 0 || c->shut || l->now < c->deadline) {
        return;
    }
    if (still_open(l, c)) {
        shutdown(c->fd, SHUT_RDWR);
    }
    c->shut = 1;
    c->deadline = l->now + DEAD_FORGET_MS;
}

static void
tick_conn(struct links *l, struct conn *c)
{
    switch (c->role) {
    case CONN_FRESH:
    case CONN_AUTH:
    case CONN_CONNECTING:
    case CONN_HELLO_OK:
    case CONN_BIND_OK:
        if (l->now < c->deadline) {
            return;
        }
        if (c->link != NULL) {
            link_fall(l, c->link, BYE_SILENT, "no answer in the handshake");
        } else {
            conn_kill(l, c, BYE_SILENT, "no answer in the handshake");
        }
        return;
    case CONN_CONTROL:
    case CONN_BULK:
        if (c->probes > 0 && l->now >= c->probe_at) {
            probe(l, c);
        }
        return;
    case CONN_DEAD: tick_dead(l, c); return;
    }
}

void
conn_tick(struct links *l)
{
    struct conn *c;
    int fd;

    for (c = l->conns; c != NULL; c = c->next) {
        tick_conn(l, c);
    }
    while (l->now > l->step_ms
        && (fd = link_gate_expired(&l->gate, l->now - l->step_ms)) >= 0) {
        conn_shut_fd(l, fd);
    }
}

static void
unchain(struct links *l, struct conn *c)
{
    struct conn **p = &l->bucket[bucket(c->rid)];

    while (*p != c) {
        p = &(*p)->chain;
    }
    *p = c->chain;
    l->n_inbound--;
}

static void
free_conn(struct links *l, struct conn *c)
{
    if (c->rid != 0) {
        unchain(l, c);
    }
    link_sock_close(c->sock, c->monitor, c->linger ? SOCK_LINGER_MS : 0);
    link_flow_unref(c->flow);
    wire_buf_fini(&c->first);
    free(c);
}

void
conn_reap(struct links *l)
{
    struct conn **p = &l->conns;
    struct conn *c;

    while ((c = *p) != NULL) {
        if (c->role == CONN_DEAD
            && (c->rid == 0 || (c->shut && l->now >= c->deadline))) {
            *p = c->next;
            free_conn(l, c);
        } else {
            p = &c->next;
        }
    }
}
