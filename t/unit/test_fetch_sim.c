/*
 * Guards the whole of fetch under disorder: four nodes with model databases in
 * virtual time, with messages lost, peers busy, records not here, bytes
 * corrupted, links cut, stores full, nodes restarted with the cursors that they
 * saved, and a database made anew. P2PFS_SEEDS=n runs more seeds than 8. A
 * wrong cursor loses a record for ever, a forgotten want hangs, a wrong figure
 * fills a bound for ever; none of that shows in a test of one step.
 * One file of more than 500 lines: the model of a network is of no use apart.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gossipd/fetch.h"
#include "gossipd/rng.h"
#include "t/unit/fetch_audit.h"

#define NODES 4
#define RECORDS_MAX 400
#define ROUGH_MS 60000 /* faults until then */
#define END_MS 900000  /* all must be well before */

struct fact {
    struct p2pfs_record record;
    uint32_t size;
    int first;      /* V: its files are first .. first + n - 1 */
    int impossible; /* in a log all the same */
};

enum note_kind {
    NOTE_LOG_GET,
    NOTE_PAGE,
    NOTE_CHECKED,
    NOTE_GET,
    NOTE_DATA,
    NOTE_STORED,
    NOTE_HEAD,
    NOTE_OFFER,
    NOTE_UPLOAD,
    NOTE_CUT,
    NOTE_JOIN,
    NOTE_RESTART,
    NOTE_PING
};

struct note {
    uint64_t at;
    uint64_t order;
    enum note_kind kind;
    int to, from;
    uint64_t link;
    uint8_t epoch[STORE_EPOCH_BYTES];
    int has_epoch;
    uint64_t seq, head, request, offset, total;
    unsigned max, status;
    uint32_t length;
    int fact;
    enum p2pfs_err err;
    struct fetch_row *rows;
    size_t n_rows;
    uint8_t *data;
    size_t len;
    int count; /* UPLOAD */
    int wipe;
};

struct node {
    struct fetch *fetch;
    uint64_t boot;
    uint8_t epoch[STORE_EPOCH_BYTES];
    int here[RECORDS_MAX];
    int log[RECORDS_MAX];
    int n_log;
    struct {
        uint8_t epoch[STORE_EPOCH_BYTES];
        uint64_t seq;
        int known;
    } cursor[NODES];
};

struct world {
    struct rng rng;
    struct fact fact[RECORDS_MAX];
    int n_facts;
    struct node node[NODES];
    uint64_t link[NODES][NODES]; /* 0: down */
    uint64_t links;
    uint64_t now, order;
    int rough;
    struct note *heap;
    size_t n_heap, heap_room;
    uint64_t trace; /* of all actions */
    uint64_t corrupted, refused_full;
};

static uint64_t
below(struct world *w, uint64_t n)
{
    return rng_below(&w->rng, n);
}

static int
chance(struct world *w, unsigned per_mille)
{
    return w->rough && below(w, 1000) < per_mille;
}

static int
sooner(const struct note *a, const struct note *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void
post(struct world *w, const struct note *n, uint64_t delay)
{
    size_t i = w->n_heap, up;
    struct note m = *n;

    if (w->n_heap == w->heap_room) {
        w->heap_room = w->heap_room == 0 ? 256 : 2 * w->heap_room;
        w->heap = realloc(w->heap, w->heap_room * sizeof(*w->heap));
        assert_non_null(w->heap);
    }
    m.at = w->now + delay;
    m.order = w->order++;
    w->n_heap++;
    for (; i > 0; i = up) {
        up = (i - 1) / 2;
        if (!sooner(&m, &w->heap[up])) {
            break;
        }
        w->heap[i] = w->heap[up];
    }
    w->heap[i] = m;
}

static struct note
take_first(struct world *w)
{
    struct note first = w->heap[0], last = w->heap[--w->n_heap];
    size_t i = 0, down;

    while ((down = 2 * i + 1) < w->n_heap) {
        if (down + 1 < w->n_heap
            && sooner(&w->heap[down + 1], &w->heap[down])) {
            down++;
        }
        if (!sooner(&w->heap[down], &last)) {
            break;
        }
        w->heap[i] = w->heap[down];
        i = down;
    }
    w->heap[i] = last;
    return first;
}

static void
free_note(struct note *n)
{
    free(n->rows);
    free(n->data);
}

/* Over the network: late, out of order, or never. */
static void
send_note(struct world *w, struct note *n, int from, int to)
{
    n->from = from;
    n->to = to;
    n->link = w->link[from][to];
    if (n->link == 0 || chance(w, 20)) {
        free_note(n);
        return;
    }
    post(w, n, 1 + below(w, 15));
}

static uint8_t
byte_of(int fact, uint64_t i)
{
    return (uint8_t)(fact * 31u + i * 7u + (i >> 8));
}

static int
fact_of(const struct p2pfs_record *r)
{
    const uint8_t *b = r->kind == P2PFS_RECORD_FILE ? r->entry.b : r->root.b;

    return b[0] * 256 + b[1];
}

static void
add_fact(struct world *w, enum p2pfs_record_kind kind, int set, uint32_t n,
    uint32_t index, int first)
{
    struct fact *f = &w->fact[w->n_facts];
    uint8_t *mark;

    memset(f, 0, sizeof(*f));
    f->record.kind = kind;
    f->record.id_len =
        (uint8_t)snprintf(f->record.id, sizeof(f->record.id), "set-%d", set);
    f->record.n = n;
    f->record.index = index;
    mark = kind == P2PFS_RECORD_FILE ? f->record.entry.b : f->record.root.b;
    mark[0] = (uint8_t)(w->n_facts / 256);
    mark[1] = (uint8_t)(w->n_facts % 256);
    mark[2] = 1;
    f->first = first;
    f->size = kind == P2PFS_RECORD_VERSION ? 32 * n
        : below(w, 12) == 0                ? (uint32_t)below(w, 900000)
                                           : (uint32_t)below(w, 3000);
    if (below(w, 20) == 0 && kind == P2PFS_RECORD_FILE) {
        f->size = 0;
    }
    w->n_facts++;
}

static void
make_facts(struct world *w)
{
    int set = 0, first;
    uint32_t n, i;

    while (w->n_facts + 40 < RECORDS_MAX) {
        n = 1 + (uint32_t)below(w, 30);
        first = w->n_facts;
        for (i = 0; i < n; i++) {
            add_fact(w, P2PFS_RECORD_FILE, set, n, i, 0);
        }
        add_fact(w, P2PFS_RECORD_VERSION, set, n, 0, first);
        set++;
        if (below(w, 6) == 0) {
            add_fact(w, P2PFS_RECORD_FILE, set, 2, 1, 0);
            w->fact[w->n_facts - 1].impossible = 1;
            set++;
        }
    }
}

/* seq of the log: with gaps, as a database has them. */
static uint64_t
seq_at(int position)
{
    return (uint64_t)position * 2 + 1;
}

static void
tell_head(struct world *w, int i)
{
    struct note n;
    int k;

    for (k = 0; k < NODES; k++) {
        memset(&n, 0, sizeof(n));
        n.kind = NOTE_HEAD;
        memcpy(n.epoch, w->node[i].epoch, sizeof(n.epoch));
        n.seq = w->node[i].n_log == 0 ? 0 : seq_at(w->node[i].n_log - 1);
        send_note(w, &n, i, k);
    }
}

static void
enter(struct world *w, int i, int fact)
{
    struct node *d = &w->node[i];
    struct note n;
    int k;

    d->here[fact] = 1;
    d->log[d->n_log++] = fact;
    for (k = 0; k < NODES; k++) {
        if (below(w, 4) == 0 && !w->fact[fact].impossible) {
            memset(&n, 0, sizeof(n));
            n.kind = NOTE_OFFER;
            n.fact = fact;
            send_note(w, &n, i, k);
        }
    }
}

static int
complete(const struct node *d, const struct fact *f)
{
    uint32_t i;

    for (i = 0; i < f->record.n; i++) {
        if (!d->here[f->first + (int)i]) {
            return 0;
        }
    }
    return 1;
}

/* The last file of a set completes its version, as the store does. */
static void
complete_versions(struct world *w, int i)
{
    int k;

    for (k = 0; k < w->n_facts; k++) {
        if (w->fact[k].record.kind == P2PFS_RECORD_VERSION
            && !w->node[i].here[k] && below(w, 2) == 0
            && complete(&w->node[i], &w->fact[k])) {
            enter(w, i, k);
        }
    }
}

static enum p2pfs_err
judge_bytes(struct world *w, int i, int fact, const uint8_t *data, size_t len)
{
    struct node *d = &w->node[i];
    const struct fact *f = &w->fact[fact];
    size_t k;

    if (chance(w, 10)) {
        return P2PFS_STORE_UNAVAILABLE;
    }
    if (w->rough && i == 1 && w->now > 8000 && w->now < 14000) {
        w->refused_full++;
        return P2PFS_STORE_FULL;
    }
    assert_int_equal(len, f->size);
    for (k = 0; k < len; k++) {
        if (data[k] != byte_of(fact, k)) {
            return P2PFS_NOT_IN_ROOT;
        }
    }
    if (f->impossible) {
        return P2PFS_BAD_SET_COUNT;
    }
    if (f->record.kind == P2PFS_RECORD_VERSION && !complete(d, f)) {
        return P2PFS_FILE_NOT_FOUND;
    }
    if (!d->here[fact]) {
        enter(w, i, fact);
        complete_versions(w, i);
    }
    return P2PFS_OK;
}

/* Everything up to the cursor is here, or can be nowhere. */
static void
check_cursor(struct world *w, int i, int from, uint64_t seq)
{
    struct node *peer = &w->node[from];
    int k;

    for (k = 0; k < peer->n_log && seq_at(k) <= seq; k++) {
        if (!w->node[i].here[peer->log[k]]
            && !w->fact[peer->log[k]].impossible) {
            fail_msg("cursor of %d in %d passed a record that is not here", i,
                from);
        }
    }
}

static int
node_of(struct world *w, int i, uint64_t link)
{
    int k;

    for (k = 0; k < NODES; k++) {
        if (w->link[i][k] == link) {
            return k;
        }
    }
    fail_msg("an action names link %d that is down", (int)link);
    return 0;
}

static void
save_cursor(struct world *w, int i, const struct fetch_action *a)
{
    int from = a->node_id[0];

    if (memcmp(a->epoch, w->node[from].epoch, STORE_EPOCH_BYTES) == 0) {
        check_cursor(w, i, from, a->seq);
    }
    memcpy(w->node[i].cursor[from].epoch, a->epoch, STORE_EPOCH_BYTES);
    w->node[i].cursor[from].seq = a->seq;
    w->node[i].cursor[from].known = 1;
}

static void
answer_check(struct world *w, int i, const struct fetch_action *a)
{
    struct note n;
    size_t k;

    memset(&n, 0, sizeof(n));
    n.kind = NOTE_CHECKED;
    n.to = i;
    n.link = a->peer;
    n.rows = calloc(a->n_rows, sizeof(*n.rows));
    assert_non_null(n.rows);
    n.n_rows = a->n_rows;
    for (k = 0; k < a->n_rows; k++) {
        n.rows[k] = a->rows[k];
        n.rows[k].missing = !w->node[i].here[fact_of(&a->rows[k].record)];
    }
    if (chance(w, 20)) {
        free_note(&n);
        return;
    }
    post(w, &n, 1);
}

static void
act(struct world *w, int i, const struct fetch_action *a)
{
    struct note n;

    w->trace = (w->trace ^ a->kind ^ a->seq ^ a->request ^ a->offset ^ a->tag)
        * 0x100000001b3u;
    memset(&n, 0, sizeof(n));
    n.request = a->request;
    n.seq = a->seq;
    switch (a->kind) {
    case FETCH_SEND_LOG_GET:
        n.kind = NOTE_LOG_GET;
        n.has_epoch = a->epoch != NULL;
        n.max = a->max;
        if (n.has_epoch) {
            memcpy(n.epoch, a->epoch, sizeof(n.epoch));
        }
        send_note(w, &n, i, node_of(w, i, a->peer));
        break;
    case FETCH_CHECK: answer_check(w, i, a); break;
    case FETCH_SEND_GET:
        n.kind = NOTE_GET;
        n.fact = fact_of(a->record);
        n.offset = a->offset;
        n.length = a->length;
        send_note(w, &n, i, node_of(w, i, a->peer));
        break;
    case FETCH_STORE:
        n.kind = NOTE_STORED;
        n.to = i;
        n.request = a->tag;
        n.fact = fact_of(a->record);
        n.data = a->data;
        n.len = a->len;
        n.link = w->node[i].boot;
        post(w, &n, 1 + below(w, 10));
        break;
    case FETCH_SAVE_CURSOR: save_cursor(w, i, a); break;
    case FETCH_BLAME: break;
    }
}

static void
step(struct world *w, int i, const struct fetch_event *e)
{
    const struct fetch_action *a;
    size_t n, k;

    a = fetch_step(w->node[i].fetch, e, w->now, &n);
    for (k = 0; k < n; k++) {
        act(w, i, &a[k]);
    }
    audit(w->node[i].fetch);
}

static void
step_kind(struct world *w, int i, enum fetch_event_kind kind, uint64_t link)
{
    struct fetch_event e = {.kind = kind, .peer = link};

    step(w, i, &e);
}

static void
cut(struct world *w, int a, int b)
{
    uint64_t link = w->link[a][b];

    if (link != 0) {
        w->link[a][b] = 0;
        w->link[b][a] = 0;
        step_kind(w, a, FETCH_PEER_DOWN, link);
        step_kind(w, b, FETCH_PEER_DOWN, link);
    }
}

static void
join_one(struct world *w, int i, int to)
{
    uint8_t node_id[32] = {(uint8_t)to};
    struct fetch_event e = {.kind = FETCH_PEER_UP, .peer = w->link[i][to]};

    e.node_id = node_id;
    if (w->node[i].cursor[to].known) {
        e.epoch = w->node[i].cursor[to].epoch;
        e.seq = w->node[i].cursor[to].seq;
    }
    step(w, i, &e);
}

static void
join(struct world *w, int a, int b)
{
    if (a != b && w->link[a][b] == 0) {
        w->link[a][b] = w->link[b][a] = ++w->links;
        join_one(w, a, b);
        join_one(w, b, a);
    }
}

static void
boot(struct world *w, int i)
{
    struct fetch_params p;

    fetch_params_default(&p);
    p.wants_max = 96; /* small, so that bounds are met */
    p.bytes_max = 2u << 20;
    p.page_max = 32;
    assert_int_equal(fetch_new(&w->node[i].fetch, &p, rng_next(&w->rng)),
        P2PFS_OK);
    w->node[i].boot = rng_next(&w->rng);
}

/* wipe: with an empty database, under a new epoch. */
static void
restart_node(struct world *w, int i, int wipe)
{
    uint64_t e;
    int k;

    for (k = 0; k < NODES; k++) {
        cut(w, i, k);
    }
    fetch_free(w->node[i].fetch);
    if (wipe) {
        memset(&w->node[i], 0, sizeof(w->node[i]));
        e = rng_next(&w->rng);
        memcpy(w->node[i].epoch, &e, sizeof(e));
    }
    boot(w, i);
    for (k = 0; k < NODES; k++) {
        join(w, i, k);
    }
}

static void
serve_page(struct world *w, const struct note *q)
{
    struct node *d = &w->node[q->to];
    struct note n;
    int k, known;

    known = q->has_epoch && memcmp(q->epoch, d->epoch, sizeof(d->epoch)) == 0;
    memset(&n, 0, sizeof(n));
    n.kind = NOTE_PAGE;
    memcpy(n.epoch, d->epoch, sizeof(n.epoch));
    n.seq = known ? q->seq : 0;
    n.head = d->n_log == 0 ? 0 : seq_at(d->n_log - 1);
    n.rows = calloc(q->max, sizeof(*n.rows));
    assert_non_null(n.rows);
    for (k = 0; k < d->n_log && n.n_rows < q->max; k++) {
        if (seq_at(k) > n.seq) {
            n.rows[n.n_rows].seq = seq_at(k);
            n.rows[n.n_rows].record = w->fact[d->log[k]].record;
            n.rows[n.n_rows].size = w->fact[d->log[k]].size;
            n.n_rows++;
        }
    }
    send_note(w, &n, q->to, q->from);
}

static void
serve_bytes(struct world *w, const struct note *q)
{
    const struct fact *f = &w->fact[q->fact];
    struct note n;
    uint64_t i;

    memset(&n, 0, sizeof(n));
    n.kind = NOTE_DATA;
    n.request = q->request;
    n.offset = q->offset;
    n.total = f->size;
    if (!w->node[q->to].here[q->fact] || chance(w, 20)) {
        n.status = FETCH_STATUS_NOT_HERE;
    } else if (chance(w, 40)) {
        n.status = FETCH_STATUS_BUSY;
    } else {
        n.len = q->length;
        n.data = malloc(n.len + 1);
        assert_non_null(n.data);
        for (i = 0; i < n.len; i++) {
            n.data[i] = byte_of(q->fact, q->offset + i);
        }
        if (n.len > 0 && chance(w, 20)) {
            w->corrupted++;
            n.data[below(w, n.len)] ^= 1;
        }
        n.len -= n.len > 0 && chance(w, 10);
        n.total += chance(w, 10);
    }
    send_note(w, &n, q->to, q->from);
}

static void
deliver(struct world *w, struct note *n)
{
    struct fetch_event e = {.peer = n->link,
        .epoch = n->epoch,
        .seq = n->seq,
        .after = n->seq,
        .head = n->head,
        .rows = n->rows,
        .n_rows = n->n_rows,
        .request = n->request,
        .status = n->status,
        .offset = n->offset,
        .total = n->total,
        .data = n->data,
        .len = n->len,
        .tag = n->request,
        .err = n->err,
        .record = &w->fact[n->fact].record,
        .size = w->fact[n->fact].size};
    int k;

    switch (n->kind) {
    case NOTE_LOG_GET: serve_page(w, n); return;
    case NOTE_GET: serve_bytes(w, n); return;
    case NOTE_UPLOAD:
        for (k = n->fact; k < n->fact + n->count; k++) {
            enter(w, n->to, k);
        }
        return;
    case NOTE_CUT: cut(w, n->to, n->from); return;
    case NOTE_JOIN: join(w, n->to, n->from); return;
    case NOTE_RESTART: restart_node(w, n->to, n->wipe); return;
    case NOTE_PING:
        tell_head(w, n->to);
        post(w, n, 1000);
        return;
    case NOTE_STORED:
        if (w->node[n->to].boot != n->link) {
            return;
        }
        e.kind = FETCH_STORED;
        e.err = judge_bytes(w, n->to, n->fact, n->data, n->len);
        break;
    case NOTE_PAGE: e.kind = FETCH_PAGE; break;
    case NOTE_CHECKED: e.kind = FETCH_CHECKED; break;
    case NOTE_DATA: e.kind = FETCH_DATA; break;
    case NOTE_HEAD: e.kind = FETCH_HEAD; break;
    case NOTE_OFFER:
        if (w->node[n->to].here[n->fact]) {
            return;
        }
        e.kind = FETCH_OFFER;
        break;
    }
    step(w, n->to, &e);
}

/* A note over a link that went down since never arrives. */
static int
arrives(const struct world *w, const struct note *n)
{
    switch (n->kind) {
    case NOTE_LOG_GET:
    case NOTE_PAGE:
    case NOTE_GET:
    case NOTE_DATA:
    case NOTE_HEAD:
    case NOTE_OFFER: return w->link[n->to][n->from] == n->link;
    case NOTE_CHECKED:
    case NOTE_STORED:
    case NOTE_UPLOAD:
    case NOTE_CUT:
    case NOTE_JOIN:
    case NOTE_RESTART:
    case NOTE_PING: break;
    }
    return 1;
}

static void
plan(struct world *w)
{
    struct note n;
    int i, k;

    for (i = 0; i < w->n_facts; i = k) {
        for (k = i + 1; k < w->n_facts && !w->fact[k - 1].impossible
             && w->fact[k - 1].record.kind == P2PFS_RECORD_FILE;
             k++) {
        }
        memset(&n, 0, sizeof(n));
        n.kind = NOTE_UPLOAD;
        n.to = (int)below(w, NODES);
        n.fact = i;
        n.count = k - i;
        post(w, &n, below(w, ROUGH_MS * 3 / 4));
    }
    for (i = 0; i < 30; i++) {
        memset(&n, 0, sizeof(n));
        n.to = (int)below(w, NODES);
        n.from = (int)below(w, NODES);
        n.kind = NOTE_CUT;
        post(w, &n, below(w, ROUGH_MS));
        n.kind = NOTE_JOIN;
        post(w, &n, below(w, ROUGH_MS));
    }
    for (i = 0; i < 6; i++) {
        memset(&n, 0, sizeof(n));
        n.kind = NOTE_RESTART;
        n.to = i % NODES;
        n.wipe = i == 5;
        post(w, &n, below(w, ROUGH_MS));
    }
    for (i = 0; i < NODES; i++) {
        memset(&n, 0, sizeof(n));
        n.kind = NOTE_PING;
        n.to = i;
        post(w, &n, 500 + below(w, 500));
    }
}

static int
all_well(const struct world *w)
{
    struct fetch_stats s;
    int i, k, any;

    for (i = 0; i < NODES; i++) {
        fetch_stats(w->node[i].fetch, &s);
        if (!s.caught_up || s.active != 0 || s.bytes != 0) {
            return 0;
        }
    }
    for (k = 0; k < w->n_facts; k++) {
        for (i = 0, any = 0; i < NODES; i++) {
            any += w->node[i].here[k];
        }
        if (any != 0 && any != NODES && !w->fact[k].impossible) {
            return 0;
        }
    }
    return 1;
}

/* The next thing that happens: a note, or a deadline of somebody. */
static void
advance(struct world *w)
{
    struct note n;
    uint64_t due = w->heap[0].at;
    int i, who = -1;

    for (i = 0; i < NODES; i++) {
        if (fetch_deadline(w->node[i].fetch) < due) {
            due = fetch_deadline(w->node[i].fetch);
            who = i;
        }
    }
    if (who >= 0) {
        assert_true(due > w->now || fetch_deadline(w->node[who].fetch) <= due);
        w->now = due > w->now ? due : w->now;
        step_kind(w, who, FETCH_TICK, 0);
        assert_true(fetch_deadline(w->node[who].fetch) > w->now);
        return;
    }
    n = take_first(w);
    w->now = n.at;
    if (arrives(w, &n)) {
        deliver(w, &n);
    }
    free_note(&n);
}

static void
mend(struct world *w)
{
    int i, k;

    w->rough = 0;
    for (i = 0; i < NODES; i++) {
        for (k = 0; k < NODES; k++) {
            join(w, i, k);
        }
    }
}

static uint64_t
run(uint64_t seed)
{
    struct world *w = calloc(1, sizeof(*w));
    uint64_t trace;
    int i;

    assert_non_null(w);
    rng_init(&w->rng, seed);
    w->now = 1000;
    w->rough = 1;
    make_facts(w);
    for (i = 0; i < NODES; i++) {
        w->node[i].epoch[0] = (uint8_t)(i + 1);
        boot(w, i);
    }
    plan(w);
    while (w->now < ROUGH_MS) {
        advance(w);
    }
    mend(w);
    while (!all_well(w)) {
        advance(w);
        if (w->now > END_MS) {
            fail_msg("seed %llu: not at rest", (unsigned long long)seed);
        }
    }
    print_message("# seed %llu: %d records, %llu corrupted, %llu times full, "
                  "at rest after %llu ms\n",
        (unsigned long long)seed, w->n_facts, (unsigned long long)w->corrupted,
        (unsigned long long)w->refused_full,
        (unsigned long long)(w->now - ROUGH_MS));

    trace = w->trace;
    for (i = 0; i < NODES; i++) {
        fetch_free(w->node[i].fetch);
    }
    while (w->n_heap > 0) {
        struct note n = take_first(w);

        free_note(&n);
    }
    free(w->heap);
    free(w);
    return trace;
}

static void
test_disorder(void **state)
{
    const char *more = getenv("P2PFS_SEEDS");
    uint64_t seed, seeds = more == NULL ? 8 : strtoull(more, NULL, 10);

    (void)state;
    for (seed = 1; seed <= seeds; seed++) {
        (void)run(seed);
    }
}

static void
test_same_seed_same_actions(void **state)
{
    (void)state;
    assert_true(run(4711) == run(4711));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disorder),
        cmocka_unit_test(test_same_seed_same_actions),
    };

    return cmocka_run_group_tests_name("fetch_sim", tests, NULL, NULL);
}
