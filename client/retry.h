/*
 * client/retry.h: which server is asked next, and after what wait. Pure: time
 * and randomness are handed in.
 *
 * A round asks every server once, from the one that answered last. A server
 * that may do better later (away, 503) is asked again in the next round, after
 * a wait: backoff with jitter (half to whole of 200 ms, doubled by each round
 * up to 5 s), or the shortest Retry-After of the round where that is longer,
 * cut at 10 s. When the waits would exceed the budget, it is over.
 */

#ifndef P2PFS_CLIENT_RETRY_H
#define P2PFS_CLIENT_RETRY_H

#include <stdint.h>

#include "core/error.h"

#define RETRY_BASE_MS 200
#define RETRY_BACKOFF_MAX_MS 5000
#define RETRY_AFTER_MAX_MS 10000

enum client_retry_class {
    CLIENT_RETRY_NEVER,     /* every server would say the same */
    CLIENT_RETRY_ELSEWHERE, /* another server may have it */
    CLIENT_RETRY_LATER      /* the same one may, in a while */
};

struct client_retry {
    unsigned n;
    unsigned server;    /* the one to ask now */
    unsigned first;     /* where rounds begin */
    unsigned step;      /* position in the round */
    unsigned round;     /* 0, 1, .. */
    uint32_t ask;       /* bit per server: asked in this round */
    uint32_t ask_again; /* bit per server: asked in the next one */
    uint32_t after_ms;  /* shortest Retry-After of this round, 0: none */
    uint32_t budget_ms; /* of waiting, left */
};

/*
 * What an error of a server, or a judgement on its answer, calls for. expected:
 * the set was seen to be stored whole somewhere, so a node that lacks it will
 * have it soon.
 */
enum client_retry_class client_retry_class(enum p2pfs_err err, int expected);

/* n servers (1 to 16), the first to ask, and the budget. r->server is set. */
void client_retry_init(struct client_retry *r, unsigned n, unsigned first,
    uint32_t budget_ms);

/*
 * r->server failed. 1: ask r->server (another one, or a new round) after
 * *wait_ms. 0: it is over. `random` is any 32 random bits.
 */
int client_retry_next(struct client_retry *r, enum client_retry_class cls,
    uint32_t retry_after_ms, uint32_t random, uint32_t *wait_ms);

/* Is the failure `a` more telling than `b` (of another server)? */
int client_retry_worse(enum p2pfs_err a, enum p2pfs_err b);

#endif
