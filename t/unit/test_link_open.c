/*
 * Guards links_open: every way to fail says why, and gives back what it took.
 */

#include "link_nodes.h"

static void
test_a_port_in_use_is_an_error(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    struct links_config c = {.listen_host = "127.0.0.1"};
    uint8_t key[KEY_BYTES] = {0};
    struct links *links;
    char detail[256];
    struct node n;

    (void)state;
    node_open(&n, &o);
    c.listen_port = links_port(n.links);
    c.node_secret = n.id.secret;
    c.network_key = key;
    assert_int_equal(links_open(&links, &c, detail, sizeof(detail)), P2PFS_IO);
    assert_null(links);
    assert_non_null(strstr(detail, "in use"));
    node_close(&n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_port_in_use_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
