/*
 * Guards the resolver: names and addresses, what has no address, and a queue
 * that ends.
 */

#include "link_nodes.h"

static void
test_names_are_resolved(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    struct link_peer p[2] = {{"localhost", 0}, {"no-such-host.invalid", 1}};
    struct node n[2];

    (void)state;
    node_open(&n[0], &o);
    p[0].port = links_port(n[0].links);
    o.seed = 2;
    o.peers = p;
    o.n_peers = 2;
    node_open(&n[1], &o);
    POLL_UNTIL(n, 2, n[0].peer != 0 && n[1].peer != 0);
    node_close(&n[0]);
    node_close(&n[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_resolved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
