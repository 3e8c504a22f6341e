/*
 * Guards what GET sets/{id} tells: versions, missing ranges and candidates, and
 * that each list ends at its cap and says so.
 */

#include "t/unit/store_fixture.h"

static void
test_set(void **state)
{
    static struct p2pfs_set info;
    static const uint32_t here[] = {0, 1, 5, 127, 128, 299};
    static const struct p2pfs_range want[] = {{2, 4}, {6, 126}, {129, 298}};
    struct fixture f;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    for (i = 0; i < sizeof(here) / sizeof(*here); i++) {
        put_plain(&f, "s", 300, here[i], 0, STORE_LOCAL);
    }
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_set(f.r, "t", 1, &info), P2PFS_SET_NOT_FOUND);
    assert_int_equal(p2pfs_reader_set(f.r, "s", 1, &info), P2PFS_OK);
    p2pfs_reader_end(f.r);
    assert_false(info.top.complete);
    assert_int_equal(info.top.received, 6);
    assert_int_equal(info.n_missing, 3);
    assert_memory_equal(info.missing, want, sizeof(want));
    assert_int_equal(info.n_versions, 1);
    assert_int_equal(info.n_candidates, 0);
    assert_false(info.more_missing);

    for (i = 2; i < 4000; i += 2) {
        put_plain(&f, "many", 4000, i, 0, STORE_LOCAL);
    }
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_set(f.r, "many", 4, &info), P2PFS_OK);
    p2pfs_reader_end(f.r);
    assert_int_equal(info.n_missing, P2PFS_SET_RANGES_MAX);
    assert_true(info.more_missing);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
