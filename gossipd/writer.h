/*
 * gossipd/writer.h: the writer thread, owner of the store.
 *
 * Jobs queue up (bounded by count and bytes; peers get at most half) and are
 * committed in groups: whatever is there, at most WRITER_BATCH_MAX jobs,
 * waiting at most WRITER_GATHER_US for more. done() is called on the writer
 * thread after the commit of the job's group; only then may anybody be told.
 * Order of submission is kept among what clients sent, and among what came from
 * peers; clients' files are not kept waiting by those (writer_queue.h). A group
 * that fails is tried again job by job; a job that fails alone gets STORE_FULL
 * or STORE_UNAVAILABLE.
 *
 * After each commit that added to the log, on_log(ctx, head) is called (on the
 * writer thread, after the group's done() calls).
 */

#ifndef P2PFS_GOSSIPD_WRITER_H
#define P2PFS_GOSSIPD_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "gossipd/log.h"
#include "gossipd/store.h"

struct writer;

#define WRITER_BATCH_MAX 256
#define WRITER_BATCH_BYTES (4 * 1024 * 1024)
#define WRITER_GATHER_US 1000 /* only where the group before had several */

enum writer_kind {
    WRITER_FILE,      /* store_put_file */
    WRITER_VERSION,   /* store_put_version */
    WRITER_PUBLISHED, /* store_set_published */
    WRITER_PEER,      /* store_set_peer */
    WRITER_DAMAGED,   /* store_set_damaged, since = seq */
    WRITER_SOUND      /* store_clear_damaged */
};

/*
 * One job; allocated by the submitter, given back by done(). `data` is the
 * content (or the entry list): one malloc'ed block owned by the job.
 */
struct writer_job {
    enum writer_kind kind;
    struct p2pfs_record record; /* FILE (entry: expected or zero), VERSION */
    uint64_t n;                 /* FILE, STORE_LOCAL: as the client sent it */
    uint64_t index;             /* (from a peer n and index are the record's) */
    int check_entry;            /* FILE from a peer: record.entry must match */
    struct p2pfs_proof proof;
    uint8_t *data;
    size_t len;
    enum store_origin origin;
    uint8_t node_id[32];              /* PEER */
    uint8_t epoch[STORE_EPOCH_BYTES]; /* PEER */
    uint64_t seq;                     /* PEER, PUBLISHED */
    int row_kind;                     /* DAMAGED, SOUND: of core/schema.h */
    int64_t row_key;
    struct store_result result; /* valid in done() */
    void (*done)(struct writer_job *job, void *ctx);
    void *ctx;
    uint64_t tag;            /* the submitter's own */
    struct writer_job *next; /* the writer's own */
};

struct writer_limits {
    size_t jobs_max;
    size_t bytes_max;
};

enum p2pfs_err writer_start(struct writer **out, struct store *s,
    const struct writer_limits *limits, struct log *log,
    void (*on_log)(void *ctx, uint64_t head), void *ctx) P2PFS_MUST_CHECK;

/*
 * Any thread. 0 and the job is the writer's; -1 where the queue is full or the
 * writer stops: the job stays the caller's. Jobs of other kinds than
 * FILE and VERSION are always taken while the writer runs.
 */
int writer_submit(struct writer *w, struct writer_job *job);

/*
 * Any thread. What store_health said last, which the writer asks each second
 * and after each group that failed: once it is not OK all jobs get
 * STORE_UNAVAILABLE.
 */
enum p2pfs_err writer_health(struct writer *w);
void writer_read_stats(struct writer *w, struct store_stats *out);

/* Commits what is queued, then stops the thread and frees the writer: nobody
 * may submit any more. The store stays open. Takes NULL. */
void writer_stop(struct writer *w);

#endif
