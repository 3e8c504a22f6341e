/*
 * gossipd/scrub.h: reads the store again in the background, slowly, and marks
 * what does not match its hashes any more (core/schema.h, damaged).
 *
 * A thread of its own with a read-only connection. A pass looks at what
 * gossipd/audit.h looks at; between two passes there are SCRUB_PAUSE_S at
 * least. Places that a read found damaged are looked at before that, at once:
 * what is reported is never believed. A pass begins with the marks that there
 * are, and takes back those that do not hold any more.
 */

#ifndef P2PFS_GOSSIPD_SCRUB_H
#define P2PFS_GOSSIPD_SCRUB_H

#include <stdint.h>

#include "core/error.h"
#include "core/frame.h"
#include "gossipd/log.h"
#include "gossipd/writer.h"

#define SCRUB_PAUSE_S 3600
#define SCRUB_REPORTS_MAX 256 /* further ones are dropped: a pass comes by */

struct scrub;

struct scrub_config {
    const char *db_path;
    uint64_t bytes_per_second; /* 0: no passes, reports only */
    unsigned pause_s;
};

struct scrub_stats {
    uint64_t passes;  /* ended */
    uint64_t read;    /* bytes */
    uint64_t damaged; /* rows marked now, as far as it knows */
    uint64_t wrong;   /* contradictions in the last pass that ended */
};

/* The writer is borrowed until scrub_stop. */
enum p2pfs_err scrub_start(struct scrub **out, const struct scrub_config *c,
    struct writer *w, struct log *log) P2PFS_MUST_CHECK;

/* Ends the thread, before writer_stop; reports are still taken, and nothing is
 * made of them, until scrub_free. Both take NULL. */
void scrub_stop(struct scrub *s);
void scrub_free(struct scrub *s);

/* Any thread. */
void scrub_report(struct scrub *s, const struct p2pfs_damaged *place);
void scrub_read_stats(struct scrub *s, struct scrub_stats *out);

#endif
