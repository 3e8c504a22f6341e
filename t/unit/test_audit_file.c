/*
 * The audit of contents and alternatives: other bytes, another hash, bytes of
 * another place, none at all; and bodies that are larger than a step.
 */

#include "t/unit/audit_rig.h"

static const struct change_of_row changes[] = {
    {"UPDATE content SET body = zeroblob(length(body)) WHERE k = " GK(
         "whole") " << 32 | 130",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("whole") " << 32 | 130"},
    {"UPDATE content SET body = x'' WHERE k = " GK("draft") " << 32 | 7",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("draft") " << 32 | 7"},
    {"UPDATE content SET entry = zeroblob(32) WHERE k = " GK(
         "whole") " << 32 | 299",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("whole") " << 32 | 299"},
    {"UPDATE content SET (entry, body) = (SELECT entry, body FROM content"
     " WHERE k = " GK("whole") " << 32 | 1) WHERE k = " GK("whole") " << 32",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("whole") " << 32"},
    {"DELETE FROM content WHERE k = " GK("whole") " << 32 | 255",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("whole") " << 32 | 255"},
    {"UPDATE alt SET body = CAST(body || x'00' AS BLOB) WHERE ak = 2",
        P2PFS_DAMAGED_ALT, "SELECT 2"},
};

static void
test_changes(void **state)
{
    (void)state;
    run_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

/* One that a step takes more than its share for: the next goes on behind it. */
static void
test_large_bodies(void **state)
{
    static uint8_t body[600 * 1024];
    struct audit_totals totals;
    struct findings found;
    struct fixture f;
    struct store_file file = {.id = "l", .id_len = 1, .n = 3, .content = body};
    struct store_result out;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    for (file.index = 0; file.index < 3; file.index++) {
        body[0] = (uint8_t)file.index;
        file.len = file.index == 1 ? 0 : sizeof(body);
        assert_int_equal(store_put_file(f.s, &file, &out), P2PFS_OK);
        assert_int_equal(out.err, P2PFS_OK);
    }
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    audit_all(f.path, &found, &totals);
    assert_int_equal(found.n, 0);
    assert_int_equal(totals.files, 3);
    assert_true(totals.bytes >= 2 * sizeof(body));
    change(&f,
        "UPDATE content SET body = zeroblob(600 * 1024)"
        " WHERE k = (SELECT max(k) FROM content)");
    audit_all(f.path, &found, &totals);
    assert_int_equal(totals.files, 3);
    assert_int_equal(found.kind[0], P2PFS_DAMAGED_CONTENT);
    assert_int_equal(found.key[0], ask(&f, "SELECT max(k) FROM content"));
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_large_bodies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
