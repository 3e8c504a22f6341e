/*
 * gossipd/audit.h: is what is stored what its hashes say? Looked at in small
 * steps, each in a read transaction of its own, beside a running writer or
 * alone.
 *
 *     contents, alternatives   each body against its entry
 *     versions                 each tile computed anew from its lowest nodes,
 *                              these against the entries of the files or the
 *                              tiles below, the top one against the root; of
 *                              an incomplete version each file's stored proof;
 *                              the number of files; the version served
 *     log                      no number missing, everything named is there
 *
 * A finding names the row whose bytes are wrong (a kind and key of
 * core/schema.h, damaged), or kind 0: rows that contradict each other, which
 * no transfer from another node would repair.
 *
 * Where a tile and what is below it disagree and both are sound in themselves,
 * the lower one is blamed: trust comes down from the root.
 *
 * One thread; the connection is read-only and never checkpoints.
 */

#ifndef P2PFS_GOSSIPD_AUDIT_H
#define P2PFS_GOSSIPD_AUDIT_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* Read by one step, about: one file more where it is larger. */
#define AUDIT_STEP_BYTES (256 * 1024)

struct audit;

/* words: for a person, with set and index; borrowed. */
typedef void (
    *audit_found)(void *ctx, int kind, int64_t key, const char *words);

struct audit_totals {
    uint64_t files; /* contents and alternatives */
    uint64_t bytes; /* of all rows read */
    uint64_t tiles;
    uint64_t versions;
    uint64_t records; /* of the log */
    uint64_t damaged; /* findings of a kind */
    uint64_t wrong;   /* findings of kind 0 */
};

/* The database is not created. Errors of p2pfs_sql_open_reader, words too. */
enum p2pfs_err audit_open(struct audit **out, const char *path,
    audit_found found, void *ctx, char *detail, size_t room) P2PFS_MUST_CHECK;
void audit_close(struct audit *a); /* takes NULL */

/*
 * The next step. *done: it was the last one, and the next begins anew with
 * totals of zero. An error is the database's; the step is tried again by the
 * next call.
 */
enum p2pfs_err audit_step(struct audit *a, int *done) P2PFS_MUST_CHECK;

/* After an error of a step: leaves the rest of the phase out. */
void audit_skip(struct audit *a, int *done);

/* One place: its content, its alternatives and, of version vk (0: none), the
 * tiles above it. Keys that name nothing are fine and find nothing. */
enum p2pfs_err audit_place(struct audit *a, int64_t gk, int64_t vk,
    uint32_t index) P2PFS_MUST_CHECK;

/* A row that is marked as damaged: 1 it still is, 0 it is sound or gone. */
enum p2pfs_err audit_row(struct audit *a, int kind, int64_t key, int *damaged)
    P2PFS_MUST_CHECK;

/* The marks in the table: calls row for each, at most max of them. */
enum p2pfs_err audit_marks(struct audit *a, unsigned max,
    void (*row)(void *ctx, int kind, int64_t key), void *ctx, uint64_t *n)
    P2PFS_MUST_CHECK;

void audit_read_totals(const struct audit *a, struct audit_totals *out);
const char *audit_phase(const struct audit *a);  /* "contents", .. */
uint64_t audit_size(const struct audit *a);      /* bytes of the database */
const char *audit_detail(const struct audit *a); /* words on an error */

/* PRAGMA integrity_check: 1 where it says ok. words: its first complaint. Takes
 * as long as reading everything; tick is called now and then. */
enum p2pfs_err audit_integrity(struct audit *a, void (*tick)(void *ctx),
    void *ctx, int *ok, char *words, size_t room) P2PFS_MUST_CHECK;

#endif
