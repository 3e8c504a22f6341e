/*
 * client/url.c: see client/url.h.
 */

#include "client/url.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "client/http.h"

static int
has(CURLU *u, CURLUPart part)
{
    char *value = NULL;

    if (curl_url_get(u, part, &value, 0) != CURLUE_OK) {
        return 0;
    }
    curl_free(value);
    return 1;
}

static const char *
refuse(CURLU *u, const char *text)
{
    if (strncasecmp(text, "http://", 7) != 0
        && strncasecmp(text, "https://", 8) != 0) {
        return "it does not begin with http:// or https://";
    }
    /* libcurl forgives a third slash */
    if (strstr(text, ":///") != NULL) {
        return "it names no host";
    }
    if (strlen(text) >= CLIENT_URL_MAX - 8) {
        return "it is too long";
    }
    if (curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK) {
        return "it is not a URL";
    }
    if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD)) {
        return "a user or password has no place in it";
    }
    if (has(u, CURLUPART_QUERY) || has(u, CURLUPART_FRAGMENT)) {
        return "a query or fragment has no place in it";
    }
    return NULL;
}

/* The path without slashes at its end, or /api. */
static enum p2pfs_err
settle_path(CURLU *u)
{
    enum p2pfs_err err = P2PFS_NO_MEMORY;
    char *path = NULL;
    size_t len;

    if (curl_url_get(u, CURLUPART_PATH, &path, 0) != CURLUE_OK) {
        return P2PFS_NO_MEMORY;
    }
    for (len = strlen(path); len > 0 && path[len - 1] == '/'; len--) {
        path[len - 1] = '\0';
    }
    if (curl_url_set(u, CURLUPART_PATH, len > 0 ? path : "/api", 0)
        == CURLUE_OK) {
        err = P2PFS_OK;
    }
    curl_free(path);
    return err;
}

enum p2pfs_err
client_url_parse(const char *text, char **out, const char **why)
{
    enum p2pfs_err err = P2PFS_NO_MEMORY;
    char *url = NULL;
    CURLU *u;

    *out = NULL;
    *why = "out of memory";
    u = curl_url();
    if (u == NULL) {
        return P2PFS_NO_MEMORY;
    }
    *why = refuse(u, text);
    if (*why != NULL) {
        err = P2PFS_USAGE;
        goto done;
    }
    err = settle_path(u);
    if (err != P2PFS_OK) {
        goto done;
    }
    if (curl_url_get(u, CURLUPART_URL, &url, 0) != CURLUE_OK) {
        err = P2PFS_NO_MEMORY;
        goto done;
    }
    *out = strdup(url);
    if (*out == NULL) {
        err = P2PFS_NO_MEMORY;
    }

done:
    curl_free(url);
    curl_url_cleanup(u);
    return err;
}
