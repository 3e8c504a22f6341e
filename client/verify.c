/*
 * client/verify.c: the verifier for those who have the bytes already.
 */

#include <string.h>

#include "client/internal.h"

enum p2pfs_outcome
p2pfs_verify(const uint8_t *root, uint64_t n, uint64_t index,
    const void *content, size_t len, const uint8_t *proof, size_t proof_len)
{
    struct p2pfs_hasher *h = NULL;
    struct p2pfs_proof p;
    struct p2pfs_hash entry;
    struct p2pfs_hash r;
    enum p2pfs_err err;

    if (proof_len > P2PFS_PROOF_MAX) {
        return P2PFS_OUTCOME_NOT_VERIFIED;
    }
    memset(&p, 0, sizeof(p));
    p.len = (unsigned)proof_len;
    if (proof_len > 0) {
        memcpy(p.hash, proof, proof_len * P2PFS_HASH_BYTES);
    }
    memcpy(r.b, root, sizeof(r.b));

    err = p2pfs_hasher_new(&h);
    if (err != P2PFS_OK) {
        return client_outcome(err);
    }
    p2pfs_hash_data(h, len > 0 ? content : "", len, &entry);
    err = p2pfs_proof_verify(h, &r, n, index, &entry, &p);
    if (p2pfs_hasher_failed(h)) {
        err = P2PFS_INTERNAL;
    }
    p2pfs_hasher_free(h);
    if (err == P2PFS_OK) {
        return P2PFS_OUTCOME_OK;
    }
    return err == P2PFS_INTERNAL ? P2PFS_OUTCOME_OTHER
                                 : P2PFS_OUTCOME_NOT_VERIFIED;
}
