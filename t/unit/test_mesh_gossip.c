/* Guards: who is told of which ids, and what an IWANT is served
 * (gossipd/mesh_gossip.c). */

#include "t/unit/mesh_gossip_rig.h"

/* The peers that an IHAVE went to in the last step. */
static size_t
told(const struct rig *r)
{
    return rig_count(r, MESH_SEND_IHAVE, 0);
}

static void
test_adaptive(void **state)
{
    struct rig r;

    (void)state;
    open_lazy(&r, 40);
    rig_tick(&r);
    assert_int_equal(told(&r), 0);
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    /* a quarter of 40, in three heartbeats, then silence */
    for (int i = 0; i < 3; i++) {
        rig_tick(&r);
        assert_int_equal(told(&r), 10);
        for (uint64_t peer = 1; peer <= 40; peer++) {
            assert_true(rig_count(&r, MESH_SEND_IHAVE, peer) <= 1);
        }
    }
    rig_tick(&r);
    assert_int_equal(told(&r), 0);
    rig_close(&r);

    open_lazy(&r, 9);
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    rig_tick(&r);
    assert_int_equal(told(&r), r.p.d_lazy);
    rig_close(&r);
}

/* Members of the mesh hear only of ids older than a heartbeat, and only where
 * there are places left. */
static void
test_members_told_later(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_add(&r, 1, 0);
    rig_add(&r, 2, 0);
    rig_tick(&r);
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    rig_tick(&r);
    assert_int_equal(told(&r), 0);
    rig_tick(&r);
    assert_int_equal(told(&r), 2);
    assert_int_equal(r.a[0].n_ids, 1);
    rig_tick(&r);
    assert_int_equal(told(&r), 2);
    rig_tick(&r);
    assert_int_equal(told(&r), 0);
    rig_close(&r);

    rig_open(&r);
    for (uint64_t peer = 1; peer <= 20; peer++) {
        rig_add(&r, peer, 0);
    }
    rig_tick(&r);
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    for (int i = 0; i < 5; i++) {
        rig_tick(&r);
        for (uint64_t peer = 1; peer <= 20; peer++) {
            assert_false(mesh_has(r.m, TOPIC, peer)
                && rig_count(&r, MESH_SEND_IHAVE, peer));
        }
    }
    rig_close(&r);
}

/* More ids than fit: a random part, so that two peers hear of others. */
static void
test_truncated(void **state)
{
    const struct mesh_action *a, *b;
    struct rig r;

    (void)state;
    mesh_params_default(&r.p);
    r.p.d = r.p.d_lo = r.p.d_hi = r.p.d_out = 0;
    r.p.max_ihave_length = 50;
    rig_open_params(&r);
    rig_add(&r, 1, 0);
    rig_add(&r, 2, 0);
    for (unsigned k = 0; k < 100; k++) {
        rig_id_event(&r, MESH_PUBLISH, 0, k);
    }
    rig_tick(&r);
    a = rig_find(&r, MESH_SEND_IHAVE, 1);
    b = rig_find(&r, MESH_SEND_IHAVE, 2);
    assert_int_equal(a->n_ids, 50);
    assert_int_equal(b->n_ids, 50);
    assert_true(memcmp(a->ids, b->ids, 50 * sizeof(a->ids[0])) != 0);
    rig_close(&r);
}

/* The first message is not lost on whoever comes a moment later. */
static void
test_history_on_arrival(void **state)
{
    struct p2pfs_hash id = rig_id(3);
    struct rig r;

    (void)state;
    rig_open(&r);
    for (unsigned k = 1; k <= 3; k++) {
        rig_id_event(&r, MESH_PUBLISH, 0, k);
    }
    rig_add(&r, 1, 0);
    assert_int_equal(rig_count(&r, MESH_SEND_GRAFT, 1), 1);
    assert_int_equal(told(&r), 1);
    assert_int_equal(rig_find(&r, MESH_SEND_IHAVE, 1)->n_ids, 3);
    assert_memory_equal(&rig_find(&r, MESH_SEND_IHAVE, 1)->ids[2], &id,
        sizeof(id));
    /* also without a place in the mesh, and again when it gets one */
    for (uint64_t peer = 2; peer <= 6; peer++) {
        rig_add(&r, peer, 0);
    }
    assert_int_equal(rig_count(&r, MESH_SEND_GRAFT, 6), 0);
    assert_int_equal(told(&r), 1);
    rig_peer(&r, MESH_GRAFT, 6);
    assert_int_equal(told(&r), 1);
    rig_close(&r);
}

static void
test_serve(void **state)
{
    struct p2pfs_hash ids[2] = {rig_id(1), rig_id(9)};
    struct rig r;

    (void)state;
    open_lazy(&r, 2);
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    for (unsigned i = 0; i < 5; i++) {
        rig_ids(&r, MESH_IWANT, 1, ids, 2);
        assert_int_equal(rig_count(&r, MESH_PUSH, 1),
            i < r.p.iwant_retransmission);
        assert_int_equal(r.n, i < r.p.iwant_retransmission);
    }
    rig_ids(&r, MESH_IWANT, 2, ids, 1);
    assert_int_equal(rig_count(&r, MESH_PUSH, 2), 1);
    assert_int_equal(rig_stats(&r).iwant_refused, 7);
    /* whatever was announced can be had for the whole history */
    for (unsigned i = 0; i + 1 < r.p.history_length; i++) {
        rig_tick(&r);
    }
    rig_ids(&r, MESH_IWANT, 2, ids, 1);
    assert_int_equal(r.n, 1);
    rig_tick(&r);
    rig_ids(&r, MESH_IWANT, 2, ids, 1);
    assert_int_equal(r.n, 0);
    rig_close(&r);
}

/* The counter of a slot starts anew with the id in it. */
static void
test_serve_reused_slot(void **state)
{
    struct rig r;

    (void)state;
    mesh_params_default(&r.p);
    r.p.cache_max = 1;
    rig_open_params(&r);
    rig_add(&r, 1, 0);
    for (unsigned k = 1; k <= 3; k++) {
        rig_id_event(&r, MESH_PUBLISH, 0, k);
        for (unsigned i = 0; i < 4; i++) {
            rig_id_event(&r, MESH_IWANT, 1, k);
            assert_int_equal(r.n, i < 3);
        }
    }
    rig_close(&r);
}

static void
test_ihave_caps(void **state)
{
    struct p2pfs_hash ids[100];
    struct rig r;

    (void)state;
    mesh_params_default(&r.p);
    r.p.max_ihave_length = 60;
    r.p.max_ihave_messages = 3;
    rig_open_params(&r);
    rig_add(&r, 1, 0);
    for (unsigned k = 0; k < 100; k++) {
        ids[k] = rig_id(k);
    }
    rig_ids(&r, MESH_IHAVE, 1, ids, 50);
    assert_int_equal(r.a[0].n_ids, 50);
    rig_ids(&r, MESH_IHAVE, 1, ids + 50, 50);
    assert_int_equal(r.a[0].n_ids, 10);
    rig_ids(&r, MESH_IHAVE, 1, ids + 50, 50);
    assert_int_equal(r.n, 0);
    /* too many messages: told once, then silence until the heartbeat */
    rig_ids(&r, MESH_IHAVE, 1, ids, 1);
    assert_int_equal(rig_count(&r, MESH_BLAME, 1), 1);
    assert_int_equal(rig_find(&r, MESH_BLAME, 1)->fault, MESH_FAULT_FLOOD);
    rig_ids(&r, MESH_IHAVE, 1, ids, 1);
    assert_int_equal(r.n, 0);
    assert_int_equal(rig_stats(&r).wants, 60);
    assert_int_equal(rig_stats(&r).ihave_dropped, 40 + 40 + 2);
    rig_tick(&r);
    rig_ids(&r, MESH_IHAVE, 1, ids + 60, 40);
    assert_int_equal(rig_find(&r, MESH_SEND_IWANT, 1)->n_ids, 40);
    rig_close(&r);
}

/* An IHAVE of a topic that is not ours asks for nothing. */
static void
test_foreign_topic(void **state)
{
    struct p2pfs_hash id = rig_id(1);
    struct rig r;

    (void)state;
    open_lazy(&r, 1);
    rig_step(&r,
        (struct mesh_event){.kind = MESH_IHAVE,
            .peer = 1,
            .topic = "not ours",
            .ids = &id,
            .n_ids = 1});
    assert_int_equal(r.n, 0);
    assert_int_equal(rig_stats(&r).wants, 0);
    rig_close(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adaptive),
        cmocka_unit_test(test_members_told_later),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_history_on_arrival),
        cmocka_unit_test(test_serve),
        cmocka_unit_test(test_serve_reused_slot),
        cmocka_unit_test(test_ihave_caps),
        cmocka_unit_test(test_foreign_topic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
