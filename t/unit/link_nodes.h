/*
 * t/unit/link_nodes.h: several links objects in one process, polled in turn,
 * with what happened to each written down. For test_link*.c.
 */

#ifndef P2PFS_T_LINK_NODES_H
#define P2PFS_T_LINK_NODES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "gossipd/identity.h"
#include "gossipd/link.h"
#include "gossipd/link_sock.h"
#include "gossipd/wire.h"

#define SEEN_MAX 20000

struct seen {
    int bulk;
    uint64_t value; /* get.request, data.request */
    size_t body_len;
};

struct node {
    struct identity id;
    struct links *links;
    unsigned ups, downs;
    uint64_t peer; /* of the last UP; 0 after its DOWN */
    int outbound;
    uint64_t boot;
    uint8_t peer_node[NODE_ID_BYTES];
    char reason[128];
    struct seen *seen;
    size_t n_seen;
    uint64_t head; /* told by the last ping or pong */
    unsigned wrong_bodies;
};

struct node_options {
    uint8_t seed;    /* of the node's key */
    uint8_t network; /* every byte of the network's key */
    const char *constants;
    uint16_t port; /* 0: any */
    const struct link_peer *peers;
    size_t n_peers;
    const uint8_t (*allow)[NODE_ID_BYTES];
    size_t n_allow;
    unsigned dead_ms;
    unsigned step_ms;
};

static inline void
node_event(void *ctx, const struct link_event *e)
{
    struct node *n = ctx;
    struct seen *s;
    size_t i;

    switch (e->kind) {
    case LINK_UP:
        n->ups++;
        n->peer = e->peer;
        n->outbound = e->outbound;
        n->boot = e->boot;
        memcpy(n->peer_node, e->node_id, NODE_ID_BYTES);
        return;
    case LINK_DOWN:
        n->downs++;
        snprintf(n->reason, sizeof(n->reason), "%s", e->reason);
        if (e->peer == n->peer) {
            n->peer = 0;
        }
        return;
    case LINK_MESSAGE: break;
    }
    if (e->rpc->ping != NULL || e->rpc->pong != NULL) {
        const P2pfs__Ping *p =
            e->rpc->ping != NULL ? e->rpc->ping : e->rpc->pong;
        n->head =
            p->has_log_epoch && p->log_head > n->head ? p->log_head : n->head;
        return;
    }
    if (n->n_seen == SEEN_MAX) {
        return;
    }
    s = &n->seen[n->n_seen++];
    s->bulk = e->bulk;
    s->value = e->rpc->get != NULL ? e->rpc->get->request
        : e->rpc->data != NULL     ? e->rpc->data->request
                                   : 0;
    s->body_len = e->body_len;
    for (i = 0; i < e->body_len; i++) {
        n->wrong_bodies += e->body[i] != (uint8_t)(i * 7 + s->value);
    }
}

/* Port 0 in a peer stands for none. */
static inline void
node_open(struct node *n, const struct node_options *o)
{
    uint8_t seed[KEY_BYTES], network[KEY_BYTES];
    struct links_config c = {.listen_host = "127.0.0.1"};
    char detail[256] = "";

    memset(n, 0, sizeof(*n));
    memset(seed, o->seed, sizeof(seed));
    memset(network, o->network, sizeof(network));
    identity_from_seed(&n->id, seed);
    n->seen = calloc(SEEN_MAX, sizeof(*n->seen));
    assert_non_null(n->seen);
    c.listen_port = o->port;
    c.peers = o->peers;
    c.n_peers = o->n_peers;
    c.node_secret = n->id.secret;
    c.network_key = network;
    c.constants = o->constants;
    c.constants_len = o->constants == NULL ? 0 : strlen(o->constants);
    c.allow = o->allow;
    c.n_allow = o->n_allow;
    c.dead_ms = o->dead_ms;
    c.ping_ms = o->dead_ms / 3;
    c.step_ms = o->step_ms;
    c.redial_ms = 400;
    if (links_open(&n->links, &c, detail, sizeof(detail)) != P2PFS_OK) {
        fail_msg("links_open: %s", detail);
    }
}

static inline void
node_close(struct node *n)
{
    links_close(n->links);
    free(n->seen);
    memset(n, 0, sizeof(*n));
}

static inline void
poll_once(struct node *nodes, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (nodes[i].links != NULL) {
            links_poll(nodes[i].links, 1, node_event, &nodes[i]);
        }
    }
}

static inline void
poll_for(struct node *nodes, size_t n, unsigned ms)
{
    uint64_t end = link_clock_ms() + ms;

    while (link_clock_ms() < end) {
        poll_once(nodes, n);
    }
}

/* Polls until the condition holds, 10 s at most. */
#define POLL_UNTIL(nodes, n, cond)                                             \
    do {                                                                       \
        uint64_t end_ = link_clock_ms() + 10000;                               \
                                                                               \
        while (!(cond) && link_clock_ms() < end_) {                            \
            poll_once(nodes, n);                                               \
        }                                                                      \
        assert_true(cond);                                                     \
    } while (0)

static inline struct link_peer
peer_at(uint16_t port)
{
    struct link_peer p = {"127.0.0.1", port};

    return p;
}

/* A Get whose request number is the value. -1 as links_send. */
static inline int
send_control(struct node *n, uint64_t value)
{
    struct p2pfs_record r = {.kind = P2PFS_RECORD_FILE, .id_len = 1, .n = 1};
    struct wire_buf b = {0};
    int rc;

    r.id[0] = 'x';
    assert_int_equal(wire_get(&b, value, &r, 0, 1), 0);
    rc = links_send(n->links, n->peer, LINK_REQUEST, b.p, b.len, NULL, 0);
    wire_buf_fini(&b);
    return rc;
}

static inline int
send_bulk(struct node *n, enum link_class class, uint64_t value, size_t len)
{
    struct wire_buf b = {0};
    struct payload *body;
    uint8_t *bytes = malloc(len + 1);
    size_t i;
    int rc;

    assert_non_null(bytes);
    for (i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(i * 7 + value);
    }
    body = payload_take(bytes, len);
    assert_non_null(body);
    assert_int_equal(wire_data(&b, value, WIRE_DATA_OK, 0, len, NULL), 0);
    rc = links_send(n->links, n->peer, class, b.p, b.len, body, 0);
    wire_buf_fini(&b);
    return rc;
}

/* nodes[0] listens, nodes[1] dials it; both are up. */
static inline void
two_nodes(struct node nodes[2], unsigned dead_ms)
{
    struct node_options o = {.seed = 1, .network = 9, .dead_ms = dead_ms};
    struct link_peer p;

    node_open(&nodes[0], &o);
    p = peer_at(links_port(nodes[0].links));
    o.seed = 2;
    o.peers = &p;
    o.n_peers = 1;
    node_open(&nodes[1], &o);
    POLL_UNTIL(nodes, 2, nodes[0].peer != 0 && nodes[1].peer != 0);
}

#endif
