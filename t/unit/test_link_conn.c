/*
 * Guards gossipd/link_conn.c: connections that say nothing are shut, and what
 * they held is given back.
 */

#include "t/unit/link_raw.h"

/* Connections that never say HELLO are shut, with or without CURVE. */
static void
test_silent_connections_are_shut(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    unsigned event = 0;
    void *monitor;
    struct node n;
    struct raw r;
    int value;

    (void)state;
    node_open(&n, &o);
    raw_init(&r, 7);
    r.control = raw_dealer(&r, links_port(n.links));
    monitor = link_sock_monitor(r.context, r.control, "inproc://m",
        ZMQ_EVENT_DISCONNECTED);
    POLL_UNTIL(&n, 1, event != 0 || link_sock_event(monitor, &event, &value));
    assert_int_equal(event, ZMQ_EVENT_DISCONNECTED);
    link_sock_close(r.control, monitor, 0);
    r.control = NULL;
    raw_fini(&r);
    node_close(&n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_connections_are_shut),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
