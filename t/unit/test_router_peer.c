/*
 * What peers ask for is answered, each time: a record that is here, one that is
 * not, a range, a page of the log with the right and with another epoch, more
 * questions at a time than one peer may have under way.
 */

#include "t/unit/router_rig.h"

static int
start(void **state)
{
    struct watcher *w = calloc(1, sizeof(*w));
    struct rig *r = calloc(1, sizeof(*r));
    void **both = calloc(2, sizeof(*both));

    rig_init(r, 1, 0);
    rig_start(r, 0);
    rig_put(r, "asked", 2, 0, "ten bytes.", 10, STORE_LOCAL);
    rig_put(r, "asked", 2, 1, "more", 4, STORE_LOCAL);
    watch_join(w, 2, r);
    both[0] = r;
    both[1] = w;
    *state = both;
    return 0;
}

static int
stop(void **state)
{
    void **both = *state;

    watch_close(both[1]);
    rig_stop(both[0], 1);
    rig_fini(both[0]);
    free(both[0]);
    free(both[1]);
    free(both);
    return 0;
}

static void
ask(struct watcher *w, uint64_t request, const struct p2pfs_record *rec,
    uint64_t offset, uint32_t length)
{
    struct wire_buf b = {0};

    assert_int_equal(wire_get(&b, request, rec, offset, length), 0);
    watch_send(w, LINK_REQUEST, &b, NULL);
    wire_buf_fini(&b);
}

static void
test_get(void **state)
{
    struct rig *r = ((void **)*state)[0];
    struct watcher *w = ((void **)*state)[1];
    struct p2pfs_record rec;

    rec = rig_record(r, "asked", 2, 0, "ten bytes.", 10);
    ask(w, 1, &rec, 0, FETCH_RANGE_BYTES);
    TURN_UNTIL(r, 1, w, w->data[WIRE_DATA_OK] == 1);
    assert_int_equal(w->data_len, 10);
    assert_int_equal(w->total, 10);

    ask(w, 2, &rec, 7, 2);
    TURN_UNTIL(r, 1, w, w->data[WIRE_DATA_OK] == 2);
    assert_int_equal(w->data_len, 2);

    rec.index = 1; /* other bytes are there */
    ask(w, 3, &rec, 0, FETCH_RANGE_BYTES);
    TURN_UNTIL(r, 1, w, w->data[WIRE_DATA_NOT_HERE] == 1);

    rec = rig_record(r, "unknown", 1, 0, "x", 1);
    ask(w, 4, &rec, 0, FETCH_RANGE_BYTES);
    TURN_UNTIL(r, 1, w, w->data[WIRE_DATA_NOT_HERE] == 2);
    assert_int_equal(r->router->peers[0].blamed, 0);
}

/* A range that no good node asks for. */
static void
test_get_of_too_much(void **state)
{
    struct rig *r = ((void **)*state)[0];
    struct watcher *w = ((void **)*state)[1];
    struct p2pfs_record rec;

    rec = rig_record(r, "asked", 2, 0, "ten bytes.", 10);
    ask(w, 5, &rec, 0, FETCH_RANGE_BYTES + 1);
    TURN_UNTIL(r, 1, w, r->router->peers[0].blamed == 1);
}

/* Asked all at once: some are answered BUSY, none is forgotten, and no read of
 * the peer's stays counted. */
static void
test_more_than_its_share(void **state)
{
    struct rig *r = ((void **)*state)[0];
    struct watcher *w = ((void **)*state)[1];
    const unsigned before = w->data[0] + w->data[1] + w->data[2];
    struct link_event e = {.kind = LINK_MESSAGE};
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__Get get = P2PFS__GET__INIT;
    uint8_t bytes[P2PFS_RECORD_BYTES_MAX];
    struct p2pfs_record rec;
    unsigned i;

    rec = rig_record(r, "asked", 2, 0, "ten bytes.", 10);
    get.record.data = bytes;
    get.record.len = p2pfs_record_encode(&rec, bytes);
    get.has_record = 1;
    get.has_length = 1;
    get.length = 10;
    rpc.get = &get;
    e.peer = r->router->peers[0].number;
    e.rpc = &rpc;
    for (i = 0; i < PEER_READS_MAX + 50; i++) {
        get.request = 100 + i;
        get.has_request = 1;
        router_on_message(r->router, &e);
    }
    assert_int_equal(r->router->peers[0].reads, PEER_READS_MAX);
    TURN_UNTIL(r, 1, w,
        w->data[0] + w->data[1] + w->data[2] == before + PEER_READS_MAX + 50);
    assert_int_equal(w->data[WIRE_DATA_BUSY], 50);
    assert_int_equal(r->router->peers[0].reads, 0);
    assert_int_equal(r->router->peers_reads, 0);
}

static void
ask_log(struct watcher *w, const uint8_t *epoch, uint64_t after, unsigned max)
{
    struct wire_buf b = {0};

    assert_int_equal(wire_log_get(&b, epoch, after, max), 0);
    watch_send(w, LINK_REQUEST, &b, NULL);
    wire_buf_fini(&b);
}

static void
test_log(void **state)
{
    struct rig *r = ((void **)*state)[0];
    struct watcher *w = ((void **)*state)[1];
    uint8_t other[STORE_EPOCH_BYTES] = {1};

    /* two files and the version they made */
    ask_log(w, r->router->part.epoch, 0, 128);
    TURN_UNTIL(r, 1, w, w->pages == 1);
    assert_int_equal(w->page_rows, 3);
    assert_int_equal(w->head, 3);

    ask_log(w, r->router->part.epoch, 1, 1);
    TURN_UNTIL(r, 1, w, w->pages == 2);
    assert_int_equal(w->page_rows, 1);
    assert_int_equal(w->page_after, 1);

    /* a cursor of another database says nothing: from the start */
    ask_log(w, other, 2, 128);
    TURN_UNTIL(r, 1, w, w->pages == 3);
    assert_int_equal(w->page_rows, 3);
    assert_int_equal(w->page_after, 0);

    ask_log(w, r->router->part.epoch, UINT64_MAX, UINT32_MAX);
    TURN_UNTIL(r, 1, w, w->pages == 4);
    assert_int_equal(w->page_rows, 0);
}

/* A link that fell while its question was being read. */
static void
test_an_answer_for_nobody(void **state)
{
    struct rig *r = ((void **)*state)[0];
    struct watcher *w = ((void **)*state)[1];
    struct p2pfs_record rec;

    rec = rig_record(r, "asked", 2, 0, "ten bytes.", 10);
    ask(w, 9, &rec, 0, 10);
    TURN_UNTIL(r, 1, w, links_queued(w->links, w->peer, LINK_REQUEST) == 0);
    watch_close(w);
    TURN_UNTIL(r, 1, NULL,
        r->router->n_peers == 0 && r->router->peers_reads == 0);
    watch_join(w, 3, r);
    ask(w, 10, &rec, 0, 10);
    TURN_UNTIL(r, 1, w, w->data[WIRE_DATA_OK] == 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_get_of_too_much),
        cmocka_unit_test(test_more_than_its_share),
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_an_answer_for_nobody),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
