/*
 * Guards the statements by number: parameters, rows to their end, empty blobs
 * that are not NULL, and which of SQLite's results mean "try again".
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/sql.h"

enum { PUT, GET, RANGE, N };

static const char *const texts[] = {
    "INSERT INTO t(k, v) VALUES (?1, ?2)",
    "SELECT v FROM t WHERE k = ?1",
    "SELECT k FROM t WHERE k BETWEEN ?1 AND ?2 ORDER BY k",
};

static void
test_statements(void **state)
{
    const uint8_t *bytes;
    struct p2pfs_sql q;
    size_t len = 9;
    sqlite3 *db;
    int64_t k;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_not_equal(p2pfs_sql_init(&q, db, texts, N), P2PFS_OK);
    assert_int_equal(p2pfs_sql_exec(db,
                         "CREATE TABLE t (k INTEGER PRIMARY KEY,"
                         " v BLOB NOT NULL)"),
        P2PFS_OK);
    assert_int_equal(p2pfs_sql_init(&q, db, texts, N), P2PFS_OK);
    for (k = 1; k <= 3; k++) {
        p2pfs_sql_blob(&q, PUT, 2, k == 1 ? NULL : "abc", (size_t)k - 1);
        assert_int_equal(P2PFS_SQL_RUN(&q, PUT, k), P2PFS_OK);
    }
    assert_int_equal(P2PFS_SQL_STEP(&q, GET, 1), 1);
    bytes = p2pfs_sql_bytes(&q, GET, 0, &len);
    assert_non_null(bytes);
    assert_int_equal(len, 0);
    assert_int_equal(P2PFS_SQL_STEP(&q, GET, 3), 1);
    bytes = p2pfs_sql_bytes(&q, GET, 0, &len);
    assert_int_equal(len, 2);
    assert_memory_equal(bytes, "ab", 2);
    assert_int_equal(P2PFS_SQL_STEP(&q, GET, 4), 0);

    assert_int_equal(P2PFS_SQL_STEP(&q, RANGE, 2, INT64_MAX), 1);
    assert_int_equal(p2pfs_sql_int(&q, RANGE, 0), 2);
    assert_int_equal(p2pfs_sql_next(&q, RANGE), 1);
    assert_int_equal(p2pfs_sql_int(&q, RANGE, 0), 3);
    assert_int_equal(p2pfs_sql_next(&q, RANGE), 0);

    p2pfs_sql_blob(&q, PUT, 2, "x", 1); /* the key is taken */
    assert_int_equal(P2PFS_SQL_RUN(&q, PUT, 3), P2PFS_STORE_ERROR);
    p2pfs_sql_blob(&q, PUT, 2, "x", 1); /* and it still works */
    assert_int_equal(P2PFS_SQL_RUN(&q, PUT, 4), P2PFS_OK);
    p2pfs_sql_fini(&q);
    p2pfs_sql_fini(&q);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
test_map(void **state)
{
    (void)state;
    assert_int_equal(p2pfs_sql_map(SQLITE_OK), P2PFS_OK);
    assert_int_equal(p2pfs_sql_map(SQLITE_BUSY), P2PFS_STORE_BUSY);
    assert_int_equal(p2pfs_sql_map(SQLITE_BUSY_RECOVERY), P2PFS_STORE_BUSY);
    assert_int_equal(p2pfs_sql_map(SQLITE_PROTOCOL), P2PFS_STORE_BUSY);
    assert_int_equal(p2pfs_sql_map(SQLITE_READONLY_RECOVERY), P2PFS_STORE_BUSY);
    assert_int_equal(p2pfs_sql_map(SQLITE_READONLY_CANTINIT), P2PFS_STORE_BUSY);
    assert_int_equal(p2pfs_sql_map(SQLITE_READONLY), P2PFS_STORE_ERROR);
    assert_int_equal(p2pfs_sql_map(SQLITE_CANTOPEN), P2PFS_STORE_UNAVAILABLE);
    assert_int_equal(p2pfs_sql_map(SQLITE_NOTADB), P2PFS_STORE_SCHEMA);
    assert_int_equal(p2pfs_sql_map(SQLITE_FULL), P2PFS_STORE_FULL);
    assert_int_equal(p2pfs_sql_map(SQLITE_IOERR_FSYNC), P2PFS_STORE_ERROR);
    assert_int_equal(p2pfs_sql_map(SQLITE_CORRUPT), P2PFS_STORE_ERROR);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_map),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
