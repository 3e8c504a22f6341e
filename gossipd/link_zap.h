/*
 * gossipd/link_zap.h: who may connect at all: the handler of ZMTP's
 * authentication protocol (ZAP, rfc.zeromq.org/spec/27) of one libzmq context.
 *
 * A thread of its own answers. It runs before any socket is bound, and the
 * bound socket enforces the domain: without a handler nobody gets in. Whoever
 * is let in gets a User-Id, the hex form of the CURVE key that was proved.
 * Setters may be called from any thread.
 */

#ifndef P2PFS_GOSSIPD_LINK_ZAP_H
#define P2PFS_GOSSIPD_LINK_ZAP_H

#include <stddef.h>
#include <stdint.h>

#include "gossipd/identity.h"

#define ZAP_DOMAIN "p2pfs"
#define ZAP_BANS_MAX 256 /* the ban that ends first makes room */

struct link_zap;

/*
 * Binds the handler's address and starts the thread. allow: CURVE public keys,
 * copied; NULL: any. deny: a key that is refused always (the self-test). NULL:
 * no memory, no thread, or the address is taken.
 */
struct link_zap *link_zap_start(void *context,
    const uint8_t (*allow)[KEY_BYTES], size_t n_allow,
    const uint8_t deny[KEY_BYTES]);

/* After zmq_ctx_shutdown, which is what ends the thread. Takes NULL. */
void link_zap_stop(struct link_zap *z);

void link_zap_ban(struct link_zap *z, const uint8_t key[KEY_BYTES],
    uint64_t until_ms);
int link_zap_banned(struct link_zap *z, const uint8_t key[KEY_BYTES],
    uint64_t now_ms);

#endif
