/* Guards: parameters, peers that come and go, how many, and that nothing of a
 * peer outlives it (gossipd/mesh.c). */

#include "t/unit/mesh_rig.h"

static void
test_params(void **state)
{
    struct mesh_params p, q;

    (void)state;
    mesh_params_default(&p);
    assert_null(mesh_params_check(&p));
    q = p;
    q.d = q.d_lo = q.d_hi = q.d_out = q.d_lazy = 0;
    assert_null(mesh_params_check(&q));
    q = p;
    q.d_lo = 7;
    assert_string_equal(mesh_params_check(&q), "mesh_d_lo is above mesh_d");
    q = p;
    q.d_hi = 5;
    assert_non_null(mesh_params_check(&q));
    q = p;
    q.d_out = 4;
    assert_non_null(mesh_params_check(&q));
    q = p;
    q.d = 4;
    q.d_lo = 2;
    assert_non_null(mesh_params_check(&q));
    q = p;
    q.history_gossip = 6;
    assert_non_null(mesh_params_check(&q));
    q = p;
    q.seen_ttl_ms = 5000;
    assert_non_null(mesh_params_check(&q));
    q = p;
    q.topics_max = 65;
    assert_non_null(mesh_params_check(&q));
    q = p;
    q.peers_max = 0;
    assert_non_null(mesh_params_check(&q));
    q = p;
    q.heartbeat_ms = 0;
    assert_non_null(mesh_params_check(&q));
    q = p;
    q.gossip_factor_pct = 101;
    assert_non_null(mesh_params_check(&q));
}

/* The first heartbeats of nodes started together do not fall together, and a
 * process that was stopped does not make up for what it missed. */
static void
test_heartbeat_phase(void **state)
{
    struct mesh_event join = {.kind = MESH_JOIN, .topic = TOPIC};
    struct mesh_event tick = {.kind = MESH_TICK};
    struct mesh_params p;
    uint64_t low = UINT64_MAX, high = 0, due;
    struct mesh *m;
    size_t n;

    (void)state;
    mesh_params_default(&p);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        assert_int_equal(mesh_new(&m, &p, seed), P2PFS_OK);
        assert_true(mesh_deadline(m) == 0);
        mesh_step(m, &join, 5000, &n);
        due = mesh_deadline(m);
        assert_in_range(due, 5001, 6000);
        low = due < low ? due : low;
        high = due > high ? due : high;
        mesh_step(m, &tick, due, &n);
        assert_true(mesh_deadline(m) == due + 1000);
        mesh_step(m, &tick, due + 100000, &n);
        assert_true(mesh_deadline(m) == due + 101000);
        mesh_free(m);
    }
    assert_true(high - low > 300);
    mesh_free(NULL);
}

/* After PEER_DOWN nothing is left, and what arrives late changes nothing. */
static void
test_gone_peer(void **state)
{
    static const enum mesh_event_kind late[] = {MESH_SUBSCRIBED, MESH_GRAFT,
        MESH_PRUNE, MESH_IHAVE, MESH_IWANT, MESH_RECEIVED, MESH_UNSUBSCRIBED,
        MESH_PEER_DOWN};
    struct mesh_stats before, after;
    struct rig r;

    (void)state;
    rig_open(&r);
    rig_add(&r, 1, 1);
    rig_add(&r, 2, 1);
    rig_prune(&r, 1, 5000);
    rig_id_event(&r, MESH_IHAVE, 1, 10);
    rig_id_event(&r, MESH_RECEIVED, 1, 11);
    rig_id_event(&r, MESH_IWANT, 1, 11);
    assert_int_equal(rig_stats(&r).wants, 1);
    assert_int_equal(rig_stats(&r).backoffs, 1);
    rig_peer(&r, MESH_PEER_DOWN, 1);
    assert_int_equal(mesh_peers(r.m), 1);
    before = rig_stats(&r);
    assert_int_equal(before.wants, 0);
    assert_int_equal(before.backoffs, 0);
    for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++) {
        rig_id_event(&r, late[i], 1, 20);
        assert_int_equal(r.n, 0);
    }
    after = rig_stats(&r);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(mesh_peers(r.m), 1);
    rig_verdict(&r, 11, MESH_REJECT);
    assert_int_equal(rig_count(&r, MESH_BLAME, 0), 0);
    rig_close(&r);
}

static void
test_peer_cap(void **state)
{
    struct rig r;

    (void)state;
    mesh_params_default(&r.p);
    r.p.peers_max = 3;
    rig_open_params(&r);
    for (uint64_t peer = 1; peer <= 5; peer++) {
        rig_add(&r, peer, 0);
    }
    assert_int_equal(mesh_peers(r.m), 3);
    rig_peer(&r, MESH_PEER_DOWN, 2);
    rig_add(&r, 6, 0);
    assert_true(mesh_has(r.m, TOPIC, 6));
    rig_close(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_heartbeat_phase),
        cmocka_unit_test(test_gone_peer),
        cmocka_unit_test(test_peer_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
