/*
 * core/hash.h: SHA-256 (FIPS 180-4) through one fetched EVP_MD and one reused
 * context. One-shot SHA256() costs two to three times as much per tree node.
 *
 * A hasher belongs to one thread. Hashing can fail only inside OpenSSL (out of
 * memory); the failure is sticky: outputs are then all zero bytes and
 * p2pfs_hasher_failed() is true for ever. Whoever draws a conclusion from
 * hashes (a verifier, a builder) asks it once before it concludes.
 */

#ifndef P2PFS_CORE_HASH_H
#define P2PFS_CORE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define P2PFS_HASH_BYTES 32
#define P2PFS_HASH_HEX (2 * P2PFS_HASH_BYTES)

struct p2pfs_hash {
    uint8_t b[P2PFS_HASH_BYTES];
};

struct p2pfs_hasher; /* opaque */

/* NO_MEMORY or INTERNAL (OpenSSL has no SHA-256). free takes NULL. */
enum p2pfs_err p2pfs_hasher_new(struct p2pfs_hasher **out) P2PFS_MUST_CHECK;
void p2pfs_hasher_free(struct p2pfs_hasher *h);
int p2pfs_hasher_failed(const struct p2pfs_hasher *h);

/* out = SHA-256(data): the entry of a file, the id of a record. */
void p2pfs_hash_data(struct p2pfs_hasher *h, const void *data, size_t len,
    struct p2pfs_hash *out);

/* The same in pieces: start, any number of updates, end. One at a time. */
void p2pfs_hash_start(struct p2pfs_hasher *h);
void p2pfs_hash_update(struct p2pfs_hasher *h, const void *data, size_t len);
void p2pfs_hash_end(struct p2pfs_hasher *h, struct p2pfs_hash *out);

/* RFC 9162 section 2.1.1: leaf = H(0x00 || entry). */
void p2pfs_hash_leaf(struct p2pfs_hasher *h, const struct p2pfs_hash *entry,
    struct p2pfs_hash *out);

/* RFC 9162 section 2.1.1: node = H(0x01 || left || right). out may be an
 * input. */
void p2pfs_hash_node(struct p2pfs_hasher *h, const struct p2pfs_hash *left,
    const struct p2pfs_hash *right, struct p2pfs_hash *out);

/* 0 when equal, else the order of memcmp. Roots order bytewise by it. */
int p2pfs_hash_cmp(const struct p2pfs_hash *a, const struct p2pfs_hash *b);

/* True where all bytes are zero ("no root" in a record). */
int p2pfs_hash_is_zero(const struct p2pfs_hash *a);

/*
 * Reads 64 hex digits, with or without 0x. BAD_HEX otherwise.
 */
enum p2pfs_err p2pfs_hash_parse(struct p2pfs_hash *out, const char *text,
    size_t len) P2PFS_MUST_CHECK;

#endif
