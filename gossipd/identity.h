/*
 * gossipd/identity.h: the node's key, the network's key, and what is derived
 * from them.
 *
 * A key file is 64 lower-case hex digits and a newline: 32 random bytes (of a
 * node: the Ed25519 seed). It is a regular file of the running user with mode
 * 0600 (or 0400); anything else is an error that says what to do, and nothing
 * is ever overwritten or made anew. A file that is made is on disk, with its
 * directory entry, before it is used.
 *
 * Derivation is HKDF-SHA-256 (RFC 5869) without salt, 32 bytes out.
 */

#ifndef P2PFS_GOSSIPD_IDENTITY_H
#define P2PFS_GOSSIPD_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define KEY_BYTES 32
#define NODE_SECRET_BYTES 64

struct identity {
    uint8_t node_id[KEY_BYTES];        /* Ed25519 public key */
    uint8_t secret[NODE_SECRET_BYTES]; /* for crypto_sign */
};

/* What to do where the file does not exist. */
enum key_missing { KEY_CREATE, KEY_REFUSE };

/* The node's key. IO, with words in detail. */
enum p2pfs_err identity_load(struct identity *out, const char *path,
    enum key_missing missing, char *detail, size_t detail_room)
    P2PFS_MUST_CHECK;

/* The network's key. IO, with words in detail. */
enum p2pfs_err network_key_load(uint8_t out[KEY_BYTES], const char *path,
    enum key_missing missing, char *detail, size_t detail_room)
    P2PFS_MUST_CHECK;

/* The key of an open network: everybody who knows its name has it. */
void network_key_open(uint8_t out[KEY_BYTES], const char *name);

/* From a seed of one's own (tests). */
void identity_from_seed(struct identity *out, const uint8_t seed[KEY_BYTES]);

/* Forgets the secret half. */
void identity_wipe(struct identity *id);

void key_derive(uint8_t out[KEY_BYTES], const void *secret, size_t secret_len,
    const void *info, size_t info_len);

/*
 * HKDF(network key, "p2pfs net 1" || constants): nodes that differ in the key
 * or in a constant of the network do not link.
 */
void network_id(uint8_t out[KEY_BYTES], const uint8_t network_key[KEY_BYTES],
    const void *constants, size_t constants_len);

/*
 * The CURVE key pair that every node of a network has as a server:
 * HKDF(network key, "p2pfs server 1"). Its public half is secret too.
 */
void network_curve(uint8_t pub[KEY_BYTES], uint8_t secret[KEY_BYTES],
    const uint8_t network_key[KEY_BYTES]);

/* A node's CURVE key pair as a client, from its Ed25519 key. -1: no key. */
int node_curve(uint8_t pub[KEY_BYTES], uint8_t secret[KEY_BYTES],
    const uint8_t node_secret[NODE_SECRET_BYTES]);

/* The public half from a node id. -1: not a point of the curve. */
int node_curve_public(uint8_t pub[KEY_BYTES], const uint8_t node_id[KEY_BYTES]);

#endif
