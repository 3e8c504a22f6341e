/* Guards: the list of actions of a step (gossipd/mesh_out.c). */

#include "gossipd/mesh_int.h"
#include "t/unit/mesh_gossip_rig.h"

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

/* A mesh of which only the list is used. */
static struct mesh *
new_mesh(void)
{
    struct mesh_params p;
    struct mesh *m;

    mesh_params_default(&p);
    assert_int_equal(mesh_new(&m, &p, 1), P2PFS_OK);
    return m;
}

/* The list moves while it grows: every action still has its own ids. */
static void
test_ids_stay_with_their_action(void **state)
{
    struct mesh *m = new_mesh();
    const struct mesh_action *a;
    struct p2pfs_hash ids[3];
    unsigned i, k;
    size_t n;

    (void)state;
    for (i = 0; i < 500; i++) {
        for (k = 0; k < 3; k++) {
            ids[k] = rig_id(3 * i + k);
        }
        mesh_emit(m, MESH_SEND_IHAVE, i, TOPIC, ids, i % 4 == 3 ? 0 : i % 4);
    }
    a = mesh_out_list(&m->out, &n);
    assert_int_equal(n, 500);
    for (i = 0; i < 500; i++) {
        assert_int_equal(a[i].peer, i);
        assert_int_equal(a[i].n_ids, i % 4 == 3 ? 0 : i % 4);
        for (k = 0; k < a[i].n_ids; k++) {
            ids[0] = rig_id(3 * i + k);
            assert_memory_equal(&a[i].ids[k], &ids[0], sizeof(ids[0]));
        }
        if (a[i].n_ids == 0) {
            assert_null(a[i].ids);
        }
    }
    mesh_out_clear(&m->out);
    (void)mesh_out_list(&m->out, &n);
    assert_int_equal(n, 0);
    assert_int_equal(m->stats.actions_lost, 0);
    mesh_free(m);
}

static void
test_parts_of_a_list(void **state)
{
    static struct p2pfs_hash ids[2 * MESH_IDS_MAX];
    static const size_t lengths[] = {0, 1, MESH_IDS_MAX, MESH_IDS_MAX + 1,
        2 * MESH_IDS_MAX};
    static const size_t parts[] = {1, 1, 1, 2, 2};
    struct mesh *m = new_mesh();
    size_t i, n;

    (void)state;
    for (i = 0; i < 5; i++) {
        mesh_out_clear(&m->out);
        mesh_emit(m, MESH_SEND_IWANT, 1, NULL, ids, lengths[i]);
        (void)mesh_out_list(&m->out, &n);
        assert_int_equal(n, parts[i]);
    }
    mesh_free(m);
}

static void
test_prune_and_blame(void **state)
{
    struct mesh *m = new_mesh();
    const struct mesh_action *a;
    enum mesh_fault fault;
    size_t n;

    (void)state;
    mesh_emit_prune(m, 5, TOPIC, 1234);
    for (fault = MESH_FAULT_INVALID; fault <= MESH_FAULT_FLOOD; fault++) {
        mesh_emit_blame(m, 6, fault);
    }
    a = mesh_out_list(&m->out, &n);
    assert_int_equal(n, 5);
    assert_int_equal(a[0].kind, MESH_SEND_PRUNE);
    assert_int_equal(a[0].backoff_ms, 1234);
    for (n = 1; n < 5; n++) {
        assert_int_equal(a[n].kind, MESH_BLAME);
        assert_int_equal(a[n].fault, n - 1);
        assert_true(a[n].reason[0] != '\0');
    }
    mesh_free(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_ids_stay_with_their_action),
        cmocka_unit_test(test_parts_of_a_list),
        cmocka_unit_test(test_prune_and_blame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
