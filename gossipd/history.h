/*
 * gossipd/history.h: ids of the messages of the last heartbeats.
 *
 * A ring of at most `max` ids in the order they went out, cut into windows of
 * one heartbeat each. Window 0 is the one being filled. What is in the ring is
 * announced in IHAVE and served to IWANT; the bytes themselves are in the
 * database. At the cap the oldest id leaves early.
 *
 * Each id has a slot, 0 .. max - 1, its own until it leaves: callers keep
 * counters by slot.
 *
 * Source: gossipsub v1.0, "Message Cache".
 */

#ifndef P2PFS_GOSSIPD_HISTORY_H
#define P2PFS_GOSSIPD_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"

struct history;

enum p2pfs_err history_new(struct history **out, unsigned windows, size_t max,
    uint64_t seed) P2PFS_MUST_CHECK;
void history_free(struct history *h); /* takes NULL */

/* 1 and *slot; 0 where the id is there already (it keeps its window), or out
 * of memory. */
int history_put(struct history *h, const struct p2pfs_hash *id, unsigned topic,
    size_t *slot);

/* 1 with topic and slot, or 0. */
int history_find(const struct history *h, const struct p2pfs_hash *id,
    unsigned *topic, size_t *slot);

/* A heartbeat: opens a new window, the oldest one leaves. */
void history_shift(struct history *h);

/*
 * Ids of a topic in the windows from .. to - 1, oldest first, into out[0 .. max
 * of the history]. Returns how many.
 */
size_t history_ids(const struct history *h, unsigned topic, unsigned from,
    unsigned to, struct p2pfs_hash *out);

size_t history_size(const struct history *h);

#endif
