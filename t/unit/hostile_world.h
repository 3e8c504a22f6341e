/*
 * t/unit/hostile_world.h: a running node, and peers of its network that are in
 * the hands of a test. For test_hostile_peer.c and test_lying_peer.c.
 */

#ifndef P2PFS_T_HOSTILE_WORLD_H
#define P2PFS_T_HOSTILE_WORLD_H

#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/cursor.h"
#include "core/frame.h"
#include "core/reader.h"
#include "gossipd/config.h"
#include "gossipd/fetch.h"
#include "gossipd/identity.h"
#include "gossipd/link.h"
#include "gossipd/node.h"
#include "gossipd/router.h"
#include "gossipd/wire.h"

#define WAIT_MS 10000

struct world {
    char dir[64];
    uint16_t port;
    struct config config;
    struct log *log;
    struct node *node;
    uint8_t network_key[KEY_BYTES];
    struct p2pfs_hasher *hasher;
    unsigned good; /* files that good peers have sent */
};

struct attacker {
    struct identity id;
    struct links *links;
    uint64_t peer; /* 0: not up */
    int was_up;
    /* what the node says; NULL: nobody listens */
    void (*hear)(void *ctx, const struct link_event *e);
    void *ctx;
};

static inline uint64_t
now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline uint16_t
free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    int fd;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd != -1);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    (void)close(fd);
    return ntohs(a.sin_port);
}

static inline int
start(void **state)
{
    char listen[32], key[96], detail[CONFIG_DETAIL_ROOM];
    struct config_call call;
    struct world *w;
    char *argv[] = {(char *)(uintptr_t) "gossipd", (char *)(uintptr_t) "--dir",
        NULL, (char *)(uintptr_t) "--listen", listen};

    w = calloc(1, sizeof(*w));
    assert_non_null(w);
    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/p2pfs-hostile-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->port = free_port();
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", w->port);
    (void)snprintf(key, sizeof(key), "%s/network.key", w->dir);
    assert_int_equal(network_key_load(w->network_key, key, KEY_CREATE, detail,
                         sizeof(detail)),
        P2PFS_OK);
    argv[2] = w->dir;
    assert_int_equal(config_read(&w->config, &call, 5, argv, NULL, detail),
        P2PFS_OK);
    assert_int_equal(log_open(&w->log, "/dev/null", LOG_DEBUG), 0);
    assert_int_equal(node_start(&w->node, &w->config, w->log), P2PFS_OK);
    assert_int_equal(p2pfs_hasher_new(&w->hasher), P2PFS_OK);
    *state = w;
    return 0;
}

static inline int
stop(void **state)
{
    struct world *w = *state;
    char command[128];

    node_stop(w->node);
    log_close(w->log);
    config_fini(&w->config);
    p2pfs_hasher_free(w->hasher);
    (void)snprintf(command, sizeof(command), "rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static inline void
on_event(void *ctx, const struct link_event *e)
{
    struct attacker *a = ctx;

    if (e->kind == LINK_UP) {
        a->peer = e->peer;
        a->was_up = 1;
    } else if (e->kind == LINK_DOWN) {
        a->peer = 0;
    } else if (a->hear != NULL) {
        a->hear(a->ctx, e);
    }
}

static inline void
turn(struct world *w, struct attacker *a)
{
    node_turn(w->node, 2);
    if (a != NULL) {
        links_poll(a->links, 2, on_event, a);
    }
}

/* A node with a key of its own and the network's, linked to the world's. */
static inline void
link_up(struct world *w, struct attacker *a)
{
    struct link_peer peer = {.host = "127.0.0.1", .port = w->port};
    struct links_config c = {.listen_host = "127.0.0.1",
        .peers = &peer,
        .n_peers = 1,
        .network_key = w->network_key,
        .links_max = 4};
    uint8_t constants[8], seed[KEY_BYTES];
    char detail[512];
    struct p2pfs_writer out;
    uint64_t until;
    size_t i;

    memset(a, 0, sizeof(*a));
    for (i = 0; i < sizeof(seed); i++) {
        seed[i] = (uint8_t)rand();
    }
    identity_from_seed(&a->id, seed);
    p2pfs_writer_init(&out, constants, sizeof(constants));
    p2pfs_writer_u32(&out, P2PFS_FILE_BYTES_MAX);
    p2pfs_writer_u32(&out, P2PFS_SET_COUNT_MAX);
    c.constants = constants;
    c.constants_len = sizeof(constants);
    c.node_secret = a->id.secret;
    c.listen_port = free_port();
    assert_int_equal(links_open(&a->links, &c, detail, sizeof(detail)),
        P2PFS_OK);

    until = now_ms() + WAIT_MS;
    while (a->peer == 0 && now_ms() < until) {
        turn(w, a);
    }
    assert_true(a->peer != 0);
}

static inline void
link_close(struct attacker *a)
{
    links_close(a->links);
    memset(a, 0, sizeof(*a));
}

static inline void
send_bulk(struct attacker *a, const struct wire_buf *head, const void *body,
    size_t len)
{
    (void)links_send(a->links, a->peer, LINK_PUSH, head->p, head->len,
        payload_new(body, len), 0);
}

static inline void
file_record(struct world *w, struct p2pfs_record *r, const char *id, uint32_t n,
    uint32_t index, const char *content)
{
    memset(r, 0, sizeof(*r));
    r->kind = P2PFS_RECORD_FILE;
    r->id_len = (uint8_t)strlen(id);
    memcpy(r->id, id, strlen(id));
    r->n = n;
    r->index = index;
    p2pfs_hash_data(w->hasher, content, strlen(content), &r->entry);
}

/* What a plain GET would say. */
static inline enum p2pfs_err
look_up(struct world *w, const char *id)
{
    struct p2pfs_version v;
    struct p2pfs_reader *r;
    enum p2pfs_err err;
    char path[96];

    (void)snprintf(path, sizeof(path), "%s/store.db", w->dir);
    assert_int_equal(p2pfs_reader_open(&r, path), P2PFS_OK);
    assert_int_equal(p2pfs_reader_begin(r), P2PFS_OK);
    err = p2pfs_reader_find(r, id, strlen(id), 0, NULL, &v);
    p2pfs_reader_end(r);
    p2pfs_reader_close(r);
    return err;
}

/* The node still takes a good file, from a peer that it never met. */
static inline void
still_good(struct world *w)
{
    struct p2pfs_record r;
    struct attacker a;
    struct wire_buf b;
    uint64_t until;
    char id[32];

    memset(&b, 0, sizeof(b));
    (void)snprintf(id, sizeof(id), "good-%u", w->good++);
    link_up(w, &a);
    file_record(w, &r, id, 1, 0, "fine");
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 4, NULL), 0);
    send_bulk(&a, &b, "fine", 4);
    until = now_ms() + WAIT_MS;
    while (look_up(w, id) != P2PFS_OK && now_ms() < until) {
        turn(w, &a);
    }
    assert_int_equal(look_up(w, id), P2PFS_OK);
    link_close(&a);
    wire_buf_fini(&b);
}

/* Everything that was sent has been read: a good file came in behind it. */
static inline void
settle(struct world *w, struct attacker *a)
{
    uint64_t until;

    until = now_ms() + 150;
    while (now_ms() < until) {
        turn(w, a);
    }
}

static inline void
send_control(struct attacker *a, const struct wire_buf *b)
{
    (void)links_send(a->links, a->peer, LINK_REQUEST, b->p, b->len, NULL, 0);
}

#endif
