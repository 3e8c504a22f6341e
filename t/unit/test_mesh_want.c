/* Guards: what is asked of whom and how often, and that a peer that promises
 * and does not send holds nothing up (gossipd/mesh_want.c). */

#include "t/unit/mesh_gossip_rig.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask_once),
        cmocka_unit_test(test_broken_promise),
        cmocka_unit_test(test_promise_of_the_only_one),
        cmocka_unit_test(test_wants_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
