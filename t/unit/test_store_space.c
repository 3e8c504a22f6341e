/*
 * Guards the room of the store: a full one takes no file and forgets none.
 */

#include "t/unit/store_rules_rig.h"

/* Rule 8: a full store refuses what is new and answers for what is here. */
static void
test_full(void **state)
{
    struct fixture f;
    struct store_result res;
    uint32_t i;

    (void)state;
    fixture_init(&f, 1024 * 1024);
    for (i = 0; i < 1000; i++) {
        res = put_plain(&f, "s", 1000, i, 0, STORE_LOCAL);
        if (res.err != P2PFS_OK) {
            break;
        }
    }
    assert_int_equal(res.err, P2PFS_STORE_FULL);
    assert_true(i > 3);
    res = put_plain(&f, "s", 1000, i - 1, 0, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_OK);
    assert_false(res.created);
    assert_int_equal(put_plain(&f, "t", 1, 0, 0, STORE_CATCHUP).err,
        P2PFS_STORE_FULL);

    /* a larger limit is enough to go on */
    store_set_size_max(f.s, 0);
    assert_int_equal(put_plain(&f, "s", 1000, i, 0, STORE_LOCAL).err, P2PFS_OK);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
