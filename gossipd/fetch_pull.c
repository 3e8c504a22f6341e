/*
 * gossipd/fetch_pull.c: the bytes of a want: who is asked, ranges, assembly.
 */

#include <stdlib.h>
#include <string.h>

#include "gossipd/fetch_int.h"

static void
free_range(struct want *w, struct range *r)
{
    if (r->state == RANGE_ASKED) {
        w->peer->requests--;
        w->peer->bytes -= r->length;
    }
    r->state = RANGE_FREE;
}

void
pull_stop(struct fetch *f, struct want *w)
{
    unsigned i;

    if (w->state == WANT_FETCHING || w->state == WANT_STORING) {
        for (i = 0; i < FETCH_WINDOW; i++) {
            free_range(w, &w->range[i]);
        }
        f->bytes -= w->size;
        f->n_running--;
        free(w->data);
        w->data = NULL;
        w->peer = NULL;
    }
    w->state = WANT_READY;
}

static int
has_room(const struct fetch *f, const struct peer *p, uint64_t len)
{
    return p->requests < f->params.peer_requests_max
        && (p->bytes == 0 || p->bytes + len <= f->params.peer_bytes_max);
}

static uint32_t
range_length(uint64_t size, uint64_t offset)
{
    uint64_t left = size - offset;

    return left < FETCH_RANGE_BYTES ? (uint32_t)left : FETCH_RANGE_BYTES;
}

/* The provider with the least to do; NULL: none of them may be asked now. */
static const struct provider *
choose(const struct fetch *f, const struct want *w, uint64_t now)
{
    const struct provider *best = NULL, *c;
    unsigned i;

    for (i = 0; i < w->n_from; i++) {
        c = &w->from[i];
        if (c->tried || c->peer->blocked || c->peer->pause_until > now) {
            continue;
        }
        if (!has_room(f, c->peer, range_length(c->size, 0))) {
            c->peer->blocked = 1;
            continue;
        }
        if (best == NULL || c->peer->requests < best->peer->requests) {
            best = c;
        }
    }
    return best;
}

/*
 * 1: started; 0: not now; -1: nor any want behind it (else large ones would
 * never find their bytes free).
 */
static int
start(struct fetch *f, struct want *w, uint64_t now)
{
    const struct provider *c = choose(f, w, now);

    if (c == NULL) {
        return 0;
    }
    if (f->n_running > 0 && f->bytes + c->size > f->params.bytes_max) {
        return -1;
    }
    w->data = malloc(c->size == 0 ? 1 : c->size);
    if (w->data == NULL) {
        return -1;
    }

    w->state = WANT_FETCHING;
    w->peer = c->peer;
    w->size = c->size;
    w->next = 0;
    w->got = 0;
    w->busies = 0;
    w->proof.len = 0;
    f->bytes += w->size;
    f->n_running++;
    return 1;
}

/* Something was not asked for yet; no bytes at all are one range too. */
static int
has_more(const struct want *w)
{
    return w->next < w->size || (w->size == 0 && w->next == 0);
}

static int
is_asking(const struct want *w)
{
    unsigned i;

    for (i = 0; i < FETCH_WINDOW; i++) {
        if (w->range[i].state != RANGE_FREE) {
            return 1;
        }
    }
    return 0;
}

/* 0: not now. */
static int
send_range(struct fetch *f, struct want *w, struct range *r, uint64_t now)
{
    struct peer *p = w->peer;
    struct fetch_action *a;
    int again = r->state == RANGE_AGAIN;
    uint64_t offset = again ? r->offset : w->next;
    uint32_t length = range_length(w->size, offset);

    if (p->blocked || p->pause_until > now) {
        return 0;
    }
    if (!has_room(f, p, length)) {
        p->blocked = 1;
        return 0;
    }
    a = fetch_act(f, FETCH_SEND_GET, p);
    if (a == NULL) {
        return 0;
    }

    r->state = RANGE_ASKED;
    r->request = fetch_number(f, w->slot);
    r->offset = offset;
    r->length = length;
    r->sent_at = now;
    if (!again) {
        w->next += length == 0 ? 1 : length;
    }
    p->requests++;
    p->bytes += length;

    a->request = r->request;
    a->record = &w->record;
    a->offset = offset;
    a->length = length;
    return 1;
}

static void
fill_window(struct fetch *f, struct want *w, uint64_t now)
{
    struct range *r;
    unsigned i;

    for (i = 0; i < FETCH_WINDOW; i++) {
        r = &w->range[i];
        if (r->state == RANGE_ASKED
            || (r->state == RANGE_FREE && !has_more(w))) {
            continue;
        }
        if (!send_range(f, w, r, now)) {
            return; /* stays in the queue */
        }
    }
    want_unqueue(f, w); /* until an answer comes */
}

/* A full store is probed by one want at a time, after its pause. */
static int
may_start(const struct fetch *f, uint64_t now)
{
    return !f->full || (f->n_running == 0 && now >= f->full_until);
}

void
pull_run(struct fetch *f, uint64_t now)
{
    struct want *w, *after;
    size_t i;
    int stop = 0, rc;

    for (i = 0; i < f->n_peers; i++) {
        f->peer[i]->blocked = 0;
    }
    for (w = f->todo; w != NULL; w = after) {
        after = w->after;
        if (w->state == WANT_READY) {
            rc = stop || !may_start(f, now) ? -1 : start(f, w, now);
            stop = stop || rc < 0;
            if (rc != 1) {
                continue;
            }
        }
        fill_window(f, w, now);
    }
}

static void
store(struct fetch *f, struct want *w, uint64_t now)
{
    struct fetch_action *a = fetch_act(f, FETCH_STORE, w->peer);

    if (a == NULL) {
        want_rest(f, w, f->params.retry_ms, now);
        return;
    }
    want_unqueue(f, w);
    w->state = WANT_STORING;
    w->tag = fetch_number(f, w->slot);
    a->tag = w->tag;
    a->record = &w->record;
    a->proof = &w->proof;
    a->data = w->data;
    a->len = w->size;
    a->from_log = w->rows != NULL;
    w->data = NULL;
}

/* Another provider, else the same range again after a pause. */
static void
busy(struct fetch *f, struct want *w, struct range *r, uint64_t now)
{
    struct peer *p = w->peer;

    p->pause_until = now + f->params.retry_ms / 4 + 1;
    if (want_untried(w, p) || ++w->busies > BUSY_MAX) {
        want_next(f, w, now);
        return;
    }
    r->state = RANGE_AGAIN;
    want_queue(f, w);
}

/* What is wrong with the shape of an answer, or NULL. */
static const char *
misshapen(const struct want *w, const struct range *r,
    const struct fetch_event *e)
{
    if (e->total != w->size) {
        return "data of another size than announced";
    }
    if (e->offset != r->offset || e->len != r->length) {
        return "data of another range than asked";
    }
    if (e->proof == NULL || e->proof->len == 0) {
        return NULL;
    }
    if (e->offset != 0 || w->record.kind != P2PFS_RECORD_FILE
        || !p2pfs_record_has_root(&w->record)) {
        return "data with a proof that belongs nowhere";
    }
    return e->proof->len > P2PFS_PROOF_MAX ? "proof too long" : NULL;
}

static void
take(struct fetch *f, struct want *w, const struct fetch_event *e, uint64_t now)
{
    if (e->len > 0) {
        memcpy(w->data + e->offset, e->data, e->len);
    }
    w->got += e->len;
    if (e->offset == 0 && e->proof != NULL) {
        w->proof = *e->proof;
    }
    if (has_more(w)) {
        want_queue(f, w);
    } else if (!is_asking(w)) {
        store(f, w, now);
    }
}

static struct range *
find_range(struct want *w, uint64_t request)
{
    unsigned i;

    for (i = 0; i < FETCH_WINDOW; i++) {
        if (w->range[i].state == RANGE_ASKED
            && w->range[i].request == request) {
            return &w->range[i];
        }
    }
    return NULL;
}

void
pull_data(struct fetch *f, struct peer *p, const struct fetch_event *e,
    uint64_t now)
{
    struct want *w = want_of_number(f, e->request);
    struct range *r = NULL;
    const char *wrong;

    if (w != NULL && w->state == WANT_FETCHING && w->peer == p) {
        r = find_range(w, e->request);
    }
    if (r == NULL) {
        return; /* too late; it was asked elsewhere since */
    }
    p->heard_at = now;
    free_range(w, r);

    if (e->status == FETCH_STATUS_BUSY) {
        busy(f, w, r, now);
        return;
    }
    if (e->status != FETCH_STATUS_OK) {
        want_next(f, w, now);
        return;
    }
    wrong = misshapen(w, r, e);
    if (wrong != NULL) {
        fetch_blame(f, p, wrong);
        want_next(f, w, now);
        return;
    }
    take(f, w, e, now);
}

static uint64_t
range_deadline(const struct fetch *f, const struct peer *p,
    const struct range *r)
{
    uint64_t heard = p->heard_at > r->sent_at ? p->heard_at : r->sent_at;
    uint64_t quiet = heard + f->params.timeout_ms;
    uint64_t end = r->sent_at + 4 * (uint64_t)f->params.timeout_ms;

    return quiet < end ? quiet : end;
}

uint64_t
pull_deadline(const struct fetch *f, const struct want *w)
{
    uint64_t due = NEVER, d;
    unsigned i;

    if (w->state == WANT_RESTING) {
        return w->due;
    }
    for (i = 0; w->state == WANT_FETCHING && i < FETCH_WINDOW; i++) {
        if (w->range[i].state == RANGE_ASKED) {
            d = range_deadline(f, w->peer, &w->range[i]);
            due = d < due ? d : due;
        }
    }
    return due;
}

void
pull_expire(struct fetch *f, struct want *w, uint64_t now)
{
    if (pull_deadline(f, w) > now) {
        return;
    }
    if (w->state == WANT_RESTING) {
        w->state = WANT_READY;
        want_queue(f, w);
    } else {
        f->stats.timeouts++;
        want_next(f, w, now);
    }
}
