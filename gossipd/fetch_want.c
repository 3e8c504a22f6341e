/*
 * gossipd/fetch_want.c: the table of wants: who offers a record, which rows
 * wait for it, and how a want ends.
 */

#include <stdlib.h>
#include <string.h>

#include "gossipd/fetch_int.h"

static struct want **
bucket_of(struct fetch *f, const struct p2pfs_hash *id)
{
    uint64_t h;

    memcpy(&h, id->b, sizeof(h));
    h = (h ^ f->salt) * 0x9e3779b97f4a7c15u;
    return &f->bucket[(h >> 32) & (f->n_buckets - 1)];
}

static struct want *
find(struct fetch *f, const struct p2pfs_hash *id)
{
    struct want *w = *bucket_of(f, id);

    while (w != NULL && p2pfs_hash_cmp(&w->id, id) != 0) {
        w = w->chain;
    }
    return w;
}

struct want *
want_of_number(struct fetch *f, uint64_t number)
{
    return f->slot[number % f->params.wants_max];
}

/* Sizes of versions are known by n; those of files are only told. */
static uint64_t
size_of(const struct p2pfs_record *r, uint64_t told)
{
    return r->kind == P2PFS_RECORD_VERSION ? (uint64_t)r->n * 32 : told;
}

int
want_within_limits(const struct fetch *f, const struct p2pfs_record *r,
    uint64_t size)
{
    if (r->kind == P2PFS_RECORD_VERSION) {
        return size_of(r, size) <= f->params.list_max;
    }
    return size <= f->params.file_max;
}

static void
add_provider(struct want *w, struct peer *p, uint64_t size)
{
    unsigned i;

    for (i = 0; i < w->n_from; i++) {
        if (w->from[i].peer == p) {
            return;
        }
    }
    if (w->n_from < PROVIDERS_MAX) {
        w->from[w->n_from].peer = p;
        w->from[w->n_from].size = size_of(&w->record, size);
        w->from[w->n_from].tried = 0;
        w->n_from++;
    }
}

static struct want *
make(struct fetch *f, const struct p2pfs_record *r, const struct p2pfs_hash *id)
{
    struct want **b, *w;

    if (f->n_wants == f->params.wants_max) {
        return NULL;
    }
    w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return NULL;
    }

    while (f->slot[f->next_slot] != NULL) {
        f->next_slot = (f->next_slot + 1) % f->params.wants_max;
    }
    w->slot = f->next_slot;
    f->slot[w->slot] = w;
    w->record = *r;
    w->id = *id;
    b = bucket_of(f, id);
    w->chain = *b;
    *b = w;

    f->n_wants++;
    f->stats.wants++;
    want_queue(f, w);
    return w;
}

/* A want that rests has a new provider: with that one it starts at once. */
static void
wake(struct fetch *f, struct want *w)
{
    unsigned i;

    if (w->state == WANT_RESTING) {
        for (i = 0; i + 1 < w->n_from; i++) {
            w->from[i].tried = 1;
        }
        w->state = WANT_READY;
        want_queue(f, w);
    }
}

struct want *
want_add(struct fetch *f, const struct p2pfs_record *r, struct peer *p,
    uint64_t size)
{
    struct p2pfs_hash id;
    struct want *w;
    unsigned before;

    p2pfs_record_id(f->hasher, r, &id);
    if (p2pfs_hasher_failed(f->hasher)) {
        return NULL;
    }
    w = find(f, &id);
    if (w == NULL) {
        w = make(f, r, &id);
    }
    if (w == NULL) {
        return NULL;
    }

    before = w->n_from;
    add_provider(w, p, size);
    if (w->n_from > before) {
        wake(f, w);
    }
    return w;
}

/*
 * One peer's offers take at most a quarter of the table: what is offered and
 * never delivered must not keep the logs of the others out.
 */
void
want_offer(struct fetch *f, struct peer *p, const struct p2pfs_record *r,
    uint64_t size)
{
    struct want *w;
    uint64_t made = f->stats.wants;

    if (!want_within_limits(f, r, size)) {
        f->stats.refused++;
        if (r->kind == P2PFS_RECORD_FILE) {
            fetch_blame(f, p, "offered a file above the limit");
        }
        return;
    }
    if (p->offers >= (f->params.wants_max + 3) / 4) {
        f->stats.dropped++;
        return;
    }

    w = want_add(f, r, p, size);
    if (w == NULL) {
        f->stats.dropped++;
    } else if (f->stats.wants > made) {
        w->offered_by = p;
        p->offers++;
    }
}

void
want_queue(struct fetch *f, struct want *w)
{
    if (w->queued) {
        return;
    }
    w->queued = 1;
    w->after = NULL;
    w->prev = f->todo_last;
    if (f->todo_last != NULL) {
        f->todo_last->after = w;
    } else {
        f->todo = w;
    }
    f->todo_last = w;
}

void
want_unqueue(struct fetch *f, struct want *w)
{
    if (!w->queued) {
        return;
    }
    w->queued = 0;
    if (w->prev != NULL) {
        w->prev->after = w->after;
    } else {
        f->todo = w->after;
    }
    if (w->after != NULL) {
        w->after->prev = w->prev;
    } else {
        f->todo_last = w->prev;
    }
}

void
want_attach(struct want *w, struct row *row)
{
    row->state = ROW_WAITING;
    row->want = w;
    row->next = w->rows;
    w->rows = row;
}

void
want_detach(struct row *row)
{
    struct row **at = &row->want->rows;

    while (*at != row) {
        at = &(*at)->next;
    }
    *at = row->next;
    row->want = NULL;
}

static void
release_rows(struct want *w, enum row_state state)
{
    struct row *row;

    while ((row = w->rows) != NULL) {
        w->rows = row->next;
        row->want = NULL;
        row->state = state;
        row->peer->dirty = 1;
    }
}

static void
leave(struct fetch *f, struct want *w)
{
    struct want **at = bucket_of(f, &w->id);

    pull_stop(f, w);
    want_unqueue(f, w);
    while (*at != w) {
        at = &(*at)->chain;
    }
    *at = w->chain;
    f->slot[w->slot] = NULL;
    f->n_wants--;
    f->n_passed -= w->passed != 0;
    if (w->offered_by != NULL) {
        w->offered_by->offers--;
    }
    fetch_bury(f, &w->grave);
}

void
want_end(struct fetch *f, struct want *w)
{
    release_rows(w, ROW_SETTLED);
    leave(f, w);
}

void
want_drop(struct fetch *f, struct want *w)
{
    release_rows(w, ROW_MISSING);
    leave(f, w);
    f->stats.dropped++;
}

void
want_rest(struct fetch *f, struct want *w, uint64_t ms, uint64_t now)
{
    unsigned i;

    if (w->n_from == 0) {
        want_drop(f, w);
        return;
    }
    pull_stop(f, w);
    want_unqueue(f, w);
    for (i = 0; i < w->n_from; i++) {
        w->from[i].tried = 0;
    }
    w->state = WANT_RESTING;
    w->due = now + ms;
}

/* At most a quarter of the table lies behind the reading of logs. */
static void
pass(struct fetch *f, struct want *w)
{
    struct row *row;

    if (w->passed || f->n_passed >= (f->params.wants_max + 3) / 4) {
        return;
    }
    w->passed = 1;
    f->n_passed++;
    for (row = w->rows; row != NULL; row = row->next) {
        row->peer->dirty = 1;
    }
}

int
want_untried(const struct want *w, const struct peer *but)
{
    unsigned i;

    for (i = 0; i < w->n_from; i++) {
        if (!w->from[i].tried && w->from[i].peer != but) {
            return 1;
        }
    }
    return 0;
}

void
want_round(struct fetch *f, struct want *w, uint64_t now)
{
    w->rounds++;
    if (w->rounds >= DROP_ROUNDS && w->rows == NULL) {
        want_drop(f, w);
        return;
    }
    if (w->rounds >= PASS_ROUNDS) {
        pass(f, w);
    }
    want_rest(f, w, fetch_backoff(f, w->rounds), now);
}

void
want_next(struct fetch *f, struct want *w, uint64_t now)
{
    unsigned i;

    for (i = 0; i < w->n_from; i++) {
        if (w->from[i].peer == w->peer) {
            w->from[i].tried = 1;
        }
    }
    pull_stop(f, w);

    if (want_untried(w, NULL)) {
        f->stats.restarts++;
        want_queue(f, w);
    } else {
        want_round(f, w, now);
    }
}

void
want_lose_peer(struct fetch *f, struct want *w, struct peer *p, uint64_t now)
{
    unsigned i;

    for (i = 0; i < w->n_from && w->from[i].peer != p; i++) {
    }
    if (i < w->n_from) {
        w->from[i] = w->from[--w->n_from];
    }
    if (w->offered_by == p) {
        w->offered_by = NULL;
        p->offers--;
    }

    if (w->state == WANT_STORING) {
        if (w->peer == p) {
            w->peer = NULL; /* its bytes are being judged all the same */
        }
    } else if (w->n_from == 0) {
        want_drop(f, w);
    } else if (w->peer == p
        || (w->state == WANT_READY && !want_untried(w, NULL))) {
        want_next(f, w, now);
    }
}
