/*
 * gossipd/fetch.c: events in, actions out; peers, timers and figures.
 */

#include <stdlib.h>
#include <string.h>

#include "core/frame.h"
#include "gossipd/fetch_int.h"

void
fetch_params_default(struct fetch_params *p)
{
    *p = (struct fetch_params){
        .peers_max = 256,
        .wants_max = 1024,
        .bytes_max = 32u << 20,
        .peer_bytes_max = 1u << 20,
        .peer_requests_max = 64,
        .page_max = 128,
        .timeout_ms = 4000,
        .retry_ms = 500,
        .retry_max_ms = 30000,
        .tail_ms = 300,
        .file_max = P2PFS_FILE_BYTES_MAX,
        .list_max = 32u << 20,
    };
}

enum p2pfs_err
fetch_new(struct fetch **out, const struct fetch_params *p, uint64_t seed)
{
    struct fetch *f;
    enum p2pfs_err err = P2PFS_NO_MEMORY;

    *out = NULL;
    f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return P2PFS_NO_MEMORY;
    }

    f->params = *p;
    rng_init(&f->rng, seed);
    f->salt = rng_next(&f->rng);
    f->deadline = NEVER;
    for (f->n_buckets = 16; f->n_buckets < p->wants_max; f->n_buckets *= 2) {
    }

    f->peer = calloc(p->peers_max, sizeof(struct peer *));
    f->slot = calloc(p->wants_max, sizeof(struct want *));
    f->bucket = calloc(f->n_buckets, sizeof(struct want *));
    if (f->peer == NULL || f->slot == NULL || f->bucket == NULL) {
        goto failed;
    }
    err = p2pfs_hasher_new(&f->hasher);
    if (err != P2PFS_OK) {
        goto failed;
    }

    *out = f;
    return P2PFS_OK;

failed:
    fetch_free(f);
    return err;
}

static void
exhume(struct fetch *f)
{
    struct grave *g;

    while ((g = f->graves) != NULL) {
        f->graves = g->next;
        free(g);
    }
}

void
fetch_free(struct fetch *f)
{
    size_t i;

    if (f == NULL) {
        return;
    }
    for (i = 0; f->peer != NULL && i < f->n_peers; i++) {
        log_forget(f, f->peer[i]);
        free(f->peer[i]);
    }
    for (i = 0; f->slot != NULL && i < f->params.wants_max; i++) {
        if (f->slot[i] != NULL) {
            free(f->slot[i]->data);
            free(f->slot[i]);
        }
    }
    exhume(f);
    p2pfs_hasher_free(f->hasher);
    free(f->bucket);
    free(f->slot);
    free(f->peer);
    free(f->action);
    free(f);
}

struct fetch_action *
fetch_act(struct fetch *f, enum fetch_action_kind kind, struct peer *p)
{
    struct fetch_action *a;
    size_t room;

    if (f->n_actions == f->actions_room) {
        room = f->actions_room == 0 ? 64 : 2 * f->actions_room;
        a = realloc(f->action, room * sizeof(*a));
        if (a == NULL) {
            return NULL;
        }
        f->action = a;
        f->actions_room = room;
    }

    a = &f->action[f->n_actions++];
    memset(a, 0, sizeof(*a));
    a->kind = kind;
    a->peer = p == NULL ? 0 : p->number;
    return a;
}

void
fetch_blame(struct fetch *f, struct peer *p, const char *reason)
{
    struct fetch_action *a = fetch_act(f, FETCH_BLAME, p);

    f->stats.blamed++;
    if (a != NULL) {
        a->reason = reason;
    }
}

void
fetch_bury(struct fetch *f, struct grave *g)
{
    g->next = f->graves;
    f->graves = g;
}

/* retry_ms doubled per try, up to retry_max_ms, from 3/4 to 5/4 of it. */
uint64_t
fetch_backoff(struct fetch *f, unsigned tries)
{
    uint64_t ms = f->params.retry_ms;

    while (tries > 1 && ms < f->params.retry_max_ms) {
        ms *= 2;
        tries--;
    }
    if (ms > f->params.retry_max_ms) {
        ms = f->params.retry_max_ms;
    }
    return ms * 3 / 4 + rng_below(&f->rng, ms / 2 + 1) + 1;
}

/* Never used twice, and tells the slot of its want. */
uint64_t
fetch_number(struct fetch *f, size_t slot)
{
    f->serial++;
    return f->serial * f->params.wants_max + slot;
}

static struct peer *
find_peer(struct fetch *f, uint64_t number)
{
    size_t i;

    for (i = 0; i < f->n_peers; i++) {
        if (f->peer[i]->number == number) {
            return f->peer[i];
        }
    }
    return NULL;
}

static void
peer_up(struct fetch *f, const struct fetch_event *e, uint64_t now)
{
    struct peer *p;

    if (find_peer(f, e->peer) != NULL) {
        return;
    }
    p = f->n_peers == f->params.peers_max ? NULL : calloc(1, sizeof(*p));
    if (p == NULL) {
        f->stats.dropped++;
        return;
    }

    p->number = e->peer;
    memcpy(p->node_id, e->node_id, sizeof(p->node_id));
    if (e->epoch != NULL) {
        memcpy(p->epoch, e->epoch, sizeof(p->epoch));
        p->has_epoch = 1;
        p->saved = e->seq;
        p->read = e->seq;
    }
    p->next_at = now;
    f->peer[f->n_peers++] = p;
}

static void
peer_down(struct fetch *f, struct peer *p, uint64_t now)
{
    size_t i;

    log_forget(f, p);
    for (i = 0; i < f->params.wants_max; i++) {
        if (f->slot[i] != NULL) {
            want_lose_peer(f, f->slot[i], p, now);
        }
    }

    for (i = 0; f->peer[i] != p; i++) {
    }
    f->peer[i] = f->peer[--f->n_peers];
    fetch_bury(f, &p->grave);
}

static void
expire(struct fetch *f, uint64_t now)
{
    size_t i;

    for (i = 0; i < f->n_peers; i++) {
        log_expire(f, f->peer[i], now);
    }
    for (i = 0; i < f->params.wants_max; i++) {
        if (f->slot[i] != NULL) {
            pull_expire(f, f->slot[i], now);
        }
    }
}

/* Everything but STORED and TICK comes from a peer, and is void without it. */
static void
dispatch(struct fetch *f, const struct fetch_event *e, uint64_t now)
{
    struct peer *p = find_peer(f, e->peer);

    if (p == NULL && e->kind != FETCH_STORED && e->kind != FETCH_PEER_UP) {
        return;
    }
    switch (e->kind) {
    case FETCH_PEER_UP: peer_up(f, e, now); break;
    case FETCH_PEER_DOWN: peer_down(f, p, now); break;
    case FETCH_HEAD: log_head_told(f, p, e, now); break;
    case FETCH_OFFER: want_offer(f, p, e->record, e->size); break;
    case FETCH_PAGE: log_page(f, p, e, now); break;
    case FETCH_CHECKED: log_checked(f, p, e); break;
    case FETCH_DATA: pull_data(f, p, e, now); break;
    case FETCH_STORED: stored_answer(f, e, now); break;
    case FETCH_TICK: break;
    }
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t
next_deadline(const struct fetch *f, uint64_t now)
{
    const struct peer *p;
    uint64_t due = NEVER;
    size_t i;

    for (i = 0; i < f->n_peers; i++) {
        p = f->peer[i];
        due = earlier(due, log_deadline(p, now));
        if (p->pause_until > now) {
            due = earlier(due, p->pause_until);
        }
    }
    for (i = 0; i < f->params.wants_max; i++) {
        if (f->slot[i] != NULL) {
            due = earlier(due, pull_deadline(f, f->slot[i]));
        }
    }
    if (f->full_until > now) {
        due = earlier(due, f->full_until);
    }
    return due;
}

const struct fetch_action *
fetch_step(struct fetch *f, const struct fetch_event *e, uint64_t now_ms,
    size_t *n)
{
    size_t i;

    exhume(f);
    f->n_actions = 0;

    dispatch(f, e, now_ms);
    if (now_ms >= f->deadline) {
        expire(f, now_ms);
    }
    for (i = 0; i < f->n_peers; i++) {
        log_run(f, f->peer[i], now_ms);
    }
    pull_run(f, now_ms);
    f->deadline = next_deadline(f, now_ms);

    *n = f->n_actions;
    return f->action;
}

uint64_t
fetch_deadline(const struct fetch *f)
{
    return f->deadline;
}

void
fetch_stats(const struct fetch *f, struct fetch_stats *out)
{
    size_t i;

    *out = f->stats;
    out->active = f->n_wants;
    out->passed = f->n_passed;
    out->bytes = f->bytes;
    out->full = f->full;
    out->caught_up = 1;
    for (i = 0; i < f->n_peers; i++) {
        out->caught_up = out->caught_up && log_caught_up(f->peer[i]);
    }
}
