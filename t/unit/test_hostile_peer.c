/*
 * A peer of the network that does not behave: every malformed or lying message
 * on a real link to a running node. After each the node must store nothing of
 * it, still take a good file from the next peer, and have counted or closed.
 */

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
};

static uint64_t
now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint16_t
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

static int
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

static int
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

static void
on_event(void *ctx, const struct link_event *e)
{
    struct attacker *a = ctx;

    if (e->kind == LINK_UP) {
        a->peer = e->peer;
        a->was_up = 1;
    } else if (e->kind == LINK_DOWN) {
        a->peer = 0;
    }
}

static void
turn(struct world *w, struct attacker *a)
{
    node_turn(w->node, 2);
    if (a != NULL) {
        links_poll(a->links, 2, on_event, a);
    }
}

/* A node with a key of its own and the network's, linked to the world's. */
static void
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

static void
link_close(struct attacker *a)
{
    links_close(a->links);
    memset(a, 0, sizeof(*a));
}

static void
send_bulk(struct attacker *a, const struct wire_buf *head, const void *body,
    size_t len)
{
    (void)links_send(a->links, a->peer, LINK_PUSH, head->p, head->len,
        payload_new(body, len), 0);
}

static void
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
static enum p2pfs_err
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
static void
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
static void
settle(struct world *w, struct attacker *a)
{
    uint64_t until;

    until = now_ms() + 150;
    while (now_ms() < until) {
        turn(w, a);
    }
}

static void
test_lies_about_a_file(void **state)
{
    struct world *w = *state;
    struct p2pfs_proof proof = {.len = 1};
    struct p2pfs_record r;
    struct attacker a;
    struct wire_buf b;

    memset(&b, 0, sizeof(b));
    link_up(w, &a);

    /* other bytes than the record names */
    file_record(w, &r, "lie-entry", 1, 0, "told");
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 4, NULL), 0);
    send_bulk(&a, &b, "sent", 4);

    /* a proof that does not lead to the root */
    file_record(w, &r, "lie-proof", 2, 0, "told");
    memset(r.root.b, 7, sizeof(r.root.b));
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 4, &proof), 0);
    send_bulk(&a, &b, "told", 4);

    /* a root without any proof, of more than one file */
    file_record(w, &r, "lie-bare", 3, 0, "told");
    memset(r.root.b, 7, sizeof(r.root.b));
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 4, NULL), 0);
    send_bulk(&a, &b, "told", 4);

    /* fewer and more bytes than told, and a size beyond the network's */
    file_record(w, &r, "lie-size", 1, 0, "told");
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 4, NULL), 0);
    send_bulk(&a, &b, "tol", 3);
    send_bulk(&a, &b, "told!", 5);
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 0xffffffffu, NULL), 0);
    send_bulk(&a, &b, "", 0);

    settle(w, &a);
    still_good(w);
    assert_int_equal(look_up(w, "lie-entry"), P2PFS_SET_NOT_FOUND);
    assert_int_equal(look_up(w, "lie-proof"), P2PFS_SET_NOT_FOUND);
    assert_int_equal(look_up(w, "lie-bare"), P2PFS_SET_NOT_FOUND);
    assert_int_equal(look_up(w, "lie-size"), P2PFS_SET_NOT_FOUND);
    link_close(&a);
    wire_buf_fini(&b);
}

/* Records that the encoder of a good node cannot make. */
static void
test_malformed_records(void **state)
{
    struct world *w = *state;
    P2pfs__Message m = P2PFS__MESSAGE__INIT;
    P2pfs__Message *list[1] = {&m};
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    uint8_t bytes[P2PFS_RECORD_BYTES_MAX];
    struct p2pfs_record good;
    struct attacker a;
    struct wire_buf b;
    size_t len, i;

    memset(&b, 0, sizeof(b));
    rpc.publish = list;
    rpc.n_publish = 1;
    m.topic = (char *)(uintptr_t)ROUTER_TOPIC;
    m.has_size = 1;
    m.size = 4;
    m.has_data = 1;
    m.data.data = bytes;

    file_record(w, &good, "bad", 2, 1, "told");
    for (i = 0; i < 6; i++) {
        len = p2pfs_record_encode(&good, bytes);
        switch (i) {
        case 0: len--; break;
        case 1: bytes[0] = 'X'; break;
        case 2: bytes[1] = 9; break;
        case 3: bytes[2] = 0; break;
        case 4:
            bytes[4] = '/'; /* b/d */
            break;
        case 5:
            bytes[13] = 2; /* index 2 of 2 */
            break;
        }
        m.data.len = len;
        link_up(w, &a);
        assert_int_equal(wire_pack(&b, &rpc), 0);
        send_bulk(&a, &b, "told", 4);
        settle(w, &a);
        link_close(&a);
    }
    still_good(w);
    assert_int_equal(look_up(w, "bad"), P2PFS_SET_NOT_FOUND);
    assert_int_equal(look_up(w, "b/d"), P2PFS_SET_NOT_FOUND);
    wire_buf_fini(&b);
}

static void
send_control(struct attacker *a, const struct wire_buf *b)
{
    (void)links_send(a->links, a->peer, LINK_REQUEST, b->p, b->len, NULL, 0);
}

static void
test_floods_and_nonsense(void **state)
{
    struct world *w = *state;
    static struct p2pfs_hash ids[WIRE_IDS_MAX];
    struct peerread_row row;
    struct p2pfs_record r;
    struct attacker a;
    struct wire_buf b;
    uint8_t epoch[STORE_EPOCH_BYTES];
    unsigned i, k;

    memset(&b, 0, sizeof(b));
    memset(epoch, 3, sizeof(epoch));
    link_up(w, &a);
    for (k = 0; k < 20; k++) {
        for (i = 0; i < WIRE_IDS_MAX; i++) {
            ids[i].b[0] = (uint8_t)k;
            memcpy(ids[i].b + 4, &i, sizeof(i));
        }
        assert_int_equal(wire_ihave(&b, ROUTER_TOPIC, ids, WIRE_IDS_MAX), 0);
        send_control(&a, &b);
        assert_int_equal(wire_iwant(&b, ids, WIRE_IDS_MAX), 0);
        send_control(&a, &b);
        assert_int_equal(wire_graft(&b, "no-such-topic"), 0);
        send_control(&a, &b);
        assert_int_equal(wire_graft(&b, ROUTER_TOPIC), 0);
        send_control(&a, &b);
        assert_int_equal(wire_prune(&b, ROUTER_TOPIC, 0xffffffffu), 0);
        send_control(&a, &b);
    }
    settle(w, &a);

    /* answers to what was never asked */
    memset(&row, 0, sizeof(row));
    file_record(w, &row.record, "unasked", 1, 0, "told");
    row.seq = 5;
    row.size = 4;
    assert_int_equal(wire_log_page(&b, epoch, 0, 5, &row, 1), 0);
    send_control(&a, &b);
    assert_int_equal(wire_data(&b, 12345, WIRE_DATA_OK, 0, 4, NULL), 0);
    send_bulk(&a, &b, "told", 4);

    /* requests for what is not there, at impossible places */
    file_record(w, &r, "nothing", 3, 2, "told");
    assert_int_equal(wire_get(&b, 1, &r, UINT64_MAX, FETCH_RANGE_BYTES), 0);
    send_control(&a, &b);
    assert_int_equal(wire_get(&b, 2, &r, 0, UINT32_MAX), 0);
    send_control(&a, &b);
    assert_int_equal(wire_log_get(&b, epoch, UINT64_MAX, UINT32_MAX), 0);
    send_control(&a, &b);

    settle(w, &a);
    still_good(w);
    assert_int_equal(look_up(w, "unasked"), P2PFS_SET_NOT_FOUND);
    link_close(&a);
    wire_buf_fini(&b);
}

static void
test_garbage_ends_the_link(void **state)
{
    struct world *w = *state;
    struct attacker a;
    uint8_t junk[512];
    uint64_t until;
    size_t i;

    for (i = 0; i < sizeof(junk); i++) {
        junk[i] = (uint8_t)(rand() | 0x80);
    }
    link_up(w, &a);
    (void)links_send(a.links, a.peer, LINK_REQUEST, junk, sizeof(junk), NULL,
        0);
    until = now_ms() + WAIT_MS;
    while (a.peer != 0 && now_ms() < until) {
        turn(w, &a);
    }
    assert_true(a.peer == 0);
    still_good(w);
    link_close(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lies_about_a_file),
        cmocka_unit_test(test_malformed_records),
        cmocka_unit_test(test_floods_and_nonsense),
        cmocka_unit_test(test_garbage_ends_the_link),
    };
    unsigned seed = (unsigned)time(NULL);

    srand(seed);
    print_message("# seed %u\n", seed);
    return cmocka_run_group_tests(tests, start, stop);
}
