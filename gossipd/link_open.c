/*
 * gossipd/link_open.c: from a configuration to sockets that are bound, and
 * back.
 */

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "gossipd/link_int.h"

#define IO_THREADS 2
#define MAX_SOCKETS 8192
#define SELF_TEST_MS 3000
#define LOG_BURST 512 /* lines on links: all of a network's that restarts */
#define LOG_EVERY_MS 500
#define LINKS_DEFAULT 256
#define LINKS_MOST 1024 /* three libzmq sockets for a connection dialled */

/* The key that ZAP refuses whatever else it allows. */
struct test_key {
    uint8_t public[KEY_BYTES];
    uint8_t secret[KEY_BYTES];
};

static enum p2pfs_err
fail(char *detail, size_t room, const char *act, const char *why)
{
    snprintf(detail, room, "%s: %s", act, why);
    return P2PFS_IO;
}

/*
 * libzmq numbers connections from rand(), which nobody seeds: a peer that
 * foresees the next number can abort the process with it.
 */
static int
seed_rand(void)
{
    unsigned seed;

    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed)) {
        return -1;
    }
    srand(seed);
    return 0;
}

static enum p2pfs_err
make_self(struct links *l, const struct links_config *c,
    uint8_t server_secret[KEY_BYTES])
{
    memcpy(l->self.id.secret, c->node_secret, NODE_SECRET_BYTES);
    memcpy(l->self.id.node_id, c->node_secret + KEY_BYTES, KEY_BYTES);
    if (node_curve(l->self.curve_public, l->self.curve_secret,
            l->self.id.secret)
        != 0) {
        return P2PFS_IO;
    }
    network_id(l->self.net_id, c->network_key, c->constants, c->constants_len);
    network_curve(l->server_public, server_secret, c->network_key);
    randombytes_buf(&l->self.boot, sizeof(l->self.boot));
    return P2PFS_OK;
}

static enum p2pfs_err
copy_config(struct links *l, const struct links_config *c)
{
    size_t i;

    l->n_slots = c->links_max == 0 ? LINKS_DEFAULT : c->links_max;
    l->n_slots = l->n_slots > LINKS_MOST ? LINKS_MOST : l->n_slots;
    l->ping_ms = c->ping_ms == 0 ? 5000 : c->ping_ms;
    l->dead_ms = c->dead_ms == 0 ? 15000 : c->dead_ms;
    l->step_ms = c->step_ms == 0 ? 4000 : c->step_ms;
    l->redial_ms = c->redial_ms == 0 ? 5000 : c->redial_ms;
    l->log = c->log;
    l->log_rate.burst = LOG_BURST;
    l->log_rate.every_ms = LOG_EVERY_MS;
    l->slot = calloc(l->n_slots, sizeof(struct link *));
    l->arena = wire_arena_new();
    if (l->slot == NULL || l->arena == NULL) {
        return P2PFS_NO_MEMORY;
    }
    if (c->allow != NULL) {
        l->restricted = 1;
        l->allow = calloc(c->n_allow + 1, NODE_ID_BYTES);
        if (l->allow == NULL) {
            return P2PFS_NO_MEMORY;
        }
        memcpy(l->allow, c->allow, c->n_allow * NODE_ID_BYTES);
        l->n_allow = c->n_allow;
    }
    for (i = 0; i < c->n_peers; i++) {
        if (dial_add(l, c->peers[i].host, c->peers[i].port) != 0) {
            return P2PFS_NO_MEMORY;
        }
    }
    return P2PFS_OK;
}

/* The allow-list in CURVE keys. A node id that is no key stays zero, which is
 * nobody's. */
static struct link_zap *
start_zap(struct links *l, const struct test_key *deny)
{
    uint8_t(*keys)[KEY_BYTES];
    struct link_zap *z;
    size_t i;

    if (!l->restricted) {
        return link_zap_start(l->context, NULL, 0, deny->public);
    }
    keys = calloc(l->n_allow + 1, KEY_BYTES);
    if (keys == NULL) {
        return NULL;
    }
    for (i = 0; i < l->n_allow; i++) {
        (void)node_curve_public(keys[i], l->allow[i]);
    }
    z = link_zap_start(l->context, (const uint8_t(*)[KEY_BYTES])keys,
        l->n_allow, deny->public);
    free(keys);
    return z;
}

/* What a key that is refused gets to see: 1 refused, 0 anything else. */
static int
is_refused(void *monitor)
{
    uint64_t end = link_clock_ms() + SELF_TEST_MS;
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
    unsigned event;
    int value;

    while (link_clock_ms() < end) {
        if (zmq_poll(&item, 1, 100) < 0 && errno != EINTR) {
            return 0;
        }
        while (link_sock_event(monitor, &event, &value)) {
            if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
                return 1;
            }
            if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
                return 0;
            }
        }
    }
    return 0;
}

/* A node with its door open must not run: knocks with the key to refuse. */
static int
self_test(struct links *l, const char *host, const struct test_key *key)
{
    void *sock = link_sock_dealer(l->context, l->server_public, key->public,
        key->secret);
    void *monitor = NULL;
    char endpoint[300];
    int refused = 0;

    if (strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0) {
        host = "127.0.0.1";
    } else if (strcmp(host, "::") == 0) {
        host = "::1";
    }
    snprintf(endpoint, sizeof(endpoint),
        strchr(host, ':') != NULL ? "tcp://[%s]:%u" : "tcp://%s:%u", host,
        (unsigned)l->port);
    if (sock != NULL) {
        monitor = link_sock_monitor(l->context, sock, "inproc://self-test",
            ZMQ_EVENT_ALL);
    }
    if (monitor != NULL && zmq_connect(sock, endpoint) == 0) {
        refused = is_refused(monitor);
    }
    link_sock_close(sock, monitor, 0);
    return refused;
}

static enum p2pfs_err
open_sockets(struct links *l, const struct links_config *c,
    const uint8_t server_secret[KEY_BYTES], char *detail, size_t room)
{
    struct test_key key;
    uint16_t port = c->listen_port;
    unsigned event;
    int value;

    randombytes_buf(key.secret, sizeof(key.secret));
    crypto_scalarmult_base(key.public, key.secret);
    l->context = zmq_ctx_new();
    if (l->context == NULL) {
        return fail(detail, room, "starting libzmq", strerror(errno));
    }
    zmq_ctx_set(l->context, ZMQ_IO_THREADS, IO_THREADS);
    zmq_ctx_set(l->context, ZMQ_MAX_SOCKETS, MAX_SOCKETS);
    l->zap = start_zap(l, &key);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->zap == NULL || l->wake_fd < 0) {
        return fail(detail, room, "starting links", "no thread or no memory");
    }
    l->resolve = link_resolve_start(l->wake_fd);
    l->router = link_sock_router(l->context, l->server_public, server_secret);
    if (l->resolve == NULL || l->router == NULL) {
        return fail(detail, room, "starting links", "no thread or no socket");
    }
    l->router_monitor =
        link_sock_monitor(l->context, l->router, "inproc://router-monitor",
            ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED
                | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
                | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
                | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    if (l->router_monitor == NULL) {
        return fail(detail, room, "starting links", "no socket");
    }
    if (link_sock_bind(l->router, c->listen_host, &port) != 0) {
        snprintf(detail, room, "binding \"%s:%u\": %s", c->listen_host,
            (unsigned)c->listen_port, zmq_strerror(errno));
        return P2PFS_IO;
    }
    l->port = port;
    if (!self_test(l, c->listen_host, &key)) {
        return fail(detail, room, "testing the door",
            "a key that must be refused was not");
    }
    /* the test's own knock is nothing to count or to log; where its refusal
     * comes later, link_poll.c leaves it out */
    while (link_sock_event(l->router_monitor, &event, &value)) {
        l->knocked |= event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    }
    return P2PFS_OK;
}

enum p2pfs_err
links_open(struct links **out, const struct links_config *c, char *detail,
    size_t detail_room)
{
    struct links *l;
    uint8_t server_secret[KEY_BYTES] = {0};
    enum p2pfs_err err;

    *out = NULL;
    if (sodium_init() < 0 || seed_rand() != 0) {
        return fail(detail, detail_room, "starting links", "no randomness");
    }
    l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return fail(detail, detail_room, "starting links", "out of memory");
    }
    l->wake_fd = -1;
    l->now = link_clock_ms();
    err = make_self(l, c, server_secret);
    if (err != P2PFS_OK) {
        (void)fail(detail, detail_room, "using the node's key",
            "not an Ed25519 key");
    } else if ((err = copy_config(l, c)) != P2PFS_OK) {
        (void)fail(detail, detail_room, "starting links", "out of memory");
    } else {
        err = open_sockets(l, c, server_secret, detail, detail_room);
    }
    sodium_memzero(server_secret, sizeof(server_secret));
    if (err != P2PFS_OK) {
        links_close(l);
        return err;
    }
    *out = l;
    return P2PFS_OK;
}

static void
close_all(struct links *l)
{
    struct conn *c;
    size_t i;

    for (i = 0; i < l->n_slots && l->slot != NULL; i++) {
        if (l->slot[i] != NULL) {
            link_fall(l, l->slot[i], BYE_CLOSING, "closing");
        }
    }
    link_drop_fallen(l);
    for (c = l->conns; c != NULL; c = c->next) {
        conn_kill(l, c, BYE_CLOSING, "closing");
        c->shut = 1;
    }
    l->now = UINT64_MAX;
    conn_reap(l);
}

void
links_close(struct links *l)
{
    if (l == NULL) {
        return;
    }
    l->on_event = NULL;
    dial_set_peers(l, NULL, 0);
    close_all(l);
    link_sock_close(l->router, l->router_monitor, SOCK_LINGER_MS);
    link_resolve_stop(l->resolve);
    if (l->context != NULL) {
        zmq_ctx_shutdown(l->context);
        link_zap_stop(l->zap);
        zmq_ctx_term(l->context);
    }
    if (l->wake_fd >= 0) {
        close(l->wake_fd);
    }
    wire_arena_free(l->arena);
    wire_buf_fini(&l->buf);
    identity_wipe(&l->self.id);
    sodium_memzero(l->self.curve_secret, sizeof(l->self.curve_secret));
    free(l->items);
    free(l->slot);
    free(l->allow);
    free(l);
}
