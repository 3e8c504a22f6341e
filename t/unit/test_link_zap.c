/*
 * Guards who may connect at all: the allow-list, bans, and the key that is
 * refused always.
 */

#include "link_nodes.h"

static void
test_allow_list(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    struct identity friend;
    uint8_t seed[KEY_BYTES];
    struct links_stats st;
    struct link_peer p;
    struct node n[3];

    (void)state;
    memset(seed, 2, sizeof(seed));
    identity_from_seed(&friend, seed);
    o.allow = (const uint8_t(*)[NODE_ID_BYTES]) friend.node_id;
    o.n_allow = 1;
    node_open(&n[0], &o);
    p = peer_at(links_port(n[0].links));
    o.allow = NULL;
    o.peers = &p;
    o.n_peers = 1;
    o.seed = 3;
    node_open(&n[1], &o);
    POLL_UNTIL(n, 2, (links_stats(n[0].links, &st), st.refused_key >= 2));
    o.seed = 2;
    node_open(&n[2], &o);
    POLL_UNTIL(n, 3, n[0].peer != 0 && n[2].peer != 0);
    assert_memory_equal(n[0].peer_node, friend.node_id, NODE_ID_BYTES);
    assert_int_equal(n[1].ups, 0);
    node_close(&n[0]);
    node_close(&n[1]);
    node_close(&n[2]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allow_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
