/*
 * Guards gossipd/link_conn.c: connections that say nothing are shut, and what
 * they held is given back.
 */

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gossipd/link_int.h"
#include "t/unit/link_raw.h"

/* Connections that never say HELLO are shut, with or without CURVE. */
static void
test_silent_connections_are_shut(void **state)
{
    struct node_options o = {.seed = 1, .network = 9, .step_ms = 500};
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

/* Nothing but TCP: it costs a descriptor, and that only for a step's time. */
static void
test_bare_tcp_is_shut(void **state)
{
    struct node_options o = {.seed = 1, .network = 9, .step_ms = 300};
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct node n;
    char byte[64];
    ssize_t got = -1;

    (void)state;
    node_open(&n, &o);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(links_port(n.links));
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    POLL_UNTIL(&n, 1,
        (got = recv(fd, byte, sizeof(byte), MSG_DONTWAIT)) == 0
            || (got < 0 && errno == ECONNRESET));
    assert_null(n.links->conns);
    assert_int_equal(n.ups, 0);
    (void)close(fd);
    node_close(&n);
}

/* Both ends of both connections are forgotten once a link is down. */
static void
test_nothing_is_kept(void **state)
{
    struct node n[2];
    unsigned i;

    (void)state;
    two_nodes(n, 0);
    for (i = 0; i < 2; i++) {
        assert_non_null(n[i].links->conns);
    }
    node_close(&n[1]);
    POLL_UNTIL(n, 1, n[0].downs == 1);
    POLL_UNTIL(n, 1, n[0].links->conns == NULL);
    assert_int_equal(n[0].links->n_inbound, 0);
    for (i = 0; i < CONN_BUCKETS; i++) {
        assert_null(n[0].links->bucket[i]);
    }
    node_close(&n[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_connections_are_shut),
        cmocka_unit_test(test_bare_tcp_is_shut),
        cmocka_unit_test(test_nothing_is_kept),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
