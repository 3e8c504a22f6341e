/* Guards: a message is checked once, goes out once and never back to whoever
 * sent it; verdicts do what they say (gossipd/mesh_message.c). */

#include "t/unit/mesh_rig.h"

/* Peers 1 .. n in the mesh. */
static void
open_with(struct rig *r, uint64_t n)
{
    rig_open(r);
    for (uint64_t peer = 1; peer <= n; peer++) {
        rig_add(r, peer, 0);
        assert_true(mesh_has(r->m, TOPIC, peer));
    }
}

static void
test_accept(void **state)
{
    struct p2pfs_hash id = rig_id(1);
    struct rig r;

    (void)state;
    open_with(&r, 4);
    rig_id_event(&r, MESH_RECEIVED, 1, 1);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.a[0].kind, MESH_VALIDATE);
    assert_true(r.a[0].peer == 1);
    assert_int_equal(r.a[0].n_ids, 1);
    assert_memory_equal(r.a[0].ids, &id, sizeof(id));
    /* a second copy, and a third of the same peer, while it is checked */
    rig_id_event(&r, MESH_RECEIVED, 3, 1);
    assert_int_equal(r.n, 0);
    rig_id_event(&r, MESH_RECEIVED, 3, 1);
    assert_int_equal(r.n, 0);
    rig_verdict(&r, 1, MESH_ACCEPT);
    assert_int_equal(r.n, 2);
    assert_int_equal(rig_count(&r, MESH_PUSH, 2), 1);
    assert_int_equal(rig_count(&r, MESH_PUSH, 4), 1);
    assert_memory_equal(r.a[0].ids, &id, sizeof(id));
    assert_string_equal(r.a[0].topic, TOPIC);
    /* the daemon also publishes it from its log; verdicts are given once */
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    assert_int_equal(r.n, 0);
    rig_verdict(&r, 1, MESH_ACCEPT);
    assert_int_equal(r.n, 0);
    rig_id_event(&r, MESH_RECEIVED, 2, 1);
    assert_int_equal(r.n, 0);
    assert_int_equal(rig_stats(&r).received, 1);
    assert_int_equal(rig_stats(&r).duplicates, 3);
    rig_close(&r);
}

static void
test_publish(void **state)
{
    struct rig r;

    (void)state;
    open_with(&r, 3);
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    assert_int_equal(rig_count(&r, MESH_PUSH, 0), 3);
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    assert_int_equal(r.n, 0);
    rig_id_event(&r, MESH_RECEIVED, 1, 1);
    assert_int_equal(r.n, 0);
    rig_step(&r,
        (struct mesh_event){.kind = MESH_PUBLISH,
            .topic = "not ours",
            .ids = NULL});
    assert_int_equal(r.n, 0);
    rig_close(&r);
}

/* PUBLISH comes before the verdict: out at once, not back to the sender, and
 * the verdict has nothing left to do. */
static void
test_publish_first(void **state)
{
    struct rig r;

    (void)state;
    open_with(&r, 3);
    rig_id_event(&r, MESH_RECEIVED, 2, 1);
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    assert_int_equal(rig_count(&r, MESH_PUSH, 0), 2);
    assert_int_equal(rig_count(&r, MESH_PUSH, 2), 0);
    rig_verdict(&r, 1, MESH_ACCEPT);
    assert_int_equal(r.n, 0);
    assert_int_equal(rig_stats(&r).validating, 0);
    rig_close(&r);
}

/* In the database, but this node has not pushed it yet (an upload whose turn
 * in the log comes later): the copy stops here, the PUBLISH still goes out. */
static void
test_duplicate(void **state)
{
    struct rig r;

    (void)state;
    open_with(&r, 3);
    rig_id_event(&r, MESH_RECEIVED, 2, 1);
    rig_verdict(&r, 1, MESH_DUPLICATE);
    assert_int_equal(r.n, 0);
    rig_id_event(&r, MESH_RECEIVED, 3, 1);
    assert_int_equal(r.n, 0);
    rig_id_event(&r, MESH_PUBLISH, 0, 1);
    assert_int_equal(rig_count(&r, MESH_PUSH, 0), 3);
    rig_close(&r);
}

static void
test_ignore(void **state)
{
    struct rig r;

    (void)state;
    open_with(&r, 3);
    rig_id_event(&r, MESH_RECEIVED, 2, 1);
    rig_verdict(&r, 1, MESH_IGNORE);
    assert_int_equal(r.n, 0);
    rig_id_event(&r, MESH_RECEIVED, 2, 1);
    assert_int_equal(rig_count(&r, MESH_VALIDATE, 2), 1);
    rig_close(&r);
}

static void
test_reject(void **state)
{
    struct rig r;

    (void)state;
    open_with(&r, 4);
    rig_id_event(&r, MESH_RECEIVED, 2, 1);
    rig_id_event(&r, MESH_RECEIVED, 3, 1);
    rig_verdict(&r, 1, MESH_REJECT);
    assert_int_equal(r.n, 2);
    assert_int_equal(rig_count(&r, MESH_BLAME, 2), 1);
    assert_int_equal(rig_count(&r, MESH_BLAME, 3), 1);
    assert_int_equal(r.a[0].fault, MESH_FAULT_INVALID);
    assert_string_equal(r.a[0].reason, "sent an invalid message");
    rig_id_event(&r, MESH_RECEIVED, 4, 1);
    assert_int_equal(r.n, 1);
    assert_int_equal(rig_count(&r, MESH_BLAME, 4), 1);
    rig_id_event(&r, MESH_IHAVE, 1, 1);
    assert_int_equal(r.n, 0);
    rig_close(&r);
}

/* A bad copy of a good record: its sender is to blame, the others are asked,
 * and the record gets through. */
static void
test_damaged(void **state)
{
    struct rig r;

    (void)state;
    open_with(&r, 4);
    rig_id_event(&r, MESH_RECEIVED, 1, 1);
    rig_id_event(&r, MESH_RECEIVED, 2, 1);
    rig_id_event(&r, MESH_RECEIVED, 3, 1);
    rig_verdict(&r, 1, MESH_DAMAGED);
    assert_int_equal(rig_count(&r, MESH_BLAME, 0), 1);
    assert_int_equal(rig_count(&r, MESH_BLAME, 1), 1);
    assert_int_equal(rig_count(&r, MESH_SEND_IWANT, 0), 1);
    assert_int_equal(rig_count(&r, MESH_SEND_IWANT, 2), 1);
    rig_peer(&r, MESH_PEER_DOWN, 2);
    assert_int_equal(rig_count(&r, MESH_SEND_IWANT, 3), 1);
    rig_id_event(&r, MESH_RECEIVED, 3, 1);
    assert_int_equal(rig_count(&r, MESH_VALIDATE, 3), 1);
    rig_verdict(&r, 1, MESH_ACCEPT);
    assert_int_equal(rig_count(&r, MESH_PUSH, 0), 2);
    assert_int_equal(rig_stats(&r).wants, 0);
    rig_close(&r);
}

/* Whose copy was checked has gone: nobody else is blamed for it. */
static void
test_damaged_sender_gone(void **state)
{
    struct rig r;

    (void)state;
    open_with(&r, 3);
    rig_id_event(&r, MESH_RECEIVED, 1, 1);
    rig_id_event(&r, MESH_RECEIVED, 2, 1);
    rig_peer(&r, MESH_PEER_DOWN, 1);
    rig_verdict(&r, 1, MESH_DAMAGED);
    assert_int_equal(rig_count(&r, MESH_BLAME, 0), 0);
    assert_int_equal(rig_count(&r, MESH_SEND_IWANT, 2), 1);
    rig_close(&r);
}

/* An id is met as new again after its time, and at most once before. */
static void
test_seen_ttl(void **state)
{
    struct rig r;

    (void)state;
    open_with(&r, 2);
    rig_id_event(&r, MESH_RECEIVED, 1, 1);
    rig_verdict(&r, 1, MESH_ACCEPT);
    r.now += r.p.seen_ttl_ms - 1;
    rig_id_event(&r, MESH_RECEIVED, 1, 1);
    assert_int_equal(r.n, 0);
    r.now += 1;
    rig_id_event(&r, MESH_RECEIVED, 1, 1);
    assert_int_equal(rig_count(&r, MESH_VALIDATE, 1), 1);
    rig_close(&r);
}

static void
test_caps(void **state)
{
    struct mesh_stats s;
    struct rig r;

    (void)state;
    mesh_params_default(&r.p);
    r.p.validating_max = 10;
    r.p.seen_max = 20;
    r.p.cache_max = 15;
    rig_open_params(&r);
    rig_add(&r, 1, 0);
    for (unsigned k = 0; k < 12; k++) {
        rig_id_event(&r, MESH_RECEIVED, 1, k);
        assert_int_equal(r.n, k < 10);
    }
    assert_int_equal(rig_stats(&r).seen_dropped, 2);
    for (unsigned k = 100; k < 200; k++) {
        rig_id_event(&r, MESH_PUBLISH, 0, k);
    }
    s = rig_stats(&r);
    assert_int_equal(s.seen, 20);
    assert_int_equal(s.cached, 15);
    assert_int_equal(s.validating, 10);
    assert_int_equal(s.seen_dropped, 82);
    rig_close(&r);
}

/* Left while a message is checked: it is not passed on any more. */
static void
test_left_meanwhile(void **state)
{
    struct rig r;

    (void)state;
    open_with(&r, 2);
    rig_id_event(&r, MESH_RECEIVED, 1, 1);
    rig_step(&r, (struct mesh_event){.kind = MESH_LEAVE, .topic = TOPIC});
    rig_verdict(&r, 1, MESH_ACCEPT);
    assert_int_equal(r.n, 0);
    rig_id_event(&r, MESH_RECEIVED, 1, 2);
    assert_int_equal(r.n, 0);
    assert_int_equal(rig_stats(&r).validating, 0);
    rig_close(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_publish_first),
        cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_ignore),
        cmocka_unit_test(test_reject),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_damaged_sender_gone),
        cmocka_unit_test(test_seen_ttl),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_left_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
