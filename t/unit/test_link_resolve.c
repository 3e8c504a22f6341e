/*
 * Guards the resolver: names and addresses, what has no address, and a queue
 * that ends.
 */

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gossipd/link_resolve.h"
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

/* A resolver, and the descriptor that says when to look. */
static struct link_resolve *
resolver(int *wake)
{
    struct link_resolve *r;

    *wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(*wake >= 0);
    r = link_resolve_start(*wake);
    assert_non_null(r);
    return r;
}

static void
take(struct link_resolve *r, int wake, struct resolved *out)
{
    struct pollfd p = {.fd = wake, .events = POLLIN};

    while (!link_resolve_answer(r, out)) {
        assert_int_equal(poll(&p, 1, 10000), 1);
    }
}

static void
test_numbers_are_addresses(void **state)
{
    struct link_resolve *r;
    struct resolved out;
    int wake;

    (void)state;
    r = resolver(&wake);
    assert_int_equal(link_resolve_ask(r, 7, "127.0.0.1"), 0);
    take(r, wake, &out);
    assert_int_equal(out.tag, 7);
    assert_int_equal(out.n, 1);
    assert_string_equal(out.address[0], "127.0.0.1");
    assert_int_equal(link_resolve_ask(r, 8, "::1"), 0);
    take(r, wake, &out);
    assert_int_equal(out.tag, 8);
    assert_string_equal(out.address[0], "::1");
    assert_int_equal(link_resolve_ask(r, 9, "not an address"), 0);
    take(r, wake, &out);
    assert_int_equal(out.tag, 9);
    assert_int_equal(out.n, 0);
    link_resolve_stop(r);
    (void)close(wake);
}

/* Answers that nobody takes count too: the queue ends, and goes on again. */
static void
test_the_queue_ends(void **state)
{
    char longer[RESOLVE_HOST_MAX + 1];
    struct link_resolve *r;
    struct resolved out;
    uint64_t i, last;
    int wake;

    (void)state;
    r = resolver(&wake);
    memset(longer, 'h', RESOLVE_HOST_MAX);
    longer[RESOLVE_HOST_MAX] = '\0';
    assert_int_equal(link_resolve_ask(r, 1, longer), -1);
    for (i = 0; i < RESOLVE_QUEUE_MAX; i++) {
        assert_int_equal(link_resolve_ask(r, i, "127.0.0.1"), 0);
    }
    while (link_resolve_ask(r, i, "127.0.0.1") == 0) {
        i++; /* one may be with the thread, in neither list */
        assert_true(i <= RESOLVE_QUEUE_MAX + 1);
    }
    last = i;
    for (i = 0; i < last; i++) {
        take(r, wake, &out);
        assert_int_equal(out.tag, i); /* in the order of the questions */
    }
    assert_int_equal(link_resolve_ask(r, 1, "127.0.0.1"), 0);
    take(r, wake, &out);
    link_resolve_stop(r);
    link_resolve_stop(NULL);
    (void)close(wake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_resolved),
        cmocka_unit_test(test_numbers_are_addresses),
        cmocka_unit_test(test_the_queue_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
