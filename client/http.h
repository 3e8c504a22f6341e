/*
 * client/http.h: one HTTP exchange after the other over kept-alive connections
 * (libcurl).
 *
 * Only http and https; redirects are answers, never followed; the size of an
 * answer is limited; the connections of all servers stay open between calls.
 */

#ifndef P2PFS_CLIENT_HTTP_H
#define P2PFS_CLIENT_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define CLIENT_URL_MAX 1024
#define CLIENT_CONNECT_TIMEOUT_MS 5000

struct client_http;

struct client_http_options {
    uint32_t timeout_ms;
    void *ctx; /* for cancelled, which may be NULL */
    int (*cancelled)(void *ctx);
};

/* Borrowed until the next exchange. */
struct client_reply {
    long status;
    const char *body; /* NUL-terminated behind its end */
    size_t len;
    uint32_t retry_after_ms; /* 0: not said */
    const char *detail;      /* what went wrong below HTTP; "" where nothing */
};

enum p2pfs_err client_http_open(struct client_http **out,
    const struct client_http_options *o) P2PFS_MUST_CHECK;
void client_http_close(struct client_http *h); /* takes NULL */

/*
 * GET url, or POST where body is given (as application/json).
 * OK: there is an answer, of whatever status. NETWORK: none, or cut short.
 * BAD_REPLY: larger than reply_max. CANCELLED, NO_MEMORY. r is always set.
 */
enum p2pfs_err client_http_exchange(struct client_http *h, const char *url,
    const char *body, size_t body_len, size_t reply_max, struct client_reply *r)
    P2PFS_MUST_CHECK;

#endif
