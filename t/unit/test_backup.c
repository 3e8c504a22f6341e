/*
 * gossipd --backup: the copy is whole, checked and one file before it has its
 * name; a name that is taken stays as it is, and nothing is left of a copy that
 * failed.
 */

#include <sys/stat.h>

#include "t/unit/audit_rig.h"
#include "t/unit/stdio_rig.h"

#include "gossipd/check.h"

static struct printed said;

struct place {
    struct fixture f;
    char to[96];
    char partial[112];
};

static void
place_init(struct place *p)
{
    fixture_init(&p->f, 0);
    fill(&p->f);
    snprintf(p->to, sizeof(p->to), "%.63s/copy.db", p->f.dir);
    snprintf(p->partial, sizeof(p->partial), "%s.partial", p->to);
}

static int
backup(const char *from, const char *to)
{
    int rc;

    print_begin(&said);
    rc = backup_store(from, to);
    print_end(&said);
    return rc;
}

static int
exists(const char *name, const char *suffix)
{
    char path[160];

    snprintf(path, sizeof(path), "%s%s", name, suffix);
    return access(path, F_OK) == 0;
}

static void
test_beside_the_writer(void **state)
{
    struct place p;
    struct fixture copy;
    struct stat st;

    (void)state;
    place_init(&p);
    assert_int_equal(backup(p.f.path, p.to), 0);
    assert_non_null(strstr(said.out, "result sound\n"));
    assert_int_equal(stat(p.to, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_nlink, 1);
    assert_false(exists(p.to, "-wal") || exists(p.to, "-shm"));
    assert_false(exists(p.to, "-journal") || exists(p.to, ".partial"));

    /* a node can start from it, and it has what was there */
    memset(&copy, 0, sizeof(copy));
    snprintf(copy.dir, sizeof(copy.dir), "%s/none", "/tmp");
    snprintf(copy.path, sizeof(copy.path), "%.79s", p.to);
    assert_int_equal(p2pfs_hasher_new(&copy.h), P2PFS_OK);
    fixture_open(&copy);
    assert_int_equal(ask(&copy, "SELECT count(*) FROM log"),
        ask(&p.f, "SELECT count(*) FROM log"));
    assert_true(put_plain(&copy, "new", 1, 0, 0, STORE_LOCAL).created);
    fixture_fini(&copy);
    fixture_fini(&p.f);
}

static void
test_a_name_that_is_taken(void **state)
{
    char text[16] = "";
    struct place p;
    FILE *f;

    (void)state;
    place_init(&p);
    f = fopen(p.to, "w");
    assert_non_null(f);
    assert_true(fputs("precious", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(backup(p.f.path, p.to), 1);
    assert_non_null(strstr(said.err, "File exists"));
    assert_false(exists(p.to, ".partial"));
    f = fopen(p.to, "r");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof(text) - 1, f), 8);
    assert_int_equal(fclose(f), 0);
    assert_string_equal(text, "precious");
    assert_int_equal(unlink(p.to), 0);

    /* somebody else's copy that is under way stays too */
    f = fopen(p.partial, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(backup(p.f.path, p.to), 1);
    assert_non_null(strstr(said.err, ".partial\": File exists"));
    assert_true(exists(p.partial, ""));
    assert_int_equal(unlink(p.partial), 0);
    fixture_fini(&p.f);
}

/* What does not match its hashes never gets the name of a backup. */
static void
test_of_a_damaged_store(void **state)
{
    struct place p;

    (void)state;
    place_init(&p);
    change(&p.f,
        "UPDATE content SET body = x'00' WHERE k = " GK("whole") " << 32");
    assert_int_equal(backup(p.f.path, p.to), 1);
    assert_non_null(strstr(said.out, "damaged: file 0 of set \"whole\""));
    assert_false(exists(p.to, "") || exists(p.partial, ""));
    fixture_fini(&p.f);
}

static void
test_paths_that_are_none(void **state)
{
    struct place p;

    (void)state;
    place_init(&p);
    assert_int_equal(backup("/nonexistent/store.db", p.to), 1);
    assert_non_null(strstr(said.err, "/nonexistent/store.db"));
    assert_false(exists(p.to, "") || exists(p.partial, ""));
    assert_int_equal(backup(p.f.path, "/nonexistent/copy.db"), 1);
    assert_non_null(
        strstr(said.err, "create \"/nonexistent/copy.db.partial\""));
    fixture_fini(&p.f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside_the_writer),
        cmocka_unit_test(test_a_name_that_is_taken),
        cmocka_unit_test(test_of_a_damaged_store),
        cmocka_unit_test(test_paths_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
