/*
 * A peer of the network that answers, but not the truth, and one that asks
 * without end. It speaks well-formed messages with every number, order, epoch,
 * size and proof at random, as pages of its log, as data, as records and
 * announcements. The node must not fall over or store anything that does not
 * verify, must go on with honest peers, and must not read for one peer alone.
 */

#include "gossipd/check.h"
#include "t/unit/hostile_world.h"

#define PLACES 24
#define LIE_MS 2500
#define QUESTIONS 1000

/* A peer that is asked. */
struct liar {
    struct world *w;
    struct attacker a;
    struct wire_buf b;
    unsigned told;
};

static uint64_t
any(uint64_t n)
{
    uint64_t r = (uint64_t)rand() << 31 ^ (uint64_t)rand();

    return r % n;
}

/* Small mostly, at times at the end of what fits. */
static uint64_t
number(void)
{
    static const uint64_t odd[] = {0, 1, 127, 128, 131072, 1048576, 1048577,
        UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX, UINT64_MAX};

    return any(4) == 0 ? odd[any(sizeof(odd) / sizeof(odd[0]))] : any(300);
}

static void
epoch_of(uint8_t out[STORE_EPOCH_BYTES])
{
    memset(out, (int)any(8) == 0 ? 2 : 1, STORE_EPOCH_BYTES);
}

/* Contents that there are are c<place>; most records are of one of them. */
static void
record_of(struct world *w, struct p2pfs_record *r, char content[32])
{
    unsigned place = (unsigned)any(PLACES);

    (void)snprintf(content, 32, "c%u", place);
    file_record(w, r, any(2) == 0 ? "lie" : "lie2", PLACES, place, content);
    if (any(6) == 0) {
        r->entry.b[any(32)] ^= 1;
    }
    if (any(6) == 0) {
        r->root.b[0] = (uint8_t)any(3);
    }
    if (any(6) == 0) {
        r->kind = P2PFS_RECORD_VERSION;
        r->index = 0;
        memset(&r->entry, 0, sizeof(r->entry));
        r->root.b[0] = 1;
    }
}

static struct p2pfs_proof *
proof_of(struct p2pfs_proof *p)
{
    memset(p, 0, sizeof(*p));
    p->len = (unsigned)any(P2PFS_PROOF_MAX + 1);
    return any(2) == 0 ? NULL : p;
}

static void
say(struct liar *l)
{
    send_control(&l->a, &l->b);
    l->told++;
}

static void
tell_page(struct liar *l, uint64_t after)
{
    struct peerread_row row[PEERREAD_PAGE_MAX];
    uint8_t epoch[STORE_EPOCH_BYTES];
    uint64_t seq = any(6) == 0 ? number() : after;
    size_t i, n = (size_t)any(any(3) == 0 ? PEERREAD_PAGE_MAX : 6);
    char content[32];

    memset(row, 0, sizeof(row));
    for (i = 0; i < n; i++) {
        seq += any(20) == 0 ? number() : 1;
        row[i].seq = seq;
        record_of(l->w, &row[i].record, content);
        row[i].size = (uint32_t)(any(3) == 0 ? number() : strlen(content));
    }
    epoch_of(epoch);
    if (wire_log_page(&l->b, epoch, any(8) == 0 ? number() : after,
            any(3) == 0 ? number() : seq + any(3), row, n)
        == 0) {
        say(l);
    }
}

static void
tell_data(struct liar *l, const P2pfs__Get *get)
{
    uint8_t junk[2048] = {0};
    struct p2pfs_record r;
    struct p2pfs_proof proof;
    const void *body = junk;
    size_t len = (size_t)any(sizeof(junk));
    char content[32] = "";

    if (any(2) == 0
        && p2pfs_record_decode(&r, get->record.data, get->record.len)
            == P2PFS_OK) {
        (void)snprintf(content, sizeof(content), "c%u", (unsigned)r.index);
        body = content;
        len = strlen(content);
    }
    if (wire_data(&l->b, any(10) == 0 ? number() : get->request,
            any(8) == 0 ? (enum wire_status)any(5) : WIRE_DATA_OK,
            any(8) == 0 ? number() : get->offset, any(4) == 0 ? number() : len,
            proof_of(&proof))
        == 0) {
        send_bulk(&l->a, &l->b, body, len);
        l->told++;
    }
}

static void
hear(void *ctx, const struct link_event *e)
{
    struct liar *l = ctx;

    if (e->rpc->log_get != NULL && any(10) != 0) {
        tell_page(l, e->rpc->log_get->after);
    }
    if (e->rpc->get != NULL && any(10) != 0) {
        tell_data(l, e->rpc->get);
    }
}

static void
tell_news(struct liar *l)
{
    uint8_t epoch[STORE_EPOCH_BYTES];
    struct p2pfs_record r;
    struct p2pfs_proof proof;
    struct p2pfs_hash id;
    char content[32];

    record_of(l->w, &r, content);
    p2pfs_record_id(l->w->hasher, &r, &id);
    epoch_of(epoch);
    switch (any(6)) {
    case 0:
        if (wire_ping(&l->b, 1, 0, epoch, number()) == 0) {
            say(l);
        }
        return;
    case 1:
        if (wire_ihave(&l->b, ROUTER_TOPIC, &id, 1) == 0) {
            say(l);
        }
        return;
    case 2:
        if (wire_log_get(&l->b, epoch, number(), (unsigned)number()) == 0) {
            say(l);
        }
        return;
    case 3:
        if (wire_get(&l->b, number(), &r, number(), (uint32_t)any(200)) == 0) {
            say(l);
        }
        return;
    case 4: tell_page(l, number()); return;
    default: break;
    }
    if (wire_publish(&l->b, ROUTER_TOPIC, &r,
            (uint32_t)(any(3) == 0 ? any(1 << 21) : strlen(content)),
            proof_of(&proof))
        == 0) {
        send_bulk(&l->a, &l->b, content, any(3) == 0 ? 0 : strlen(content));
        l->told++;
    }
}

static void
test_nothing_it_says_is_true(void **state)
{
    struct world *w = *state;
    struct liar l = {.w = w};
    uint64_t until = now_ms() + LIE_MS;
    char path[96];

    while (now_ms() < until) {
        link_up(w, &l.a);
        l.a.hear = hear;
        l.a.ctx = &l;
        while (l.a.peer != 0 && now_ms() < until) {
            tell_news(&l);
            turn(w, &l.a);
        }
        link_close(&l.a);
    }
    assert_true(l.told > 100);
    still_good(w);
    (void)snprintf(path, sizeof(path), "%s/store.db", w->dir);
    assert_int_equal(check_store(path), 0);
    wire_buf_fini(&l.b);
}

struct asker {
    unsigned here;
    unsigned busy;
};

static void
count_data(void *ctx, const struct link_event *e)
{
    struct asker *asker = ctx;

    if (e->rpc->data != NULL) {
        asker->here += e->rpc->data->status == WIRE_DATA_OK;
        asker->busy += e->rpc->data->status == WIRE_DATA_BUSY;
    }
}

static void
test_one_peer_is_not_read_for_alone(void **state)
{
    struct world *w = *state;
    struct asker asker = {0, 0};
    struct p2pfs_record r;
    struct attacker a;
    struct wire_buf b = {0};
    uint64_t until = now_ms() + WAIT_MS;
    unsigned i;

    still_good(w);
    file_record(w, &r, "good-0", 1, 0, "fine");
    link_up(w, &a);
    a.hear = count_data;
    a.ctx = &asker;
    for (i = 0; i < QUESTIONS; i++) {
        assert_int_equal(wire_get(&b, i, &r, 0, 4), 0);
        send_control(&a, &b);
    }
    /* all at once to the node, which may read now */
    for (i = 0; i < 100; i++) {
        links_poll(a.links, 1, on_event, &a);
    }
    while (asker.here + asker.busy < QUESTIONS && now_ms() < until) {
        turn(w, &a);
    }
    assert_int_equal(asker.here + asker.busy, QUESTIONS);
    assert_in_range(asker.here, 1, QUESTIONS - 1);
    assert_in_range(asker.busy, 1, QUESTIONS - 1);
    still_good(w);
    link_close(&a);
    wire_buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_peer_is_not_read_for_alone),
        cmocka_unit_test(test_nothing_it_says_is_true),
    };
    const char *given = getenv("P2PFS_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10)
                                  : (unsigned)time(NULL);

    srand(seed);
    print_message("# P2PFS_SEED=%u\n", seed);
    return cmocka_run_group_tests(tests, start, stop);
}
