/*
 * gossipd/seen.c: two tables, of ids in validation and of settled ids.
 */

#include "gossipd/seen.h"

#include <stdlib.h>
#include <string.h>

#include "gossipd/table.h"

struct settled {
    uint64_t first_ms;
    enum seen_state state;
};

struct seen {
    uint64_t ttl_ms;
    struct table *pending; /* id -> struct seen_pending */
    struct table *settled; /* id -> struct settled */
};

enum p2pfs_err
seen_new(struct seen **out, size_t max, size_t validating_max, uint64_t ttl_ms,
    uint64_t seed)
{
    enum p2pfs_err err;
    struct seen *s;

    *out = NULL;
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return P2PFS_NO_MEMORY;
    }
    s->ttl_ms = ttl_ms;
    err = table_new(&s->pending, sizeof(struct p2pfs_hash),
        sizeof(struct seen_pending), validating_max, seed);
    if (err == P2PFS_OK) {
        err = table_new(&s->settled, sizeof(struct p2pfs_hash),
            sizeof(struct settled), max, seed);
    }
    if (err != P2PFS_OK) {
        seen_free(s);
        return err;
    }
    *out = s;
    return P2PFS_OK;
}

static void
end_pending(struct seen *s, struct seen_pending *p)
{
    free(p->senders);
    table_del(s->pending, p);
}

void
seen_free(struct seen *s)
{
    struct seen_pending *p;

    if (s == NULL) {
        return;
    }
    if (s->pending != NULL) {
        while ((p = table_first(s->pending)) != NULL) {
            end_pending(s, p);
        }
    }
    table_free(s->pending);
    table_free(s->settled);
    free(s);
}

static int
expired(const struct seen *s, uint64_t first_ms, uint64_t now_ms)
{
    return now_ms >= first_ms + s->ttl_ms;
}

enum seen_state
seen_get(const struct seen *s, const struct p2pfs_hash *id, uint64_t now_ms)
{
    const struct settled *e;

    if (table_get(s->pending, id) != NULL) {
        return SEEN_VALIDATING;
    }
    e = table_get(s->settled, id);
    if (e == NULL || expired(s, e->first_ms, now_ms)) {
        return SEEN_NONE;
    }
    return e->state;
}

/* Room for one sender, doubled when full. Without memory the sender is not
 * remembered: it may get one copy back. */
static void
add_sender(struct seen_pending *p, uint64_t sender)
{
    size_t room = p->room == 0 ? 4 : p->room * 2;
    uint64_t *senders;

    if (p->n_senders == p->room) {
        senders = realloc(p->senders, room * sizeof(senders[0]));
        if (senders == NULL) {
            return;
        }
        p->senders = senders;
        p->room = room;
    }
    p->senders[p->n_senders++] = sender;
}

int
seen_begin(struct seen *s, const struct p2pfs_hash *id, unsigned topic,
    uint64_t sender, uint64_t now_ms)
{
    struct seen_pending *p = table_add(s->pending, id);

    if (p == NULL) {
        return -1;
    }
    p->first_ms = now_ms;
    p->topic = topic;
    add_sender(p, sender);
    if (p->n_senders == 0) {
        table_del(s->pending, p);
        return -1;
    }
    return 0;
}

void
seen_add_sender(struct seen *s, const struct p2pfs_hash *id, uint64_t sender)
{
    struct seen_pending *p = table_get(s->pending, id);

    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->n_senders; i++) {
        if (p->senders[i] == sender) {
            return;
        }
    }
    add_sender(p, sender);
}

const struct seen_pending *
seen_pending(const struct seen *s, const struct p2pfs_hash *id)
{
    return table_get(s->pending, id);
}

int
seen_settle(struct seen *s, const struct p2pfs_hash *id, enum seen_state state,
    uint64_t now_ms)
{
    struct seen_pending *p = table_get(s->pending, id);
    struct settled *e = table_get(s->settled, id);
    uint64_t first_ms = now_ms;
    int dropped = 0;

    if (e != NULL && expired(s, e->first_ms, now_ms)) {
        table_del(s->settled, e);
        e = NULL;
    }
    if (p != NULL) {
        first_ms = p->first_ms;
        end_pending(s, p);
    }
    if (state == SEEN_NONE) {
        if (e != NULL) {
            table_del(s->settled, e);
        }
        return 0;
    }
    if (e == NULL) {
        e = table_add(s->settled, id);
        if (e == NULL && table_first(s->settled) != NULL) {
            dropped = 1;
            table_del(s->settled, table_first(s->settled));
            e = table_add(s->settled, id);
        }
        if (e == NULL) {
            return 1;
        }
        e->first_ms = first_ms;
    }
    e->state = state;
    return dropped;
}

void
seen_drop_peer(struct seen *s, uint64_t peer)
{
    struct seen_pending *p;

    for (p = table_first(s->pending); p != NULL;
         p = table_next(s->pending, p)) {
        if (p->senders[0] == peer) {
            p->senders[0] = SEEN_NOBODY;
        }
        for (size_t i = 1; i < p->n_senders; i++) {
            if (p->senders[i] == peer) {
                p->n_senders--;
                memmove(p->senders + i, p->senders + i + 1,
                    (p->n_senders - i) * sizeof(p->senders[0]));
                break;
            }
        }
    }
}

/*
 * Both tables are in order of first sight: pending exactly, settled up to the
 * time that validation took, and seen_get looks at the time itself.
 */
void
seen_sweep(struct seen *s, uint64_t now_ms)
{
    struct seen_pending *p;
    struct settled *e;

    while ((p = table_first(s->pending)) != NULL
        && expired(s, p->first_ms, now_ms)) {
        end_pending(s, p);
    }
    while ((e = table_first(s->settled)) != NULL
        && expired(s, e->first_ms, now_ms)) {
        table_del(s->settled, e);
    }
}

size_t
seen_size(const struct seen *s)
{
    return table_size(s->settled);
}

size_t
seen_validating(const struct seen *s)
{
    return table_size(s->pending);
}
