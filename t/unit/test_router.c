/*
 * The turn of the router: links that come and go, how many, who is blamed until
 * its link is closed, and a log that has grown is told at once.
 */

#include "t/unit/router_rig.h"

static void
test_peers_come_and_go(void **state)
{
    struct watcher a, b;
    struct rig r;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    watch_open(&a, 2, &r);
    watch_open(&b, 3, &r);
    TURN_UNTIL(&r, 1, &a, a.peer != 0 && r.router->n_peers >= 1);
    TURN_UNTIL(&r, 1, &b, b.peer != 0 && r.router->n_peers == 2);
    assert_non_null(router_peer(r.router, r.router->peers[0].number));
    assert_non_null(router_peer(r.router, r.router->peers[1].number));
    assert_null(router_peer(r.router, 12345));
    assert_int_equal(mesh_peers(r.router->mesh), 2);

    watch_close(&a);
    TURN_UNTIL(&r, 1, &b, r.router->n_peers == 1);
    assert_memory_equal(r.router->peers[0].node_id, b.id.node_id, KEY_BYTES);
    assert_int_equal(mesh_peers(r.router->mesh), 1);
    watch_close(&b);
    rig_stop(&r, 1);
    rig_fini(&r);
}

static void
test_too_many_links(void **state)
{
    struct watcher a, b;
    struct rig r;

    (void)state;
    rig_init(&r, 1, 1);
    rig_start(&r, 0);
    watch_open(&a, 2, &r);
    TURN_UNTIL(&r, 1, &a, a.peer != 0 && r.router->n_peers == 1);
    watch_open(&b, 3, &r);
    TURN_UNTIL(&r, 1, &b, b.downs > 0);
    assert_int_equal(r.router->n_peers, 1);
    assert_memory_equal(r.router->peers[0].node_id, a.id.node_id, KEY_BYTES);
    watch_close(&a);
    watch_close(&b);
    rig_stop(&r, 1);
    rig_fini(&r);
}

/* One fault is a log line, BLAME_MAX of them end the link and keep it out. */
static void
test_blame_closes_the_link(void **state)
{
    struct watcher w;
    struct rig r;
    uint64_t number;
    unsigned i;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    watch_open(&w, 2, &r);
    TURN_UNTIL(&r, 1, &w, w.peer != 0 && r.router->n_peers == 1);
    number = r.router->peers[0].number;
    router_blame(r.router, number + 1, "nobody"); /* of no peer: nothing */
    for (i = 0; i < BLAME_MAX - 1; i++) {
        router_blame(r.router, number, "a test");
    }
    turn_all(&r, 1, &w);
    assert_int_equal(r.router->n_peers, 1);
    router_blame(r.router, number, "a test");
    TURN_UNTIL(&r, 1, &w, r.router->n_peers == 0 && w.downs == 1);
    watch_close(&w);
    rig_stop(&r, 1);
    rig_fini(&r);
}

/* Not with the next Ping, which is seconds away. */
static void
test_a_new_head_is_told(void **state)
{
    struct rig rigs[2];

    (void)state;
    rig_init(&rigs[0], 1, 0);
    rig_init(&rigs[1], 2, 0);
    rig_start(&rigs[0], 0);
    rig_start(&rigs[1], links_port(rigs[0].links));
    TURN_UNTIL(rigs, 2, NULL,
        rigs[0].router->n_peers == 1 && rigs[1].router->n_peers == 1);
    /* catch-up is not pushed: only the head can tell of it */
    rig_put(&rigs[0], "head", 1, 0, "x", 1, STORE_CATCHUP);
    TURN_UNTIL(rigs, 2, NULL, rig_has(&rigs[1], "head", "x", 1));
    TURN_UNTIL(rigs, 2, NULL,
        rigs[0].router->told_head == rigs[0].router->log_head);
    rig_stop(&rigs[0], 1);
    rig_stop(&rigs[1], 1);
    rig_fini(&rigs[0]);
    rig_fini(&rigs[1]);
}

/* No turn waits longer than it was told, nor past a timer. */
static void
test_a_turn_ends(void **state)
{
    struct rig r;
    uint64_t began;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    router_turn(r.router, 0);
    began = thread_now_us();
    router_turn(r.router, 60000);
    assert_true(thread_now_us() - began < 5000000);
    rig_stop(&r, 1);
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers_come_and_go),
        cmocka_unit_test(test_too_many_links),
        cmocka_unit_test(test_blame_closes_the_link),
        cmocka_unit_test(test_a_new_head_is_told),
        cmocka_unit_test(test_a_turn_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
