/*
 * gossipd/link_shake.c: transcript, signatures and the key of a link.
 */

#include "gossipd/link_shake.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SIG_BYTES 64
#define NET_TAG_BYTES 8

/* Where the parts of T stand. */
#define T_NET 13
#define T_NODE_C 45
#define T_NODE_S 77
#define T_CPK 109
#define T_HELLO 141
#define T_HELLO_OK 173

static const char t_prefix[T_NET] = "p2pfs link 1";

/*
 * HELLO_OK ends with sig as a second piece of the hello_ok member, which every
 * protobuf reader merges into the first: field 65, 66 bytes; field 5, 64 bytes.
 * So "HELLO_OK without sig" is the frame without its last 69 bytes, and nobody
 * has to encode anything again to check it.
 */
static const uint8_t sig_head[5] = {0x8a, 0x04, 0x42, 0x2a, 0x40};
#define SIG_TAIL_BYTES (sizeof(sig_head) + SIG_BYTES)

const char *
shake_text(enum shake_err err)
{
    switch (err) {
    case SHAKE_OK: return "ok";
    case SHAKE_MALFORMED: return "malformed message in the handshake";
    case SHAKE_CONSTANTS: return "the constants of the network differ";
    case SHAKE_SELF: return "it is this node itself";
    case SHAKE_KEY: return "node id and connection key do not belong together";
    case SHAKE_SIGNATURE: return "wrong signature";
    case SHAKE_GOODBYE: return "refused by the peer";
    case SHAKE_MEMORY: return "out of memory";
    }
    return "unknown";
}

int
shake_alone(const P2pfs__Rpc *rpc, const void *member)
{
    const void *all[] = {rpc->control, rpc->hello, rpc->hello_ok, rpc->auth,
        rpc->bind, rpc->bind_ok, rpc->goodbye, rpc->ping, rpc->pong,
        rpc->log_get, rpc->log_page, rpc->get, rpc->data};
    size_t i, set = rpc->n_subscriptions + rpc->n_publish;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        set += all[i] != NULL;
    }
    return member != NULL && set == 1;
}

static void
start(struct link_shake *s, const struct link_self *self)
{
    memset(s, 0, sizeof(*s));
    memcpy(s->t, t_prefix, sizeof(t_prefix));
    memcpy(s->t + T_NET, self->net_id, KEY_BYTES);
}

static void
set_bytes(protobuf_c_boolean *has, ProtobufCBinaryData *b, const uint8_t *p,
    size_t len)
{
    *has = 1;
    b->len = len;
    b->data = (uint8_t *)(uintptr_t)p; /* protobuf-c has no const */
}

/* Ed25519 over T and one more byte. */
static void
sign(struct link_shake *s, const struct link_self *self, char side,
    uint8_t sig[SIG_BYTES])
{
    s->t[SHAKE_T_BYTES] = (uint8_t)side;
    crypto_sign_detached(sig, NULL, s->t, sizeof(s->t), self->id.secret);
}

static int
verify(struct link_shake *s, char side, const uint8_t *sig)
{
    s->t[SHAKE_T_BYTES] = (uint8_t)side;
    return crypto_sign_verify_detached(sig, s->t, sizeof(s->t), s->peer) == 0;
}

static void
finish(struct link_shake *s)
{
    key_derive(s->key, s->nonces, sizeof(s->nonces), s->t, SHAKE_T_BYTES);
}

enum shake_err
shake_hello(struct link_shake *s, const struct link_self *self,
    const uint8_t nonce[SHAKE_NONCE_BYTES], struct wire_buf *out)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__Hello hello = P2PFS__HELLO__INIT;

    start(s, self);
    memcpy(s->nonces, nonce, SHAKE_NONCE_BYTES);
    memcpy(s->t + T_NODE_C, self->id.node_id, KEY_BYTES);
    memcpy(s->t + T_CPK, self->curve_public, KEY_BYTES);
    set_bytes(&hello.has_node, &hello.node, self->id.node_id, KEY_BYTES);
    set_bytes(&hello.has_nonce, &hello.nonce, nonce, SHAKE_NONCE_BYTES);
    set_bytes(&hello.has_net, &hello.net, self->net_id, NET_TAG_BYTES);
    hello.has_boot = 1;
    hello.boot = self->boot;
    hello.has_caps = 1;
    hello.caps = self->caps;
    rpc.hello = &hello;
    if (wire_pack(out, &rpc) != 0) {
        return SHAKE_MEMORY;
    }
    crypto_hash_sha256(s->t + T_HELLO, out->p, out->len);
    return SHAKE_OK;
}

static enum shake_err
check_hello(const struct link_self *self, const P2pfs__Rpc *rpc,
    const uint8_t user[KEY_BYTES])
{
    uint8_t mapped[KEY_BYTES];

    if (rpc == NULL || !shake_alone(rpc, rpc->hello)) {
        return SHAKE_MALFORMED;
    }
    if (memcmp(rpc->hello->node.data, self->id.node_id, KEY_BYTES) == 0) {
        return SHAKE_SELF;
    }
    if (node_curve_public(mapped, rpc->hello->node.data) != 0
        || memcmp(mapped, user, KEY_BYTES) != 0) {
        return SHAKE_KEY;
    }
    if (memcmp(rpc->hello->net.data, self->net_id, NET_TAG_BYTES) != 0) {
        return SHAKE_CONSTANTS;
    }
    return SHAKE_OK;
}

/* Appends the signature to what is packed. */
static enum shake_err
append_sig(struct wire_buf *out, const uint8_t sig[SIG_BYTES])
{
    uint8_t *p = realloc(out->p, out->len + SIG_TAIL_BYTES);

    if (p == NULL) {
        return SHAKE_MEMORY;
    }
    memcpy(p + out->len, sig_head, sizeof(sig_head));
    memcpy(p + out->len + sizeof(sig_head), sig, SIG_BYTES);
    out->p = p;
    out->len += SIG_TAIL_BYTES;
    out->cap = out->len;
    return SHAKE_OK;
}

enum shake_err
shake_hello_ok(struct link_shake *s, const struct link_self *self,
    struct wire_arena *a, const uint8_t *frame, size_t len,
    const uint8_t user[KEY_BYTES], const uint8_t nonce[SHAKE_NONCE_BYTES],
    struct wire_buf *out)
{
    P2pfs__Rpc answer = P2PFS__RPC__INIT;
    P2pfs__HelloOk ok = P2PFS__HELLO_OK__INIT;
    const P2pfs__Rpc *rpc = wire_unpack(a, frame, len);
    enum shake_err err = check_hello(self, rpc, user);
    uint8_t sig[SIG_BYTES];

    if (err != SHAKE_OK) {
        return err;
    }
    start(s, self);
    memcpy(s->peer, rpc->hello->node.data, KEY_BYTES);
    s->boot = rpc->hello->boot;
    s->caps = rpc->hello->caps;
    memcpy(s->nonces, rpc->hello->nonce.data, SHAKE_NONCE_BYTES);
    memcpy(s->nonces + SHAKE_NONCE_BYTES, nonce, SHAKE_NONCE_BYTES);
    memcpy(s->t + T_NODE_C, s->peer, KEY_BYTES);
    memcpy(s->t + T_NODE_S, self->id.node_id, KEY_BYTES);
    memcpy(s->t + T_CPK, user, KEY_BYTES);
    crypto_hash_sha256(s->t + T_HELLO, frame, len);
    set_bytes(&ok.has_node, &ok.node, self->id.node_id, KEY_BYTES);
    set_bytes(&ok.has_nonce, &ok.nonce, nonce, SHAKE_NONCE_BYTES);
    ok.has_boot = 1;
    ok.boot = self->boot;
    ok.has_caps = 1;
    ok.caps = self->caps;
    answer.hello_ok = &ok;
    if (wire_pack(out, &answer) != 0) {
        return SHAKE_MEMORY;
    }
    crypto_hash_sha256(s->t + T_HELLO_OK, out->p, out->len);
    sign(s, self, 's', sig);
    return append_sig(out, sig);
}

/* What is there instead of HELLO_OK or AUTH. */
static enum shake_err
refusal(struct link_shake *s, const P2pfs__Rpc *rpc)
{
    if (rpc == NULL || !shake_alone(rpc, rpc->goodbye)) {
        return SHAKE_MALFORMED;
    }
    s->goodbye = rpc->goodbye->reason;
    return SHAKE_GOODBYE;
}

enum shake_err
shake_auth(struct link_shake *s, const struct link_self *self,
    struct wire_arena *a, const uint8_t *frame, size_t len,
    struct wire_buf *out)
{
    P2pfs__Rpc answer = P2PFS__RPC__INIT;
    P2pfs__Auth auth = P2PFS__AUTH__INIT;
    const P2pfs__Rpc *rpc;
    size_t signed_len = len - SIG_TAIL_BYTES;
    uint8_t sig[SIG_BYTES];

    if (len < SIG_TAIL_BYTES
        || memcmp(frame + signed_len, sig_head, sizeof(sig_head)) != 0) {
        return refusal(s, wire_unpack(a, frame, len));
    }
    rpc = wire_unpack(a, frame, signed_len);
    if (rpc == NULL || !shake_alone(rpc, rpc->hello_ok)) {
        return SHAKE_MALFORMED;
    }
    if (memcmp(rpc->hello_ok->node.data, self->id.node_id, KEY_BYTES) == 0) {
        return SHAKE_SELF;
    }
    memcpy(s->peer, rpc->hello_ok->node.data, KEY_BYTES);
    s->boot = rpc->hello_ok->boot;
    s->caps = rpc->hello_ok->caps;
    memcpy(s->nonces + SHAKE_NONCE_BYTES, rpc->hello_ok->nonce.data,
        SHAKE_NONCE_BYTES);
    memcpy(s->t + T_NODE_S, s->peer, KEY_BYTES);
    crypto_hash_sha256(s->t + T_HELLO_OK, frame, signed_len);
    if (!verify(s, 's', frame + signed_len + sizeof(sig_head))) {
        return SHAKE_SIGNATURE;
    }
    finish(s);
    sign(s, self, 'c', sig);
    set_bytes(&auth.has_sig, &auth.sig, sig, sizeof(sig));
    answer.auth = &auth;
    return wire_pack(out, &answer) == 0 ? SHAKE_OK : SHAKE_MEMORY;
}

enum shake_err
shake_ready(struct link_shake *s, struct wire_arena *a, const uint8_t *frame,
    size_t len)
{
    const P2pfs__Rpc *rpc = wire_unpack(a, frame, len);

    if (rpc == NULL || !shake_alone(rpc, rpc->auth)) {
        return refusal(s, rpc);
    }
    if (!verify(s, 'c', rpc->auth->sig.data)) {
        return SHAKE_SIGNATURE;
    }
    finish(s);
    return SHAKE_OK;
}

static void
make_mac(const struct link_shake *s, char side, uint8_t mac[SHAKE_MAC_BYTES])
{
    const uint8_t text = (uint8_t)side;

    crypto_auth_hmacsha256(mac, &text, 1, s->key);
}

enum shake_err
shake_bind(const struct link_shake *s, const struct link_self *self, char side,
    struct wire_buf *out)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__Bind bind = P2PFS__BIND__INIT;
    uint8_t mac[SHAKE_MAC_BYTES];

    make_mac(s, side, mac);
    set_bytes(&bind.has_node, &bind.node, self->id.node_id, KEY_BYTES);
    set_bytes(&bind.has_mac, &bind.mac, mac, sizeof(mac));
    if (side == 'c') {
        rpc.bind = &bind;
    } else {
        rpc.bind_ok = &bind;
    }
    return wire_pack(out, &rpc) == 0 ? SHAKE_OK : SHAKE_MEMORY;
}

enum shake_err
shake_bound(const struct link_shake *s, char side, const P2pfs__Bind *bind)
{
    uint8_t mac[SHAKE_MAC_BYTES];

    make_mac(s, side, mac);
    if (memcmp(bind->node.data, s->peer, KEY_BYTES) != 0
        || sodium_memcmp(bind->mac.data, mac, sizeof(mac)) != 0) {
        return SHAKE_KEY;
    }
    return SHAKE_OK;
}
