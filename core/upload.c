/*
 * core/upload.c: the JSON body of an upload, by cJSON inside a fence.
 *
 * core/json.h has refused whatever cJSON reads in its own way before cJSON is
 * called, so names and strings are C strings here and hold no surprises.
 */

#include "core/upload.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/hex.h"
#include "core/json.h"

#define INTEGER_MAX 9007199254740992.0 /* 2^53: below it doubles are exact */

enum { CONTENT, SET_COUNT, ROOT, PROOF, MEMBERS };

static const struct {
    const char *name;
    cJSON_bool (*is_type)(const cJSON *item);
    const char *mistyped;
} MEMBER[MEMBERS] = {
    [CONTENT] = {"content", cJSON_IsString, "content must be a string"},
    [SET_COUNT] = {"setCount", cJSON_IsNumber, "setCount must be a number"},
    [ROOT] = {"root", cJSON_IsString, "root must be a string"},
    [PROOF] = {"proof", cJSON_IsArray, "proof must be an array"},
};

static enum p2pfs_err
fail(struct p2pfs_upload *u, enum p2pfs_err err, const char *detail)
{
    u->detail = detail;

    return err;
}

/* cJSON looks for a NUL behind the object. */
static cJSON *
parse_copy(const char *body, size_t len)
{
    cJSON *json;
    char *copy;

    copy = malloc(len + 1);
    if (copy == NULL) {
        return NULL;
    }

    memcpy(copy, body, len);
    copy[len] = '\0';

    json = cJSON_ParseWithLengthOpts(copy, len + 1, NULL, 1);

    free(copy);

    return json;
}

static enum p2pfs_err
find_members(struct p2pfs_upload *u, const cJSON *found[MEMBERS])
{
    const cJSON *item;
    unsigned i;

    cJSON_ArrayForEach(item, (const cJSON *)u->json) {
        for (i = 0; i < MEMBERS; i++) {
            if (strcmp(item->string, MEMBER[i].name) == 0) {
                break;
            }
        }

        if (i == MEMBERS) {
            continue;
        }

        if (found[i] != NULL) {
            return fail(u, P2PFS_BAD_FIELD, "a member stands twice");
        }

        if (!MEMBER[i].is_type(item)) {
            return fail(u, P2PFS_BAD_FIELD, MEMBER[i].mistyped);
        }

        found[i] = item;
    }

    if (found[CONTENT] == NULL) {
        return fail(u, P2PFS_BAD_FIELD, "content is missing");
    }

    if (found[SET_COUNT] == NULL) {
        return fail(u, P2PFS_BAD_FIELD, "setCount is missing");
    }

    return P2PFS_OK;
}

/* Above INTEGER_MAX every double is one, infinity aside. */
static int
is_integer(double v)
{
    if (v > INTEGER_MAX || v < -INTEGER_MAX) {
        return isfinite(v);
    }

    return v == (double)(int64_t)v;
}

static enum p2pfs_err
take_set_count(struct p2pfs_upload *u, const cJSON *item)
{
    double v = item->valuedouble;

    if (!is_integer(v)) {
        return fail(u, P2PFS_BAD_FIELD, "setCount must be an integer");
    }

    if (v < 1 || v >= INTEGER_MAX) {
        return P2PFS_BAD_SET_COUNT;
    }

    u->set_count = (uint64_t)v;

    return P2PFS_OK;
}

/* Decoded in place: the bytes take the room of their own digits. */
static enum p2pfs_err
take_content(struct p2pfs_upload *u, const cJSON *item, size_t content_max)
{
    const char *hex = item->valuestring;
    size_t len = strlen(hex);

    if (!p2pfs_hex_skip_0x(&hex, &len)) {
        return fail(u, P2PFS_BAD_HEX, "content must begin with 0x");
    }

    if (len / 2 > content_max) {
        return P2PFS_BODY_TOO_LARGE;
    }

    u->content = (uint8_t *)item->valuestring + (hex - item->valuestring);
    u->content_len = len / 2;

    if (p2pfs_hex_decode(u->content, hex, len) != P2PFS_OK) {
        return fail(u, P2PFS_BAD_HEX,
            "content is not an even number of hex digits");
    }

    return P2PFS_OK;
}

static enum p2pfs_err
read_hash(struct p2pfs_hash *out, const cJSON *item)
{
    const char *hex = item->valuestring;
    size_t len = strlen(hex);

    if (!p2pfs_hex_skip_0x(&hex, &len) || len != P2PFS_HASH_HEX) {
        return P2PFS_BAD_HEX;
    }

    return p2pfs_hex_decode(out->b, hex, len);
}

static enum p2pfs_err
take_proof(struct p2pfs_upload *u, const cJSON *array)
{
    struct p2pfs_proof *proof = &u->proof;
    const cJSON *item;

    cJSON_ArrayForEach(item, array) {
        if (!cJSON_IsString(item)) {
            return fail(u, P2PFS_BAD_FIELD, "proof must hold strings");
        }

        if (proof->len == P2PFS_PROOF_MAX) {
            return fail(u, P2PFS_NOT_IN_ROOT, "proof is too long");
        }

        if (read_hash(&proof->hash[proof->len], item) != P2PFS_OK) {
            return fail(u, P2PFS_BAD_HEX,
                "proof must hold 0x and 64 hex digits");
        }

        proof->len++;
    }

    return P2PFS_OK;
}

static enum p2pfs_err
take_root(struct p2pfs_upload *u, const cJSON *root, const cJSON *proof)
{
    if (root == NULL) {
        return proof == NULL ? P2PFS_OK
                             : fail(u, P2PFS_BAD_FIELD, "proof without root");
    }

    if (read_hash(&u->root, root) != P2PFS_OK) {
        return fail(u, P2PFS_BAD_HEX, "root must be 0x and 64 hex digits");
    }

    if (proof == NULL && u->set_count > 1) {
        return fail(u, P2PFS_BAD_FIELD, "root without proof");
    }

    u->has_root = 1;

    return proof == NULL ? P2PFS_OK : take_proof(u, proof);
}

enum p2pfs_err
p2pfs_upload_parse(struct p2pfs_upload *out, const char *body, size_t len,
    size_t content_max)
{
    const cJSON *found[MEMBERS] = {NULL};
    enum p2pfs_err err;

    memset(out, 0, sizeof(*out));

    out->detail = p2pfs_json_fault(body, len);
    if (out->detail != NULL) {
        return P2PFS_BAD_JSON;
    }

    out->json = parse_copy(body, len);
    if (out->json == NULL) {
        return P2PFS_NO_MEMORY;
    }

    err = find_members(out, found);

    if (err == P2PFS_OK) {
        err = take_set_count(out, found[SET_COUNT]);
    }

    if (err == P2PFS_OK) {
        err = take_content(out, found[CONTENT], content_max);
    }

    if (err == P2PFS_OK) {
        err = take_root(out, found[ROOT], found[PROOF]);
    }

    return err;
}

void
p2pfs_upload_fini(struct p2pfs_upload *u)
{
    cJSON_Delete(u->json);
    u->json = NULL;
    u->content = NULL;
    u->content_len = 0;
}
