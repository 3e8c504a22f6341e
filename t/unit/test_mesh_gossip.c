/* Guards: who is told of which ids, what is asked of whom and how often, and
 * that a peer that promises and does not send holds nothing up
 * (gossipd/mesh_gossip.c, mesh_want.c). */

#include "t/unit/mesh_rig.h"

/* d = 0: nobody is in the mesh, all peers get gossip. */
static void
open_lazy(struct rig *r, uint64_t peers)
{
    mesh_params_default(&r->p);
    r->p.d = r->p.d_lo = r->p.d_hi = r->p.d_out = 0;
    rig_open_params(r);
    for (uint64_t peer = 1; peer <= peers; peer++) {
        rig_add(r, peer, 0);
        assert_int_equal(r->n, 0);
    }
}

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
test_ask_once(void **state)
{
    struct p2pfs_hash ids[3] = {rig_id(1), rig_id(2), rig_id(3)};
    struct rig r;

    (void)state;
    open_lazy(&r, 2);
    rig_id_event(&r, MESH_PUBLISH, 0, 2);
    rig_ids(&r, MESH_IHAVE, 1, ids, 3);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.a[0].kind, MESH_SEND_IWANT);
    assert_int_equal(r.a[0].n_ids, 2);
    assert_memory_equal(&r.a[0].ids[1], &ids[2], sizeof(ids[2]));
    rig_ids(&r, MESH_IHAVE, 2, ids, 3);
    assert_int_equal(r.n, 0);
    /* one of them comes from a third side; nothing is wanted twice */
    rig_id_event(&r, MESH_RECEIVED, 2, 1);
    rig_id_event(&r, MESH_PUBLISH, 0, 3);
    assert_int_equal(rig_stats(&r).wants, 0);
    rig_ids(&r, MESH_IHAVE, 1, ids, 3);
    assert_int_equal(r.n, 0);
    rig_close(&r);
}

/* Steps up to `until`; -> IWANTs to a peer on the way. */
static size_t
asked_until(struct rig *r, uint64_t peer, uint64_t until, size_t *blamed)
{
    size_t asked = 0;

    *blamed = 0;
    while (mesh_deadline(r->m) <= until) {
        rig_tick(r);
        asked += rig_count(r, MESH_SEND_IWANT, peer);
        *blamed += rig_count(r, MESH_BLAME, 0);
    }
    return asked;
}

static void
test_broken_promise(void **state)
{
    struct p2pfs_hash ids[2] = {rig_id(1), rig_id(2)};
    size_t blamed;
    struct rig r;

    (void)state;
    open_lazy(&r, 3);
    rig_ids(&r, MESH_IHAVE, 1, ids, 2);
    rig_ids(&r, MESH_IHAVE, 2, ids, 2);
    rig_ids(&r, MESH_IHAVE, 3, ids, 2);
    assert_int_equal(asked_until(&r, 0, 1000 + 2999, &blamed), 0);
    /* one IWANT for both ids, one BLAME however many were promised */
    assert_int_equal(asked_until(&r, 2, 1000 + 3000, &blamed), 1);
    assert_int_equal(blamed, 1);
    assert_int_equal(r.now, 1000 + 3000);
    assert_int_equal(rig_find(&r, MESH_BLAME, 1)->fault,
        MESH_FAULT_BROKEN_PROMISE);
    assert_int_equal(rig_stats(&r).broken_promises, 2);
    /* the second goes away: the third is asked at once, nobody is blamed */
    rig_peer(&r, MESH_PEER_DOWN, 2);
    assert_int_equal(rig_count(&r, MESH_SEND_IWANT, 3), 1);
    assert_int_equal(rig_count(&r, MESH_BLAME, 0), 0);
    rig_id_event(&r, MESH_RECEIVED, 3, 1);
    rig_id_event(&r, MESH_RECEIVED, 3, 2);
    assert_int_equal(asked_until(&r, 0, 20000, &blamed), 0);
    assert_int_equal(blamed, 0);
    assert_int_equal(rig_stats(&r).wants, 0);
    rig_close(&r);
}

/* Nobody is left to ask: the want ends, a later announcement starts it anew. */
static void
test_promise_of_the_only_one(void **state)
{
    size_t blamed;
    struct rig r;

    (void)state;
    open_lazy(&r, 1);
    rig_id_event(&r, MESH_IHAVE, 1, 1);
    assert_int_equal(asked_until(&r, 1, 1000 + 3000, &blamed), 0);
    assert_int_equal(blamed, 1);
    assert_int_equal(rig_stats(&r).wants, 0);
    rig_id_event(&r, MESH_IHAVE, 1, 1);
    assert_int_equal(rig_count(&r, MESH_SEND_IWANT, 1), 1);
    /* announced again while it is asked: asked again after the time-out */
    rig_id_event(&r, MESH_IHAVE, 1, 1);
    assert_int_equal(r.n, 0);
    assert_int_equal(asked_until(&r, 1, r.now + 3000, &blamed), 1);
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

static void
test_wants_cap(void **state)
{
    struct p2pfs_hash ids[20];
    struct rig r;

    (void)state;
    mesh_params_default(&r.p);
    r.p.wants_max = 8;
    rig_open_params(&r);
    rig_add(&r, 1, 0);
    for (unsigned k = 0; k < 20; k++) {
        ids[k] = rig_id(k);
    }
    rig_ids(&r, MESH_IHAVE, 1, ids, 20);
    assert_int_equal(rig_find(&r, MESH_SEND_IWANT, 1)->n_ids, 8);
    assert_int_equal(rig_stats(&r).wants, 8);
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

/* Long lists leave in parts that fit a frame. */
static void
test_long_lists(void **state)
{
    static struct p2pfs_hash ids[2500];
    size_t n = 0;
    struct rig r;

    (void)state;
    mesh_params_default(&r.p);
    r.p.max_ihave_length = 5000;
    r.p.cache_max = 2400;
    rig_open_params(&r);
    rig_add(&r, 1, 0);
    for (unsigned k = 0; k < 2500; k++) {
        ids[k] = rig_id(k);
    }
    rig_ids(&r, MESH_IHAVE, 1, ids, 2500);
    for (size_t i = 0; i < r.n; i++) {
        assert_int_equal(r.a[i].kind, MESH_SEND_IWANT);
        assert_true(r.a[i].n_ids <= MESH_IDS_MAX);
        assert_memory_equal(r.a[i].ids, ids + n, r.a[i].n_ids * sizeof(ids[0]));
        n += r.a[i].n_ids;
    }
    assert_int_equal(n, 2500);
    assert_int_equal(r.n, 4);
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
        cmocka_unit_test(test_ask_once),
        cmocka_unit_test(test_broken_promise),
        cmocka_unit_test(test_promise_of_the_only_one),
        cmocka_unit_test(test_serve),
        cmocka_unit_test(test_serve_reused_slot),
        cmocka_unit_test(test_ihave_caps),
        cmocka_unit_test(test_wants_cap),
        cmocka_unit_test(test_foreign_topic),
        cmocka_unit_test(test_long_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
