/*
 * Guards the reading of one file: by its place and by its hash, empty ones, and
 * that damaged bytes are never served.
 */

#include "t/unit/store_fixture.h"

static void
test_by_hash(void **state)
{
    struct bytes b = file_bytes(1, 0);
    struct p2pfs_hash entry, unknown = {{1}};
    struct p2pfs_file file;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    entry = entry_of(&f, &b);
    put_plain(&f, "s", 2, 1, 0, STORE_LOCAL);
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_by_hash(f.r, "s", 1, 1, &entry, &file),
        P2PFS_OK);
    assert_int_equal(file.n, 2);
    assert_int_equal(file.index, 1);
    assert_int_equal(p2pfs_reader_by_hash(f.r, "s", 1, 0, &entry, &file),
        P2PFS_VERSION_NOT_FOUND);
    assert_int_equal(p2pfs_reader_by_hash(f.r, "s", 1, 1, &unknown, &file),
        P2PFS_VERSION_NOT_FOUND);
    assert_int_equal(p2pfs_reader_by_hash(f.r, "s", 1, UINT64_MAX, &entry,
                         &file),
        P2PFS_VERSION_NOT_FOUND);
    assert_int_equal(p2pfs_reader_by_hash(f.r, "t", 1, 1, &entry, &file),
        P2PFS_SET_NOT_FOUND);
    p2pfs_reader_end(f.r);
    fixture_fini(&f);
}

/* Empty files are files: their content has no bytes but is there. */
static void
test_empty_file(void **state)
{
    struct bytes b = {.len = 0};
    struct p2pfs_version v;
    struct p2pfs_file file;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(put(&f, "s", 1, 0, &b, NULL, NULL, STORE_LOCAL).err,
        P2PFS_OK);
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_find(f.r, "s", 1, 0, NULL, &v), P2PFS_OK);
    assert_int_equal(p2pfs_reader_file(f.r, &v, 0, &file), P2PFS_OK);
    assert_non_null(file.content);
    assert_int_equal(file.len, 0);
    assert_int_equal(file.proof.len, 0);
    p2pfs_reader_end(f.r);
    fixture_fini(&f);
}

static void
change(struct fixture *f, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 1000);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    sqlite3_close(db);
}

static enum p2pfs_err
read_one(struct fixture *f, const char *id, uint32_t index)
{
    struct p2pfs_version v;
    struct p2pfs_file file;
    enum p2pfs_err err;

    assert_int_equal(p2pfs_reader_begin(f->r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_find(f->r, id, strlen(id), index, NULL, &v),
        P2PFS_OK);
    err = p2pfs_reader_file(f->r, &v, index, &file);
    p2pfs_reader_end(f->r);
    return err;
}

static void
test_damage(void **state)
{
    struct fixture f;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    for (i = 0; i < 4; i++) {
        put_plain(&f, "s", 4, i, 0, STORE_LOCAL);
        put_plain(&f, "t", 4, i, 0, STORE_LOCAL);
    }
    change(&f, "UPDATE content SET body = x'00' WHERE k = 1 << 32");
    change(&f, "DELETE FROM content WHERE k = (1 << 32) + 1");
    assert_int_equal(read_one(&f, "s", 0), P2PFS_FILE_DAMAGED);
    assert_int_equal(read_one(&f, "s", 1), P2PFS_FILE_DAMAGED);
    assert_int_equal(read_one(&f, "s", 2), P2PFS_OK);
    /* of t: those of s were read, the reader may have them at hand */
    change(&f, "UPDATE tile SET h = substr(h, 1, 32) WHERE tk >> 29 = 2");
    assert_int_equal(read_one(&f, "t", 2), P2PFS_FILE_DAMAGED);
    change(&f, "DELETE FROM tile WHERE tk >> 29 = 2");
    assert_int_equal(read_one(&f, "t", 2), P2PFS_FILE_DAMAGED);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hash),
        cmocka_unit_test(test_empty_file),
        cmocka_unit_test(test_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
