/*
 * client/retry.c: see client/retry.h.
 */

#include "client/retry.h"

enum client_retry_class
client_retry_class(enum p2pfs_err err, int expected)
{
    switch (err) {
    case P2PFS_NETWORK:
    case P2PFS_STORE_UNAVAILABLE:
    case P2PFS_STORE_BUSY:
    case P2PFS_OUTCOME_UNKNOWN: return CLIENT_RETRY_LATER;

    /* Without that an uploader may be minutes away from the last file. */
    case P2PFS_SET_INCOMPLETE:
    case P2PFS_SET_NOT_FOUND:
    case P2PFS_VERSION_NOT_FOUND:
        return expected ? CLIENT_RETRY_LATER : CLIENT_RETRY_ELSEWHERE;

    case P2PFS_FILE_NOT_FOUND:
    case P2PFS_ROUTE_NOT_FOUND:
    case P2PFS_METHOD_NOT_ALLOWED:
    case P2PFS_INTERNAL:
    case P2PFS_STORE_ERROR:
    case P2PFS_STORE_SCHEMA:
    case P2PFS_FILE_DAMAGED:
    case P2PFS_STORE_FULL:
    case P2PFS_BAD_REPLY:
    case P2PFS_NOT_VERIFIED: return CLIENT_RETRY_ELSEWHERE;

    case P2PFS_OK:
    case P2PFS_BAD_SET_ID:
    case P2PFS_BAD_INDEX:
    case P2PFS_BAD_ROOT:
    case P2PFS_BAD_HASH:
    case P2PFS_BAD_JSON:
    case P2PFS_BAD_FIELD:
    case P2PFS_BAD_HEX:
    case P2PFS_BAD_REQUEST:
    case P2PFS_BAD_SET_COUNT:
    case P2PFS_INDEX_OUT_OF_RANGE:
    case P2PFS_NOT_IN_ROOT:
    case P2PFS_FILE_CONFLICT:
    case P2PFS_SET_COUNT_CONFLICT:
    case P2PFS_SET_EXISTS:
    case P2PFS_BODY_TOO_LARGE:
    case P2PFS_UNSUPPORTED_MEDIA_TYPE:
    case P2PFS_NO_MEMORY:
    case P2PFS_LIMIT:
    case P2PFS_BAD_FRAME:
    case P2PFS_IO:
    case P2PFS_USAGE:
    case P2PFS_NO_RECORD:
    case P2PFS_ROOT_CHANGED:
    case P2PFS_CANCELLED:
    case P2PFS_ERR_COUNT: break;
    }
    return CLIENT_RETRY_NEVER;
}

void
client_retry_init(struct client_retry *r, unsigned n, unsigned first,
    uint32_t budget_ms)
{
    r->n = n;
    r->first = first;
    r->server = first;
    r->step = 0;
    r->round = 0;
    r->ask = (uint32_t)((1ull << n) - 1);
    r->ask_again = 0;
    r->after_ms = 0;
    r->budget_ms = budget_ms;
}

/* The next server of this round from r->step on; 0 at its end. */
static int
advance(struct client_retry *r)
{
    for (; r->step < r->n; r->step++) {
        unsigned s = (r->first + r->step) % r->n;

        if (r->ask & (1u << s)) {
            r->server = s;
            return 1;
        }
    }
    return 0;
}

static uint32_t
backoff(const struct client_retry *r, uint32_t random)
{
    uint32_t top = RETRY_BACKOFF_MAX_MS;
    uint32_t after = r->after_ms;
    uint32_t wait;

    if (r->round < 5) {
        top = (uint32_t)RETRY_BASE_MS << r->round;
        top = top < RETRY_BACKOFF_MAX_MS ? top : RETRY_BACKOFF_MAX_MS;
    }
    wait = top / 2 + random % (top / 2 + 1);
    if (after > RETRY_AFTER_MAX_MS) {
        after = RETRY_AFTER_MAX_MS;
    }
    return wait > after ? wait : after;
}

int
client_retry_next(struct client_retry *r, enum client_retry_class cls,
    uint32_t retry_after_ms, uint32_t random, uint32_t *wait_ms)
{
    *wait_ms = 0;
    if (cls == CLIENT_RETRY_NEVER) {
        return 0;
    }
    if (cls == CLIENT_RETRY_LATER) {
        r->ask_again |= 1u << r->server;
        if (retry_after_ms > 0
            && (r->after_ms == 0 || retry_after_ms < r->after_ms)) {
            r->after_ms = retry_after_ms;
        }
    }
    r->step++;
    if (advance(r)) {
        return 1;
    }
    if (r->ask_again == 0) {
        return 0;
    }
    *wait_ms = backoff(r, random);
    if (*wait_ms > r->budget_ms) {
        return 0;
    }
    r->budget_ms -= *wait_ms;
    r->round++;
    r->step = 0;
    r->ask = r->ask_again;
    r->ask_again = 0;
    r->after_ms = 0;
    return advance(r);
}

/* By outcome: a lie first, then "try later", since the server that is away may
 * know better than the one that says no. */
static int
weight(enum p2pfs_err err)
{
    if (err == P2PFS_NETWORK) {
        return 5;
    }
    switch ((enum p2pfs_exit)p2pfs_err_row(err)->exit_code) {
    case P2PFS_EXIT_NOT_VERIFIED: return 7;
    case P2PFS_EXIT_TEMPORARY: return 6;
    case P2PFS_EXIT_NO_SPACE: return 4;
    case P2PFS_EXIT_CONFLICT: return 3;
    case P2PFS_EXIT_NOT_FOUND: return 2;
    case P2PFS_EXIT_USAGE:
    case P2PFS_EXIT_OTHER: return 1;
    case P2PFS_EXIT_OK: break;
    }
    return 0;
}

int
client_retry_worse(enum p2pfs_err a, enum p2pfs_err b)
{
    return weight(a) > weight(b);
}
