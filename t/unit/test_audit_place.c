/*
 * The audit of one place and of one row: a report leads to what is wrong at it
 * and no other; a row that was repaired is sound.
 */

#include "t/unit/audit_rig.h"

/* A worker's report leads to the row; a row that was repaired is sound. */
static void
test_place(void **state)
{
    struct findings found = {0};
    char detail[256];
    struct fixture f;
    struct audit *a;
    int64_t gk, vk;
    int damaged;

    (void)state;
    fixture_init(&f, 0);
    fill(&f);
    gk = ask(&f, "SELECT " GK("whole"));
    vk = ask(&f, "SELECT " VK("whole"));
    assert_int_equal(audit_open(&a, f.path, on_found, &found, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_int_equal(audit_place(a, gk, vk, 130), P2PFS_OK);
    assert_int_equal(audit_place(a, gk, vk, 400), P2PFS_OK);
    assert_int_equal(audit_place(a, 99, 99, 0), P2PFS_OK);
    assert_int_equal(audit_place(a, -1, INT64_MAX, 0), P2PFS_OK);
    assert_int_equal(found.n, 0);

    change(&f,
        "UPDATE content SET body = CAST(body || x'00' AS BLOB)"
        " WHERE k = " GK("whole") " << 32 | 130");
    assert_int_equal(audit_place(a, gk, vk, 131), P2PFS_OK);
    assert_int_equal(found.n, 0);
    assert_int_equal(audit_place(a, gk, 0, 130), P2PFS_OK);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.kind[0], P2PFS_DAMAGED_CONTENT);
    assert_int_equal(found.key[0], gk << 32 | 130);
    assert_string_equal(found.first,
        "file 130 of set \"whole\" of 300:"
        " the bytes do not match their hash");
    assert_int_equal(audit_row(a, found.kind[0], found.key[0], &damaged),
        P2PFS_OK);
    assert_int_equal(damaged, 1);
    change(&f,
        "UPDATE content SET body = substr(body, 1, length(body) - 1)"
        " WHERE k = " GK("whole") " << 32 | 130");
    assert_int_equal(audit_row(a, found.kind[0], found.key[0], &damaged),
        P2PFS_OK);
    assert_int_equal(damaged, 0);

    change(&f,
        "UPDATE tile SET h = zeroblob(length(h))"
        " WHERE tk = " VK("whole") " << 29 | (1 << 26)");
    assert_int_equal(audit_place(a, gk, vk, 0), P2PFS_OK);
    assert_int_equal(found.n, 2);
    assert_int_equal(found.kind[1], P2PFS_DAMAGED_TILE);
    assert_int_equal(found.key[1], vk << 29 | 1 << 26);
    assert_int_equal(audit_row(a, found.kind[1], found.key[1], &damaged),
        P2PFS_OK);
    assert_int_equal(damaged, 1);
    audit_close(a);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
