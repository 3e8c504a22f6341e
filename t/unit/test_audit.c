/*
 * The audit finds nothing in what the store itself wrote, beside the writer
 * too, and knows what is marked. (What it finds: test_audit_file.c and its
 * neighbours.)
 */

#include "t/unit/audit_rig.h"

static void
test_sound(void **state)
{
    struct audit_totals totals;
    struct findings found;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    audit_all(f.path, &found, &totals);
    assert_int_equal(found.n, 0);
    assert_int_equal(totals.files, 0);
    fill(&f);
    audit_all(f.path, &found, &totals); /* beside the open store */
    assert_string_equal(found.first, "");
    assert_int_equal(found.n, 0);
    assert_int_equal(totals.files,
        ask(&f,
            "SELECT (SELECT count(*) FROM content)"
            " + (SELECT count(*) FROM alt)"));
    assert_int_equal(totals.versions, ask(&f, "SELECT count(*) FROM version"));
    assert_int_equal(totals.records, ask(&f, "SELECT count(*) FROM log"));
    assert_int_equal(totals.tiles, ask(&f, "SELECT count(*) FROM tile"));
    fixture_fini(&f);
}

static void
on_tick(void *ctx)
{
    (void)ctx;
}

static void
on_mark(void *ctx, int kind, int64_t key)
{
    int64_t *sum = ctx;

    *sum += 1000 * kind + key;
}

static void
test_marks(void **state)
{
    struct findings found = {0};
    char detail[256];
    struct fixture f;
    struct audit *a;
    int64_t sum = 0;
    uint64_t n;
    int ok;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(audit_open(&a, f.path, on_found, &found, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_set_damaged(f.s, 1, 7, 50), P2PFS_OK);
    assert_int_equal(store_set_damaged(f.s, 1, 7, 60), P2PFS_OK);
    assert_int_equal(store_set_damaged(f.s, 3, 8, 40), P2PFS_OK);
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    assert_int_equal(audit_marks(a, 10, on_mark, &sum, &n), P2PFS_OK);
    assert_int_equal(n, 2);
    assert_int_equal(sum, 1007 + 3008);
    assert_int_equal(ask(&f, "SELECT since FROM damaged WHERE key = 7"), 50);
    sum = 0;
    assert_int_equal(audit_marks(a, 1, on_mark, &sum, &n), P2PFS_OK);
    assert_int_equal(sum, 3008); /* the oldest first */

    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_clear_damaged(f.s, 1, 7), P2PFS_OK);
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    assert_int_equal(audit_marks(a, 10, on_mark, &sum, &n), P2PFS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(audit_integrity(a, on_tick, NULL, &ok, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_int_equal(ok, 1);
    audit_close(a);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
