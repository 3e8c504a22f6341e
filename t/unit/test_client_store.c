/*
 * Guards the records: they are in the file when a call returns, a root never
 * changes, and a file that is no store of ours is left alone.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "client/store.h"

struct fixture {
    char dir[64];
    char path[96];
    struct client_store *s;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/p2pfs-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/records.db", f->dir);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    client_store_close(f->s);
    (void)unlink(f->path);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void
open_store(struct fixture *f)
{
    client_store_close(f->s);
    assert_int_equal(client_store_open(&f->s, f->path, 1), P2PFS_OK);
}

static struct p2pfs_client_record
record(const char *id, uint8_t root, uint64_t count)
{
    struct p2pfs_client_record r;

    memset(&r, 0, sizeof(r));
    (void)snprintf(r.id, sizeof(r.id), "%s", id);
    memset(r.root, root, sizeof(r.root));
    r.count = count;
    r.server = "http://h/api";
    return r;
}

static void
test_begin_and_finish(void **state)
{
    struct p2pfs_client_record r = record("a", 7, 4294967295u);
    struct p2pfs_client_record got;
    struct fixture *f = *state;
    char server[64];

    open_store(f);
    assert_int_equal(client_store_find(f->s, "a", &got, server, sizeof(server)),
        P2PFS_NO_RECORD);
    assert_int_equal(client_store_begin(f->s, &r, 100), P2PFS_OK);
    open_store(f);
    assert_int_equal(client_store_find(f->s, "a", &got, server, sizeof(server)),
        P2PFS_OK);
    assert_memory_equal(got.root, r.root, sizeof(r.root));
    assert_int_equal(got.count, 4294967295u);
    assert_int_equal(got.complete, 0);
    assert_int_equal(got.created, 100);
    assert_string_equal(got.server, "http://h/api");

    assert_int_equal(client_store_finish(f->s, "a", 200), P2PFS_OK);
    /* again, by a later put of the same: what is complete stays so */
    assert_int_equal(client_store_begin(f->s, &r, 300), P2PFS_OK);
    assert_int_equal(client_store_finish(f->s, "a", 300), P2PFS_OK);
    open_store(f);
    assert_int_equal(client_store_find(f->s, "a", &got, server, sizeof(server)),
        P2PFS_OK);
    assert_int_equal(got.complete, 1);
    assert_int_equal(got.created, 100);
    assert_int_equal(got.updated, 200);
}

static void
test_a_root_never_changes(void **state)
{
    struct p2pfs_client_record r = record("a", 7, 3);
    struct p2pfs_client_record other_root = record("a", 8, 3);
    struct p2pfs_client_record other_count = record("a", 7, 4);
    struct p2pfs_client_record got;
    struct fixture *f = *state;
    char server[64];

    open_store(f);
    assert_int_equal(client_store_begin(f->s, &r, 1), P2PFS_OK);
    assert_int_equal(client_store_begin(f->s, &other_root, 2),
        P2PFS_ROOT_CHANGED);
    assert_int_equal(client_store_begin(f->s, &other_count, 2),
        P2PFS_ROOT_CHANGED);
    assert_int_equal(client_store_find(f->s, "a", &got, server, sizeof(server)),
        P2PFS_OK);
    assert_int_equal(got.root[0], 7);
    assert_int_equal(got.count, 3);
    /* and the store is not stuck in a transaction */
    r = record("b", 9, 1);
    assert_int_equal(client_store_begin(f->s, &r, 3), P2PFS_OK);
}

static int
collect(void *ctx, const struct p2pfs_client_record *r)
{
    char *ids = ctx;
    size_t len = strlen(ids);

    (void)snprintf(ids + len, 16 - len, "%s,", r->id);
    return strcmp(r->id, "stop") == 0;
}

static void
test_list(void **state)
{
    struct p2pfs_client_record r;
    struct fixture *f = *state;
    char ids[16] = "";

    open_store(f);
    r = record("b", 1, 1);
    assert_int_equal(client_store_begin(f->s, &r, 2), P2PFS_OK);
    r = record("a", 1, 1);
    assert_int_equal(client_store_begin(f->s, &r, 2), P2PFS_OK);
    r = record("c", 1, 1);
    assert_int_equal(client_store_begin(f->s, &r, 1), P2PFS_OK);
    assert_int_equal(client_store_list(f->s, collect, ids), P2PFS_OK);
    assert_string_equal(ids, "c,a,b,");
    r = record("stop", 1, 1);
    assert_int_equal(client_store_begin(f->s, &r, 0), P2PFS_OK);
    ids[0] = '\0';
    assert_int_equal(client_store_list(f->s, collect, ids), P2PFS_CANCELLED);
    assert_string_equal(ids, "stop,");
}

static void
test_reading_makes_no_file(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(client_store_open(&f->s, f->path, 0), P2PFS_NO_RECORD);
    assert_null(f->s);
    assert_int_not_equal(access(f->path, F_OK), 0);
}

static void
write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    assert_true(fputs(text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

/* A crash between creat and the first commit leaves an empty file. */
static void
test_an_empty_file_is_a_new_store(void **state)
{
    struct fixture *f = *state;

    write_file(f->path, "");
    assert_int_equal(client_store_open(&f->s, f->path, 0), P2PFS_NO_RECORD);
    open_store(f);
}

static void
test_another_file_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct stat before, after;
    sqlite3 *db = NULL;
    char text[600];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    write_file(f->path, text);
    assert_int_equal(stat(f->path, &before), 0);
    assert_int_equal(client_store_open(&f->s, f->path, 1), P2PFS_STORE_SCHEMA);
    client_store_close(f->s);
    f->s = NULL;
    assert_int_equal(stat(f->path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(unlink(f->path), 0);

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(client_store_open(&f->s, f->path, 1), P2PFS_STORE_SCHEMA);
}

static void
test_a_newer_version_is_refused(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;

    open_store(f);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL,
                         NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    client_store_close(f->s);
    assert_int_equal(client_store_open(&f->s, f->path, 1), P2PFS_STORE_SCHEMA);
}

static void
test_a_missing_directory_is_an_error(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(client_store_open(&f->s, "/nowhere/at/all.db", 1),
        P2PFS_STORE_ERROR);
    assert_non_null(client_store_detail(f->s));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_begin_and_finish),
        TEST(test_a_root_never_changes),
        TEST(test_list),
        TEST(test_reading_makes_no_file),
        TEST(test_an_empty_file_is_a_new_store),
        TEST(test_another_file_is_left_alone),
        TEST(test_a_newer_version_is_refused),
        TEST(test_a_missing_directory_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
