/*
 * gossipd/backoff.h: until when a peer must not be grafted for a topic.
 *
 * One entry for each (peer, topic), so peers * topics bounds the table. Times
 * are milliseconds of the caller's clock.
 *
 * Source: gossipsub v1.1, "PRUNE Backoff and Peer Exchange".
 */

#ifndef P2PFS_GOSSIPD_BACKOFF_H
#define P2PFS_GOSSIPD_BACKOFF_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct backoff;

enum p2pfs_err backoff_new(struct backoff **out, size_t max, uint64_t seed)
    P2PFS_MUST_CHECK;
void backoff_free(struct backoff *b); /* takes NULL */

/* An entry that lasts longer stays as it is. At the cap the oldest entry gives
 * way. */
void backoff_set(struct backoff *b, uint64_t peer, unsigned topic,
    uint64_t until);

/* 0 where there is none. */
uint64_t backoff_until(const struct backoff *b, uint64_t peer, unsigned topic);

void backoff_drop_peer(struct backoff *b, uint64_t peer);

/* Removes what ended before `before`. */
void backoff_sweep(struct backoff *b, uint64_t before);

size_t backoff_size(const struct backoff *b);

#endif
