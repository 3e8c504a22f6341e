/*
 * gossipd/link_shake.h: the handshake of two nodes, as a calculation: frames
 * in, frames out. No sockets, no clock; randomness is an argument.
 *
 *     1 c->s HELLO     2 s->c HELLO_OK with sig_s     3 c->s AUTH with sig_c
 *
 * docs/wire.md, "Handshake", has every byte of it. Client is whoever dialled.
 * The server answers nothing before it has seen that the HELLO's node id maps
 * to the CURVE key that libzmq's own handshake proved (`user`, from ZAP, never
 * off the wire); so whoever relays a handshake between two others ends up with
 * a transcript that names its own key, and with signatures over another one.
 */

#ifndef P2PFS_GOSSIPD_LINK_SHAKE_H
#define P2PFS_GOSSIPD_LINK_SHAKE_H

#include <stddef.h>
#include <stdint.h>

#include "gossipd/identity.h"
#include "gossipd/wire.h"

/* What a node is, for as long as it runs. */
struct link_self {
    struct identity id;
    uint8_t net_id[KEY_BYTES];
    uint8_t curve_public[KEY_BYTES]; /* as a client */
    uint8_t curve_secret[KEY_BYTES];
    uint64_t boot; /* random per start */
    uint64_t caps;
};

#define SHAKE_NONCE_BYTES 32
#define SHAKE_MAC_BYTES 32
#define SHAKE_T_BYTES (13 + 6 * 32)

enum shake_err {
    SHAKE_OK,
    SHAKE_MALFORMED, /* not the message that is due */
    SHAKE_CONSTANTS, /* same network key, other constants */
    SHAKE_SELF,      /* the other end is this node */
    SHAKE_KEY,       /* node id and CURVE key do not belong together */
    SHAKE_SIGNATURE, /* of somebody else, or over something else */
    SHAKE_GOODBYE,   /* the other end refused */
    SHAKE_MEMORY
};
const char *shake_text(enum shake_err err);

struct link_shake {
    uint8_t peer[KEY_BYTES]; /* proved after step 2 (client), 3 (server) */
    uint64_t boot;
    uint64_t caps;
    uint8_t t[SHAKE_T_BYTES + 1];
    uint8_t nonces[2 * SHAKE_NONCE_BYTES]; /* client's, server's */
    uint8_t key[KEY_BYTES];
    unsigned goodbye; /* SHAKE_GOODBYE: its reason */
};

/* Client: makes HELLO. */
enum shake_err shake_hello(struct link_shake *s, const struct link_self *self,
    const uint8_t nonce[SHAKE_NONCE_BYTES], struct wire_buf *out);

/* Server: reads HELLO, makes HELLO_OK. */
enum shake_err shake_hello_ok(struct link_shake *s,
    const struct link_self *self, struct wire_arena *a, const uint8_t *frame,
    size_t len, const uint8_t user[KEY_BYTES],
    const uint8_t nonce[SHAKE_NONCE_BYTES], struct wire_buf *out);

/* Client: reads HELLO_OK, makes AUTH. */
enum shake_err shake_auth(struct link_shake *s, const struct link_self *self,
    struct wire_arena *a, const uint8_t *frame, size_t len,
    struct wire_buf *out);

/* Server: reads AUTH, or the goodbye of a client that changed its mind. */
enum shake_err shake_ready(struct link_shake *s, struct wire_arena *a,
    const uint8_t *frame, size_t len);

/* The bulk connection. side 'c' or 's': who sends it. */
enum shake_err shake_bind(const struct link_shake *s,
    const struct link_self *self, char side, struct wire_buf *out);

/* SHAKE_KEY: the mac is not of this link. */
enum shake_err shake_bound(const struct link_shake *s, char side,
    const P2pfs__Bind *bind);

/* Is `member` the only one that is set? */
int shake_alone(const P2pfs__Rpc *rpc, const void *member);

#endif
