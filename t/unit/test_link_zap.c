/*
 * Guards who may connect at all: the allow-list, bans, and the key that is
 * refused always.
 */

#include <zmq.h>

#include "gossipd/link_zap.h"
#include "link_nodes.h"

static void
test_allow_list(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    struct identity friend;
    uint8_t seed[KEY_BYTES];
    struct links_stats st;
    struct link_peer p;
    struct node n[3];

    (void)state;
    memset(seed, 2, sizeof(seed));
    identity_from_seed(&friend, seed);
    o.allow = (const uint8_t(*)[NODE_ID_BYTES]) friend.node_id;
    o.n_allow = 1;
    node_open(&n[0], &o);
    p = peer_at(links_port(n[0].links));
    o.allow = NULL;
    o.peers = &p;
    o.n_peers = 1;
    o.seed = 3;
    node_open(&n[1], &o);
    POLL_UNTIL(n, 2, (links_stats(n[0].links, &st), st.refused_key >= 2));
    o.seed = 2;
    node_open(&n[2], &o);
    POLL_UNTIL(n, 3, n[0].peer != 0 && n[2].peer != 0);
    assert_memory_equal(n[0].peer_node, friend.node_id, NODE_ID_BYTES);
    assert_int_equal(n[1].ups, 0);
    node_close(&n[0]);
    node_close(&n[1]);
    node_close(&n[2]);
}

/* Tests that need no connection: the handler of a context of its own. */
static struct link_zap *
handler(void **context)
{
    static const uint8_t deny[KEY_BYTES] = {1};
    struct link_zap *z;

    *context = zmq_ctx_new();
    z = link_zap_start(*context, NULL, 0, deny);
    assert_non_null(z);
    return z;
}

static void
stop(void *context, struct link_zap *z)
{
    zmq_ctx_shutdown(context);
    link_zap_stop(z);
    zmq_ctx_term(context);
}

static void
key_of(unsigned i, uint8_t key[KEY_BYTES])
{
    memset(key, 0xab, KEY_BYTES);
    memcpy(key, &i, sizeof(i));
}

static void
test_bans_end(void **state)
{
    uint8_t key[KEY_BYTES], other[KEY_BYTES];
    struct link_zap *z;
    void *context;

    (void)state;
    z = handler(&context);
    key_of(1, key);
    key_of(2, other);
    link_zap_ban(z, key, 1000);
    assert_true(link_zap_banned(z, key, 999));
    assert_false(link_zap_banned(z, key, 1000));
    assert_false(link_zap_banned(z, other, 999));
    link_zap_ban(z, key, 2000); /* the same once more: one place */
    assert_true(link_zap_banned(z, key, 1999));
    stop(context, z);
}

/* The ban that ends first makes room; the others stay. */
static void
test_bans_have_a_cap(void **state)
{
    uint8_t key[KEY_BYTES];
    struct link_zap *z;
    void *context;
    unsigned i;

    (void)state;
    z = handler(&context);
    for (i = 0; i < ZAP_BANS_MAX; i++) {
        key_of(i, key);
        link_zap_ban(z, key, i == 77 ? 5000 : 10000 + i);
    }
    key_of(1000, key);
    link_zap_ban(z, key, 20000);
    assert_true(link_zap_banned(z, key, 0));
    for (i = 0; i < ZAP_BANS_MAX; i++) {
        key_of(i, key);
        assert_int_equal(link_zap_banned(z, key, 0), i != 77);
    }
    stop(context, z);
}

/* What the handler says to a request of these frames: 1 let in. */
static int
knock(void *sock, const char *version, const char *domain,
    const char *mechanism, const uint8_t *key, size_t key_len, unsigned extra)
{
    char code[8] = "", user[2 * KEY_BYTES + 1] = "";
    unsigned i;

    zmq_send(sock, version, strlen(version), ZMQ_SNDMORE);
    zmq_send(sock, "id", 2, ZMQ_SNDMORE);
    zmq_send(sock, domain, strlen(domain), ZMQ_SNDMORE);
    zmq_send(sock, "127.0.0.1", 9, ZMQ_SNDMORE);
    zmq_send(sock, "", 0, ZMQ_SNDMORE);
    zmq_send(sock, mechanism, strlen(mechanism), ZMQ_SNDMORE);
    zmq_send(sock, key, key_len, extra > 0 ? ZMQ_SNDMORE : 0);
    for (i = 0; i < extra; i++) {
        zmq_send(sock, "x", 1, i + 1 < extra ? ZMQ_SNDMORE : 0);
    }
    for (i = 0; i < 6; i++) {
        char frame[128] = "";

        assert_true(zmq_recv(sock, frame, sizeof(frame) - 1, 0) >= 0);
        if (i == 1) {
            assert_string_equal(frame, "id");
        } else if (i == 2) {
            memcpy(code, frame, 4);
        } else if (i == 4) {
            memcpy(user, frame, 2 * KEY_BYTES);
        }
    }
    assert_int_equal(strlen(user), strcmp(code, "200") == 0 ? 64 : 0);
    return strcmp(code, "200") == 0;
}

/* Fail closed: whatever is not a CURVE request of our domain is refused, and
 * the next one is answered all the same. */
static void
test_only_our_requests(void **state)
{
    uint8_t key[KEY_BYTES], deny[KEY_BYTES] = {1};
    struct link_zap *z;
    void *context, *sock;

    (void)state;
    z = handler(&context);
    sock = zmq_socket(context, ZMQ_REQ);
    assert_int_equal(zmq_connect(sock, "inproc://zeromq.zap.01"), 0);
    key_of(3, key);
    assert_true(knock(sock, "1.0", ZAP_DOMAIN, "CURVE", key, KEY_BYTES, 0));
    assert_false(knock(sock, "1.0", ZAP_DOMAIN, "CURVE", deny, KEY_BYTES, 0));
    assert_false(knock(sock, "2.0", ZAP_DOMAIN, "CURVE", key, KEY_BYTES, 0));
    assert_false(knock(sock, "1.0", "other", "CURVE", key, KEY_BYTES, 0));
    assert_false(knock(sock, "1.0", ZAP_DOMAIN, "NULL", key, KEY_BYTES, 0));
    assert_false(knock(sock, "1.0", ZAP_DOMAIN, "CURVE", key, 31, 0));
    assert_false(knock(sock, "1.0", ZAP_DOMAIN, "CURVE", key, 0, 0));
    assert_false(knock(sock, "1.0", ZAP_DOMAIN, "CURVE", key, KEY_BYTES, 3));
    link_zap_ban(z, key, UINT64_MAX);
    assert_false(knock(sock, "1.0", ZAP_DOMAIN, "CURVE", key, KEY_BYTES, 0));
    key_of(4, key);
    assert_true(knock(sock, "1.0", ZAP_DOMAIN, "CURVE", key, KEY_BYTES, 0));
    zmq_close(sock);
    stop(context, z);
}

/* One handler for a context: a second would answer in its place. */
static void
test_one_handler(void **state)
{
    static const uint8_t deny[KEY_BYTES] = {1};
    struct link_zap *z;
    void *context;

    (void)state;
    z = handler(&context);
    assert_null(link_zap_start(context, NULL, 0, deny));
    stop(context, z);
    link_zap_stop(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allow_list),
        cmocka_unit_test(test_bans_end),
        cmocka_unit_test(test_bans_have_a_cap),
        cmocka_unit_test(test_only_our_requests),
        cmocka_unit_test(test_one_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
