/*
 * Guards the rows that all rules of the store share: labels, groups, versions,
 * the log; and what a failure of the database leaves behind.
 */

#include "gossipd/store_impl.h"
#include "t/unit/store_fixture.h"

static void
test_groups(void **state)
{
    struct store_place p = {.id = "s", .id_len = 1, .n = 5, .index = 3};
    struct store_place q = p;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(store_find_group(f.s, &p), P2PFS_OK);
    assert_int_equal(p.sk, 0);
    assert_int_equal(p.gk, 0);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_make_group(f.s, &p), P2PFS_OK);
    assert_true(p.sk > 0 && p.gk > 0);
    assert_true(p.k == p2pfs_schema_key(p.gk, 3));
    assert_int_equal(store_make_group(f.s, &p), P2PFS_OK); /* once is enough */
    assert_int_equal(store_find_group(f.s, &q), P2PFS_OK);
    assert_true(q.sk == p.sk && q.gk == p.gk && q.k == p.k);
    q.n = 6; /* another group of the same label */
    assert_int_equal(store_find_group(f.s, &q), P2PFS_OK);
    assert_true(q.sk == p.sk);
    assert_int_equal(q.gk, 0);
    assert_int_equal(store_make_group(f.s, &q), P2PFS_OK);
    assert_true(q.sk == p.sk && q.gk != p.gk);
    store_rollback(f.s);

    q = p;
    assert_int_equal(store_find_group(f.s, &q), P2PFS_OK);
    assert_int_equal(q.sk, 0);
    fixture_fini(&f);
}

static void
test_entries(void **state)
{
    struct store_place p = {.id = "s", .id_len = 1, .n = 2, .index = 0};
    struct bytes b[3] = {file_bytes(0, 0), file_bytes(0, 1), file_bytes(0, 2)};
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    p.entry = entry_of(&f, &b[0]);
    assert_int_equal(store_find_entry(f.s, &p), P2PFS_OK); /* no group yet */
    assert_int_equal(p.ak, -1);
    put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    put_plain(&f, "s", 2, 0, 1, STORE_GOSSIP);
    assert_int_equal(store_find_group(f.s, &p), P2PFS_OK);
    assert_int_equal(store_find_entry(f.s, &p), P2PFS_OK);
    assert_true(p.has_content);
    assert_int_equal(p.ak, 0);
    p.entry = entry_of(&f, &b[1]);
    assert_int_equal(store_find_entry(f.s, &p), P2PFS_OK);
    assert_true(p.ak > 0);
    p.entry = entry_of(&f, &b[2]);
    assert_int_equal(store_find_entry(f.s, &p), P2PFS_OK);
    assert_true(p.has_content);
    assert_int_equal(p.ak, -1);
    fixture_fini(&f);
}

static void
test_versions(void **state)
{
    struct store_place p = {.id = "s", .id_len = 1, .n = 5};
    struct p2pfs_hash root = {{7}}, other = {{8}};
    struct p2pfs_version draft, rooted, v;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_make_group(f.s, &p), P2PFS_OK);
    assert_int_equal(store_find_version(f.s, &p, NULL, &v), P2PFS_OK);
    assert_int_equal(v.vk, 0);
    assert_int_equal(store_make_version(f.s, p.gk, 5, NULL, &draft), P2PFS_OK);
    assert_int_equal(store_make_version(f.s, p.gk, 5, &root, &rooted),
        P2PFS_OK);
    assert_true(draft.vk != rooted.vk);
    assert_int_equal(store_find_version(f.s, &p, NULL, &v), P2PFS_OK);
    assert_true(v.vk == draft.vk);
    assert_true(p2pfs_hash_is_zero(&v.root));
    assert_int_equal(store_find_version(f.s, &p, &root, &v), P2PFS_OK);
    assert_true(v.vk == rooted.vk && v.gk == p.gk && v.n == 5);
    assert_false(v.complete);
    assert_int_equal(v.received, 0);
    assert_int_equal(store_find_version(f.s, &p, &other, &v), P2PFS_OK);
    assert_int_equal(v.vk, 0);
    store_rollback(f.s);
    fixture_fini(&f);
}

/* A group has one draft: a second row is refused by the database, and the
 * words say which act failed. */
static void
test_a_failure_has_words(void **state)
{
    struct store_place p = {.id = "s", .id_len = 1, .n = 5};
    struct p2pfs_version v;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_make_group(f.s, &p), P2PFS_OK);
    assert_int_equal(store_make_version(f.s, p.gk, 5, NULL, &v), P2PFS_OK);
    assert_int_equal(store_make_version(f.s, p.gk, 5, NULL, &v),
        P2PFS_STORE_ERROR);
    assert_non_null(strstr(store_detail(f.s), "make a version: "));
    store_rollback(f.s);
    assert_int_equal(store_health(f.s), P2PFS_OK); /* no disk failed */
    assert_int_equal(put_plain(&f, "s", 1, 0, 0, STORE_LOCAL).err, P2PFS_OK);
    fixture_fini(&f);
}

/* Numbers of a batch that was rolled back are given again: no gap. */
static void
test_log(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_log(f.s, P2PFS_LOG_FILE, STORE_LOCAL, 1, 0),
        P2PFS_OK);
    assert_int_equal(store_log_head(f.s), 0); /* not on disk */
    store_rollback(f.s);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_log(f.s, P2PFS_LOG_FILE, STORE_GOSSIP, 2, 3),
        P2PFS_OK);
    assert_int_equal(store_log(f.s, P2PFS_LOG_VERSION, STORE_LOCAL, 4, 0),
        P2PFS_OK);
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    assert_int_equal(store_log_head(f.s), 2);
    assert_int_equal(ask(&f, "SELECT a FROM log WHERE seq = 1"), 2);
    assert_int_equal(ask(&f, "SELECT origin FROM log WHERE seq = 1"), 1);
    assert_int_equal(ask(&f, "SELECT kind FROM log WHERE seq = 2"), 3);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_entries),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_a_failure_has_words),
        cmocka_unit_test(test_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
