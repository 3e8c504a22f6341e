/*
 * core/hash.c: SHA-256 by OpenSSL.
 */

#include "core/hash.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "core/hex.h"

struct p2pfs_hasher {
    EVP_MD *md;
    EVP_MD_CTX *ctx;
    int failed;
};

enum p2pfs_err
p2pfs_hasher_new(struct p2pfs_hasher **out)
{
    struct p2pfs_hasher *h;

    *out = NULL;

    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return P2PFS_NO_MEMORY;
    }

    h->ctx = EVP_MD_CTX_new();
    if (h->ctx == NULL) {
        p2pfs_hasher_free(h);
        return P2PFS_NO_MEMORY;
    }

    h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (h->md == NULL) {
        p2pfs_hasher_free(h);
        return P2PFS_INTERNAL;
    }

    *out = h;

    return P2PFS_OK;
}

void
p2pfs_hasher_free(struct p2pfs_hasher *h)
{
    if (h == NULL) {
        return;
    }

    EVP_MD_CTX_free(h->ctx);
    EVP_MD_free(h->md);
    free(h);
}

int
p2pfs_hasher_failed(const struct p2pfs_hasher *h)
{
    return h->failed;
}

void
p2pfs_hash_start(struct p2pfs_hasher *h)
{
    if (EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1) {
        h->failed = 1;
    }
}

void
p2pfs_hash_update(struct p2pfs_hasher *h, const void *data, size_t len)
{
    if (!h->failed && EVP_DigestUpdate(h->ctx, data, len) != 1) {
        h->failed = 1;
    }
}

void
p2pfs_hash_end(struct p2pfs_hasher *h, struct p2pfs_hash *out)
{
    if (!h->failed && EVP_DigestFinal_ex(h->ctx, out->b, NULL) != 1) {
        h->failed = 1;
    }

    if (h->failed) {
        memset(out, 0, sizeof(*out));
    }
}

void
p2pfs_hash_data(struct p2pfs_hasher *h, const void *data, size_t len,
    struct p2pfs_hash *out)
{
    p2pfs_hash_start(h);
    p2pfs_hash_update(h, data, len);
    p2pfs_hash_end(h, out);
}

void
p2pfs_hash_leaf(struct p2pfs_hasher *h, const struct p2pfs_hash *entry,
    struct p2pfs_hash *out)
{
    uint8_t in[1 + P2PFS_HASH_BYTES];

    in[0] = 0x00;
    memcpy(in + 1, entry, P2PFS_HASH_BYTES);

    p2pfs_hash_data(h, in, sizeof(in), out);
}

void
p2pfs_hash_node(struct p2pfs_hasher *h, const struct p2pfs_hash *left,
    const struct p2pfs_hash *right, struct p2pfs_hash *out)
{
    uint8_t in[1 + 2 * P2PFS_HASH_BYTES];

    in[0] = 0x01;
    memcpy(in + 1, left, P2PFS_HASH_BYTES);
    memcpy(in + 1 + P2PFS_HASH_BYTES, right, P2PFS_HASH_BYTES);

    p2pfs_hash_data(h, in, sizeof(in), out);
}

int
p2pfs_hash_cmp(const struct p2pfs_hash *a, const struct p2pfs_hash *b)
{
    return memcmp(a, b, sizeof(*a));
}

int
p2pfs_hash_is_zero(const struct p2pfs_hash *a)
{
    static const struct p2pfs_hash zero;

    return p2pfs_hash_cmp(a, &zero) == 0;
}

enum p2pfs_err
p2pfs_hash_parse(struct p2pfs_hash *out, const char *text, size_t len)
{
    (void)p2pfs_hex_skip_0x(&text, &len);

    if (len != P2PFS_HASH_HEX) {
        return P2PFS_BAD_HEX;
    }

    return p2pfs_hex_decode(out->b, text, len);
}
