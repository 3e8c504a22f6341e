/*
 * gossipd/fetch.h: pulling the bytes of records from peers, and reading their
 * logs; a pure state machine like gossipd/mesh.h.
 *
 *     fetch_step(fetch, event, now) -> actions
 *
 * No sockets, clock, threads or database in here. Time is milliseconds of a
 * monotonic clock. Two jobs in one table, because they share the budget:
 *
 * - Wants. A record whose bytes are not here (a large file that was gossiped,
 *   a record out of a peer's log, a version's entry list) is asked for with Get
 *   in ranges of at most FETCH_RANGE_BYTES, at most FETCH_WINDOW of them
 *   outstanding, from one peer at a time; on a timeout, "not here" or wrong
 *   bytes the next peer that offered it takes over, from the start. Where
 *   nobody is left the want rests and starts again, at growing distances.
 * - Logs. From every peer the log is read in pages from this node's cursor on:
 *   LogGet, LogPage, then which of its records are missing here (the caller
 *   asks the database), wants for those. One page is asked ahead while another
 *   is being stored. A peer whose Ping tells another head is read on.
 *
 * A cursor (FETCH_SAVE_CURSOR, at page ends) never moves past a record that is
 * neither stored nor refused. A record that nobody delivers does not stop the
 * reading: after some rounds the reading goes on behind it, the cursor stays
 * before it, and its want goes on resting and trying while the peer is there.
 *
 * Whether bytes are right is the store's to say (FETCH_STORED). What this file
 * checks is shape: offsets, lengths, totals, the place of the proof, the order
 * of a page; who breaks it gets FETCH_BLAME.
 *
 * Everything is bounded: peers, wants, providers of a want, pages of a peer,
 * bytes asked for in all and per peer. At a bound nothing more is asked for; an
 * offer that finds no room is dropped, the log brings the record again.
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
    size_t peers_max;           /* 256; more are not read from */
    size_t wants_max;           /* 1024 */
    size_t bytes_max;           /* asked for or being stored: 32 MiB */
    size_t peer_bytes_max;      /* outstanding from one peer: 1 MiB */
    unsigned peer_requests_max; /* the same, in requests: 64 */
    unsigned page_max;          /* records of a LogPage: 128 */
    unsigned timeout_ms;        /* 4000: of a page; of a range while its peer
                                   sends nothing, four times that in all */
    unsigned retry_ms;          /* 500: first rest of a want that nobody
                                   delivers, doubled .. */
    unsigned retry_max_ms;      /* .. up to 30000 */
    unsigned tail_ms;           /* 300: a head that moved is read after this */
    uint64_t file_max;          /* the network's largest file: 1 MiB */
    uint64_t list_max;          /* largest entry list of a version: 32 MiB */
};
void fetch_params_default(struct fetch_params *p);

enum fetch_event_kind {
    FETCH_PEER_UP,   /* peer, node_id, epoch, seq: this node's cursor in its
                        log; epoch NULL where there is none */
    FETCH_PEER_DOWN, /* peer: all that is asked of it goes */
    FETCH_HEAD,      /* peer, epoch, seq: its Ping or Pong */
    FETCH_OFFER,     /* peer, record, size: gossiped without its bytes, and not
                        stored here */
    FETCH_PAGE,      /* peer, epoch, after, head, rows, n_rows: a LogPage */
    FETCH_CHECKED,   /* peer, rows, n_rows: a FETCH_CHECK's rows in their order,
                        `missing` filled in */
    FETCH_DATA,      /* peer, request, status, offset, total, proof, data, len;
                        proof NULL or empty: none */
    FETCH_STORED, /* tag, err: what became of a FETCH_STORE. Comes for each */
    FETCH_TICK    /* when fetch_deadline() is due */
};

#define FETCH_STATUS_OK 0
#define FETCH_STATUS_NOT_HERE 1
#define FETCH_STATUS_BUSY 2

struct fetch_row {
    uint64_t seq;
    struct p2pfs_record record;
    uint32_t size; /* F: bytes of the content; V: not used */
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
    FETCH_SEND_LOG_GET, /* peer, epoch (NULL: unknown), seq, max */
    FETCH_CHECK,        /* peer, rows, n_rows: which are missing? Asked again
                           where no answer comes */
    FETCH_SEND_GET,     /* peer, request, record, offset, length; length 0 only
                           of a record without bytes */
    FETCH_STORE,        /* peer, tag, record, proof, data (malloc'ed, now the
                           caller's; never NULL), len, from_log */
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

/* seed: of the jitter of rests. NO_MEMORY, INTERNAL. */
enum p2pfs_err fetch_new(struct fetch **out, const struct fetch_params *p,
    uint64_t seed) P2PFS_MUST_CHECK;
void fetch_free(struct fetch *f); /* takes NULL */

/*
 * Returns the actions of this step, in order, *n of them. They and what they
 * point to are valid until the next step (a FETCH_STORE's data: see there).
 *
 * FETCH_STORED, by err. OK: stored or here already. BAD_SET_ID, BAD_INDEX,
 * BAD_SET_COUNT, INDEX_OUT_OF_RANGE, BODY_TOO_LARGE: the record itself is
 * impossible, refused for good. NOT_IN_ROOT, BAD_HASH and the like: the bytes
 * are wrong, another peer is asked. STORE_FULL: everything pauses, then one
 * want at a time probes. All else (FILE_NOT_FOUND of a version whose files are
 * still on their way, STORE_UNAVAILABLE, ..): asked for again later.
 */
const struct fetch_action *fetch_step(struct fetch *f,
    const struct fetch_event *e, uint64_t now_ms, size_t *n);

/* When the next TICK is due; UINT64_MAX: nothing is waited for. */
uint64_t fetch_deadline(const struct fetch *f);

struct fetch_stats {
    uint64_t wants; /* ever made */
    uint64_t stored;
    uint64_t timeouts; /* of ranges and pages */
    uint64_t restarts; /* with another peer */
    uint64_t refused;  /* records that are impossible or above a limit */
    uint64_t dropped;  /* offers and wants given up, peers above the cap */
    uint64_t pages;
    uint64_t blamed;
    size_t active; /* wants now */
    size_t passed; /* of them: the reading went on behind */
    size_t bytes;  /* asked for or being stored */
    int full;      /* the store said so, and nothing was stored since */
    int caught_up; /* every peer that is up was read to its head */
};
void fetch_stats(const struct fetch *f, struct fetch_stats *out);

#endif
