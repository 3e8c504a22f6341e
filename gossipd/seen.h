/*
 * gossipd/seen.h: which message ids were met lately, and what became of them.
 *
 * An id is first in validation, together with everybody who sent it; the
 * verdict moves it to one of the settled states. An id is forgotten a fixed
 * time after it was first seen, whatever happened in between. Later copies do
 * not prolong that, or a message could keep itself alive.
 *
 * This cache saves work; the real check for duplicates is the database. So
 * at its cap the oldest settled id gives way.
 *
 * Source: gossipsub v1.0, "Message Cache" (seen cache); v1.1, "Extended
 * Validators" (the states).
 */

#ifndef P2PFS_GOSSIPD_SEEN_H
#define P2PFS_GOSSIPD_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"

#define SEEN_NOBODY UINT64_MAX

enum seen_state {
    SEEN_NONE,
    SEEN_VALIDATING,
    SEEN_KNOWN, /* was stored before; this node did not push it */
    SEEN_OUT,   /* stored and pushed */
    SEEN_REJECTED
};

/* Of an id in validation. */
struct seen_pending {
    uint64_t first_ms;
    unsigned topic;
    size_t n_senders;
    size_t room;
    uint64_t *senders; /* [0]: whose copy is in validation, SEEN_NOBODY where
                          it is gone; then the others, each once */
};

struct seen;

enum p2pfs_err seen_new(struct seen **out, size_t max, size_t validating_max,
    uint64_t ttl_ms, uint64_t seed) P2PFS_MUST_CHECK;
void seen_free(struct seen *s); /* takes NULL */

enum seen_state seen_get(const struct seen *s, const struct p2pfs_hash *id,
    uint64_t now_ms);

/* Puts an id that is SEEN_NONE into validation. -1: too many are there. */
int seen_begin(struct seen *s, const struct p2pfs_hash *id, unsigned topic,
    uint64_t sender, uint64_t now_ms);

/* Another copy of an id in validation. */
void seen_add_sender(struct seen *s, const struct p2pfs_hash *id,
    uint64_t sender);

/* NULL where the id is not in validation. */
const struct seen_pending *seen_pending(const struct seen *s,
    const struct p2pfs_hash *id);

/*
 * Settles an id, in validation or not; SEEN_NONE forgets it. 1 where another
 * id had to give way (or there was no memory), else 0.
 */
int seen_settle(struct seen *s, const struct p2pfs_hash *id,
    enum seen_state state, uint64_t now_ms);

/* Takes a peer out of all lists of senders. */
void seen_drop_peer(struct seen *s, uint64_t peer);

/* Frees what is older than the time to live. */
void seen_sweep(struct seen *s, uint64_t now_ms);

size_t seen_size(const struct seen *s); /* settled */
size_t seen_validating(const struct seen *s);

#endif
