/*
 * gossipd/peerread.h: what peers read, on a thread of its own with a read-only
 * connection, so that neither the router nor the writer waits for it.
 *
 * The queue of jobs is bounded; done() is called on the reading thread.
 */

#ifndef P2PFS_GOSSIPD_PEERREAD_H
#define P2PFS_GOSSIPD_PEERREAD_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/merkle.h"
#include "core/record.h"
#include "gossipd/log.h"
#include "gossipd/store.h"

#define PEERREAD_PAGE_MAX 256
#define PEERREAD_LENGTH_MAX (1024 * 1024) /* of a range; more is cut */

enum peerread_kind {
    PEERREAD_LOG,     /* records with seq > after, at most max, in order */
    PEERREAD_BYTES,   /* a range of a record's bytes, and its proof */
    PEERREAD_MISSING, /* which of records[0..n) are not stored here */
    PEERREAD_PEER     /* how far a peer's log was read: epoch, after */
};

struct peerread_row {
    uint64_t seq;
    struct p2pfs_record record;
    uint32_t size; /* F: bytes of the content; V: 32 * n, at most 2^32 - 1 */
    enum store_origin origin;
    int missing; /* MISSING: out */
};

struct peerread_job {
    enum peerread_kind kind;
    /* LOG */
    uint64_t after;
    unsigned max;  /* <= PEERREAD_PAGE_MAX */
    uint64_t head; /* out */
    /* LOG out, MISSING in and out */
    struct peerread_row *rows; /* malloc'ed, the job's */
    unsigned n_rows;
    unsigned damaged; /* LOG out: rows that were left out, because what they
                         stand for is not in the database any more */
    /* BYTES */
    struct p2pfs_record record;
    uint64_t offset;
    uint32_t length;
    uint8_t *data; /* out: malloc'ed, the job's */
    size_t len;
    uint64_t total;           /* out */
    struct p2pfs_proof proof; /* out: of an F with root, at offset 0 */
    /* PEER: node_id in; epoch, after out, zero where it is not known */
    uint8_t node_id[32];
    uint8_t epoch[STORE_EPOCH_BYTES];

    enum p2pfs_err err; /* OK, FILE_NOT_FOUND, FILE_DAMAGED, STORE_ERROR .. */
    void (*done)(struct peerread_job *job, void *ctx);
    void *ctx;
    uint64_t tag;
    uint64_t tag2;
    struct peerread_job *next;
};

struct peerread;

enum p2pfs_err peerread_start(struct peerread **out, const char *db_path,
    size_t jobs_max, struct log *log) P2PFS_MUST_CHECK;

/* Any thread. -1 where the queue is full: the job stays the caller's. */
int peerread_submit(struct peerread *p, struct peerread_job *job);

/* Frees rows, data and the job itself. Takes NULL. */
void peerread_job_free(struct peerread_job *job);

/* Jobs still queued are completed with STORE_UNAVAILABLE. */
void peerread_stop(struct peerread *p);

#endif
