/*
 * core/record.h: what nodes store, count, pass on and reconcile.
 *
 * A file record F = (set_id, n, index, entry, root or none) says that a file
 * belongs at an index of a set; a version record V = (set_id, n, root) says
 * that all n files of a root were held by whoever made it. Records have no time
 * and no sender. Two nodes that hold equal records hold equal bytes of them.
 *
 * Canonical bytes (integers big-endian):
 *
 *     F: "F" 01 | u8 id_len | id | u32 n | u32 index | entry[32] | root[32]
 *     V: "V" 01 | u8 id_len | id | u32 n | root[32]
 *
 * root is 32 zero bytes in an F without one. The id of a record, and of the
 * gossip message that carries it, is SHA-256("p2pfs record 1\0" || canonical).
 */

#ifndef P2PFS_CORE_RECORD_H
#define P2PFS_CORE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/name.h"

#define P2PFS_RECORD_BYTES_MAX (3 + P2PFS_SET_ID_MAX + 4 + 4 + 32 + 32)

enum p2pfs_record_kind { P2PFS_RECORD_FILE = 'F', P2PFS_RECORD_VERSION = 'V' };

struct p2pfs_record {
    enum p2pfs_record_kind kind;
    uint8_t id_len;
    char id[P2PFS_SET_ID_MAX + 1]; /* NUL-terminated for convenience */
    uint32_t n;                    /* >= 1 */
    uint32_t index;                /* F: < n; V: 0 */
    struct p2pfs_hash entry;       /* F: SHA-256 of the content; V: zero */
    struct p2pfs_hash root;        /* zero: an F without a root */
};

/* F with a root? V has one always. */
int p2pfs_record_has_root(const struct p2pfs_record *r);

/* Writes at most P2PFS_RECORD_BYTES_MAX bytes, returns how many. */
size_t p2pfs_record_encode(const struct p2pfs_record *r,
    uint8_t out[P2PFS_RECORD_BYTES_MAX]);

/*
 * Reads exactly len bytes and checks all of it: kind, version, set id
 * grammar, 1 <= n, index < n, V's root not zero, nothing behind it.
 * BAD_FRAME otherwise.
 */
enum p2pfs_err p2pfs_record_decode(struct p2pfs_record *r, const uint8_t *in,
    size_t len) P2PFS_MUST_CHECK;

void p2pfs_record_id(struct p2pfs_hasher *h, const struct p2pfs_record *r,
    struct p2pfs_hash *id);

#endif
