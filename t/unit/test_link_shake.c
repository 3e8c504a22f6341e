/*
 * Guards gossipd/link_shake.h: whoever is at the other end proved its node id
 * over this very connection, or there is no link.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "gossipd/link_shake.h"

static struct wire_arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = wire_arena_new();
    return arena == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
    (void)state;
    wire_arena_free(arena);
    return 0;
}

static void
make_self(struct link_self *self, uint8_t seed_byte, const char *constants)
{
    uint8_t seed[KEY_BYTES], network[KEY_BYTES] = {1};

    memset(self, 0, sizeof(*self));
    memset(seed, seed_byte, sizeof(seed));
    identity_from_seed(&self->id, seed);
    network_id(self->net_id, network, constants, strlen(constants));
    assert_int_equal(node_curve(self->curve_public, self->curve_secret,
                         self->id.secret),
        0);
    self->boot = seed_byte;
    self->caps = 100u + seed_byte;
}

/* Both ends of a handshake, and the last frame. */
struct pair {
    struct link_self c, s;
    struct link_shake cs, ss;
    struct wire_buf hello, hello_ok, auth;
};

static const uint8_t nonce_c[SHAKE_NONCE_BYTES] = {1};
static const uint8_t nonce_s[SHAKE_NONCE_BYTES] = {2};

static void
pair_init(struct pair *p)
{
    memset(p, 0, sizeof(*p));
    make_self(&p->c, 3, "x");
    make_self(&p->s, 4, "x");
    assert_int_equal(shake_hello(&p->cs, &p->c, nonce_c, &p->hello), SHAKE_OK);
}

static void
pair_fini(struct pair *p)
{
    wire_buf_fini(&p->hello);
    wire_buf_fini(&p->hello_ok);
    wire_buf_fini(&p->auth);
}

static enum shake_err
serve(struct pair *p, const uint8_t *user)
{
    return shake_hello_ok(&p->ss, &p->s, arena, p->hello.p, p->hello.len, user,
        nonce_s, &p->hello_ok);
}

static enum shake_err
take_ok(struct pair *p)
{
    return shake_auth(&p->cs, &p->c, arena, p->hello_ok.p, p->hello_ok.len,
        &p->auth);
}

static enum shake_err
take_auth(struct pair *p)
{
    return shake_ready(&p->ss, arena, p->auth.p, p->auth.len);
}

static void
test_both_ends_agree(void **state)
{
    struct wire_buf bind = {0};
    const P2pfs__Rpc *rpc;
    struct pair p;

    (void)state;
    pair_init(&p);
    assert_int_equal(serve(&p, p.c.curve_public), SHAKE_OK);
    assert_int_equal(take_ok(&p), SHAKE_OK);
    assert_int_equal(take_auth(&p), SHAKE_OK);
    assert_memory_equal(p.cs.key, p.ss.key, KEY_BYTES);
    assert_memory_equal(p.cs.peer, p.s.id.node_id, KEY_BYTES);
    assert_memory_equal(p.ss.peer, p.c.id.node_id, KEY_BYTES);
    assert_int_equal(p.cs.boot, 4);
    assert_int_equal(p.ss.boot, 3);
    assert_int_equal(p.cs.caps, 104);
    assert_int_equal(p.ss.caps, 103);

    assert_int_equal(shake_bind(&p.cs, &p.c, 'c', &bind), SHAKE_OK);
    rpc = wire_unpack(arena, bind.p, bind.len);
    assert_non_null(rpc);
    assert_int_equal(shake_bound(&p.ss, 'c', rpc->bind), SHAKE_OK);
    assert_int_equal(shake_bound(&p.ss, 's', rpc->bind), SHAKE_KEY);
    assert_int_equal(shake_bind(&p.ss, &p.s, 's', &bind), SHAKE_OK);
    rpc = wire_unpack(arena, bind.p, bind.len);
    assert_non_null(rpc);
    assert_int_equal(shake_bound(&p.cs, 's', rpc->bind_ok), SHAKE_OK);
    wire_buf_fini(&bind);
    pair_fini(&p);
}

/* T and the signature from the description alone, byte by byte. */
static void
test_transcript_is_the_documented_one(void **state)
{
    uint8_t t[13 + 6 * 32 + 1], *at = t, key[KEY_BYTES], ikm[64];
    size_t ok_len;
    struct pair p;

    (void)state;
    pair_init(&p);
    assert_int_equal(serve(&p, p.c.curve_public), SHAKE_OK);
    ok_len = p.hello_ok.len - 69;
    assert_memory_equal(p.hello_ok.p + ok_len, "\x8a\x04\x42\x2a\x40", 5);
    memcpy(at, "p2pfs link 1", 13);
    at += 13;
    memcpy(at, p.c.net_id, 32);
    memcpy(at + 32, p.c.id.node_id, 32);
    memcpy(at + 64, p.s.id.node_id, 32);
    memcpy(at + 96, p.c.curve_public, 32);
    crypto_hash_sha256(at + 128, p.hello.p, p.hello.len);
    crypto_hash_sha256(at + 160, p.hello_ok.p, ok_len);
    at[192] = 's';
    assert_int_equal(crypto_sign_verify_detached(p.hello_ok.p + ok_len + 5, t,
                         sizeof(t), p.s.id.node_id),
        0);
    assert_int_equal(take_ok(&p), SHAKE_OK);
    at[192] = 'c';
    assert_int_equal(crypto_sign_verify_detached(p.auth.p + p.auth.len - 64, t,
                         sizeof(t), p.c.id.node_id),
        0);
    memcpy(ikm, nonce_c, 32);
    memcpy(ikm + 32, nonce_s, 32);
    key_derive(key, ikm, sizeof(ikm), t, sizeof(t) - 1);
    assert_memory_equal(key, p.cs.key, KEY_BYTES);
    pair_fini(&p);
}

/* A protobuf reader that knows nothing of the tail sees sig in its place. */
static void
test_hello_ok_is_plain_protobuf(void **state)
{
    P2pfs__Rpc *rpc;
    struct pair p;

    (void)state;
    pair_init(&p);
    assert_int_equal(serve(&p, p.c.curve_public), SHAKE_OK);
    rpc = p2pfs__rpc__unpack(NULL, p.hello_ok.len, p.hello_ok.p);
    assert_non_null(rpc);
    assert_int_equal(rpc->hello_ok->sig.len, 64);
    assert_memory_equal(rpc->hello_ok->node.data, p.s.id.node_id, 32);
    p2pfs__rpc__free_unpacked(rpc, NULL);
    pair_fini(&p);
}

static void
test_server_refuses_another_connection_key(void **state)
{
    struct link_self other;
    struct pair p;

    (void)state;
    pair_init(&p);
    make_self(&other, 5, "x");
    assert_int_equal(serve(&p, other.curve_public), SHAKE_KEY);
    pair_fini(&p);
}

static void
test_both_refuse_themselves_and_other_constants(void **state)
{
    struct pair p;

    (void)state;
    pair_init(&p);
    p.s = p.c;
    assert_int_equal(serve(&p, p.c.curve_public), SHAKE_SELF);
    make_self(&p.s, 4, "y");
    assert_int_equal(serve(&p, p.c.curve_public), SHAKE_CONSTANTS);
    make_self(&p.s, 4, "x");
    assert_int_equal(serve(&p, p.c.curve_public), SHAKE_OK);
    p.c.id = p.s.id;
    assert_int_equal(take_ok(&p), SHAKE_SELF);
    pair_fini(&p);
}

/* Every single byte of every frame counts. */
static void
test_any_changed_byte_breaks_it(void **state)
{
    struct pair p;
    size_t i;

    (void)state;
    pair_init(&p);
    for (i = 0; i < p.hello.len; i++) {
        p.hello.p[i] ^= 1;
        assert_false(
            serve(&p, p.c.curve_public) == SHAKE_OK && take_ok(&p) == SHAKE_OK);
        p.hello.p[i] ^= 1;
    }
    assert_int_equal(serve(&p, p.c.curve_public), SHAKE_OK);
    for (i = 0; i < p.hello_ok.len; i++) {
        p.hello_ok.p[i] ^= 1;
        assert_int_not_equal(take_ok(&p), SHAKE_OK);
        p.hello_ok.p[i] ^= 1;
    }
    assert_int_equal(take_ok(&p), SHAKE_OK);
    for (i = 0; i < p.auth.len; i++) {
        p.auth.p[i] ^= 1;
        assert_int_not_equal(take_auth(&p), SHAKE_OK);
        p.auth.p[i] ^= 1;
    }
    assert_int_equal(take_auth(&p), SHAKE_OK);
    pair_fini(&p);
}

/*
 * Somebody with the network's key stands between two nodes and passes on every
 * frame. To reach the server it needs a connection key of its own, so the
 * server wants a node id that belongs to that key, and refuses the client's.
 */
static void
test_a_relay_is_refused_by_the_server(void **state)
{
    struct link_self relay;
    struct pair p;

    (void)state;
    pair_init(&p);
    make_self(&relay, 6, "x");
    assert_int_equal(serve(&p, relay.curve_public), SHAKE_KEY);
    pair_fini(&p);
}

/* A server that does not check is no way in either: it signs the relay's
 * connection key, the client checks its own. */
static void
test_a_relay_is_refused_by_the_client(void **state)
{
    struct link_self relay;
    struct wire_buf hello = {0};
    struct link_shake rs;
    struct pair p;

    (void)state;
    pair_init(&p);
    make_self(&relay, 6, "x");
    /* the relay says HELLO as itself, and hands the answer to the client */
    assert_int_equal(shake_hello(&rs, &relay, nonce_c, &hello), SHAKE_OK);
    assert_int_equal(shake_hello_ok(&p.ss, &p.s, arena, hello.p, hello.len,
                         relay.curve_public, nonce_s, &p.hello_ok),
        SHAKE_OK);
    assert_int_equal(take_ok(&p), SHAKE_SIGNATURE);
    /* a correct answer for the client, but signed by the relay */
    p.s.id = relay.id;
    assert_int_equal(serve(&p, p.c.curve_public), SHAKE_OK);
    memcpy(p.cs.peer, p.s.id.node_id, KEY_BYTES);
    assert_int_equal(take_ok(&p), SHAKE_OK); /* it is the relay, and says so */
    assert_memory_equal(p.cs.peer, relay.id.node_id, KEY_BYTES);
    wire_buf_fini(&hello);
    pair_fini(&p);
}

static void
test_only_the_message_that_is_due(void **state)
{
    struct wire_buf other = {0};
    struct pair p;

    (void)state;
    pair_init(&p);
    assert_int_equal(wire_ping(&other, 0, 1, NULL, 2), 0);
    assert_int_equal(serve(&p, p.c.curve_public), SHAKE_OK);
    assert_int_equal(shake_hello_ok(&p.ss, &p.s, arena, other.p, other.len,
                         p.c.curve_public, nonce_s, &p.hello_ok),
        SHAKE_MALFORMED);
    assert_int_equal(shake_auth(&p.cs, &p.c, arena, other.p, other.len,
                         &p.auth),
        SHAKE_MALFORMED);
    assert_int_equal(shake_auth(&p.cs, &p.c, arena, (const uint8_t *)"", 0,
                         &p.auth),
        SHAKE_MALFORMED);
    assert_int_equal(shake_ready(&p.ss, arena, p.hello.p, p.hello.len),
        SHAKE_MALFORMED);
    assert_int_equal(wire_goodbye(&other, 5, "no"), 0);
    assert_int_equal(shake_auth(&p.cs, &p.c, arena, other.p, other.len,
                         &p.auth),
        SHAKE_GOODBYE);
    assert_int_equal(p.cs.goodbye, 5);
    assert_int_equal(shake_ready(&p.ss, arena, other.p, other.len),
        SHAKE_GOODBYE);
    assert_int_equal(p.ss.goodbye, 5);
    wire_buf_fini(&other);
    pair_fini(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ends_agree),
        cmocka_unit_test(test_transcript_is_the_documented_one),
        cmocka_unit_test(test_hello_ok_is_plain_protobuf),
        cmocka_unit_test(test_server_refuses_another_connection_key),
        cmocka_unit_test(test_both_refuse_themselves_and_other_constants),
        cmocka_unit_test(test_any_changed_byte_breaks_it),
        cmocka_unit_test(test_a_relay_is_refused_by_the_server),
        cmocka_unit_test(test_a_relay_is_refused_by_the_client),
        cmocka_unit_test(test_only_the_message_that_is_due),
    };

    return sodium_init() < 0 ? 1
                             : cmocka_run_group_tests(tests, setup, teardown);
}
