/*
 * Guards the dials: two that cross, two that lead to one node, a peer that
 * starts again, another list of peers.
 */

#include "link_nodes.h"

#define ROUNDS 200

/* Both dial each other at the same time, again and again. */
static void
test_simultaneous_dials_leave_one_link(void **state)
{
    struct node_options a = {.seed = 1, .network = 9};
    struct node_options b = {.seed = 2, .network = 9};
    struct link_peer to_a, to_b;
    unsigned round, flaps = 0;
    struct node n[2];
    int a_smaller;

    (void)state;
    node_open(&n[0], &a);
    node_open(&n[1], &b);
    a_smaller = memcmp(n[0].id.node_id, n[1].id.node_id, NODE_ID_BYTES) < 0;
    to_a = peer_at(links_port(n[0].links));
    to_b = peer_at(links_port(n[1].links));
    for (round = 0; round < ROUNDS; round++) {
        unsigned first = round % 2;

        links_set_peers(n[first].links, first ? &to_a : &to_b, 1);
        if (round % 5 == 4) {
            poll_once(n, 2); /* not quite the same time */
        }
        links_set_peers(n[!first].links, first ? &to_b : &to_a, 1);
        POLL_UNTIL(n, 2,
            n[0].peer != 0 && n[1].peer != 0 && n[0].outbound != n[1].outbound);
        poll_for(n, 2, 5);
        /* settled: the same link on both sides, and messages pass */
        POLL_UNTIL(n, 2,
            n[0].peer != 0 && n[1].peer != 0 && n[0].ups - n[0].downs == 1
                && n[1].ups - n[1].downs == 1
                && n[0].outbound != n[1].outbound);
        n[0].n_seen = n[1].n_seen = 0;
        assert_int_equal(send_control(&n[0], round), 0);
        assert_int_equal(send_control(&n[1], round), 0);
        POLL_UNTIL(n, 2, n[0].n_seen == 1 && n[1].n_seen == 1);
        flaps += n[0].downs + n[1].downs;
        links_set_peers(n[0].links, NULL, 0);
        links_set_peers(n[1].links, NULL, 0);
        links_kick(n[0].links, n[0].peer, "next round", 0);
        POLL_UNTIL(n, 2, n[0].peer == 0 && n[1].peer == 0);
        n[0].ups = n[0].downs = n[1].ups = n[1].downs = 0;
    }
    print_message("# %u rounds, smaller id is %c, %u links went down again\n",
        ROUNDS, a_smaller ? 'a' : 'b', flaps);
    node_close(&n[0]);
    node_close(&n[1]);
}

static void
test_a_restarted_peer_links_again(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    struct node n[2];
    uint64_t boot, number;
    int round;

    (void)state;
    two_nodes(n, 0);
    for (round = 0; round < 3; round++) {
        boot = n[1].boot;
        number = n[1].peer;
        o.port = links_port(n[0].links);
        node_close(&n[0]);
        POLL_UNTIL(n, 2, n[1].peer == 0);
        node_open(&n[0], &o);
        POLL_UNTIL(n, 2, n[0].peer != 0 && n[1].peer != 0);
        assert_true(n[1].boot != boot);
        assert_true(n[1].peer > number); /* a number is never used again */
        assert_int_equal(send_control(&n[1], 1), 0);
        POLL_UNTIL(n, 2, n[0].n_seen == 1);
    }
    node_close(&n[0]);
    node_close(&n[1]);
}

static void
test_peers_are_replaced_and_links_stay(void **state)
{
    struct node_options o = {.seed = 3, .network = 9};
    struct link_peer p[2];
    struct node n[3];

    (void)state;
    two_nodes(n, 0);
    node_open(&n[2], &o);
    p[0] = peer_at(links_port(n[2].links));
    links_set_peers(n[1].links, p, 1);
    POLL_UNTIL(n, 3, n[2].peer != 0 && n[1].ups == 2);
    assert_int_equal(n[1].downs, 0);
    node_close(&n[2]);
    node_close(&n[0]);
    node_close(&n[1]);
}

static void
test_one_node_at_two_addresses_is_one_link(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    struct link_peer p[2];
    struct node n[2];

    (void)state;
    node_open(&n[0], &o);
    p[0] = peer_at(links_port(n[0].links));
    p[1] = p[0];
    p[1].host = "localhost";
    o.seed = 2;
    o.peers = p;
    o.n_peers = 2;
    node_open(&n[1], &o);
    POLL_UNTIL(n, 2, n[0].peer != 0 && n[1].peer != 0);
    poll_for(n, 2, 1200);
    assert_int_equal(n[0].ups - n[0].downs, 1);
    assert_int_equal(n[1].ups - n[1].downs, 1);
    assert_true(n[1].ups <= 2);
    node_close(&n[0]);
    node_close(&n[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simultaneous_dials_leave_one_link),
        cmocka_unit_test(test_a_restarted_peer_links_again),
        cmocka_unit_test(test_peers_are_replaced_and_links_stay),
        cmocka_unit_test(test_one_node_at_two_addresses_is_one_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
