/*
 * Guards the answer to "is this record here?": every kind of record, in every
 * state of its version.
 */

#include "t/unit/peerread_rig.h"

/* A candidate is here, and so is what only a complete version contains. */
static void
test_missing(void **state)
{
    struct p2pfs_record r;
    struct set a, b;
    struct node n;
    uint32_t i;

    (void)state;
    node_init(&n);
    set_init(&a, &n.f, 2, 0);
    set_init(&b, &n.f, 2, 1);
    r = file_record(&a, 0, 0);
    assert_true(is_missing(&n, &r));
    put_rooted(&n.f, "s", &a, 0, STORE_LOCAL);
    assert_true(is_missing(&n, &r)); /* only in an open version */
    put_rooted(&n.f, "s", &a, 1, STORE_LOCAL);
    assert_false(is_missing(&n, &r));
    r = file_record(&b, 1, 0);
    assert_true(is_missing(&n, &r));
    put_plain(&n.f, "s", 2, 1, 1, STORE_GOSSIP);
    assert_false(is_missing(&n, &r));
    for (i = 0; i < 2; i++) {
        r = file_record(&b, i, 1);
        assert_true(is_missing(&n, &r));
    }
    r = version_record(&b);
    assert_true(is_missing(&n, &r));
    set_fini(&a);
    set_fini(&b);
    node_fini(&n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
