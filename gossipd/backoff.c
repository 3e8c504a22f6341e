/*
 * gossipd/backoff.c: the table of prune backoffs.
 */

#include "gossipd/backoff.h"

#include <stdlib.h>

#include "gossipd/table.h"

struct key {
    uint64_t peer;
    uint64_t topic;
};

struct backoff {
    struct table *until; /* struct key -> uint64_t */
};

enum p2pfs_err
backoff_new(struct backoff **out, size_t max, uint64_t seed)
{
    enum p2pfs_err err;
    struct backoff *b;

    *out = NULL;
    b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return P2PFS_NO_MEMORY;
    }
    err = table_new(&b->until, sizeof(struct key), sizeof(uint64_t), max, seed);
    if (err != P2PFS_OK) {
        free(b);
        return err;
    }
    *out = b;
    return P2PFS_OK;
}

void
backoff_free(struct backoff *b)
{
    if (b != NULL) {
        table_free(b->until);
        free(b);
    }
}

void
backoff_set(struct backoff *b, uint64_t peer, unsigned topic, uint64_t until)
{
    struct key key = {peer, topic};
    uint64_t *entry = table_get(b->until, &key);

    if (entry == NULL) {
        entry = table_add(b->until, &key);
    }
    if (entry == NULL && table_first(b->until) != NULL) {
        table_del(b->until, table_first(b->until));
        entry = table_add(b->until, &key);
    }
    if (entry != NULL && *entry < until) {
        *entry = until;
    }
}

uint64_t
backoff_until(const struct backoff *b, uint64_t peer, unsigned topic)
{
    struct key key = {peer, topic};
    const uint64_t *entry = table_get(b->until, &key);

    return entry == NULL ? 0 : *entry;
}

void
backoff_drop_peer(struct backoff *b, uint64_t peer)
{
    uint64_t *entry, *next;
    const struct key *key;

    for (entry = table_first(b->until); entry != NULL; entry = next) {
        next = table_next(b->until, entry);
        key = table_key(b->until, entry);
        if (key->peer == peer) {
            table_del(b->until, entry);
        }
    }
}

void
backoff_sweep(struct backoff *b, uint64_t before)
{
    uint64_t *entry, *next;

    for (entry = table_first(b->until); entry != NULL; entry = next) {
        next = table_next(b->until, entry);
        if (*entry < before) {
            table_del(b->until, entry);
        }
    }
}

size_t
backoff_size(const struct backoff *b)
{
    return table_size(b->until);
}
