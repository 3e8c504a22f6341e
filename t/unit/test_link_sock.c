/*
 * Guards the process against libzmq's asserts: with ZMTP heartbeats on, a
 * connection that was closed while nobody read from it aborted the daemon
 * (seen when a node was too busy to read for ten seconds). P2PFS_LONG=1 runs
 * what then happened, otherwise the options are looked at.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>
#include <zmq.h>

#include "gossipd/link_sock.h"
#include "gossipd/link_zap.h"

#define MESSAGES 400
#define LONGER_THAN_HEARTBEATS_MS 11000

struct pair {
    void *context;
    struct link_zap *zap;
    void *router;
    void *dealer;
};

static void
new_key(uint8_t public[KEY_BYTES], uint8_t secret[KEY_BYTES])
{
    randombytes_buf(secret, KEY_BYTES);
    crypto_scalarmult_base(public, secret);
}

static void
pair_open(struct pair *p)
{
    static const uint8_t deny[KEY_BYTES] = {1};
    uint8_t public[KEY_BYTES], secret[KEY_BYTES], own[KEY_BYTES];
    uint8_t own_secret[KEY_BYTES];
    char endpoint[64];
    uint16_t port = 0;

    new_key(public, secret);
    new_key(own, own_secret);
    p->context = zmq_ctx_new();
    assert_non_null(p->context);
    p->zap = link_zap_start(p->context, NULL, 0, deny);
    assert_non_null(p->zap);
    p->router = link_sock_router(p->context, public, secret);
    assert_non_null(p->router);
    assert_int_equal(link_sock_bind(p->router, "127.0.0.1", &port), 0);
    p->dealer = link_sock_dealer(p->context, public, own, own_secret);
    assert_non_null(p->dealer);
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u",
        (unsigned)port);
    assert_int_equal(zmq_connect(p->dealer, endpoint), 0);
}

static void
pair_close(struct pair *p)
{
    link_sock_close(p->router, NULL, 0);
    link_sock_close(p->dealer, NULL, 0);
    (void)zmq_ctx_shutdown(p->context);
    link_zap_stop(p->zap);
    assert_int_equal(zmq_ctx_term(p->context), 0);
}

static int
option(void *sock, int name)
{
    int value = -1;
    size_t len = sizeof(value);

    assert_int_equal(zmq_getsockopt(sock, name, &value, &len), 0);
    return value;
}

static void
test_no_heartbeats_but_keepalive(void **state)
{
    struct pair p;
    void *socks[2];
    size_t i;

    (void)state;
    pair_open(&p);
    socks[0] = p.router;
    socks[1] = p.dealer;
    for (i = 0; i < 2; i++) {
        assert_int_equal(option(socks[i], ZMQ_HEARTBEAT_IVL), 0);
        assert_int_equal(option(socks[i], ZMQ_TCP_KEEPALIVE), 1);
        assert_in_range(option(socks[i], ZMQ_TCP_KEEPALIVE_IDLE), 1, 60);
        assert_in_range(option(socks[i], ZMQ_TCP_MAXRT), 1000, 60000);
    }
    pair_close(&p);
}

/* How many of the messages can still be read. */
static unsigned
drain(struct pair *p)
{
    zmq_pollitem_t item = {.socket = p->router, .events = ZMQ_POLLIN};
    struct link_msg m;
    unsigned n = 0;

    while (zmq_poll(&item, 1, 500) > 0) {
        while (link_sock_recv(p->router, 1, &m)) {
            link_msg_close(&m);
            n++;
        }
    }
    return n;
}

static void
test_closed_while_nobody_reads(void **state)
{
    uint8_t frame[2000] = {0};
    zmq_pollitem_t item = {.events = ZMQ_POLLOUT};
    struct pair p;
    int i;

    (void)state;
    pair_open(&p);
    item.socket = p.dealer;
    for (i = 0; i < MESSAGES; i++) {
        assert_int_equal(zmq_poll(&item, 1, 5000), 1);
        assert_int_equal(link_sock_send(p.dealer, 0, frame, sizeof(frame), 0),
            SOCK_SENT);
    }
    link_sock_close(p.dealer, NULL, SOCK_LINGER_MS);
    p.dealer = NULL;
    /* no state to wait for: nothing may happen in this time */
    (void)zmq_poll(NULL, 0, LONGER_THAN_HEARTBEATS_MS);
    assert_in_range(drain(&p), 1, MESSAGES);
    pair_close(&p);
}

int
main(void)
{
    const struct CMUnitTest quick[] = {
        cmocka_unit_test(test_no_heartbeats_but_keepalive),
    };
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_no_heartbeats_but_keepalive),
        cmocka_unit_test(test_closed_while_nobody_reads),
    };

    if (sodium_init() < 0) {
        return 1;
    }
    if (getenv("P2PFS_LONG") != NULL) {
        return cmocka_run_group_tests(all, NULL, NULL);
    }
    (void)printf("# P2PFS_LONG unset: no test_closed_while_nobody_reads\n");
    return cmocka_run_group_tests(quick, NULL, NULL);
}
