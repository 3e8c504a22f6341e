/*
 * client/answer.c: see client/answer.h. cJSON takes more than JSON, keeps
 * duplicates, and cuts strings at a NUL: core/json.h and member() stand
 * between it and the rest.
 */

#include "client/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/hex.h"
#include "core/json.h"

#define INTEGER_MAX 9007199254740992.0 /* 2^53 */

static cJSON *
parse_loose(const char *body, size_t len)
{
    cJSON *json;

    json = cJSON_ParseWithLengthOpts(body, len + 1, NULL, 1);
    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        return NULL;
    }
    return json;
}

static cJSON *
parse(const char *body, size_t len)
{
    return p2pfs_json_fault(body, len) == NULL ? parse_loose(body, len) : NULL;
}

/* The lists of a set may have more values than the fence lets pass. */
static cJSON *
parse_set(const char *body, size_t len)
{
    if (memchr(body, '\0', len) != NULL || strstr(body, "\\u0000") != NULL) {
        return NULL;
    }
    return parse_loose(body, len);
}

/* The one member of this name, NULL where there is none or more. */
static const cJSON *
member(const cJSON *object, const char *name)
{
    const cJSON *found = NULL;
    const cJSON *m;

    cJSON_ArrayForEach(m, object) {
        if (strcmp(m->string, name) == 0) {
            if (found != NULL) {
                return NULL;
            }
            found = m;
        }
    }
    return found;
}

static int
read_integer(const cJSON *object, const char *name, uint64_t *out)
{
    const cJSON *m = member(object, name);

    if (!cJSON_IsNumber(m) || !(m->valuedouble >= 0)
        || m->valuedouble > INTEGER_MAX
        || m->valuedouble != (double)(uint64_t)m->valuedouble) {
        return 0;
    }
    *out = (uint64_t)m->valuedouble;
    return 1;
}

static int
read_bool(const cJSON *object, const char *name, int *out)
{
    const cJSON *m = member(object, name);

    if (!cJSON_IsBool(m)) {
        return 0;
    }
    *out = cJSON_IsTrue(m);
    return 1;
}

static int
read_hash(const cJSON *m, int prefixed, struct p2pfs_hash *out)
{
    const char *hex;
    size_t len;

    if (!cJSON_IsString(m)) {
        return 0;
    }
    hex = m->valuestring;
    len = strlen(hex);
    if (prefixed != p2pfs_hex_skip_0x(&hex, &len) || len != P2PFS_HASH_HEX) {
        return 0;
    }
    return p2pfs_hex_decode(out->b, hex, len) == P2PFS_OK;
}

static enum p2pfs_err
read_content(struct client_answer_file *f, const cJSON *m, size_t content_max)
{
    const char *hex;
    size_t len;

    if (!cJSON_IsString(m)) {
        return P2PFS_BAD_REPLY;
    }
    hex = m->valuestring;
    len = strlen(hex);
    if (!p2pfs_hex_skip_0x(&hex, &len) || len / 2 > content_max) {
        return P2PFS_BAD_REPLY;
    }
    f->content = malloc(len / 2 + 1);
    if (f->content == NULL) {
        return P2PFS_NO_MEMORY;
    }
    f->len = len / 2;
    return p2pfs_hex_decode(f->content, hex, len) == P2PFS_OK ? P2PFS_OK
                                                              : P2PFS_BAD_REPLY;
}

static int
read_proof(struct client_answer_file *f, const cJSON *object)
{
    const cJSON *list;
    const cJSON *m;

    if (!cJSON_IsObject(object) || !read_integer(object, "index", &f->index)) {
        return 0;
    }
    list = member(object, "proof");
    if (!cJSON_IsArray(list)) {
        return 0;
    }
    cJSON_ArrayForEach(m, list) {
        if (f->proof.len == P2PFS_PROOF_MAX
            || !read_hash(m, 1, &f->proof.hash[f->proof.len])) {
            return 0;
        }
        f->proof.len++;
    }
    return 1;
}

enum p2pfs_err
client_answer_file(struct client_answer_file *out, const char *body, size_t len,
    size_t content_max)
{
    enum p2pfs_err err = P2PFS_BAD_REPLY;
    cJSON *json;

    memset(out, 0, sizeof(*out));
    json = parse(body, len);
    if (json != NULL && read_proof(out, member(json, "proof"))) {
        err = read_content(out, member(json, "file"), content_max);
    }
    cJSON_Delete(json);
    return err;
}

void
client_answer_file_fini(struct client_answer_file *f)
{
    free(f->content);
    memset(f, 0, sizeof(*f));
}

enum p2pfs_err
client_answer_stored(const char *body, size_t len, struct p2pfs_hash *hash)
{
    enum p2pfs_err err = P2PFS_BAD_REPLY;
    int success = 0;
    cJSON *json;

    json = parse(body, len);
    if (json != NULL && read_bool(json, "success", &success) && success
        && read_hash(member(json, "hash"), 0, hash)) {
        err = P2PFS_OK;
    }
    cJSON_Delete(json);
    return err;
}

/* setCount, received, complete and root (or null) of one version. */
static int
read_version(struct client_answer_set *out, const cJSON *object)
{
    const cJSON *root = member(object, "root");

    memset(out, 0, sizeof(*out));
    if (root == NULL || !cJSON_IsObject(object)
        || !read_integer(object, "setCount", &out->count)
        || !read_integer(object, "received", &out->received)
        || !read_bool(object, "complete", &out->complete)) {
        return 0;
    }
    if (cJSON_IsNull(root)) {
        return 1;
    }
    out->has_root = 1;
    return read_hash(root, 1, &out->root);
}

static enum p2pfs_err
pick_version(struct client_answer_set *out, const cJSON *list,
    const struct p2pfs_hash *root)
{
    const cJSON *m;

    if (!cJSON_IsArray(list)) {
        return P2PFS_BAD_REPLY;
    }
    cJSON_ArrayForEach(m, list) {
        if (!read_version(out, m)) {
            return P2PFS_BAD_REPLY;
        }
        if (out->has_root && p2pfs_hash_cmp(&out->root, root) == 0) {
            return P2PFS_OK;
        }
    }
    return P2PFS_VERSION_NOT_FOUND;
}

enum p2pfs_err
client_answer_set(struct client_answer_set *out, const char *body, size_t len,
    const struct p2pfs_hash *root)
{
    enum p2pfs_err err = P2PFS_BAD_REPLY;
    cJSON *json;

    memset(out, 0, sizeof(*out));
    json = parse_set(body, len);
    if (json != NULL && read_version(out, json)) {
        err = P2PFS_OK;
        if (root != NULL
            && !(out->has_root && p2pfs_hash_cmp(&out->root, root) == 0)) {
            err = pick_version(out, member(json, "versions"), root);
        }
    }
    cJSON_Delete(json);
    return err;
}

static enum p2pfs_err
by_status(long status)
{
    switch (status) {
    case 404: return P2PFS_ROUTE_NOT_FOUND;
    case 405: return P2PFS_METHOD_NOT_ALLOWED;
    case 413: return P2PFS_BODY_TOO_LARGE;
    case 415: return P2PFS_UNSUPPORTED_MEDIA_TYPE;
    case 429:
    case 502:
    case 503:
    case 504: return P2PFS_STORE_UNAVAILABLE;
    case 507: return P2PFS_STORE_FULL;
    default: break;
    }
    if (status >= 500 && status <= 599) {
        return P2PFS_INTERNAL;
    }
    return status >= 400 && status <= 499 ? P2PFS_BAD_REQUEST : P2PFS_BAD_REPLY;
}

static enum p2pfs_err
by_code(const cJSON *code, long status)
{
    unsigned i;

    if (!cJSON_IsString(code)) {
        return P2PFS_OK;
    }
    for (i = 1; i < P2PFS_ERR_COUNT; i++) {
        const struct p2pfs_err_row *row = p2pfs_err_row(i);

        if (row->http_status == status
            && strcmp(row->code, code->valuestring) == 0) {
            return (enum p2pfs_err)i;
        }
    }
    return P2PFS_OK;
}

/* Bytes of a stranger on their way to a terminal. */
static void
copy_printable(char *out, size_t cap, const char *in)
{
    size_t i;

    for (i = 0; in[i] != '\0' && i + 1 < cap; i++) {
        out[i] = in[i] >= ' ' && in[i] <= '~' ? in[i] : '?';
    }
    out[i] = '\0';
}

static void
describe(struct client_problem *out, const cJSON *json)
{
    const cJSON *detail = member(json, "detail");
    const cJSON *root = member(json, "root");
    struct p2pfs_hash h;
    uint64_t received;
    uint64_t count;
    char words[200] = "";

    if (cJSON_IsString(detail)) {
        copy_printable(words, sizeof(words), detail->valuestring);
    }
    if (read_hash(root, 1, &h)) {
        (void)snprintf(out->detail, sizeof(out->detail),
            "%s%sthere its root is %.66s", words, words[0] ? "; " : "",
            root->valuestring);
    } else if (read_integer(json, "received", &received)
        && read_integer(json, "setCount", &count)) {
        (void)snprintf(out->detail, sizeof(out->detail),
            "%s%s%llu of %llu files are there", words, words[0] ? "; " : "",
            (unsigned long long)received, (unsigned long long)count);
    } else {
        (void)snprintf(out->detail, sizeof(out->detail), "%s", words);
    }
}

void
client_answer_problem(struct client_problem *out, long status, const char *body,
    size_t len)
{
    cJSON *json = parse(body, len);

    out->err = P2PFS_OK;
    out->detail[0] = '\0';
    if (json != NULL) {
        out->err = by_code(member(json, "code"), status);
    }
    if (out->err != P2PFS_OK) {
        describe(out, json);
    } else {
        out->err = by_status(status);
        (void)snprintf(out->detail, sizeof(out->detail), "HTTP status %ld",
            status);
    }
    cJSON_Delete(json);
}
