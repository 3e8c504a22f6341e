/*
 * Guards gossipd/link.h: what whoever uses links relies on. Several nodes on
 * loopback ports, in one thread.
 */

#include "link_nodes.h"
#include "gossipd/link_int.h"

static void
test_two_nodes_link(void **state)
{
    struct node n[2];

    (void)state;
    two_nodes(n, 0);
    assert_int_equal(n[0].outbound, 0);
    assert_int_equal(n[1].outbound, 1);
    assert_memory_equal(n[0].peer_node, n[1].id.node_id, NODE_ID_BYTES);
    assert_memory_equal(n[1].peer_node, n[0].id.node_id, NODE_ID_BYTES);
    assert_int_equal(n[0].ups, 1);
    assert_int_equal(n[1].ups, 1);
    assert_int_equal(send_control(&n[0], 5), 0);
    assert_int_equal(send_control(&n[1], 6), 0);
    POLL_UNTIL(n, 2, n[0].n_seen == 1 && n[1].n_seen == 1);
    assert_int_equal(n[0].seen[0].value, 6);
    assert_int_equal(n[1].seen[0].value, 5);
    node_close(&n[1]);
    POLL_UNTIL(n, 2, n[0].downs == 1);
    assert_string_equal(n[0].reason, "goodbye: closing");
    node_close(&n[0]);
}

static void
test_other_keys_and_constants_never_link(void **state)
{
    struct node_options o = {.seed = 1, .network = 9, .constants = "1 MiB"};
    struct links_stats st;
    struct link_peer p;
    struct node n[3];

    (void)state;
    node_open(&n[0], &o);
    p = peer_at(links_port(n[0].links));
    o.peers = &p;
    o.n_peers = 1;
    o.seed = 2;
    o.network = 8;
    node_open(&n[1], &o);
    o.seed = 3;
    o.network = 9;
    o.constants = "2 MiB";
    node_open(&n[2], &o);
    POLL_UNTIL(n, 3,
        (links_stats(n[0].links, &st),
            st.refused_key >= 2 && st.handshakes_failed >= 2));
    assert_int_equal(n[0].ups + n[1].ups + n[2].ups, 0);
    node_close(&n[0]);
    node_close(&n[1]);
    node_close(&n[2]);
}

static void
test_a_node_does_not_link_to_itself(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    struct links_stats st;
    struct link_peer p;
    struct node n;

    (void)state;
    node_open(&n, &o);
    p = peer_at(links_port(n.links));
    links_set_peers(n.links, &p, 1);
    POLL_UNTIL(&n, 1, (links_stats(n.links, &st), st.handshakes_failed >= 1));
    poll_for(&n, 1, 1000); /* the usual wait would have ended twice */
    links_stats(n.links, &st);
    assert_int_equal(n.ups, 0);
    assert_int_equal(st.accepted, 1);
    node_close(&n);
}

/* Which of two stays must be the same answer at both ends. */
static void
test_tie_is_the_same_on_both_sides(void **state)
{
    uint8_t small[NODE_ID_BYTES] = {1}, large[NODE_ID_BYTES] = {2};
    int old_by_small;

    (void)state;
    for (old_by_small = 0; old_by_small <= 1; old_by_small++) {
        int at_small, at_large;

        at_small = link_tie(small, large, old_by_small, 7, !old_by_small, 7);
        at_large = link_tie(large, small, !old_by_small, 7, old_by_small, 7);
        assert_int_equal(at_small, at_large);
        assert_int_equal(at_small, !old_by_small); /* small's own stays */
    }
    assert_int_equal(link_tie(small, large, 1, 7, 0, 8), 1);
    assert_int_equal(link_tie(small, large, 1, 7, 1, 7), 0);
    assert_int_equal(link_tie(small, large, 0, 7, 0, 7), 1);
}

static void
test_order_is_kept_in_each_class(void **state)
{
    uint64_t next[2] = {0, 0};
    unsigned sent = 0, sent_bulk = 0;
    struct node n[2];
    size_t i;

    (void)state;
    two_nodes(n, 0);
    while (n[0].n_seen < 6000) {
        while (sent < 4000 && send_control(&n[1], sent) == 0) {
            sent++;
        }
        while (sent_bulk < 2000
            && send_bulk(&n[1], LINK_PUSH, sent_bulk, sent_bulk) == 0) {
            sent_bulk++;
        }
        poll_once(n, 2);
    }
    for (i = 0; i < n[0].n_seen; i++) {
        const struct seen *s = &n[0].seen[i];

        assert_int_equal(s->value, next[s->bulk]);
        next[s->bulk]++;
        assert_int_equal(s->body_len, s->bulk ? s->value : 0);
    }
    assert_int_equal(n[0].wrong_bodies, 0);
    node_close(&n[0]);
    node_close(&n[1]);
}

static void
test_bodies_of_every_size_both_ways(void **state)
{
    static const size_t sizes[] = {0, 1, 32, 33, 34, 4096, 131071, 131072};
    const size_t count = sizeof(sizes) / sizeof(sizes[0]);
    struct node n[2];
    size_t i;
    int to;

    (void)state;
    two_nodes(n, 0);
    for (i = 0; i < count; i++) {
        assert_int_equal(send_bulk(&n[0], LINK_BULK, i, sizes[i]), 0);
        assert_int_equal(send_bulk(&n[1], LINK_BULK, i, sizes[i]), 0);
    }
    assert_int_equal(send_bulk(&n[0], LINK_BULK, 99, 131073), -1);
    POLL_UNTIL(n, 2, n[0].n_seen == count && n[1].n_seen == count);
    for (to = 0; to < 2; to++) {
        for (i = 0; i < count; i++) {
            assert_int_equal(n[to].seen[i].body_len, sizes[i]);
        }
        assert_int_equal(n[to].wrong_bodies, 0);
    }
    node_close(&n[0]);
    node_close(&n[1]);
}

/* A peer that reads nothing fills its own queues and nobody else's, and what
 * is urgent does not stand behind them. */
static void
test_a_slow_peer_costs_the_others_nothing(void **state)
{
    struct node_options o = {.seed = 3, .network = 9};
    struct link_peer p;
    struct node n[3];
    uint64_t start;
    unsigned refused = 0;
    size_t i;

    (void)state;
    two_nodes(n, 0);
    p = peer_at(links_port(n[0].links));
    o.peers = &p;
    o.n_peers = 1;
    node_open(&n[2], &o);
    start = n[0].peer; /* now the link to n[1] */
    POLL_UNTIL(n, 3, n[0].peer != start && n[2].peer != 0);
    for (i = 0; i < 400; i++) {
        struct node slow = n[0];

        slow.peer = start;
        refused += send_bulk(&slow, LINK_BULK, i, 65536) != 0;
        links_poll(n[0].links, 0, node_event, &n[0]);
    }
    assert_true(refused > 200);
    assert_true(links_queued(n[0].links, start, LINK_BULK) <= 2 * 1024 * 1024);
    assert_int_equal(send_bulk(&n[0], LINK_BULK, 1, 65536), 0);
    start = link_clock_ms();
    while (n[2].n_seen == 0 && link_clock_ms() - start < 5000) {
        links_poll(n[0].links, 1, node_event, &n[0]);
        links_poll(n[2].links, 1, node_event, &n[2]);
    }
    assert_int_equal(n[2].n_seen, 1);
    for (i = 0; i < 3; i++) {
        node_close(&n[i]);
    }
}

static void
test_control_overtakes_bulk(void **state)
{
    size_t i, at = 0;
    struct node n[2];

    (void)state;
    two_nodes(n, 0);
    for (i = 0; i < 15; i++) {
        assert_int_equal(send_bulk(&n[0], LINK_BULK, i, 131072), 0);
    }
    links_poll(n[0].links, 0, node_event, &n[0]);
    assert_int_equal(send_control(&n[0], 77), 0);
    POLL_UNTIL(n, 2, n[1].n_seen == 16);
    while (n[1].seen[at].bulk) {
        at++;
    }
    print_message("# control came as number %zu of 16\n", at + 1);
    assert_true(at < 12);
    node_close(&n[0]);
    node_close(&n[1]);
}

static void
test_kick_bans_for_a_while(void **state)
{
    struct node n[2];
    uint64_t start;

    (void)state;
    two_nodes(n, 0);
    links_kick(n[0].links, n[0].peer, "misbehaved", 1000);
    assert_int_equal(send_control(&n[0], 1), -1); /* at once */
    start = link_clock_ms();
    POLL_UNTIL(n, 2, n[1].downs == 1 && n[0].downs == 1);
    assert_string_equal(n[1].reason, "goodbye: misbehaved");
    assert_string_equal(n[0].reason, "misbehaved");
    POLL_UNTIL(n, 2, n[0].peer != 0 && n[1].peer != 0);
    assert_true(link_clock_ms() - start >= 1000);
    node_close(&n[0]);
    node_close(&n[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_nodes_link),
        cmocka_unit_test(test_other_keys_and_constants_never_link),
        cmocka_unit_test(test_a_node_does_not_link_to_itself),
        cmocka_unit_test(test_tie_is_the_same_on_both_sides),
        cmocka_unit_test(test_order_is_kept_in_each_class),
        cmocka_unit_test(test_bodies_of_every_size_both_ways),
        cmocka_unit_test(test_a_slow_peer_costs_the_others_nothing),
        cmocka_unit_test(test_control_overtakes_bulk),
        cmocka_unit_test(test_kick_bans_for_a_while),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
