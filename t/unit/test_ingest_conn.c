/*
 * Guards one connection of the workers' channel: hello first, limits answered
 * at once, what is malformed closed, and a worker that leaves its requests
 * behind.
 */

#include "t/unit/ingest_rig.h"

/* Over the limit in flight: told at once, not left in the socket. */
static void
test_limits(void **state)
{
    struct node n;
    sqlite3 *db;
    unsigned i, ok = 0;
    struct p2pfs_result r;
    int fd;

    (void)state;
    node_init(&n);
    assert_int_equal(sqlite3_open(n.f.path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
        SQLITE_OK);
    fd = dial_and_greet(&n);
    for (i = 0; i < 10; i++) {
        give_put(fd, i, 10, i, "x", 1);
    }
    for (i = 0; i < 2; i++) {
        r = take_result(fd);
        assert_int_equal(r.err, P2PFS_STORE_UNAVAILABLE);
        assert_true(r.request >= 8);
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    for (i = 0; i < 8; i++) {
        ok += take_result(fd).err == P2PFS_OK;
    }
    assert_int_equal(ok, 8);
    close(fd);
    node_fini(&n);
}

/* A root of 32 zero bytes is a root, and no proof leads to it. */
static void
test_zero_root(void **state)
{
    uint8_t head[P2PFS_FRAME_PUT_HEAD_MAX];
    struct p2pfs_put put = {.request = 1,
        .id_len = 1,
        .id = "s",
        .n = 1,
        .has_root = 1,
        .len = 1,
        .content = (const uint8_t *)"x"};
    struct node n;
    int fd;

    (void)state;
    node_init(&n);
    fd = dial_and_greet(&n);
    give(fd, head, p2pfs_frame_put_head(head, &put));
    give(fd, "x", 1);
    assert_int_equal(take_result(fd).err, P2PFS_NOT_IN_ROOT);
    assert_int_equal(ask(&n.f, "SELECT count(*) FROM label"), 0);
    close(fd);
    node_fini(&n);
}

static void
check_closed(struct node *n, int greeted, const void *data, size_t len)
{
    int fd = greeted ? dial_and_greet(n) : dial(n);

    give(fd, data, len);
    assert_true(is_closed(fd));
    close(fd);
}

static void
test_malformed(void **state)
{
    static const uint8_t zero[] = {0, 0, 0, 0, 1};
    static const uint8_t huge[] = {255, 255, 255, 255, 3};
    static const uint8_t unknown[] = {0, 0, 0, 1, 9};
    static const uint8_t short_put[] = {0, 0, 0, 2, 3, 0};
    uint8_t hello[P2PFS_FRAME_SMALL_MAX];
    uint8_t result[P2PFS_FRAME_SMALL_MAX];
    struct p2pfs_result r = {.request = 1};
    struct node n;
    size_t len;
    int fd;

    (void)state;
    node_init(&n);
    check_closed(&n, 0, zero, sizeof(zero));
    check_closed(&n, 0, huge, sizeof(huge));
    check_closed(&n, 1, unknown, sizeof(unknown));
    check_closed(&n, 1, short_put, sizeof(short_put));
    check_closed(&n, 0, short_put, sizeof(short_put));
    len = p2pfs_frame_hello(hello);
    check_closed(&n, 1, hello, len); /* twice */
    hello[len - 1] ^= 0x40;
    check_closed(&n, 0, hello, len); /* another version */
    check_closed(&n, 1, result, p2pfs_frame_result(result, &r));
    fd = dial_and_greet(&n); /* and it still serves */
    give_put(fd, 1, 1, 0, "x", 1);
    assert_int_equal(take_result(fd).err, P2PFS_OK);
    close(fd);
    node_fini(&n);
}

/* A worker that goes away with a request in flight. */
static void
test_left_behind(void **state)
{
    struct node n;
    int fd, i;

    (void)state;
    node_init(&n);
    for (i = 0; i < 20; i++) {
        fd = dial_and_greet(&n);
        give_put(fd, 1, 20, (uint64_t)i, "x", 1);
        close(fd);
    }
    node_fini(&n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_zero_root),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_left_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
