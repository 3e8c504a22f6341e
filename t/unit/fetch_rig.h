/*
 * t/unit/fetch_rig.h: a fetch object on a bench: events in by short calls, the
 * actions of the last step at hand, every table audited after each.
 */

#ifndef P2PFS_T_FETCH_RIG_H
#define P2PFS_T_FETCH_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/unit/fetch_audit.h"

struct rig {
    struct fetch *f;
    uint64_t now;
    const struct fetch_action *a;
    size_t n;
};

static const uint8_t rig_epoch[STORE_EPOCH_BYTES] = {7, 7, 7};
static const uint8_t rig_epoch2[STORE_EPOCH_BYTES] = {8, 8, 8};

static void
rig_init(struct rig *r, const struct fetch_params *p)
{
    struct fetch_params standard;

    if (p == NULL) {
        fetch_params_default(&standard);
        p = &standard;
    }
    memset(r, 0, sizeof(*r));
    r->now = 100000;
    assert_int_equal(fetch_new(&r->f, p, 42), P2PFS_OK);
}

static void
rig_fini(struct rig *r)
{
    fetch_free(r->f);
}

static void
rig_step(struct rig *r, const struct fetch_event *e)
{
    r->a = fetch_step(r->f, e, r->now, &r->n);
    audit(r->f);
}

static size_t
rig_count(const struct rig *r, enum fetch_action_kind kind)
{
    size_t i, n = 0;

    for (i = 0; i < r->n; i++) {
        n += r->a[i].kind == kind;
    }
    return n;
}

/* Action number i of a kind. */
static const struct fetch_action *
rig_nth(const struct rig *r, enum fetch_action_kind kind, size_t i)
{
    size_t k;

    for (k = 0; k < r->n; k++) {
        if (r->a[k].kind == kind && i-- == 0) {
            return &r->a[k];
        }
    }
    fail_msg("no such action");
    return NULL;
}

static inline const struct fetch_action *
rig_only(const struct rig *r, enum fetch_action_kind kind)
{
    assert_int_equal(rig_count(r, kind), 1);
    return rig_nth(r, kind, 0);
}

static inline void
rig_up(struct rig *r, uint64_t peer, const uint8_t *epoch, uint64_t seq)
{
    uint8_t node[32] = {(uint8_t)peer};
    struct fetch_event e = {.kind = FETCH_PEER_UP,
        .peer = peer,
        .node_id = node,
        .epoch = epoch,
        .seq = seq};

    rig_step(r, &e);
}

static inline void
rig_down(struct rig *r, uint64_t peer)
{
    struct fetch_event e = {.kind = FETCH_PEER_DOWN, .peer = peer};

    rig_step(r, &e);
}

/* To the next deadline, which must come within `within` ms. */
static inline void
rig_tick(struct rig *r, uint64_t within)
{
    struct fetch_event e = {.kind = FETCH_TICK};
    uint64_t due = fetch_deadline(r->f);

    assert_true(due >= r->now && due <= r->now + within);
    r->now = due;
    rig_step(r, &e);
    assert_true(fetch_deadline(r->f) > r->now);
}

static inline struct p2pfs_record
rig_file(unsigned number)
{
    struct p2pfs_record r;

    memset(&r, 0, sizeof(r));
    r.kind = P2PFS_RECORD_FILE;
    r.id_len = (uint8_t)snprintf(r.id, sizeof(r.id), "set");
    r.n = 100000;
    r.index = number;
    r.entry.b[0] = (uint8_t)number;
    r.entry.b[1] = (uint8_t)(number >> 8);
    return r;
}

static inline struct p2pfs_record
rig_version(unsigned n)
{
    struct p2pfs_record r;

    memset(&r, 0, sizeof(r));
    r.kind = P2PFS_RECORD_VERSION;
    r.id_len = (uint8_t)snprintf(r.id, sizeof(r.id), "set");
    r.n = n;
    r.root.b[0] = 1;
    return r;
}

static inline void
rig_offer(struct rig *r, uint64_t peer, const struct p2pfs_record *record,
    uint64_t size)
{
    struct fetch_event e = {.kind = FETCH_OFFER,
        .peer = peer,
        .record = record,
        .size = size};

    rig_step(r, &e);
}

/* Answers a SEND_GET as asked, with bytes that tell their place. */
static inline void
rig_data(struct rig *r, const struct fetch_action *get, uint64_t total)
{
    static uint8_t bytes[FETCH_RANGE_BYTES];
    struct fetch_event e = {.kind = FETCH_DATA,
        .peer = get->peer,
        .request = get->request,
        .offset = get->offset,
        .total = total,
        .data = bytes,
        .len = get->length};
    size_t i;

    for (i = 0; i < get->length; i++) {
        bytes[i] = (uint8_t)((get->offset + i) * 3 >> 4);
    }
    rig_step(r, &e);
}

static inline void
rig_status(struct rig *r, const struct fetch_action *get, unsigned status)
{
    struct fetch_event e = {.kind = FETCH_DATA,
        .peer = get->peer,
        .request = get->request,
        .offset = get->offset,
        .status = status};

    rig_step(r, &e);
}

/* The caller's part of a FETCH_STORE: takes the data, answers. */
static inline void
rig_stored(struct rig *r, const struct fetch_action *store, enum p2pfs_err err)
{
    struct fetch_event e = {.kind = FETCH_STORED,
        .tag = store->tag,
        .err = err};

    free(store->data);
    rig_step(r, &e);
}

static inline struct fetch_stats
rig_stats(const struct rig *r)
{
    struct fetch_stats s;

    fetch_stats(r->f, &s);
    return s;
}

/* One page of files first .. first + n - 1, at seq first + 1 on. */
static inline void
rig_page(struct rig *r, uint64_t peer, unsigned first, unsigned n,
    uint64_t head)
{
    struct fetch_row rows[256];
    struct fetch_event e = {.kind = FETCH_PAGE,
        .peer = peer,
        .epoch = rig_epoch,
        .after = first,
        .head = head,
        .rows = rows,
        .n_rows = n};
    unsigned i;

    for (i = 0; i < n; i++) {
        rows[i] = (struct fetch_row){.seq = first + i + 1,
            .record = rig_file(first + i),
            .size = 1000};
    }
    rig_step(r, &e);
}

/* Answers the FETCH_CHECK of the last step: rows[i] is missing(i)? */
static inline void
rig_checked(struct rig *r, const struct fetch_action *check,
    int (*missing)(const struct fetch_row *row))
{
    struct fetch_row rows[256];
    struct fetch_event e = {.kind = FETCH_CHECKED,
        .peer = check->peer,
        .rows = rows,
        .n_rows = check->n_rows};
    size_t i;

    for (i = 0; i < check->n_rows; i++) {
        rows[i] = check->rows[i];
        rows[i].missing = missing(&rows[i]);
    }
    rig_step(r, &e);
}

static inline int
rig_all(const struct fetch_row *row)
{
    (void)row;
    return 1;
}

static inline int
rig_none(const struct fetch_row *row)
{
    (void)row;
    return 0;
}

#endif
