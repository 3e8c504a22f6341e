/* Guards: the list of actions of a step (gossipd/mesh_out.c). */

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
