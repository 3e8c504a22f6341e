/*
 * Guards that a database is made once, recognised again, and that nobody
 * else's, or a newer one, is ever taken for ours or touched.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/schema.h"
#include "core/sql.h"

static sqlite3 *
open_memory(void)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    return db;
}

static void
test_create(void **state)
{
    sqlite3 *db = open_memory();

    (void)state;
    assert_int_equal(p2pfs_schema_check(db), P2PFS_STORE_UNAVAILABLE);
    assert_int_equal(p2pfs_schema_migrate(db), P2PFS_OK);
    assert_int_equal(p2pfs_schema_check(db), P2PFS_OK);
    assert_int_equal(p2pfs_schema_migrate(db), P2PFS_OK);
    assert_int_equal(p2pfs_sql_exec(db, "SELECT sk, set_id FROM label"),
        P2PFS_OK);
    sqlite3_close(db);
}

static void
test_newer(void **state)
{
    sqlite3 *db = open_memory();

    (void)state;
    assert_int_equal(p2pfs_schema_migrate(db), P2PFS_OK);
    assert_int_equal(p2pfs_sql_exec(db, "PRAGMA user_version = 2"), P2PFS_OK);
    assert_int_equal(p2pfs_schema_check(db), P2PFS_STORE_SCHEMA);
    assert_int_equal(p2pfs_schema_migrate(db), P2PFS_STORE_SCHEMA);
    assert_true(sqlite3_get_autocommit(db));
    sqlite3_close(db);
}

static void
test_foreign(void **state)
{
    sqlite3 *db = open_memory();

    (void)state;
    assert_int_equal(p2pfs_sql_exec(db, "CREATE TABLE cake (slice)"), P2PFS_OK);
    assert_int_equal(p2pfs_schema_check(db), P2PFS_STORE_SCHEMA);
    assert_int_equal(p2pfs_schema_migrate(db), P2PFS_STORE_SCHEMA);
    assert_int_not_equal(p2pfs_sql_exec(db, "SELECT * FROM label"), P2PFS_OK);
    sqlite3_close(db);
}

static void
test_keys(void **state)
{
    (void)state;
    assert_int_equal(p2pfs_schema_key(1, 0), (int64_t)1 << 32);
    assert_int_equal(p2pfs_schema_key(5, UINT32_MAX), ((int64_t)6 << 32) - 1);
    /* No two of them meet: vk, level and tile have ranges of their own. */
    assert_int_equal(p2pfs_schema_tile_key(1, 0, 0), (int64_t)1 << 29);
    assert_true(p2pfs_schema_tile_key(1, 0, (1u << 26) - 1)
        < p2pfs_schema_tile_key(1, 1, 0));
    assert_true(p2pfs_schema_tile_key(1, 4, (1u << 26) - 1)
        < p2pfs_schema_tile_key(2, 0, 0));
    assert_true(p2pfs_schema_tile_key((1 << 30) - 1, 4, 0) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_newer),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
