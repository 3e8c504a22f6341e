/*
 * Guards gossipd/link.h: what whoever uses links relies on. Several nodes on
 * loopback ports, in one thread.
 */

#include "link_nodes.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_nodes_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
