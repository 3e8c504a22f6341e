/*
 * Guards the turn of links: pings, silence, and descriptors that end the wait.
 */

#include <sys/eventfd.h>
#include <unistd.h>

#include "link_nodes.h"

/* A peer that is alive for the kernel and libzmq, but does nothing. */
static void
test_silence_ends_a_link(void **state)
{
    uint64_t start;
    struct node n[2];

    (void)state;
    two_nodes(n, 600);
    poll_for(n, 2, 1500);
    assert_int_equal(n[0].downs + n[1].downs, 0); /* pings keep it */
    start = link_clock_ms();
    while (n[0].peer != 0 && link_clock_ms() - start < 5000) {
        links_poll(n[0].links, 10, node_event, &n[0]);
    }
    assert_string_equal(n[0].reason, "no sign of life");
    assert_in_range(link_clock_ms() - start, 300, 2000);
    node_close(&n[0]);
    node_close(&n[1]);
}

static void
test_pings_tell_the_head(void **state)
{
    uint8_t epoch[STORE_EPOCH_BYTES] = {7};
    struct node n[2];

    (void)state;
    two_nodes(n, 300);
    links_set_ping(n[0].links, epoch, 41);
    links_set_ping(n[1].links, epoch, 42);
    POLL_UNTIL(n, 2, n[0].head == 42 && n[1].head == 41);
    node_close(&n[0]);
    node_close(&n[1]);
}

/* Nothing that bounds a handshake may touch a link that is through it. */
static void
test_an_idle_link_stays(void **state)
{
    struct node_options o = {.seed = 1, .network = 9, .step_ms = 300};
    struct link_peer p;
    struct node n[6];
    size_t i;

    (void)state;
    node_open(&n[0], &o);
    p = peer_at(links_port(n[0].links));
    o.peers = &p;
    o.n_peers = 1;
    for (i = 1; i < 6; i++) {
        o.seed = (uint8_t)(i + 1);
        node_open(&n[i], &o);
    }
    POLL_UNTIL(n, 6, n[0].ups - n[0].downs == 5);
    n[0].downs = 0;
    poll_for(n, 6, 1200);
    assert_int_equal(n[0].downs, 0);
    for (i = 0; i < 6; i++) {
        node_close(&n[i]);
    }
}

static void
test_a_descriptor_ends_the_wait(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), i;
    uint64_t one = 1, began;
    struct node n;

    (void)state;
    assert_true(fd >= 0);
    node_open(&n, &o);
    poll_for(&n, 1, 50);
    for (i = 0; i < LINKS_WATCH_MAX; i++) {
        assert_int_equal(links_watch(n.links, fd), 0);
    }
    assert_int_equal(links_watch(n.links, fd), -1);
    assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
    began = link_clock_ms();
    links_poll(n.links, 8000, node_event, &n);
    assert_true(link_clock_ms() - began < 4000);

    /* and it is not read: its owner does that */
    assert_int_equal(read(fd, &one, sizeof(one)), sizeof(one));
    node_close(&n);
    (void)close(fd);
}

/* With nothing to do a turn takes its time, not the processor's. */
static void
test_a_turn_waits(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    unsigned turns;
    uint64_t began;
    struct node n;

    (void)state;
    node_open(&n, &o);
    poll_for(&n, 1, 50);
    began = link_clock_ms();
    for (turns = 0; link_clock_ms() - began < 300; turns++) {
        links_poll(n.links, 100, node_event, &n);
    }
    assert_true(turns <= 30);
    node_close(&n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence_ends_a_link),
        cmocka_unit_test(test_pings_tell_the_head),
        cmocka_unit_test(test_an_idle_link_stays),
        cmocka_unit_test(test_a_descriptor_ends_the_wait),
        cmocka_unit_test(test_a_turn_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
