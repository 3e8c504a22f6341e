/*
 * core/merkle.h: the Merkle tree of RFC 9162 section 2.1 with SHA-256 over
 * entries of 32 bytes (an entry is the SHA-256 of a file's content).
 *
 * leaf = H(00 || entry), node = H(01 || left || right), split at the largest
 * power of two below n; so, built from below, an odd last node moves up as it
 * is. n = 1: the root is the leaf hash and the proof is empty. n = 0 is no set.
 *
 * n is NOT authenticated by a proof (in a tree of 7 the proofs of leaves 0-3
 * verify for n = 5, 6 and 8 too): a verifier takes n from its own record, never
 * from whoever sent the proof.
 */

#ifndef P2PFS_CORE_MERKLE_H
#define P2PFS_CORE_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"

#define P2PFS_SET_COUNT_MAX 4294967295u /* files of a set, 2^32 - 1 */
#define P2PFS_PROOF_MAX 32              /* ceil(log2(P2PFS_SET_COUNT_MAX)) */

/* Siblings, bottom-up. */
struct p2pfs_proof {
    unsigned len;
    struct p2pfs_hash hash[P2PFS_PROOF_MAX];
};

/* Exact number of siblings of `index` in a tree of n; index < n. */
unsigned p2pfs_proof_length(uint64_t n, uint64_t index);

/*
 * Does `entry` stand at `index` of the tree of n with this root?
 * BAD_SET_COUNT: n is 0 or above the maximum. INDEX_OUT_OF_RANGE: index >= n.
 * NOT_IN_ROOT: wrong length or wrong root. INTERNAL: the hasher failed.
 */
enum p2pfs_err p2pfs_proof_verify(struct p2pfs_hasher *h,
    const struct p2pfs_hash *root, uint64_t n, uint64_t index,
    const struct p2pfs_hash *entry, const struct p2pfs_proof *proof)
    P2PFS_MUST_CHECK;

/*
 * The root of a list of entries that arrive one after the other, in
 * O(log n) memory. init, add n times, root (which does not end the fold).
 */
struct p2pfs_fold {
    uint64_t n;
    struct p2pfs_hash peak[P2PFS_PROOF_MAX + 1]; /* peak[i]: 2^i leaves */
};

void p2pfs_fold_init(struct p2pfs_fold *f);

/* BAD_SET_COUNT: one entry more than the maximum. */
enum p2pfs_err p2pfs_fold_add(struct p2pfs_fold *f, struct p2pfs_hasher *h,
    const struct p2pfs_hash *entry) P2PFS_MUST_CHECK;

/* BAD_SET_COUNT: nothing was added. INTERNAL: the hasher failed. */
enum p2pfs_err p2pfs_fold_root(const struct p2pfs_fold *f,
    struct p2pfs_hasher *h, struct p2pfs_hash *root) P2PFS_MUST_CHECK;

/*
 * A whole tree in memory, for whoever has all entries (the client, tests):
 * about 64 bytes for each entry. free takes NULL.
 */
struct p2pfs_tree;

enum p2pfs_err p2pfs_tree_new(struct p2pfs_tree **out, struct p2pfs_hasher *h,
    const struct p2pfs_hash *entries, uint64_t n) P2PFS_MUST_CHECK;
void p2pfs_tree_free(struct p2pfs_tree *t);
void p2pfs_tree_root(const struct p2pfs_tree *t, struct p2pfs_hash *root);

/* INDEX_OUT_OF_RANGE. */
enum p2pfs_err p2pfs_tree_proof(const struct p2pfs_tree *t, uint64_t index,
    struct p2pfs_proof *proof) P2PFS_MUST_CHECK;

#endif
