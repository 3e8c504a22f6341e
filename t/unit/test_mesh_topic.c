/* Guards: membership, every way into a mesh and out of it, and degrees
 * (gossipd/mesh_topic.c). */

#include "t/unit/mesh_rig.h"

/* A new peer hears of our topics; its subscription is answered with a GRAFT at
 * once while the mesh is small. */
static void
test_graft_at_once(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_step(&r, (struct mesh_event){.kind = MESH_PEER_UP, .peer = 1});
    assert_int_equal(r.n, 1);
    assert_int_equal(r.a[0].kind, MESH_SEND_SUBSCRIBE);
    assert_string_equal(r.a[0].topic, TOPIC);
    rig_peer(&r, MESH_SUBSCRIBED, 1);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.a[0].kind, MESH_SEND_GRAFT);
    assert_true(mesh_has(r.m, TOPIC, 1));
    rig_peer(&r, MESH_SUBSCRIBED, 1);
    assert_int_equal(r.n, 0);
    for (uint64_t peer = 2; peer <= 9; peer++) {
        rig_add(&r, peer, 0);
    }
    assert_int_equal(mesh_degree(r.m, TOPIC), r.p.d_lo);
    rig_close(&r);
}

static void
test_join_and_leave(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_step(&r, (struct mesh_event){.kind = MESH_LEAVE, .topic = TOPIC});
    for (uint64_t peer = 1; peer <= 9; peer++) {
        rig_add(&r, peer, 0);
        assert_int_equal(r.n, 0);
    }
    rig_step(&r, (struct mesh_event){.kind = MESH_JOIN, .topic = TOPIC});
    assert_int_equal(rig_count(&r, MESH_SEND_SUBSCRIBE, 0), 9);
    assert_int_equal(rig_count(&r, MESH_SEND_GRAFT, 0), r.p.d);
    rig_step(&r, (struct mesh_event){.kind = MESH_JOIN, .topic = TOPIC});
    assert_int_equal(r.n, 0);

    rig_step(&r, (struct mesh_event){.kind = MESH_LEAVE, .topic = TOPIC});
    assert_int_equal(rig_count(&r, MESH_SEND_UNSUBSCRIBE, 0), 9);
    assert_int_equal(rig_count(&r, MESH_SEND_PRUNE, 0), r.p.d);
    assert_int_equal(rig_find(&r, MESH_SEND_PRUNE, 0)->backoff_ms,
        r.p.unsubscribe_backoff_ms);
    assert_int_equal(mesh_degree(r.m, TOPIC), 0);

    /* the six are left alone for a while, the other three are not */
    rig_step(&r, (struct mesh_event){.kind = MESH_JOIN, .topic = TOPIC});
    assert_int_equal(rig_count(&r, MESH_SEND_GRAFT, 0), 3);
    r.now += r.p.unsubscribe_backoff_ms + 2 * r.p.heartbeat_ms;
    rig_tick(&r);
    assert_int_equal(mesh_degree(r.m, TOPIC), r.p.d);
    rig_close(&r);
}

/* What peers said of a topic before this node knew it counts when it joins. */
static void
test_late_topic(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    for (uint64_t peer = 1; peer <= 3; peer++) {
        rig_step(&r, (struct mesh_event){.kind = MESH_PEER_UP, .peer = peer});
        rig_step(&r,
            (struct mesh_event){.kind = MESH_SUBSCRIBED,
                .peer = peer,
                .topic = "late"});
    }
    rig_step(&r,
        (struct mesh_event){.kind = MESH_UNSUBSCRIBED,
            .peer = 2,
            .topic = "late"});
    rig_step(&r, (struct mesh_event){.kind = MESH_JOIN, .topic = "late"});
    assert_int_equal(mesh_degree(r.m, "late"), 2);
    assert_false(mesh_has(r.m, "late", 2));
    assert_int_equal(mesh_degree(r.m, TOPIC), 0);
    rig_close(&r);
}

/* Names that are too long or empty, and too many of them: no state, no harm. */
static void
test_topic_limits(void **state)
{
    char name[MESH_TOPIC_MAX + 2];
    struct rig r;

    (void)state;
    mesh_params_default(&r.p);
    r.p.topics_max = 2;
    rig_open_params(&r);
    rig_step(&r, (struct mesh_event){.kind = MESH_PEER_UP, .peer = 1});
    memset(name, 'x', sizeof(name));
    name[MESH_TOPIC_MAX + 1] = '\0';
    rig_step(&r, (struct mesh_event){.kind = MESH_JOIN, .topic = name});
    assert_int_equal(r.n, 0);
    rig_step(&r, (struct mesh_event){.kind = MESH_JOIN, .topic = ""});
    assert_int_equal(r.n, 0);
    rig_step(&r, (struct mesh_event){.kind = MESH_JOIN, .topic = NULL});
    assert_int_equal(r.n, 0);
    name[MESH_TOPIC_MAX] = '\0';
    rig_step(&r, (struct mesh_event){.kind = MESH_JOIN, .topic = name});
    assert_int_equal(r.n, 1);
    rig_step(&r, (struct mesh_event){.kind = MESH_JOIN, .topic = "third"});
    assert_int_equal(r.n, 0);
    for (char c = 'a'; c <= 'z'; c++) {
        char other[2] = {c, '\0'};

        rig_step(&r,
            (struct mesh_event){.kind = MESH_SUBSCRIBED,
                .peer = 1,
                .topic = other});
        assert_int_equal(r.n, 0);
    }
    rig_close(&r);
}

static void
test_graft_refused_in_backoff(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_add(&r, 1, 0);
    rig_prune(&r, 1, 5000);
    assert_int_equal(mesh_degree(r.m, TOPIC), 0);
    /* not by the heartbeat, not by subscribing anew */
    rig_tick(&r);
    rig_peer(&r, MESH_UNSUBSCRIBED, 1);
    rig_peer(&r, MESH_SUBSCRIBED, 1);
    assert_int_equal(rig_count(&r, MESH_SEND_GRAFT, 0), 0);
    /* nor by a GRAFT, which makes it longer */
    r.now = 1000 + 4999;
    rig_peer(&r, MESH_GRAFT, 1);
    assert_int_equal(rig_count(&r, MESH_BLAME, 1), 1);
    assert_int_equal(rig_find(&r, MESH_BLAME, 1)->fault,
        MESH_FAULT_EARLY_GRAFT);
    assert_int_equal(rig_find(&r, MESH_SEND_PRUNE, 1)->backoff_ms,
        r.p.prune_backoff_ms);
    assert_false(mesh_has(r.m, TOPIC, 1));
    r.now += r.p.prune_backoff_ms - 1;
    rig_peer(&r, MESH_GRAFT, 1);
    assert_int_equal(rig_count(&r, MESH_BLAME, 1), 1);
    /* to the millisecond for its GRAFT */
    r.now += r.p.prune_backoff_ms;
    rig_peer(&r, MESH_GRAFT, 1);
    assert_int_equal(r.n, 0);
    assert_true(mesh_has(r.m, TOPIC, 1));
    assert_int_equal(rig_stats(&r).graft_refused, 2);
    rig_close(&r);
}

/* Our own GRAFT waits two heartbeats longer than the backoff. */
static void
test_slack(void **state)
{
    struct rig r;
    uint64_t end;

    (void)state;
    rig_open(&r);
    rig_add(&r, 1, 0);
    rig_prune(&r, 1, 5000);
    end = r.now + 5000 + 2 * r.p.heartbeat_ms;
    do {
        rig_tick(&r);
        assert_int_equal(mesh_has(r.m, TOPIC, 1), r.now >= end);
    } while (r.now < end);
    assert_int_equal(rig_count(&r, MESH_SEND_GRAFT, 1), 1);
    rig_close(&r);
}

/* A PRUNE without a time gets the default, an absurd one is cut. */
static void
test_prune_times(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_add(&r, 1, 0);
    rig_prune(&r, 1, 0);
    r.now += r.p.prune_backoff_ms - 1;
    rig_peer(&r, MESH_GRAFT, 1);
    assert_false(mesh_has(r.m, TOPIC, 1));
    rig_add(&r, 2, 0);
    rig_prune(&r, 2, 4000000000u);
    r.now += 3600000;
    rig_peer(&r, MESH_GRAFT, 2);
    assert_true(mesh_has(r.m, TOPIC, 2));
    rig_close(&r);
}

/* No answer and no state for what is not ours, or from a stranger. */
static void
test_graft_unknown(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_add(&r, 1, 0);
    rig_step(&r,
        (struct mesh_event){.kind = MESH_GRAFT,
            .peer = 1,
            .topic = "not ours"});
    assert_int_equal(r.n, 0);
    rig_step(&r,
        (struct mesh_event){.kind = MESH_PRUNE,
            .peer = 1,
            .topic = "not ours",
            .backoff_ms = 1000});
    assert_int_equal(rig_stats(&r).backoffs, 0);
    rig_peer(&r, MESH_GRAFT, 99);
    assert_int_equal(r.n, 0);
    /* ours, but the peer is not subscribed */
    rig_step(&r, (struct mesh_event){.kind = MESH_PEER_UP, .peer = 2});
    rig_peer(&r, MESH_GRAFT, 2);
    assert_int_equal(rig_count(&r, MESH_SEND_PRUNE, 2), 1);
    assert_false(mesh_has(r.m, TOPIC, 2));
    rig_close(&r);
}

/* GRAFTs are taken up to D_hi, from dialled peers beyond it; a mesh of D_hi
 * then falls back to D and keeps D_out dialled ones. */
static void
test_degree_bounds(void **state)
{
    unsigned outbound = 0;
    struct rig r;

    (void)state;
    rig_open(&r);
    for (uint64_t peer = 1; peer <= 20; peer++) {
        rig_add(&r, peer, 0);
        if (!mesh_has(r.m, TOPIC, peer)) {
            rig_peer(&r, MESH_GRAFT, peer);
        }
        assert_int_equal(mesh_has(r.m, TOPIC, peer), peer <= r.p.d_hi);
    }
    for (uint64_t peer = 21; peer <= 24; peer++) {
        rig_add(&r, peer, 1);
        rig_peer(&r, MESH_GRAFT, peer);
        assert_true(mesh_has(r.m, TOPIC, peer));
    }
    rig_tick(&r);
    assert_int_equal(mesh_degree(r.m, TOPIC), r.p.d);
    assert_int_equal(rig_count(&r, MESH_SEND_PRUNE, 0), 16 - r.p.d);
    for (uint64_t peer = 21; peer <= 24; peer++) {
        outbound += mesh_has(r.m, TOPIC, peer) != 0;
    }
    assert_true(outbound >= r.p.d_out);
    rig_close(&r);
}

static void
test_prune_at_exactly_d_hi(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    for (uint64_t peer = 1; peer <= r.p.d_hi; peer++) {
        rig_add(&r, peer, 0);
        rig_peer(&r, MESH_GRAFT, peer);
    }
    assert_int_equal(mesh_degree(r.m, TOPIC), r.p.d_hi);
    rig_tick(&r);
    assert_int_equal(mesh_degree(r.m, TOPIC), r.p.d);
    /* and stays there: no swing */
    for (int i = 0; i < 30; i++) {
        rig_tick(&r);
        assert_int_equal(r.n, 0);
    }
    rig_close(&r);
}

/* Dialled peers are grafted on top when the quota is short. */
static void
test_outbound_quota(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    for (uint64_t peer = 1; peer <= r.p.d; peer++) {
        rig_add(&r, peer, 0);
        rig_peer(&r, MESH_GRAFT, peer);
    }
    for (uint64_t peer = 21; peer <= 24; peer++) {
        rig_add(&r, peer, 1);
    }
    assert_int_equal(mesh_degree(r.m, TOPIC), r.p.d);
    rig_tick(&r);
    assert_int_equal(rig_count(&r, MESH_SEND_GRAFT, 0), r.p.d_out);
    assert_int_equal(mesh_degree(r.m, TOPIC), r.p.d + r.p.d_out);
    rig_close(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graft_at_once),
        cmocka_unit_test(test_join_and_leave),
        cmocka_unit_test(test_late_topic),
        cmocka_unit_test(test_topic_limits),
        cmocka_unit_test(test_graft_refused_in_backoff),
        cmocka_unit_test(test_slack),
        cmocka_unit_test(test_prune_times),
        cmocka_unit_test(test_graft_unknown),
        cmocka_unit_test(test_degree_bounds),
        cmocka_unit_test(test_prune_at_exactly_d_hi),
        cmocka_unit_test(test_outbound_quota),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
