/*
 * A store notices within one transaction that its database is not at its path
 * any more, acknowledges nothing then, leaves nothing behind that the next
 * database at this path would stumble over, and keeps every acknowledged file
 * in the one that was moved. And the ballast comes and goes.
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

static void
open_with(struct fixture *f, const struct store_config *like)
{
    struct store_config c = *like;
    char detail[256];

    store_close(f->s);
    c.path = f->path;
    c.file_max = 1024 * 1024;
    c.count_max = 1000000;
    assert_int_equal(store_open(&f->s, &c, detail, sizeof(detail)), P2PFS_OK);
}

static void
test_ballast(void **state)
{
    struct store_config none = {0};
    struct store_config some = {.ballast = 1024 * 1024};
    struct store_config never = {.free_min = UINT64_MAX / 2,
        .ballast = 1024 * 1024};
    struct fixture f;
    char name[128];
    struct stat st;

    (void)state;
    fixture_init(&f, 0);
    name_of(&f, "-ballast", name);
    open_with(&f, &none);
    assert_false(is_there(&f, "-ballast"));
    open_with(&f, &never);
    assert_false(is_there(&f, "-ballast"));
    assert_int_equal(put_plain(&f, "s", 2, 0, 0, STORE_LOCAL).err,
        P2PFS_STORE_FULL);
    open_with(&f, &some);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_size, some.ballast);
    assert_true(st.st_blocks * 512 >= st.st_size); /* blocks, not a hole */
    assert_int_equal(put_plain(&f, "s", 2, 0, 0, STORE_LOCAL).err, P2PFS_OK);
    assert_int_equal(unlink(name), 0);
    store_keep_space(f.s);
    assert_true(is_there(&f, "-ballast"));
    assert_int_equal(unlink(name), 0);
    fixture_fini(&f);
}

/* The limit of the store counts the WAL too. */
static void
test_size_max(void **state)
{
    uint64_t size_max = 4 * 1024 * 1024;
    struct fixture f;
    struct stat db, wal;
    char name[128];
    uint32_t i;

    (void)state;
    fixture_init(&f, size_max);
    name_of(&f, "-wal", name);
    for (i = 0; i < 2000; i++) {
        if (put_plain(&f, "s", 5000, i, 0, STORE_LOCAL).err
            == P2PFS_STORE_FULL) {
            break;
        }
    }
    assert_in_range(i, 10, 1999);
    assert_int_equal(stat(f.path, &db), 0);
    assert_int_equal(stat(name, &wal), 0);
    assert_true((uint64_t)(db.st_size + wal.st_size) <= size_max);
    /* What is here is acknowledged still; a checkpoint makes room. */
    assert_int_equal(put_plain(&f, "s", 5000, 0, 0, STORE_LOCAL).err, P2PFS_OK);
    store_checkpoint(f.s, STORE_CHECKPOINT_IDLE);
    assert_int_equal(put_plain(&f, "s", 5000, i, 0, STORE_LOCAL).err, P2PFS_OK);
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
        cmocka_unit_test(test_ballast),
        cmocka_unit_test(test_size_max),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
