/*
 * gossipd/fetch_log.c: reading a peer's log, page by page.
 *
 * A page is checked against the database, its missing files become wants, and,
 * when those have come, its missing versions do: most of them were completed by
 * their last file, so they are checked once more before anybody is asked.
 */

#include <stdlib.h>
#include <string.h>

#include "gossipd/fetch_int.h"

static void
bury_page(struct fetch *f, struct page *page)
{
    size_t i;

    for (i = 0; i < page->n; i++) {
        if (page->row[i].want != NULL) {
            want_detach(&page->row[i]);
        }
    }
    fetch_bury(f, &page->grave);
}

void
log_forget(struct fetch *f, struct peer *p)
{
    struct page *page;

    while ((page = p->pages) != NULL) {
        p->pages = page->next;
        bury_page(f, page);
    }
}

/* epoch NULL: the same, but its log is shorter than it was. */
static void
restart(struct fetch *f, struct peer *p, const uint8_t *epoch, uint64_t now)
{
    log_forget(f, p);
    if (epoch != NULL) {
        memcpy(p->epoch, epoch, sizeof(p->epoch));
        p->has_epoch = 1;
    }
    p->saved = 0;
    p->read = 0;
    p->told = 0;
    p->asked = 0;
    p->starved = 0;
    p->next_at = now;
}

static int
same_epoch(const struct peer *p, const uint8_t *epoch)
{
    return p->has_epoch && memcmp(p->epoch, epoch, sizeof(p->epoch)) == 0;
}

/*
 * A head below what was read may only be late (it is told from memory, a page
 * out of the database), so it is the next page that decides.
 */
void
log_head_told(struct fetch *f, struct peer *p, const struct fetch_event *e,
    uint64_t now)
{
    if (e->epoch == NULL || !p->has_epoch) {
        return;
    }
    if (!same_epoch(p, e->epoch)) {
        restart(f, p, e->epoch, now);
    }
    p->told = e->seq;
    if (!p->asked && p->next_at == NEVER && p->told != p->read) {
        p->next_at = now + f->params.tail_ms;
    }
}

static void
failed(struct fetch *f, struct peer *p, uint64_t now)
{
    p->asked = 0;
    p->log_fails++;
    p->next_at = now + fetch_backoff(f, p->log_fails);
}

static void
send_check(struct fetch *f, struct peer *p, struct page *page, uint64_t now)
{
    struct fetch_action *a = fetch_act(f, FETCH_CHECK, p);

    page->check_until = now + f->params.timeout_ms;
    if (a != NULL) {
        a->rows = page->ask;
        a->n_rows = page->n_ask;
    }
}

static struct page *
new_page(struct peer *p, const struct fetch_event *e)
{
    struct page *page, **at;
    size_t n = e->n_rows, i;

    page = calloc(1,
        sizeof(*page) + n * (sizeof(struct row) + sizeof(struct fetch_row)));
    if (page == NULL) {
        return NULL;
    }
    page->after = p->read;
    page->n = n;
    page->ask = (struct fetch_row *)&page->row[n];
    page->n_ask = n;
    for (i = 0; i < n; i++) {
        page->row[i].r = e->rows[i];
        page->row[i].state = ROW_ASKED;
        page->row[i].peer = p;
        page->ask[i] = e->rows[i];
        page->ask[i].missing = 0;
    }

    for (at = &p->pages; *at != NULL; at = &(*at)->next) {
    }
    *at = page;
    return page;
}

static int
is_ordered(const struct fetch_event *e)
{
    uint64_t last = e->after;
    size_t i;

    for (i = 0; i < e->n_rows; i++) {
        if (e->rows[i].seq <= last) {
            return 0;
        }
        last = e->rows[i].seq;
    }
    return 1;
}

/* Whether the page is the answer to the LogGet that is outstanding. */
static int
fits(struct fetch *f, struct peer *p, const struct fetch_event *e, uint64_t now)
{
    if (e->epoch == NULL || e->n_rows > f->params.page_max || !is_ordered(e)) {
        fetch_blame(f, p, "sent a page of its log out of order");
        failed(f, p, now);
        return 0;
    }
    if (!same_epoch(p, e->epoch)) {
        restart(f, p, e->epoch, now);
        if (e->after != 0) {
            failed(f, p, now);
        }
        return e->after == 0;
    }
    if (e->after != p->read) {
        return 0; /* of an earlier LogGet */
    }
    if (e->head < e->after) {
        restart(f, p, NULL, now);
        failed(f, p, now);
        return 0;
    }
    return 1;
}

void
log_page(struct fetch *f, struct peer *p, const struct fetch_event *e,
    uint64_t now)
{
    struct page *page;

    if (!p->asked || !fits(f, p, e, now)) {
        return;
    }
    if (e->n_rows > 0) {
        page = new_page(p, e);
        if (page == NULL) {
            failed(f, p, now);
            return;
        }
        p->read = e->rows[e->n_rows - 1].seq;
        f->stats.pages++;
        send_check(f, p, page, now);
    } else if (e->head > e->after) {
        failed(f, p, now);
        return;
    }

    p->asked = 0;
    p->log_fails = 0;
    if (e->head > p->read) {
        p->next_at = now;
    } else if (p->told > p->read) {
        p->next_at = now + f->params.tail_ms;
    } else {
        p->next_at = NEVER;
    }
}

static int
answers(const struct page *page, const struct fetch_event *e)
{
    size_t i;

    if (page->check_until == NEVER || page->n_ask != e->n_rows) {
        return 0;
    }
    for (i = 0; i < e->n_rows; i++) {
        if (page->ask[i].seq != e->rows[i].seq) {
            return 0;
        }
    }
    return 1;
}

void
log_checked(struct fetch *f, struct peer *p, const struct fetch_event *e)
{
    struct page *page;
    size_t i, k = 0;

    (void)f;
    for (page = p->pages; page != NULL && !answers(page, e);
         page = page->next) {
    }
    if (page == NULL) {
        return;
    }
    for (i = 0; i < page->n; i++) {
        if (page->row[i].state == ROW_ASKED) {
            page->row[i].state = e->rows[k].missing ? ROW_MISSING : ROW_SETTLED;
            k++;
        }
    }
    page->check_until = NEVER;
    p->dirty = 1;
}

static void
make_want(struct fetch *f, struct row *row)
{
    struct want *w;

    if (!want_within_limits(f, &row->r.record, row->r.size)) {
        f->stats.refused++;
        row->state = ROW_SETTLED;
        return;
    }
    w = want_add(f, &row->r.record, row->peer, row->r.size);
    if (w == NULL) {
        row->peer->starved = 1;
    } else {
        want_attach(w, row);
    }
}

static int
is_open(const struct row *row)
{
    return row->state != ROW_SETTLED
        && !(row->state == ROW_WAITING && row->want->passed);
}

/* Missing files become wants. Returns whether any is still to come. */
static int
want_files(struct fetch *f, struct page *page)
{
    struct row *row;
    int open = 0;
    size_t i;

    for (i = 0; i < page->n; i++) {
        row = &page->row[i];
        if (row->r.record.kind != P2PFS_RECORD_FILE) {
            continue;
        }
        if (row->state == ROW_MISSING) {
            make_want(f, row);
        }
        open = open || is_open(row);
    }
    return open;
}

/* The files are here; which versions are missing now? */
static void
check_versions(struct fetch *f, struct peer *p, struct page *page, uint64_t now)
{
    size_t i;

    page->versions_held = 0;
    page->n_ask = 0;
    for (i = 0; i < page->n; i++) {
        if (page->row[i].state == ROW_MISSING
            && page->row[i].r.record.kind == P2PFS_RECORD_VERSION) {
            page->row[i].state = ROW_ASKED;
            page->ask[page->n_ask] = page->row[i].r;
            page->ask[page->n_ask].missing = 0;
            page->n_ask++;
        }
    }
    send_check(f, p, page, now);
}

static void
want_versions(struct fetch *f, struct page *page, int files_open)
{
    struct row *row;
    size_t i;

    for (i = 0; i < page->n; i++) {
        row = &page->row[i];
        if (row->state != ROW_MISSING
            || row->r.record.kind != P2PFS_RECORD_VERSION) {
            continue;
        }
        if (files_open) {
            page->versions_held = 1;
        } else {
            make_want(f, row);
        }
    }
}

/* files_open: of this and earlier pages. Returns the same for the next one. */
static int
advance_page(struct fetch *f, struct peer *p, struct page *page, int files_open,
    uint64_t now)
{
    size_t i;

    if (page->check_until != NEVER) {
        return 1;
    }
    files_open = want_files(f, page) || files_open;
    if (page->versions_held && !files_open) {
        check_versions(f, p, page, now);
        return 0;
    }
    want_versions(f, page, files_open);

    page->passed = 1;
    for (i = 0; i < page->n; i++) {
        page->passed = page->passed && !is_open(&page->row[i]);
    }
    return files_open;
}

static const struct row *
first_unsettled(const struct page *page)
{
    size_t i;

    for (i = 0; i < page->n; i++) {
        if (page->row[i].state != ROW_SETTLED) {
            return &page->row[i];
        }
    }
    return NULL;
}

/* Where this node would have to go on if the link were lost now. */
static uint64_t
cursor(const struct peer *p)
{
    const struct page *page = p->pages;

    if (page == NULL) {
        return p->read;
    }
    return page->passed ? first_unsettled(page)->r.seq - 1 : page->after;
}

static void
finish_pages(struct fetch *f, struct peer *p)
{
    struct page **at = &p->pages, *page;
    struct fetch_action *a;

    while ((page = *at) != NULL) {
        if (page->passed && first_unsettled(page) == NULL) {
            *at = page->next;
            bury_page(f, page);
        } else {
            at = &page->next;
        }
    }

    if (cursor(p) > p->saved
        && (a = fetch_act(f, FETCH_SAVE_CURSOR, p)) != NULL) {
        p->saved = cursor(p);
        a->node_id = p->node_id;
        a->epoch = p->epoch;
        a->seq = p->saved;
    }
}

static int
may_ask(const struct fetch *f, const struct peer *p, uint64_t now)
{
    const struct page *page;
    size_t ahead = 0, held = 0;

    if (p->asked || p->starved || p->next_at > now || f->full_until > now) {
        return 0;
    }
    for (page = p->pages; page != NULL; page = page->next) {
        ahead += !page->passed;
        held += page->passed != 0;
    }
    return ahead < PAGES_AHEAD_MAX && held < PAGES_HELD_MAX;
}

static void
ask(struct fetch *f, struct peer *p, uint64_t now)
{
    struct fetch_action *a = fetch_act(f, FETCH_SEND_LOG_GET, p);

    if (a == NULL) {
        return;
    }
    a->epoch = p->has_epoch ? p->epoch : NULL;
    a->seq = p->read;
    a->max = f->params.page_max;
    p->asked = 1;
    p->asked_until = now + f->params.timeout_ms;
}

void
log_run(struct fetch *f, struct peer *p, uint64_t now)
{
    struct page *page;
    int open = 0;

    if (p->dirty || (p->starved && f->n_wants < f->params.wants_max)) {
        p->dirty = 0;
        p->starved = 0;
        for (page = p->pages; page != NULL; page = page->next) {
            open = advance_page(f, p, page, open, now);
        }
        finish_pages(f, p);
    }
    if (may_ask(f, p, now)) {
        ask(f, p, now);
    }
}

void
log_expire(struct fetch *f, struct peer *p, uint64_t now)
{
    struct page *page;

    if (p->asked && p->asked_until <= now) {
        f->stats.timeouts++;
        failed(f, p, now);
    }
    for (page = p->pages; page != NULL; page = page->next) {
        if (page->check_until <= now) {
            send_check(f, p, page, now);
        }
    }
}

uint64_t
log_deadline(const struct peer *p, uint64_t now)
{
    const struct page *page;
    uint64_t due = NEVER;

    if (p->asked) {
        due = p->asked_until;
    } else if (p->next_at > now) {
        due = p->next_at;
    }
    for (page = p->pages; page != NULL; page = page->next) {
        due = page->check_until < due ? page->check_until : due;
    }
    return due;
}

int
log_caught_up(const struct peer *p)
{
    return p->has_epoch && !p->asked && p->next_at == NEVER && p->pages == NULL;
}
