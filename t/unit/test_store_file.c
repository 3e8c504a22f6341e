/*
 * Guards the rules for one file (docs/architecture.md, "Names, versions,
 * conflicts", 1 to 4), each by the example that would break it.
 */

#include "t/unit/store_rules_rig.h"

static struct store_result
put_raw(struct fixture *f, const char *id, uint64_t n, uint64_t index,
    size_t len)
{
    struct bytes b = {.len = len};

    return put(f, id, n, index, &b, NULL, NULL, STORE_LOCAL);
}

static void
test_limits(void **state)
{
    struct fixture f;
    struct store_file big = {.id = "big",
        .id_len = 3,
        .n = 1,
        .len = 1024 * 1024 + 1};
    struct store_result out;
    uint8_t *bytes = calloc(1, big.len);

    (void)state;
    fixture_init(&f, 0);
    assert_non_null(bytes);
    assert_int_equal(put_raw(&f, "a/b", 1, 0, 1).err, P2PFS_BAD_SET_ID);
    assert_int_equal(put_raw(&f, "..", 1, 0, 1).err, P2PFS_BAD_SET_ID);
    assert_int_equal(put_raw(&f, "a", 0, 0, 1).err, P2PFS_BAD_SET_COUNT);
    assert_int_equal(put_raw(&f, "a", 1000001, 0, 1).err, P2PFS_BAD_SET_COUNT);
    assert_int_equal(put_raw(&f, "a", UINT64_MAX, 0, 1).err,
        P2PFS_BAD_SET_COUNT);
    assert_int_equal(put_raw(&f, "a", 2, 2, 1).err, P2PFS_INDEX_OUT_OF_RANGE);
    assert_int_equal(put_raw(&f, "a", 2, UINT64_MAX, 1).err,
        P2PFS_INDEX_OUT_OF_RANGE);
    big.content = bytes;
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_put_file(f.s, &big, &out), P2PFS_OK);
    assert_int_equal(out.err, P2PFS_BODY_TOO_LARGE);
    big.len--;
    assert_int_equal(store_put_file(f.s, &big, &out), P2PFS_OK);
    assert_int_equal(out.err, P2PFS_OK);
    store_rollback(f.s);
    assert_int_equal(ask(&f, "SELECT count(*) FROM label"), 0);
    free(bytes);
    fixture_fini(&f);
}

/* Rule 1: a proof has to hold, and a root is complete with its last file. */
static void
test_proof(void **state)
{
    struct fixture f;
    struct p2pfs_proof proof;
    struct bytes b = file_bytes(1, 0);
    struct set set;
    struct store_result res;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 5, 0);
    assert_int_equal(p2pfs_tree_proof(set.tree, 1, &proof), P2PFS_OK);
    assert_int_equal(put(&f, "s", 5, 2, &b, &set.root, &proof, STORE_LOCAL).err,
        P2PFS_NOT_IN_ROOT);
    assert_int_equal(put(&f, "s", 5, 1, &b, &set.root, NULL, STORE_LOCAL).err,
        P2PFS_NOT_IN_ROOT);
    proof.hash[0].b[0] ^= 1;
    assert_int_equal(put(&f, "s", 5, 1, &b, &set.root, &proof, STORE_GOSSIP)
                         .err,
        P2PFS_NOT_IN_ROOT);
    proof.hash[0].b[0] ^= 1;
    proof.len--;
    assert_int_equal(put(&f, "s", 5, 1, &b, &set.root, &proof, STORE_LOCAL).err,
        P2PFS_NOT_IN_ROOT);
    assert_int_equal(ask(&f, "SELECT count(*) FROM log"), 0);

    res = put_rooted(&f, "s", &set, 1, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_OK);
    assert_int_equal(res.received, 1);
    set_fini(&set);
    fixture_fini(&f);
}

/* A peer names the entry; other bytes are its fault. */
static void
test_expected_entry(void **state)
{
    struct fixture f;
    struct bytes b = file_bytes(0, 0);
    struct p2pfs_hash other = {{1}};
    struct store_file file = {.id = "s",
        .id_len = 1,
        .n = 2,
        .content = b.data,
        .len = b.len,
        .expected = &other,
        .origin = STORE_GOSSIP};
    struct store_result out;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_put_file(f.s, &file, &out), P2PFS_OK);
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    assert_int_equal(out.err, P2PFS_NOT_IN_ROOT);
    assert_int_equal(ask(&f, "SELECT count(*) FROM content"), 0);
    fixture_fini(&f);
}

/* Rule 2, before and after the draft is complete. */
static void
test_file_conflict(void **state)
{
    struct fixture f;
    struct set set;
    struct store_result res;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 2, 0);
    assert_int_equal(put_plain(&f, "s", 2, 0, 0, STORE_LOCAL).err, P2PFS_OK);
    res = put_plain(&f, "s", 2, 0, 1, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_FILE_CONFLICT);
    assert_memory_equal(&res.entry, &set.entries[0], sizeof(res.entry));
    assert_true(p2pfs_hash_is_zero(&res.root));

    assert_int_equal(put_plain(&f, "s", 2, 1, 0, STORE_LOCAL).err, P2PFS_OK);
    res = put_plain(&f, "s", 2, 0, 1, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_FILE_CONFLICT);
    assert_memory_equal(&res.entry, &set.entries[0], sizeof(res.entry));
    assert_memory_equal(&res.root, &set.root, sizeof(res.root));
    res = put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_OK);
    assert_false(res.created);
    assert_int_equal(ask(&f, "SELECT count(*) FROM log"), 3);
    check_set(&f, "s", &set, 1);
    set_fini(&set);
    fixture_fini(&f);
}

/* Rule 2: a draft that a race brought in can be continued beside the other. */
static void
test_set_count_conflict(void **state)
{
    struct fixture f;
    struct store_result res;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(put_plain(&f, "s", 3, 0, 0, STORE_LOCAL).err, P2PFS_OK);
    res = put_plain(&f, "s", 4, 1, 0, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_SET_COUNT_CONFLICT);
    assert_int_equal(res.set_count, 3);
    assert_int_equal(res.received, 1);

    assert_int_equal(put_plain(&f, "s", 4, 0, 1, STORE_GOSSIP).err, P2PFS_OK);
    assert_int_equal(put_plain(&f, "s", 4, 1, 1, STORE_LOCAL).err, P2PFS_OK);
    assert_int_equal(put_plain(&f, "s", 3, 1, 0, STORE_LOCAL).err, P2PFS_OK);
    assert_int_equal(put_plain(&f, "s", 5, 1, 0, STORE_LOCAL).err,
        P2PFS_SET_COUNT_CONFLICT);
    fixture_fini(&f);
}

/* Rule 3: no new root under a finished label, but one that was begun goes on,
 * and what a peer has is merged all the same. */
static void
test_set_exists(void **state)
{
    struct fixture f;
    struct set first, begun, late;
    struct store_result res;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    set_init(&first, &f, 3, 0);
    set_init(&begun, &f, 3, 1);
    set_init(&late, &f, 4, 2);
    assert_int_equal(put_rooted(&f, "s", &begun, 0, STORE_LOCAL).err, P2PFS_OK);
    for (i = 0; i < 3; i++) {
        res = put_rooted(&f, "s", &first, i, STORE_LOCAL);
        assert_int_equal(res.err, P2PFS_OK);
    }
    res = put_rooted(&f, "s", &late, 0, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_SET_EXISTS);
    assert_memory_equal(&res.root, &first.root, sizeof(res.root));
    assert_int_equal(put_rooted(&f, "s", &begun, 1, STORE_LOCAL).err, P2PFS_OK);
    assert_int_equal(put_rooted(&f, "s", &begun, 2, STORE_LOCAL).err, P2PFS_OK);
    check_set(&f, "s", &first, 0);
    check_set(&f, "s", &begun, 0);
    /* rule 6 */
    check_set(&f, "s",
        p2pfs_hash_cmp(&first.root, &begun.root) < 0 ? &first : &begun, 1);
    for (i = 0; i < 4; i++) {
        assert_int_equal(put_rooted(&f, "s", &late, i, STORE_CATCHUP).err,
            P2PFS_OK);
    }
    check_set(&f, "s", &late, 0);
    set_fini(&first);
    set_fini(&begun);
    set_fini(&late);
    fixture_fini(&f);
}

/* The same bytes with and without a root: both the root and the draft get
 * complete, whichever asked first. */
static void
test_both_kinds(void **state)
{
    struct fixture f;
    struct store_result res;
    struct set set;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 3, 0);
    for (i = 0; i < 2; i++) {
        res = put_rooted(&f, "s", &set, i, STORE_LOCAL);
        assert_true(res.created);
        res = put_plain(&f, "s", 3, i, 0, STORE_LOCAL);
        assert_int_equal(res.err, P2PFS_OK);
        assert_true(res.created);
    }
    /* The draft is first and finds its root begun: one version, complete. */
    res = put_plain(&f, "s", 3, 2, 0, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_OK);
    assert_int_equal(res.received, 3);
    check_set(&f, "s", &set, 0);
    check_set(&f, "s", &set, 1);
    assert_int_equal(ask(&f, "SELECT count(*) FROM version"), 1);
    assert_int_equal(ask(&f, "SELECT count(*) FROM part"), 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM content"), 3);
    res = put_rooted(&f, "s", &set, 2, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_OK);
    assert_false(res.created);
    set_fini(&set);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_expected_entry),
        cmocka_unit_test(test_file_conflict),
        cmocka_unit_test(test_set_count_conflict),
        cmocka_unit_test(test_set_exists),
        cmocka_unit_test(test_both_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
