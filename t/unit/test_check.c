/*
 * gossipd --check-store: the exit code is what scripts read, the words are for
 * the operator; a database that cannot be read is not sound.
 */

#include "t/unit/audit_rig.h"
#include "t/unit/stdio_rig.h"

#include "gossipd/check.h"

static struct printed said;

static int
check(const char *path)
{
    int rc;

    print_begin(&said);
    rc = check_store(path);
    print_end(&said);
    return rc;
}

static void
assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", text, words);
    }
}

static void
test_sound(void **state)
{
    char words[64];
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(check(f.path), 0);
    assert_says(said.out, "files 0\n");
    fill(&f);
    assert_int_equal(check(f.path), 0); /* beside the open store */
    assert_says(said.out, "integrity ok\n");
    snprintf(words, sizeof(words), "versions %d\n",
        (int)ask(&f, "SELECT count(*) FROM version"));
    assert_says(said.out, words);
    assert_says(said.out, "damaged 0\nwrong 0\nresult sound\n");
    assert_string_equal(said.err, "");
    fixture_fini(&f);
}

static void
test_damaged(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    fill(&f);
    change(&f,
        "UPDATE content SET body = x'00' WHERE k = " GK("whole") " << 32 | 9");
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_set_damaged(f.s, 1, 7, 50), P2PFS_OK);
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    assert_int_equal(check(f.path), 1);
    assert_says(said.out,
        "damaged: file 9 of set \"whole\" of 300:"
        " the bytes do not match their hash\n");
    assert_says(said.out, "marked 1\ndamaged 1\nwrong 0\nresult damaged\n");

    change(&f, "UPDATE label SET served = NULL WHERE set_id = 'whole'");
    assert_int_equal(check(f.path), 1);
    assert_says(said.out, "wrong: label: serves not its smallest root\n");
    assert_says(said.out, "damaged 1\nwrong 1\n");
    fixture_fini(&f);
}

/* A wall of lines helps nobody; the numbers count all of them. */
static void
test_many_findings(void **state)
{
    unsigned lines = 0;
    struct fixture f;
    const char *p;

    (void)state;
    fixture_init(&f, 0);
    fill(&f);
    change(&f, "UPDATE content SET body = x'00'");
    assert_int_equal(check(f.path), 1);
    for (p = said.out; (p = strstr(p, "damaged: ")) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, 100);
    assert_says(said.out, "and more, which only the numbers below count\n");
    assert_null(strstr(said.out, "damaged 100\n"));
    fixture_fini(&f);
}

static void
test_what_cannot_be_read(void **state)
{
    struct fixture f;
    char name[96];
    FILE *out;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(check("/nonexistent/store.db"), 1);
    assert_says(said.err, "gossipd: cannot check: ");
    assert_null(strstr(said.out, "result"));

    snprintf(name, sizeof(name), "%s.other", f.path);
    out = fopen(name, "w");
    assert_non_null(out);
    assert_true(fputs("no database", out) >= 0);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(check(name), 1);
    assert_says(said.err, "gossipd: cannot check: ");
    assert_int_equal(unlink(name), 0);
    fixture_fini(&f);
}

/* Pages that are broken below the rows: it goes on and says so. */
static void
test_broken_pages(void **state)
{
    static const uint8_t junk[4096] = {0xde, 0xad};
    struct fixture f;
    FILE *db;
    long at;

    (void)state;
    fixture_init(&f, 0);
    fill(&f);
    fixture_close(&f);
    db = fopen(f.path, "r+b");
    assert_non_null(db);
    assert_int_equal(fseek(db, 0, SEEK_END), 0);
    at = ftell(db) / 2 / P2PFS_SCHEMA_PAGE_BYTES * P2PFS_SCHEMA_PAGE_BYTES;
    assert_int_equal(fseek(db, at, SEEK_SET), 0);
    assert_int_equal(fwrite(junk, 1, sizeof(junk), db), sizeof(junk));
    assert_int_equal(fclose(db), 0);
    assert_int_equal(check(f.path), 1);
    assert_says(said.out, "integrity failed\n");
    assert_says(said.out, "wrong: ");
    assert_says(said.out, "result damaged\n");
    fixture_open(&f);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_many_findings),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_broken_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
