/*
 * client/http.c: an exchange is an easy handle with its own buffers, so that
 * several of them can run under one multi handle.
 */

#include "client/http.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define BODY_START_BYTES 16384
#define STALL_SECONDS 20

struct client_http {
    CURL *easy;
    struct curl_slist *post_headers;
    struct client_http_options o;
    char *buf;
    size_t cap;
    size_t len;
    size_t max; /* of the answer being read */
    int too_large;
    int no_memory;
    char detail[CURL_ERROR_SIZE];
};

static int
grow(struct client_http *h, size_t need)
{
    size_t cap = h->cap > 0 ? h->cap : BODY_START_BYTES;
    char *p;

    if (need <= h->cap) {
        return 1;
    }
    while (cap < need) {
        cap *= 2;
    }
    p = realloc(h->buf, cap);
    if (p == NULL) {
        h->no_memory = 1;
        return 0;
    }
    h->buf = p;
    h->cap = cap;
    return 1;
}

static size_t
on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct client_http *h = ctx;
    size_t len = size * n;

    if (len > h->max - h->len) {
        h->too_large = 1;
        return 0;
    }
    if (!grow(h, h->len + len + 1)) {
        return 0;
    }
    memcpy(h->buf + h->len, data, len);
    h->len += len;
    return len;
}

static int
on_progress(void *ctx, curl_off_t dl_total, curl_off_t dl, curl_off_t ul_total,
    curl_off_t ul)
{
    struct client_http *h = ctx;

    (void)dl_total;
    (void)dl;
    (void)ul_total;
    (void)ul;
    return h->o.cancelled != NULL && h->o.cancelled(h->o.ctx);
}

/* What holds for every exchange. */
static int
set_up(struct client_http *h)
{
    CURL *e = h->easy;
    CURLcode rc = CURLE_OK;

    /* Setting these fails only where libcurl is built without them or is out
     * of memory; the first such failure stays in rc. */
#define SET(option, value)                                                     \
    do {                                                                       \
        if (rc == CURLE_OK) {                                                  \
            rc = curl_easy_setopt(e, option, value);                           \
        }                                                                      \
    } while (0)
    SET(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_ERRORBUFFER, h->detail);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CLIENT_CONNECT_TIMEOUT_MS);
    SET(CURLOPT_TIMEOUT_MS, (long)h->o.timeout_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_USERAGENT, "p2pfs/0.1.0");
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, h);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, h);
    SET(CURLOPT_NOPROGRESS, 0L);
#undef SET
    return rc == CURLE_OK;
}

enum p2pfs_err
client_http_open(struct client_http **out, const struct client_http_options *o)
{
    static const char *const lines[] = {
        "Content-Type: application/json",
        /* or libcurl waits a second for a 100 before bodies above 1 MiB */
        "Expect:",
    };
    struct client_http *h;
    size_t i;

    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return P2PFS_NO_MEMORY;
    }
    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        curl_global_cleanup();
        return P2PFS_NO_MEMORY;
    }
    h->o = *o;
    h->easy = curl_easy_init();
    if (h->easy == NULL || !set_up(h)) {
        client_http_close(h);
        return P2PFS_NO_MEMORY;
    }
    for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct curl_slist *l = curl_slist_append(h->post_headers, lines[i]);

        if (l == NULL) {
            client_http_close(h);
            return P2PFS_NO_MEMORY;
        }
        h->post_headers = l;
    }
    *out = h;
    return P2PFS_OK;
}

void
client_http_close(struct client_http *h)
{
    if (h == NULL) {
        return;
    }
    curl_easy_cleanup(h->easy);
    curl_slist_free_all(h->post_headers);
    free(h->buf);
    free(h);
    curl_global_cleanup();
}

static CURLcode
aim(struct client_http *h, const char *url, const char *body, size_t body_len,
    size_t reply_max)
{
    CURL *e = h->easy;
    CURLcode rc;

    rc = curl_easy_setopt(e, CURLOPT_URL, url);
    if (rc != CURLE_OK) {
        return rc;
    }
    /* An honest Content-Length is refused before its first byte. */
    rc = curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)reply_max);
    if (rc != CURLE_OK) {
        return rc;
    }
    if (body == NULL) {
        (void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, NULL);
        return curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    }
    (void)curl_easy_setopt(e, CURLOPT_POST, 1L);
    (void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->post_headers);
    (void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
        (curl_off_t)body_len);
    return curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
}

static enum p2pfs_err
conclude(struct client_http *h, CURLcode rc)
{
    if (h->no_memory || rc == CURLE_OUT_OF_MEMORY) {
        return P2PFS_NO_MEMORY;
    }
    if (h->too_large || rc == CURLE_FILESIZE_EXCEEDED) {
        return P2PFS_BAD_REPLY;
    }
    if (rc == CURLE_ABORTED_BY_CALLBACK) {
        return P2PFS_CANCELLED;
    }
    return rc == CURLE_OK ? P2PFS_OK : P2PFS_NETWORK;
}

enum p2pfs_err
client_http_exchange(struct client_http *h, const char *url, const char *body,
    size_t body_len, size_t reply_max, struct client_reply *r)
{
    enum p2pfs_err err;
    curl_off_t retry_after = 0;
    CURLcode rc;

    memset(r, 0, sizeof(*r));
    r->body = "";
    r->detail = h->detail;
    h->len = 0;
    h->max = reply_max;
    h->too_large = 0;
    h->no_memory = 0;
    h->detail[0] = '\0';
    if (!grow(h, 1)) {
        return P2PFS_NO_MEMORY;
    }

    rc = aim(h, url, body, body_len, reply_max);
    if (rc == CURLE_OK) {
        rc = curl_easy_perform(h->easy);
    }
    if (rc != CURLE_OK && h->detail[0] == '\0') {
        r->detail = curl_easy_strerror(rc);
    }
    err = conclude(h, rc);
    h->buf[h->len] = '\0';
    r->body = h->buf;
    r->len = h->len;
    (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &r->status);
    (void)curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (retry_after > 0) {
        r->retry_after_ms =
            retry_after > 3600 ? 3600000u : (uint32_t)retry_after * 1000;
    }
    return err;
}
