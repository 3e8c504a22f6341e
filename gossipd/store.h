/*
 * gossipd/store.h: the rules on what is stored, applied to the one read-write
 * connection. Used by the writer thread alone (gossipd/writer.h).
 *
 * Rules 1-8 of docs/architecture.md ("Names, versions, conflicts") live here
 * and nowhere else. Calls between store_begin and store_commit form one
 * transaction; an error of the database inside it means that nothing of the
 * batch was stored. Results are promises only after store_commit returned OK.
 * After an I/O error of the disk store_begin fails until the store is closed
 * and opened anew: a later fsync would report success for pages that were lost.
 * So it does where the database is not at its path any more.
 */

#ifndef P2PFS_GOSSIPD_STORE_H
#define P2PFS_GOSSIPD_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/record.h"

#define STORE_EPOCH_BYTES 16

enum store_origin { STORE_LOCAL = 0, STORE_GOSSIP = 1, STORE_CATCHUP = 2 };

struct store_config {
    const char *path;
    uint32_t file_max; /* constants of the network */
    uint32_t count_max;
    uint64_t size_max; /* bytes of database and WAL; 0: no limit */
    uint64_t free_min; /* bytes of the disk that files leave free */
    uint64_t
        ballast; /* bytes kept for the checkpoint on a full disk; 0: none */
};

struct store;

/*
 * Creates, migrates or opens; WAL, synchronous=FULL, persistent WAL, page size
 * 8192, no automatic checkpoints; finishes what a crash left half-built.
 * `detail` gets words for the log.
 */
enum p2pfs_err store_open(struct store **out, const struct store_config *c,
    char *detail, size_t detail_room) P2PFS_MUST_CHECK;

/* Checkpoints and closes; -wal and -shm stay in place. Takes NULL. */
void store_close(struct store *s);

/* Another limit from the next batch on; any thread. */
void store_set_size_max(struct store *s, uint64_t bytes);

/* Words on the last STORE_ERROR, for the log. */
const char *store_detail(const struct store *s);

/* Random per database; a peer's cursor is only good for the epoch it knew. */
void store_epoch(const struct store *s, uint8_t out[STORE_EPOCH_BYTES]);
uint64_t store_log_head(const struct store *s);

enum p2pfs_err store_begin(struct store *s) P2PFS_MUST_CHECK;
enum p2pfs_err store_commit(struct store *s) P2PFS_MUST_CHECK;
void store_rollback(struct store *s);

/* A file, from a client or a peer. */
struct store_file {
    const char *id;
    size_t id_len;
    uint64_t n;
    uint64_t index;
    const uint8_t *content;
    size_t len;
    const struct p2pfs_hash *root;     /* or NULL */
    const struct p2pfs_proof *proof;   /* with root */
    const struct p2pfs_hash *expected; /* entry a peer named, or NULL */
    enum store_origin origin;
};

struct store_result {
    enum p2pfs_err err;
    int created;             /* a record was stored that was not here */
    struct p2pfs_hash entry; /* OK: of the file; FILE_CONFLICT: the stored */
    struct p2pfs_hash root;  /* SET_EXISTS, FILE_CONFLICT: served root or 0 */
    uint64_t received;       /* of the version or draft the file went to */
    uint64_t set_count;
};

/*
 * Verifies and stores. What concerns the file goes to out->err (grammar,
 * limits, NOT_IN_ROOT, conflicts for STORE_LOCAL only, STORE_FULL); what
 * concerns the database is returned, and then the batch must be rolled back.
 */
enum p2pfs_err store_put_file(struct store *s, const struct store_file *f,
    struct store_result *out) P2PFS_MUST_CHECK;

/*
 * A version that a peer holds, with its list of n entries (32 bytes each),
 * checked against its root. out->err: NOT_IN_ROOT: the list is not of this
 * root. FILE_NOT_FOUND: some content is not here yet, out->received says how
 * many are; nothing was stored. OK: it is complete here now.
 */
enum p2pfs_err store_put_version(struct store *s, const struct p2pfs_record *v,
    const uint8_t *entries, enum store_origin origin, struct store_result *out)
    P2PFS_MUST_CHECK;

/* Small facts that are kept in the database. */
enum p2pfs_err store_set_published(struct store *s, uint64_t seq)
    P2PFS_MUST_CHECK;
enum p2pfs_err store_published(struct store *s, uint64_t *seq) P2PFS_MUST_CHECK;
enum p2pfs_err store_set_peer(struct store *s, const uint8_t node_id[static 32],
    const uint8_t epoch[static STORE_EPOCH_BYTES], uint64_t seq)
    P2PFS_MUST_CHECK;

/* A row that does not match its hash (core/schema.h, damaged): the first time
 * counts. since: seconds of Unix time. clear: it does again. */
enum p2pfs_err store_set_damaged(struct store *s, int kind, int64_t key,
    int64_t since) P2PFS_MUST_CHECK;
enum p2pfs_err store_clear_damaged(struct store *s, int kind, int64_t key)
    P2PFS_MUST_CHECK;

/*
 * Moves the WAL into the database as far as the policy asks; never fails
 * loudly (it is tried again).
 */
enum store_checkpoint_when {
    STORE_CHECKPOINT_COMMIT, /* after a commit: only when the WAL has grown */
    STORE_CHECKPOINT_IDLE,   /* nothing to do: all of it, WAL cut to nothing */
    STORE_CHECKPOINT_STOP    /* the same, waiting longer for readers */
};
void store_checkpoint(struct store *s, enum store_checkpoint_when when);

/*
 * Is the store good for further work? Once it is not, it never is again: to be
 * closed and opened anew. STORE_UNAVAILABLE: its files were moved, replaced or
 * deleted; STORE_ERROR: the disk failed. store_detail has words.
 */
enum p2pfs_err store_health(struct store *s);

/* Looks after the ballast, and gets a store that met a full disk going again
 * when there is room. To be called each second. */
void store_keep_space(struct store *s);

struct store_stats {
    uint64_t wal_bytes;         /* when it was last looked at */
    uint64_t wal_max_bytes;     /* the largest it was then */
    uint64_t checkpoints;       /* those that waited for readers too */
    uint64_t checkpoint_waits;  /* those alone */
    uint64_t checkpoint_us;     /* spent in all of them */
    uint64_t checkpoint_max_us; /* in the longest */
    uint64_t ballast_used;      /* times that it was given up */
};
void store_read_stats(const struct store *s, struct store_stats *out);

#endif
