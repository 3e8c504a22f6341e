/*
 * Guards the workers' channel as core/frame.h and ingest.h describe it:
 * pipelining, how many connections, and the order of draining.
 */

#include "t/unit/ingest_rig.h"

static void
test_put(void **state)
{
    struct p2pfs_result r;
    struct node n;
    struct bytes b;
    struct p2pfs_hash entry;
    unsigned i, seen = 0;
    int fd;

    (void)state;
    node_init(&n);
    fd = dial_and_greet(&n);
    for (i = 0; i < 8; i++) { /* all in flight at once */
        b = file_bytes(i, 0);
        give_put(fd, 100 + i, 8, i, b.data, (uint32_t)b.len);
    }
    for (i = 0; i < 8; i++) {
        r = take_result(fd);
        assert_int_equal(r.err, P2PFS_OK);
        assert_true(r.created);
        assert_int_equal(r.set_count, 8);
        b = file_bytes((uint32_t)r.request - 100, 0);
        entry = entry_of(&n.f, &b);
        assert_memory_equal(&entry, &r.entry, sizeof(entry));
        seen |= 1u << (r.request - 100);
    }
    assert_int_equal(seen, 0xff);
    give_put(fd, 1, 8, 9, "x", 1);
    assert_int_equal(take_result(fd).err, P2PFS_INDEX_OUT_OF_RANGE);
    close(fd);
    node_fini(&n);
}

/* The largest file, more than the limit of bytes in flight, goes alone; what
 * follows it at once is stored or refused, never lost. */
static void
test_large(void **state)
{
    uint32_t len = 1024 * 1024;
    uint8_t *content = calloc(1, len);
    struct p2pfs_result r;
    struct node n;
    int fd, i;

    (void)state;
    assert_non_null(content);
    node_init(&n);
    fd = dial_and_greet(&n);
    give_put(fd, 1, 2, 0, content, len);
    give_put(fd, 2, 2, 1, "x", 1);
    for (i = 0; i < 2; i++) {
        r = take_result(fd);
        if (r.request == 1 || r.err != P2PFS_STORE_UNAVAILABLE) {
            assert_int_equal(r.err, P2PFS_OK);
        }
    }
    assert_int_equal(ask(&n.f, "SELECT max(length(body)) FROM content"), len);
    close(fd);
    node_fini(&n);
    free(content);
}

static void
test_connections(void **state)
{
    struct node n;
    int fd[4], i;

    (void)state;
    node_init(&n);
    for (i = 0; i < 3; i++) {
        fd[i] = dial_and_greet(&n);
    }
    fd[3] = dial(&n);
    assert_true(is_closed(fd[3]));
    for (i = 0; i < 4; i++) {
        close(fd[i]);
    }
    node_fini(&n);
}

static void
test_drain(void **state)
{
    struct p2pfs_result r;
    struct node n;
    int fd;

    (void)state;
    node_init(&n);
    fd = dial_and_greet(&n);
    give_put(fd, 1, 2, 0, "x", 1);
    assert_int_equal(take_result(fd).err, P2PFS_OK);
    ingest_drain(n.in);
    assert_int_not_equal(access(n.path, F_OK), 0);
    give_put(fd, 2, 2, 1, "x", 1);
    r = take_result(fd);
    assert_int_equal(r.err, P2PFS_STORE_UNAVAILABLE);
    node_fini(&n);
    assert_true(is_closed(fd));
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_drain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
