/*
 * A store notices within one transaction that its database is not at its path
 * any more, acknowledges nothing then, leaves nothing behind that the next
 * database at this path would stumble over, and keeps every acknowledged file
 * in the one that was moved.
 */

#include "t/unit/store_fixture.h"

#include <sys/stat.h>

static void
name_of(const struct fixture *f, const char *suffix, char name[128])
{
    snprintf(name, 128, "%s%s", f->path, suffix);
}

static int
is_there(const struct fixture *f, const char *suffix)
{
    char name[128];

    name_of(f, suffix, name);
    return access(name, F_OK) == 0;
}

static void
move(const struct fixture *f, const char *from, const char *to)
{
    char a[128], b[128];

    name_of(f, from, a);
    name_of(f, to, b);
    assert_int_equal(rename(a, b), 0);
}

static void
test_moved(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    assert_int_equal(store_health(f.s), P2PFS_OK);
    move(&f, "", ".moved");
    assert_int_equal(store_begin(f.s), P2PFS_STORE_UNAVAILABLE);
    assert_non_null(strstr(store_detail(f.s), "is gone"));
    assert_int_equal(store_health(f.s), P2PFS_STORE_UNAVAILABLE);
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_STORE_UNAVAILABLE);
    /* A store that was lost once stays so: it is opened anew. */
    move(&f, ".moved", "");
    assert_int_equal(store_health(f.s), P2PFS_STORE_UNAVAILABLE);
    assert_int_equal(store_begin(f.s), P2PFS_STORE_UNAVAILABLE);
    fixture_close(&f);
    fixture_open(&f);
    assert_int_equal(ask(&f, "SELECT count(*) FROM content"), 1);
    assert_true(put_plain(&f, "s", 2, 1, 0, STORE_LOCAL).created);
    fixture_fini(&f);
}

/* Gone between begin and commit: not a word of success. */
static void
test_deleted_meanwhile(void **state)
{
    struct bytes b = file_bytes(0, 0);
    struct store_file file = {.id = "s",
        .id_len = 1,
        .n = 1,
        .content = b.data,
        .len = b.len,
        .origin = STORE_LOCAL};
    struct store_result out;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_put_file(f.s, &file, &out), P2PFS_OK);
    assert_int_equal(unlink(f.path), 0);
    assert_int_equal(store_commit(f.s), P2PFS_STORE_UNAVAILABLE);
    fixture_close(&f);
    fixture_open(&f);
    assert_int_equal(ask(&f, "SELECT count(*) FROM content"), 0);
    fixture_fini(&f);
}

/* The moved database has everything; its WAL and -shm are out of the way of
 * the other one that stands there now. */
static void
test_replaced(void **state)
{
    struct fixture f, other;
    char moved[128];

    (void)state;
    fixture_init(&other, 0);
    put_plain(&other, "other", 1, 0, 0, STORE_LOCAL);
    fixture_close(&other);

    fixture_init(&f, 0);
    put_plain(&f, "s", 1, 0, 0, STORE_LOCAL);
    move(&f, "", ".moved");
    assert_int_equal(rename(other.path, f.path), 0);
    assert_int_equal(store_health(f.s), P2PFS_STORE_UNAVAILABLE);
    assert_non_null(strstr(store_detail(f.s), "was replaced"));
    store_close(f.s);
    f.s = NULL;
    assert_false(is_there(&f, "-wal"));
    assert_false(is_there(&f, "-shm"));
    p2pfs_reader_close(f.r);
    fixture_open(&f);
    assert_int_equal(ask(&f,
                         "SELECT count(*) FROM label WHERE set_id = 'other'"),
        1);
    fixture_close(&f);

    move(&f, "", ".other");
    move(&f, ".moved", "");
    fixture_open(&f);
    assert_int_equal(ask(&f, "SELECT count(*) FROM label WHERE set_id = 's'"),
        1);
    name_of(&f, ".other", moved);
    assert_int_equal(unlink(moved), 0);
    fixture_fini(&f);
    fixture_open(&other);
    fixture_fini(&other);
}

static void
test_wal_deleted(void **state)
{
    struct fixture f;
    char wal[128];

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    name_of(&f, "-wal", wal);
    assert_int_equal(unlink(wal), 0);
    assert_int_equal(store_health(f.s), P2PFS_STORE_UNAVAILABLE);
    assert_non_null(strstr(store_detail(f.s), "-wal"));
    fixture_close(&f);
    fixture_open(&f);
    assert_int_equal(ask(&f, "SELECT count(*) FROM content"), 1);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_deleted_meanwhile),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_wal_deleted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
