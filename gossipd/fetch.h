/*
 * gossipd/fetch.h: pulling the bytes of records from peers, and reading their
 * logs; a pure state machine like gossipd/mesh.h.
 *
 * Two jobs in one table, because they share the budget:
 *
 * - Wants. A record whose bytes are not here (a large file that was gossiped,
 *   a record out of a peer's log, a version's entry list) is asked for with Get
 *   in ranges of at most FETCH_RANGE_BYTES, at most FETCH_WINDOW of them
 *   outstanding, from one peer at a time; on a timeout, "not here" or a wrong
 *   result the next peer that offered it takes over, from the start.
 * - Logs. From every peer the log is read in pages from this node's cursor on:
 *   LogGet, LogPage, then which of its records are missing here (the caller
 *   asks the database), wants for those, and only when every record of the page
 *   is stored, known or given up as refused does the cursor move. A peer whose
 *   Ping tells a higher head is read on.
 *
 * Bounds: wants in all, bytes being assembled in all and per peer. At a bound
 * the next page is simply not asked for yet.
 */

#ifndef P2PFS_GOSSIPD_FETCH_H
#define P2PFS_GOSSIPD_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/merkle.h"
#include "core/record.h"
#include "gossipd/store.h"

#define FETCH_RANGE_BYTES (128 * 1024)
#define FETCH_WINDOW 4

struct fetch_params {
    size_t wants_max;      /* 1024 */
    size_t bytes_max;      /* assembled in all: 32 MiB */
    size_t peer_bytes_max; /* outstanding from one peer: 1 MiB */
    unsigned page_max;     /* records of a LogPage: 128 */
    unsigned timeout_ms;   /* of a range or a page: 4000 */
    unsigned retry_ms;     /* first delay after a want has no peer left: 500,
                                 doubled up to 30000 */
    unsigned tail_ms;      /* a head that moved is read after this: 300 */
    uint64_t list_max;     /* largest entry list of a version: 32 MiB */
};
void fetch_params_default(struct fetch_params *p);

enum fetch_event_kind {
    FETCH_PEER_UP, /* peer, node_id, epoch, seq: its cursor (0 where none) */
    FETCH_PEER_DOWN,
    FETCH_HEAD,    /* peer, epoch, seq: its Ping or Pong */
    FETCH_OFFER,   /* peer, record, size: gossiped without its bytes */
    FETCH_PAGE,    /* peer, epoch, after, head, rows, n_rows */
    FETCH_CHECKED, /* peer, rows: the page again, `missing` filled in */
    FETCH_DATA,    /* peer, request, status, offset, total, proof, data */
    FETCH_STORED,  /* tag, err: what became of a FETCH_STORE */
    FETCH_TICK
};

struct fetch_row {
    uint64_t seq;
    struct p2pfs_record record;
    uint32_t size;
    int missing;
};

struct fetch_event {
    enum fetch_event_kind kind;
    uint64_t peer;
    const uint8_t *node_id;
    const uint8_t *epoch; /* STORE_EPOCH_BYTES */
    uint64_t seq;
    uint64_t after;
    uint64_t head;
    const struct fetch_row *rows;
    size_t n_rows;
    const struct p2pfs_record *record;
    uint64_t size;
    uint64_t request;
    unsigned status;
    uint64_t offset;
    uint64_t total;
    const struct p2pfs_proof *proof;
    const uint8_t *data;
    size_t len;
    uint64_t tag;
    enum p2pfs_err err;
};

enum fetch_action_kind {
    FETCH_SEND_LOG_GET, /* peer, epoch, seq, max */
    FETCH_CHECK,        /* peer, rows, n_rows: which are missing? */
    FETCH_SEND_GET,     /* peer, request, record, offset, length */
    FETCH_STORE,        /* peer, tag, record, proof, data (malloc'ed, now the
                           caller's), len, from_log */
    FETCH_SAVE_CURSOR,  /* node_id, epoch, seq */
    FETCH_BLAME         /* peer, reason: it sent what it did not announce */
};

struct fetch_action {
    enum fetch_action_kind kind;
    uint64_t peer;
    const uint8_t *node_id;
    const uint8_t *epoch;
    uint64_t seq;
    unsigned max;
    const struct fetch_row *rows;
    size_t n_rows;
    uint64_t request;
    const struct p2pfs_record *record;
    const struct p2pfs_proof *proof;
    uint64_t offset;
    uint32_t length;
    uint8_t *data;
    size_t len;
    uint64_t tag;
    int from_log;
    const char *reason;
};

struct fetch;

enum p2pfs_err fetch_new(struct fetch **out, const struct fetch_params *p,
    uint64_t seed) P2PFS_MUST_CHECK;
void fetch_free(struct fetch *f);

const struct fetch_action *fetch_step(struct fetch *f,
    const struct fetch_event *e, uint64_t now_ms, size_t *n);
uint64_t fetch_deadline(const struct fetch *f);

struct fetch_stats {
    uint64_t wants, stored, timeouts, restarts, refused, dropped, pages;
    size_t active, bytes;
    int caught_up; /* every peer that is up was read to its head */
};
void fetch_stats(const struct fetch *f, struct fetch_stats *out);

#endif
