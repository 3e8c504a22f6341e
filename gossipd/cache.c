/*
 * gossipd/cache.c: the messages of the last heartbeats by id.
 *
 * A ring of entries in order of arrival, and an open-addressed index of ring
 * places by id. Ids are SHA-256 outputs, so their first bytes are the hash.
 */

#include <stdlib.h>
#include <string.h>

#include "gossipd/cache.h"

struct cache {
    struct cached *ring;
    uint32_t *index; /* place + 1; 0: free */
    size_t mask;     /* of the index, twice the entries at least */
    size_t room;
    size_t first; /* oldest entry */
    size_t count;
    size_t bare; /* how many of the oldest have lost their content */
    size_t bytes;
    size_t bytes_max;
};

enum p2pfs_err
cache_new(struct cache **out, size_t entries_max, size_t bytes_max)
{
    struct cache *c;
    size_t slots;

    *out = NULL;
    for (slots = 16; slots < 2 * entries_max; slots *= 2) {
        continue;
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return P2PFS_NO_MEMORY;
    }
    c->ring = calloc(entries_max, sizeof(*c->ring));
    c->index = calloc(slots, sizeof(*c->index));
    if (c->ring == NULL || c->index == NULL) {
        cache_free(c);
        return P2PFS_NO_MEMORY;
    }
    c->mask = slots - 1;
    c->room = entries_max;
    c->bytes_max = bytes_max;
    *out = c;
    return P2PFS_OK;
}

static size_t
home(const struct cache *c, const struct p2pfs_hash *id)
{
    uint64_t h;

    memcpy(&h, id->b, sizeof(h));
    return (size_t)h & c->mask;
}

/* The slot that holds the id, or the free one where it would stand. */
static size_t
find_slot(const struct cache *c, const struct p2pfs_hash *id)
{
    size_t s;

    for (s = home(c, id); c->index[s] != 0; s = (s + 1) & c->mask) {
        if (p2pfs_hash_cmp(&c->ring[c->index[s] - 1].id, id) == 0) {
            break;
        }
    }
    return s;
}

/* Linear probing without tombstones: later entries move up. */
static void
free_slot(struct cache *c, size_t s)
{
    size_t next, want;

    for (next = (s + 1) & c->mask; c->index[next] != 0;
         next = (next + 1) & c->mask) {
        want = home(c, &c->ring[c->index[next] - 1].id);
        if (((next - want) & c->mask) >= ((next - s) & c->mask)) {
            c->index[s] = c->index[next];
            s = next;
        }
    }
    c->index[s] = 0;
}

static void
drop_content(struct cache *c, struct cached *e)
{
    if (e->payload != NULL) {
        c->bytes -= payload_len(e->payload);
        payload_unref(e->payload);
        e->payload = NULL;
    }
    free(e->proof);
    e->proof = NULL;
}

static void
drop_oldest(struct cache *c)
{
    struct cached *e = &c->ring[c->first];

    free_slot(c, find_slot(c, &e->id));
    drop_content(c, e);
    c->first = (c->first + 1) % c->room;
    c->count--;
    c->bare -= c->bare > 0;
}

void
cache_free(struct cache *c)
{
    if (c == NULL) {
        return;
    }
    while (c->count > 0) {
        drop_oldest(c);
    }
    free(c->ring);
    free(c->index);
    free(c);
}

/* Lets contents go, oldest first, until the budget holds. */
static void
trim(struct cache *c)
{
    while (c->bytes > c->bytes_max && c->bare < c->count) {
        drop_content(c, &c->ring[(c->first + c->bare) % c->room]);
        c->bare++;
    }
}

/* An entry whose content was let go does not get one again: trim() looks at
 * each entry once. */
static int
is_bare(const struct cache *c, const struct cached *e)
{
    size_t place = (size_t)(e - c->ring);

    return (place + c->room - c->first) % c->room < c->bare;
}

static enum p2pfs_err
fill(struct cache *c, struct cached *e, const struct p2pfs_proof *proof,
    struct payload *payload)
{
    enum p2pfs_err err;

    if (is_bare(c, e)) {
        payload_unref(payload);
        return P2PFS_OK;
    }
    err = P2PFS_OK;
    if (proof != NULL && e->proof == NULL) {
        e->proof = malloc(sizeof(*proof));
        if (e->proof == NULL) {
            err = P2PFS_NO_MEMORY;
        } else {
            *e->proof = *proof;
        }
    }
    if (e->payload == NULL && payload != NULL && err == P2PFS_OK) {
        e->payload = payload;
        c->bytes += payload_len(payload);
        return P2PFS_OK;
    }
    payload_unref(payload);
    return err;
}

enum p2pfs_err
cache_put(struct cache *c, const struct p2pfs_hash *id,
    const struct p2pfs_record *record, uint32_t size,
    const struct p2pfs_proof *proof, struct payload *payload)
{
    enum p2pfs_err err;
    struct cached *e;
    size_t place, s;

    s = find_slot(c, id);
    if (c->index[s] == 0) {
        if (c->count == c->room) {
            drop_oldest(c);
            s = find_slot(c, id);
        }
        place = (c->first + c->count) % c->room;
        c->index[s] = (uint32_t)place + 1;
        c->count++;
        e = &c->ring[place];
        memset(e, 0, sizeof(*e));
        e->id = *id;
        e->record = *record;
        e->size = size;
    }
    err = fill(c, &c->ring[c->index[s] - 1], proof, payload);
    trim(c);
    return err;
}

const struct cached *
cache_find(const struct cache *c, const struct p2pfs_hash *id)
{
    size_t s = find_slot(c, id);

    return c->index[s] == 0 ? NULL : &c->ring[c->index[s] - 1];
}

size_t
cache_entries(const struct cache *c)
{
    return c->count;
}

size_t
cache_bytes(const struct cache *c)
{
    return c->bytes;
}
