/*
 * t/unit/link_raw.h: a peer by hand, on libzmq sockets of its own. For
 * test_link_steps.c and test_link_conn.c.
 */

#ifndef P2PFS_T_LINK_RAW_H
#define P2PFS_T_LINK_RAW_H

#include <sys/socket.h>

#include "link_nodes.h"
#include "gossipd/link_shake.h"
#include "gossipd/link_sock.h"

struct raw {
    void *context;
    void *control;
    void *bulk;
    void *router; /* of a false server */
    uint16_t port;
    uint8_t server_public[KEY_BYTES];
    struct link_self self;
    struct link_shake shake;
    struct wire_arena *arena;
};

static inline void
raw_init(struct raw *r, uint8_t seed_byte)
{
    uint8_t seed[KEY_BYTES], network[KEY_BYTES], secret[KEY_BYTES];

    memset(r, 0, sizeof(*r));
    memset(seed, seed_byte, sizeof(seed));
    memset(network, 9, sizeof(network)); /* the one of two_nodes */
    identity_from_seed(&r->self.id, seed);
    network_id(r->self.net_id, network, NULL, 0);
    network_curve(r->server_public, secret, network);
    assert_int_equal(node_curve(r->self.curve_public, r->self.curve_secret,
                         r->self.id.secret),
        0);
    r->context = zmq_ctx_new();
    r->arena = wire_arena_new();
    assert_non_null(r->arena);
}

static inline void *
raw_dealer(struct raw *r, uint16_t port)
{
    char endpoint[64];
    void *sock = link_sock_dealer(r->context, r->server_public,
        r->self.curve_public, r->self.curve_secret);

    assert_non_null(sock);
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", port);
    assert_int_equal(zmq_connect(sock, endpoint), 0);
    return sock;
}

static inline void
raw_fini(struct raw *r)
{
    link_sock_close(r->control, NULL, 0);
    link_sock_close(r->bulk, NULL, 0);
    link_sock_close(r->router, NULL, 0);
    zmq_ctx_term(r->context);
    wire_arena_free(r->arena);
}

#endif
