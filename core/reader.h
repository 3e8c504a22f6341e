/*
 * core/reader.h: the short indexed reads that answer a GET.
 *
 * A reader is one read-only SQLite connection with its prepared statements and
 * a hasher; it belongs to one thread (to one nginx worker, opened after the
 * fork). It never writes, waits or checkpoints: busy_timeout is 0.
 *
 * All reads run inside a transaction: begin, any number of reads, end. What a
 * read returns by pointer is borrowed until the next read of the same kind or
 * until end. end is never skipped: an open transaction pins the WAL.
 *
 * Errors common to all: STORE_BUSY (try again in some milliseconds),
 * STORE_UNAVAILABLE (no database there, or it was not opened), STORE_SCHEMA,
 * STORE_ERROR (p2pfs_reader_detail() has SQLite's words, for the log only),
 * NO_MEMORY.
 */

#ifndef P2PFS_CORE_READER_H
#define P2PFS_CORE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/frame.h"
#include "core/hash.h"
#include "core/merkle.h"

struct p2pfs_reader;

/* Reads application_id and user_version. The file is never created. */
enum p2pfs_err p2pfs_reader_open(struct p2pfs_reader **out, const char *path)
    P2PFS_MUST_CHECK;
void p2pfs_reader_close(struct p2pfs_reader *r); /* takes NULL */
const char *p2pfs_reader_detail(const struct p2pfs_reader *r);

enum p2pfs_err p2pfs_reader_begin(struct p2pfs_reader *r) P2PFS_MUST_CHECK;
void p2pfs_reader_end(struct p2pfs_reader *r); /* fine without a begin */

/* A version that can be read, or how far the fullest one is. */
struct p2pfs_version {
    int64_t vk; /* keys of the store, see core/schema.h */
    int64_t gk;
    uint32_t n;
    uint32_t received; /* files here; == n where complete */
    int complete;
    struct p2pfs_hash root; /* zero: a draft */
};

/*
 * The version that a GET reads. root NULL: the complete one with the bytewise
 * smallest root.
 * SET_NOT_FOUND: no such label. VERSION_NOT_FOUND: no such root.
 * FILE_NOT_FOUND: index is at or beyond the n of the version that would be
 * served (none complete: of every one known).
 * SET_INCOMPLETE: v says how far it is (the fullest one).
 */
enum p2pfs_err p2pfs_reader_find(struct p2pfs_reader *r, const char *id,
    size_t id_len, uint64_t index, const struct p2pfs_hash *root,
    struct p2pfs_version *v) P2PFS_MUST_CHECK;

struct p2pfs_file {
    const uint8_t *content; /* never NULL */
    size_t len;
    uint32_t index;
    uint32_t n;
    struct p2pfs_hash entry; /* computed from content on this read */
    struct p2pfs_proof proof;
};

/*
 * File v->index of a complete version with its proof. The leaf hash is
 * computed from the bytes and compared with the tree on every read.
 * FILE_DAMAGED: they differ (or a row is missing); nothing may be served.
 */
enum p2pfs_err p2pfs_reader_file(struct p2pfs_reader *r,
    const struct p2pfs_version *v, uint32_t index, struct p2pfs_file *f)
    P2PFS_MUST_CHECK;

/* Where the last read that said FILE_DAMAGED found it. */
void p2pfs_reader_damaged(const struct p2pfs_reader *r,
    struct p2pfs_damaged *out);

/*
 * The bytes with this hash at this index of the label, in any version, draft
 * or candidate; f->proof.len is 0.
 * SET_NOT_FOUND, VERSION_NOT_FOUND (no such hash at this index), FILE_DAMAGED.
 */
enum p2pfs_err p2pfs_reader_by_hash(struct p2pfs_reader *r, const char *id,
    size_t id_len, uint64_t index, const struct p2pfs_hash *hash,
    struct p2pfs_file *f) P2PFS_MUST_CHECK;

/* What GET sets/{id} tells. Lists end at their caps and say so. */
#define P2PFS_SET_RANGES_MAX 1000
#define P2PFS_SET_VERSIONS_MAX 100
#define P2PFS_SET_CANDIDATES_MAX 1000

struct p2pfs_range {
    uint32_t first;
    uint32_t last; /* inclusive */
};

struct p2pfs_candidate {
    uint32_t index;
    uint32_t n;
    struct p2pfs_hash hash;
};

struct p2pfs_set {
    /* the version served or, where none is complete, the fullest one */
    struct p2pfs_version top;
    struct p2pfs_range missing[P2PFS_SET_RANGES_MAX];
    unsigned n_missing;
    int more_missing;
    struct p2pfs_version version[P2PFS_SET_VERSIONS_MAX];
    unsigned n_versions;
    int more_versions;
    struct p2pfs_candidate candidate[P2PFS_SET_CANDIDATES_MAX];
    unsigned n_candidates;
    int more_candidates;
};

/* SET_NOT_FOUND. */
enum p2pfs_err p2pfs_reader_set(struct p2pfs_reader *r, const char *id,
    size_t id_len, struct p2pfs_set *out) P2PFS_MUST_CHECK;

#endif
