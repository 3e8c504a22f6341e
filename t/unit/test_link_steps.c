/*
 * Guards gossipd/link_steps.c: peers that have the network's key and break the
 * rules. They speak through libzmq sockets of their own; the node they speak to
 * must not link, must not keep state of them, and must go on serving others.
 */

#include "t/unit/link_raw.h"

/* Sends as soon as the connection is there, while the nodes are polled. */
static void
raw_send(void *sock, const void *frame, size_t len, int body_too,
    struct node *n, size_t count)
{
    enum sock_sent sent;

    do {
        poll_once(n, count);
        sent = link_sock_send(sock, 0, frame, len, body_too);
    } while (sent == SOCK_AGAIN);
    assert_int_equal(sent, SOCK_SENT);
}

/* What came, copied; 0 where nothing did within the time. */
static size_t
raw_recv(void *sock, uint8_t *out, size_t room, struct node *n, size_t count,
    unsigned ms)
{
    uint64_t end = link_clock_ms() + ms;
    struct link_msg m;
    size_t len = 0;

    while (link_clock_ms() < end) {
        poll_once(n, count);
        if (link_sock_recv(sock, 0, &m)) {
            len = zmq_msg_size(&m.part[0]);
            assert_true(len <= room);
            memcpy(out, zmq_msg_data(&m.part[0]), len);
            link_msg_close(&m);
            break;
        }
    }
    return len;
}

static uint32_t
goodbye_of(struct raw *r, const uint8_t *frame, size_t len)
{
    const P2pfs__Rpc *rpc = wire_unpack(r->arena, frame, len);

    return rpc == NULL || rpc->goodbye == NULL ? 0 : rpc->goodbye->reason;
}

/* Through HELLO and HELLO_OK; out holds AUTH. */
static void
raw_shake(struct raw *r, struct node *n, struct wire_buf *out)
{
    uint8_t nonce[SHAKE_NONCE_BYTES] = {4}, frame[1024];
    size_t len;

    r->control = raw_dealer(r, links_port(n->links));
    assert_int_equal(shake_hello(&r->shake, &r->self, nonce, out), SHAKE_OK);
    raw_send(r->control, out->p, out->len, 0, n, 1);
    len = raw_recv(r->control, frame, sizeof(frame), n, 1, 5000);
    assert_int_equal(shake_auth(&r->shake, &r->self, r->arena, frame, len, out),
        SHAKE_OK);
}

/* A whole link, by hand. */
static void
raw_link(struct raw *r, struct node *n)
{
    struct wire_buf b = {0};
    uint8_t frame[1024];

    raw_shake(r, n, &b);
    raw_send(r->control, b.p, b.len, 0, n, 1);
    poll_for(n, 1, 20);
    r->bulk = raw_dealer(r, links_port(n->links));
    assert_int_equal(shake_bind(&r->shake, &r->self, 'c', &b), SHAKE_OK);
    raw_send(r->bulk, b.p, b.len, 1, n, 1);
    assert_true(raw_recv(r->bulk, frame, sizeof(frame), n, 1, 5000) > 0);
    assert_int_equal(n->ups, 1);
    wire_buf_fini(&b);
}

static void
one_node(struct node *n)
{
    struct node_options o = {.seed = 1, .network = 9};

    node_open(n, &o);
}

static struct links_stats
stats_of(struct node *n)
{
    struct links_stats st;

    links_stats(n->links, &st);
    return st;
}

static void
test_a_peer_by_hand_links(void **state)
{
    struct raw r;
    struct node n;

    (void)state;
    one_node(&n);
    raw_init(&r, 7);
    raw_link(&r, &n);
    assert_memory_equal(n.peer_node, r.self.id.node_id, NODE_ID_BYTES);
    raw_fini(&r);
    /* it went without a word: seen at once, not after a silence */
    POLL_UNTIL(&n, 1, n.downs == 1);
    assert_string_equal(n.reason, "connection closed");
    node_close(&n);
}

static void
test_hello_with_anothers_node_id(void **state)
{
    uint8_t nonce[SHAKE_NONCE_BYTES] = {4}, seed[KEY_BYTES] = {5}, frame[1024];
    struct wire_buf b = {0};
    struct raw r;
    struct node n;
    size_t len;

    (void)state;
    one_node(&n);
    raw_init(&r, 7);
    r.control = raw_dealer(&r, links_port(n.links));
    identity_from_seed(&r.self.id, seed);
    assert_int_equal(shake_hello(&r.shake, &r.self, nonce, &b), SHAKE_OK);
    raw_send(r.control, b.p, b.len, 0, &n, 1);
    len = raw_recv(r.control, frame, sizeof(frame), &n, 1, 5000);
    assert_int_equal(goodbye_of(&r, frame, len), 6);
    assert_int_equal(stats_of(&n).handshakes_failed, 1);
    assert_int_equal(n.ups, 0);
    wire_buf_fini(&b);
    raw_fini(&r);
    node_close(&n);
}

static void
test_auth_with_a_wrong_signature(void **state)
{
    struct wire_buf b = {0};
    uint8_t frame[1024];
    struct raw r;
    struct node n;
    size_t len;

    (void)state;
    one_node(&n);
    raw_init(&r, 7);
    raw_shake(&r, &n, &b);
    b.p[b.len - 1] ^= 1;
    raw_send(r.control, b.p, b.len, 0, &n, 1);
    len = raw_recv(r.control, frame, sizeof(frame), &n, 1, 5000);
    assert_int_equal(goodbye_of(&r, frame, len), 6);
    b.p[b.len - 1] ^= 1; /* the right one comes too late */
    (void)link_sock_send(r.control, 0, b.p, b.len, 0);
    assert_int_equal(raw_recv(r.control, frame, sizeof(frame), &n, 1, 600), 0);
    assert_int_equal(n.ups, 0);
    wire_buf_fini(&b);
    raw_fini(&r);
    node_close(&n);
}

/* Each first message that is not HELLO or BIND, and data ahead of its time. */
static void
test_messages_out_of_turn(void **state)
{
    struct wire_buf ping = {0}, b = {0};
    uint64_t failed;
    struct raw r;
    struct node n;
    int step;

    (void)state;
    one_node(&n);
    assert_int_equal(wire_ping(&ping, 0, 1, NULL, 1), 0);
    for (step = 0; step < 4; step++) {
        failed = stats_of(&n).handshakes_failed + stats_of(&n).bad_frames;
        raw_init(&r, 7);
        if (step < 2) { /* instead of HELLO, of BIND */
            r.control = raw_dealer(&r, links_port(n.links));
            raw_send(r.control, ping.p, ping.len, step, &n, 1);
        } else { /* instead of AUTH, ahead of BIND */
            raw_shake(&r, &n, &b);
            if (step == 3) {
                raw_send(r.control, b.p, b.len, 0, &n, 1);
            }
            raw_send(r.control, ping.p, ping.len, 0, &n, 1);
        }
        POLL_UNTIL(&n, 1,
            stats_of(&n).handshakes_failed + stats_of(&n).bad_frames
                == failed + 1);
        raw_fini(&r);
    }
    assert_int_equal(n.ups, 0);
    assert_int_equal(n.n_seen, 0);
    wire_buf_fini(&ping);
    wire_buf_fini(&b);
    node_close(&n);
}

/* Ends the link of a peer that sends these frames once it is up. */
static void
breaks_the_link(int on_bulk, const void *frame, size_t len, int parts)
{
    struct raw r;
    struct node n;
    void *sock;
    int i;

    one_node(&n);
    raw_init(&r, 7);
    raw_link(&r, &n);
    sock = on_bulk ? r.bulk : r.control;
    for (i = 0; i < parts; i++) {
        assert_true(
            zmq_send(sock, frame, len, i + 1 < parts ? ZMQ_SNDMORE : 0) >= 0);
    }
    POLL_UNTIL(&n, 1, n.downs == 1);
    n.n_seen = 0;
    /* what it goes on sending is dropped, and makes nothing anew */
    for (i = 0; i < 50; i++) {
        struct wire_buf b = {0};

        assert_int_equal(wire_ping(&b, 0, 1, NULL, 1), 0);
        (void)link_sock_send(r.control, 0, b.p, b.len, 0);
        wire_buf_fini(&b);
        poll_once(&n, 1);
    }
    assert_int_equal(n.ups, 1);
    assert_int_equal(n.n_seen, 0);
    raw_fini(&r);
    node_close(&n);
}

static void
test_bad_frames_end_the_link(void **state)
{
    static uint8_t big[WIRE_BODY_MAX + 1];
    uint8_t nonce[SHAKE_NONCE_BYTES] = {4};
    struct wire_buf b = {0};
    struct raw r;

    (void)state;
    breaks_the_link(0, "\x0a\x20\x08", 3, 1); /* malformed */
    breaks_the_link(1, "\x0a\x20\x08", 3, 2);
    breaks_the_link(0, "", 0, 2);                     /* two on control */
    breaks_the_link(1, "", 0, 1);                     /* one on bulk */
    breaks_the_link(1, "", 0, 3);                     /* three */
    breaks_the_link(1, "", 0, 2);                     /* neither of two */
    breaks_the_link(0, big, WIRE_CONTROL_MAX + 1, 1); /* too large for us */
    breaks_the_link(1, big, WIRE_BODY_MAX + 1, 2);    /* .. for libzmq */
    raw_init(&r, 7);
    assert_int_equal(shake_hello(&r.shake, &r.self, nonce, &b), SHAKE_OK);
    breaks_the_link(0, b.p, b.len, 1); /* a second HELLO */
    assert_int_equal(wire_data(&b, 1, WIRE_DATA_OK, 0, 0, NULL), 0);
    breaks_the_link(0, b.p, b.len, 1); /* data on control */
    assert_int_equal(wire_ping(&b, 0, 1, NULL, 1), 0);
    breaks_the_link(1, b.p, b.len, 2); /* control on bulk */
    wire_buf_fini(&b);
    raw_fini(&r);
}

/* BIND must come by the key of the link, with its mac, and once. */
static void
test_bind_by_somebody_else(void **state)
{
    struct wire_buf b = {0};
    struct raw r, other;
    struct node n;
    void *second;

    (void)state;
    one_node(&n);
    raw_init(&r, 7);
    raw_init(&other, 8);
    raw_shake(&r, &n, &b);
    raw_send(r.control, b.p, b.len, 0, &n, 1);
    poll_for(&n, 1, 20);
    assert_int_equal(shake_bind(&r.shake, &r.self, 'c', &b), SHAKE_OK);
    other.bulk = raw_dealer(&other, links_port(n.links));
    raw_send(other.bulk, b.p, b.len, 1, &n, 1); /* right mac, wrong key */
    POLL_UNTIL(&n, 1, stats_of(&n).handshakes_failed == 1);
    b.p[b.len - 1] ^= 1;
    r.bulk = raw_dealer(&r, links_port(n.links));
    raw_send(r.bulk, b.p, b.len, 1, &n, 1); /* wrong mac, right key */
    POLL_UNTIL(&n, 1, stats_of(&n).handshakes_failed == 2);
    assert_int_equal(n.ups, 0);
    b.p[b.len - 1] ^= 1;
    second = raw_dealer(&r, links_port(n.links));
    raw_send(second, b.p, b.len, 1, &n, 1);
    POLL_UNTIL(&n, 1, n.ups == 1);
    link_sock_close(r.bulk, NULL, 0);
    r.bulk = raw_dealer(&r, links_port(n.links));
    raw_send(r.bulk, b.p, b.len, 1, &n, 1); /* a second time */
    POLL_UNTIL(&n, 1, stats_of(&n).handshakes_failed == 3);
    assert_int_equal(n.downs, 0);
    link_sock_close(second, NULL, 0);
    wire_buf_fini(&b);
    raw_fini(&r);
    raw_fini(&other);
    node_close(&n);
}

/* A server with the network's key, in front of which nobody checks keys. */
static void
raw_serve(struct raw *r)
{
    uint8_t network[KEY_BYTES], secret[KEY_BYTES], pub[KEY_BYTES];
    int on = 1;

    memset(network, 9, sizeof(network));
    network_curve(pub, secret, network);
    r->router = zmq_socket(r->context, ZMQ_ROUTER);
    assert_non_null(r->router);
    assert_int_equal(zmq_setsockopt(r->router, ZMQ_CURVE_SERVER, &on,
                         sizeof(on)),
        0);
    assert_int_equal(zmq_setsockopt(r->router, ZMQ_CURVE_SECRETKEY, secret,
                         KEY_BYTES),
        0);
    assert_int_equal(zmq_setsockopt(r->router, ZMQ_CURVE_PUBLICKEY, pub,
                         KEY_BYTES),
        0);
    assert_int_equal(link_sock_bind(r->router, "127.0.0.1", &r->port), 0);
}

/* The next message that the false server gets. */
static uint32_t
raw_served(struct raw *r, struct node *n, size_t count, uint8_t *out,
    size_t *len, unsigned ms)
{
    uint64_t end = link_clock_ms() + ms;
    struct link_msg m;

    while (link_clock_ms() < end) {
        poll_once(n, count);
        if (link_sock_recv(r->router, 1, &m)) {
            *len = zmq_msg_size(&m.part[0]);
            memcpy(out, zmq_msg_data(&m.part[0]), *len);
            link_msg_close(&m);
            return m.rid;
        }
    }
    return 0;
}

static void
client_of(struct node *n, struct raw *r)
{
    struct node_options o = {.seed = 2, .network = 9};
    struct link_peer p = peer_at(r->port);

    o.peers = &p;
    o.n_peers = 1;
    node_open(n, &o);
}

static void
test_a_false_hello_ok_gets_no_auth(void **state)
{
    uint8_t frame[WIRE_BODY_MAX], user[KEY_BYTES], nonce[32] = {1};
    struct wire_buf b = {0};
    struct raw r;
    struct node n;
    uint32_t rid;
    size_t len;

    (void)state;
    raw_init(&r, 7);
    raw_serve(&r);
    client_of(&n, &r);
    rid = raw_served(&r, &n, 1, frame, &len, 5000);
    assert_int_not_equal(rid, 0);
    assert_int_equal(node_curve_public(user, n.id.node_id), 0);
    assert_int_equal(shake_hello_ok(&r.shake, &r.self, r.arena, frame, len,
                         user, nonce, &b),
        SHAKE_OK);
    b.p[b.len - 1] ^= 1;
    assert_int_equal(link_sock_send(r.router, rid, b.p, b.len, 0), SOCK_SENT);
    assert_int_not_equal(raw_served(&r, &n, 1, frame, &len, 5000), 0);
    assert_int_equal(goodbye_of(&r, frame, len), 6);
    assert_int_equal(stats_of(&n).handshakes_failed, 1);
    assert_int_equal(n.ups, 0);
    wire_buf_fini(&b);
    raw_fini(&r);
    node_close(&n);
}

/*
 * The relay has the network's key: the client reaches it, and it reaches the
 * server, but only with a connection key of its own.
 */
static void
test_a_relay_between_two_nodes(void **state)
{
    uint8_t frame[WIRE_BODY_MAX];
    unsigned passed = 0;
    struct node n[2];
    struct raw r;
    uint64_t end;
    uint32_t rid, client = 0;
    size_t len;

    (void)state;
    one_node(&n[0]);
    raw_init(&r, 7);
    raw_serve(&r);
    client_of(&n[1], &r);
    end = link_clock_ms() + 1500;
    while (link_clock_ms() < end) {
        rid = raw_served(&r, n, 2, frame, &len, 5);
        if (rid != 0 && rid != client) {
            client = rid;
            link_sock_close(r.control, NULL, 0);
            r.control = raw_dealer(&r, links_port(n[0].links));
        }
        if (rid != 0) {
            raw_send(r.control, frame, len, 0, n, 2);
            passed++;
        }
        len = r.control == NULL
            ? 0
            : raw_recv(r.control, frame, sizeof(frame), n, 2, 5);
        if (len > 0) {
            (void)link_sock_send(r.router, client, frame, len, 0);
        }
    }
    assert_true(passed >= 1);
    assert_true(stats_of(&n[0]).handshakes_failed >= 1);
    assert_int_equal(n[0].ups + n[1].ups, 0);
    raw_fini(&r);
    node_close(&n[0]);
    node_close(&n[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_peer_by_hand_links),
        cmocka_unit_test(test_hello_with_anothers_node_id),
        cmocka_unit_test(test_auth_with_a_wrong_signature),
        cmocka_unit_test(test_messages_out_of_turn),
        cmocka_unit_test(test_bad_frames_end_the_link),
        cmocka_unit_test(test_bind_by_somebody_else),
        cmocka_unit_test(test_a_false_hello_ok_gets_no_auth),
        cmocka_unit_test(test_a_relay_between_two_nodes),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
