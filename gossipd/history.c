/*
 * gossipd/history.c: the ring of recent ids. Entries are numbered as they come;
 * number modulo `max` is the slot, and a window is a range of numbers.
 */

#include "gossipd/history.h"

#include <stdlib.h>
#include <string.h>

#include "gossipd/table.h"

struct entry {
    struct p2pfs_hash id;
    unsigned topic;
};

struct history {
    size_t max;
    unsigned windows;
    uint64_t first, end; /* numbers held: first .. end - 1 */
    uint64_t *start;     /* start[w]: first number of window w */
    struct entry *ring;
    struct table *number; /* id -> uint64_t */
};

enum p2pfs_err
history_new(struct history **out, unsigned windows, size_t max, uint64_t seed)
{
    enum p2pfs_err err = P2PFS_NO_MEMORY;
    struct history *h;

    *out = NULL;
    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return P2PFS_NO_MEMORY;
    }
    h->max = max == 0 ? 1 : max;
    h->windows = windows == 0 ? 1 : windows;
    h->start = calloc(h->windows, sizeof(h->start[0]));
    h->ring = calloc(h->max, sizeof(h->ring[0]));
    if (h->start == NULL || h->ring == NULL) {
        goto failed;
    }
    err = table_new(&h->number, sizeof(struct p2pfs_hash), sizeof(uint64_t),
        h->max, seed);
    if (err != P2PFS_OK) {
        goto failed;
    }
    *out = h;
    return P2PFS_OK;

failed:
    history_free(h);
    return err;
}

void
history_free(struct history *h)
{
    if (h != NULL) {
        table_free(h->number);
        free(h->ring);
        free(h->start);
        free(h);
    }
}

static void
drop_oldest(struct history *h)
{
    void *number = table_get(h->number, &h->ring[h->first % h->max].id);

    table_del(h->number, number);
    h->first++;
}

int
history_put(struct history *h, const struct p2pfs_hash *id, unsigned topic,
    size_t *slot)
{
    struct entry *e;
    uint64_t *number;

    if (table_get(h->number, id) != NULL) {
        return 0;
    }
    if (h->end - h->first == h->max) {
        drop_oldest(h);
    }
    number = table_add(h->number, id);
    if (number == NULL) {
        return 0;
    }
    *number = h->end++;
    *slot = *number % h->max;
    e = &h->ring[*slot];
    e->id = *id;
    e->topic = topic;
    return 1;
}

int
history_find(const struct history *h, const struct p2pfs_hash *id,
    unsigned *topic, size_t *slot)
{
    const uint64_t *number = table_get(h->number, id);

    if (number == NULL) {
        return 0;
    }
    *slot = *number % h->max;
    *topic = h->ring[*slot].topic;
    return 1;
}

void
history_shift(struct history *h)
{
    unsigned last = h->windows - 1;
    uint64_t keep = last == 0 ? h->end : h->start[last - 1];

    while (h->first < keep) {
        drop_oldest(h);
    }
    memmove(h->start + 1, h->start, last * sizeof(h->start[0]));
    h->start[0] = h->end;
}

size_t
history_ids(const struct history *h, unsigned topic, unsigned from, unsigned to,
    struct p2pfs_hash *out)
{
    uint64_t at, end;
    size_t n = 0;

    if (to > h->windows) {
        to = h->windows;
    }
    if (from >= to) {
        return 0;
    }
    at = h->start[to - 1] < h->first ? h->first : h->start[to - 1];
    end = from == 0 ? h->end : h->start[from - 1];
    for (; at < end; at++) {
        const struct entry *e = &h->ring[at % h->max];

        if (e->topic == topic) {
            out[n++] = e->id;
        }
    }
    return n;
}

size_t
history_size(const struct history *h)
{
    return h->end - h->first;
}
