/*
 * Guards what the router owes to files that were acknowledged: what a crash
 * kept from being published is published after the next start, small files with
 * their bytes and large ones without, and the log tells of them in order. (What
 * peers send and lie about: test_hostile_peer.c, test_lying_peer.c.)
 */

#include "gossipd/store.h"
#include "t/unit/hostile_world.h"

#define LARGE_BYTES 40000

static char large[LARGE_BYTES];

/* A peer that subscribes and asks for all that is announced. */
struct listener {
    struct attacker a;
    struct wire_buf b;
    unsigned small, big, versions; /* published to it */
    unsigned rows;                 /* of the log, in order */
    uint64_t head;
};

static void
ask_for(struct listener *l, const P2pfs__ControlMessage *c)
{
    static struct p2pfs_hash ids[WIRE_IDS_MAX];
    size_t i, n;

    for (i = 0; i < c->n_ihave; i++) {
        n = wire_ids(c->ihave[i]->messageids, c->ihave[i]->n_messageids, ids,
            WIRE_IDS_MAX);
        assert_int_equal(wire_iwant(&l->b, ids, n), 0);
        send_control(&l->a, &l->b);
    }
}

static void
take_publish(struct listener *l, const struct link_event *e)
{
    const P2pfs__Message *m = e->rpc->publish[0];
    struct p2pfs_record r;

    assert_int_equal(p2pfs_record_decode(&r, m->data.data, m->data.len),
        P2PFS_OK);
    if (r.kind == P2PFS_RECORD_VERSION) {
        assert_int_equal(e->body_len, 0);
        l->versions++;
    } else if (m->size == LARGE_BYTES) {
        assert_int_equal(e->body_len, 0);
        l->big++;
    } else {
        assert_int_equal(e->body_len, 4);
        assert_memory_equal(e->body, "tiny", 4);
        l->small++;
    }
}

static void
take_page(struct listener *l, const P2pfs__LogPage *page)
{
    uint64_t last = page->after;
    size_t i;

    l->head = page->head;
    for (i = 0; i < page->n_records; i++) {
        assert_true(page->records[i]->seq > last);
        last = page->records[i]->seq;
        l->rows++;
    }
}

static void
hear(void *ctx, const struct link_event *e)
{
    struct listener *l = ctx;

    if (e->rpc->control != NULL) {
        ask_for(l, e->rpc->control);
    }
    if (e->rpc->n_publish == 1) {
        take_publish(l, e);
    }
    if (e->rpc->log_page != NULL) {
        take_page(l, e->rpc->log_page);
    }
}

/* Committed, and the process died before anybody was told. */
static void
commit_two_files(struct world *w)
{
    static const struct store_file file[] = {{.id = "s",
                                                 .id_len = 1,
                                                 .n = 2,
                                                 .index = 0,
                                                 .content =
                                                     (const void *)"tiny",
                                                 .len = 4},
        {.id = "s",
            .id_len = 1,
            .n = 2,
            .index = 1,
            .content = (const void *)large,
            .len = LARGE_BYTES}};
    struct store_config c = {.file_max = P2PFS_FILE_BYTES_MAX,
        .count_max = P2PFS_SET_COUNT_MAX};
    struct store_result result;
    struct store *s;
    char path[96], detail[256];
    size_t i;

    (void)snprintf(path, sizeof(path), "%s/store.db", w->dir);
    c.path = path;
    assert_int_equal(store_open(&s, &c, detail, sizeof(detail)), P2PFS_OK);
    assert_int_equal(store_begin(s), P2PFS_OK);
    for (i = 0; i < 2; i++) {
        assert_int_equal(store_put_file(s, &file[i], &result), P2PFS_OK);
        assert_int_equal(result.err, P2PFS_OK);
    }
    assert_int_equal(store_commit(s), P2PFS_OK);
    store_close(s);
}

static void
listen_to(struct world *w, struct listener *l)
{
    static const char *const topic = ROUTER_TOPIC;

    memset(l, 0, sizeof(*l));
    l->a.hear = NULL;
    link_up(w, &l->a);
    l->a.hear = hear;
    l->a.ctx = l;
    assert_int_equal(wire_subscriptions(&l->b, &topic, 1, 1), 0);
    send_control(&l->a, &l->b);
}

static void
test_published_after_the_next_start(void **state)
{
    struct world *w = *state;
    struct listener l;
    uint64_t until = now_ms() + WAIT_MS;

    node_stop(w->node);
    commit_two_files(w);
    assert_int_equal(node_start(&w->node, &w->config, w->log), P2PFS_OK);
    listen_to(w, &l);
    while (
        (l.small == 0 || l.big == 0 || l.versions == 0) && now_ms() < until) {
        turn(w, &l.a);
    }
    assert_true(l.small > 0 && l.big > 0 && l.versions > 0);
    link_close(&l.a);
    wire_buf_fini(&l.b);
}

static void
test_log_in_order(void **state)
{
    struct world *w = *state;
    struct listener l;
    uint64_t until = now_ms() + WAIT_MS;

    listen_to(w, &l);
    assert_int_equal(wire_log_get(&l.b, NULL, 0, 128), 0);
    send_control(&l.a, &l.b);
    while (l.rows < 3 && now_ms() < until) {
        turn(w, &l.a);
    }
    assert_int_equal(l.rows, 3); /* two files, the version they make */
    assert_int_equal(l.head, 3);
    link_close(&l.a);
    wire_buf_fini(&l.b);
}

/* The cursor is kept: a further start does not send it all again. */
static void
test_published_once(void **state)
{
    struct world *w = *state;
    struct listener l;
    uint64_t until;

    node_stop(w->node);
    assert_int_equal(node_start(&w->node, &w->config, w->log), P2PFS_OK);
    listen_to(w, &l);
    until = now_ms() + 1500; /* a heartbeat, in which it would come */
    while (now_ms() < until) {
        turn(w, &l.a);
    }
    assert_int_equal(l.small + l.big + l.versions, 0);
    link_close(&l.a);
    wire_buf_fini(&l.b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_after_the_next_start),
        cmocka_unit_test(test_log_in_order),
        cmocka_unit_test(test_published_once),
    };

    memset(large, 'x', sizeof(large));
    return cmocka_run_group_tests(tests, start, stop);
}
