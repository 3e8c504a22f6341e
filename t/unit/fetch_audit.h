/*
 * t/unit/fetch_audit.h: recomputes every figure that fetch keeps, and checks
 * every bound, from its tables. For tests, after each step.
 */

#ifndef P2PFS_T_FETCH_AUDIT_H
#define P2PFS_T_FETCH_AUDIT_H

#include "gossipd/fetch_int.h"

static void
audit_want(const struct fetch *f, const struct want *w, size_t *bytes,
    size_t *running)
{
    const struct row *row;
    unsigned i, asked = 0;

    for (i = 0; i < FETCH_WINDOW; i++) {
        if (w->range[i].state == RANGE_ASKED) {
            assert_int_equal(w->state, WANT_FETCHING);
            assert_true(w->range[i].length <= FETCH_RANGE_BYTES);
            asked++;
        }
    }
    assert_true(asked <= FETCH_WINDOW);
    if (w->state == WANT_FETCHING || w->state == WANT_STORING) {
        *bytes += w->size;
        *running += 1;
    }
    assert_true(w->n_from > 0 || w->state == WANT_STORING);
    assert_true(w->state != WANT_READY || w->queued);
    for (row = w->rows; row != NULL; row = row->next) {
        assert_ptr_equal(row->want, w);
        assert_int_equal(row->state, ROW_WAITING);
    }
    assert_ptr_equal(f->slot[w->slot], w);
}

static void
audit_peer(const struct fetch *f, const struct peer *p)
{
    const struct want *w;
    size_t i, bytes = 0, offers = 0, ahead = 0, held = 0;
    const struct page *page;
    unsigned k, requests = 0;

    for (i = 0; i < f->params.wants_max; i++) {
        w = f->slot[i];
        for (k = 0; w != NULL && k < FETCH_WINDOW; k++) {
            if (w->peer == p && w->range[k].state == RANGE_ASKED) {
                requests++;
                bytes += w->range[k].length;
            }
        }
        offers += w != NULL && w->offered_by == p;
    }
    assert_int_equal(p->requests, requests);
    assert_int_equal(p->bytes, bytes);
    assert_int_equal(p->offers, offers);
    assert_true(requests <= f->params.peer_requests_max);
    assert_true(bytes <= f->params.peer_bytes_max);

    for (page = p->pages; page != NULL; page = page->next) {
        ahead += !page->passed;
        held += page->passed != 0;
    }
    assert_true(ahead + held <= PAGES_AHEAD_MAX + PAGES_HELD_MAX);
}

static void
audit(const struct fetch *f)
{
    size_t i, wants = 0, bytes = 0, running = 0, passed = 0;

    for (i = 0; i < f->params.wants_max; i++) {
        if (f->slot[i] != NULL) {
            wants++;
            passed += f->slot[i]->passed != 0;
            audit_want(f, f->slot[i], &bytes, &running);
        }
    }
    assert_int_equal(wants, f->n_wants);
    assert_int_equal(passed, f->n_passed);
    assert_int_equal(bytes, f->bytes);
    assert_int_equal(running, f->n_running);
    assert_true(bytes <= f->params.bytes_max || running <= 1);
    for (i = 0; i < f->n_peers; i++) {
        audit_peer(f, f->peer[i]);
    }
}

#endif
