/*
 * Guards the rules on names, versions and conflicts (docs/architecture.md, 1
 * to 7), each by the example that would break it, and by two stores that merge
 * each other's records in random order and must end up giving the same answers
 * without having lost a file that either acknowledged.
 */

#include "t/unit/store_fixture.h"

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

/* Is the entry of file i of a variant readable by its hash? */
static void
check_by_hash(struct fixture *f, const char *id, uint32_t i, unsigned variant)
{
    struct bytes b = file_bytes(i, variant);
    struct p2pfs_hash entry = entry_of(f, &b);
    struct p2pfs_file file;

    assert_int_equal(p2pfs_reader_begin(f->r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_by_hash(f->r, id, strlen(id), i, &entry,
                         &file),
        P2PFS_OK);
    assert_int_equal(file.len, b.len);
    assert_memory_equal(file.content, b.data, b.len);
    assert_int_equal(file.proof.len, 0);
    p2pfs_reader_end(f->r);
}

/* Rule 5: the smallest entry of each index; what comes later is a candidate. */
static void
test_candidates(void **state)
{
    static struct p2pfs_set info;
    struct fixture f;
    struct set a, b;
    struct p2pfs_hash want[2];
    struct p2pfs_version v;
    struct p2pfs_file file;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    set_init(&a, &f, 2, 0);
    set_init(&b, &f, 2, 1);
    put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    put_plain(&f, "s", 2, 0, 1, STORE_GOSSIP);
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_set(f.r, "s", 1, &info), P2PFS_OK);
    assert_int_equal(info.n_candidates, 2);
    p2pfs_reader_end(f.r);
    put_plain(&f, "s", 2, 1, 1, STORE_LOCAL);
    put_plain(&f, "s", 2, 1, 0, STORE_GOSSIP); /* late */

    want[0] = p2pfs_hash_cmp(&a.entries[0], &b.entries[0]) < 0 ? a.entries[0]
                                                               : b.entries[0];
    want[1] = b.entries[1];
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    for (i = 0; i < 2; i++) {
        assert_int_equal(p2pfs_reader_find(f.r, "s", 1, i, NULL, &v), P2PFS_OK);
        assert_int_equal(p2pfs_reader_file(f.r, &v, i, &file), P2PFS_OK);
        assert_memory_equal(&file.entry, &want[i], sizeof(want[i]));
        assert_int_equal(p2pfs_proof_verify(f.h, &v.root, 2, i, &file.entry,
                             &file.proof),
            P2PFS_OK);
    }
    assert_int_equal(p2pfs_reader_set(f.r, "s", 1, &info), P2PFS_OK);
    assert_int_equal(info.n_versions, 1);
    assert_int_equal(info.n_candidates, 2);
    assert_int_equal(info.candidate[0].index, 0);
    assert_int_equal(info.candidate[1].index, 1);
    assert_memory_equal(&info.candidate[1].hash, &a.entries[1],
        sizeof(want[1]));
    p2pfs_reader_end(f.r);
    for (i = 0; i < 4; i++) {
        check_by_hash(&f, "s", i % 2, i / 2);
    }
    set_fini(&a);
    set_fini(&b);
    fixture_fini(&f);
}

/* Which of two variants has the smaller entry at index i? */
static unsigned
smaller(struct fixture *f, uint32_t i)
{
    struct bytes b[2] = {file_bytes(i, 0), file_bytes(i, 1)};
    struct p2pfs_hash e[2];

    e[0] = entry_of(f, &b[0]);
    e[1] = entry_of(f, &b[1]);
    return p2pfs_hash_cmp(&e[0], &e[1]) < 0 ? 0 : 1;
}

static void
read_smallest(struct fixture *f, uint32_t n)
{
    struct p2pfs_version v;
    struct p2pfs_file file;
    struct bytes b;
    uint32_t i;

    assert_int_equal(p2pfs_reader_begin(f->r), P2PFS_OK);
    for (i = 0; i < n; i++) {
        b = file_bytes(i, smaller(f, i));
        assert_int_equal(p2pfs_reader_find(f->r, "s", 1, i, NULL, &v),
            P2PFS_OK);
        assert_int_equal(p2pfs_reader_file(f->r, &v, i, &file), P2PFS_OK);
        assert_int_equal(file.len, b.len);
        assert_memory_equal(file.content, b.data, b.len);
        assert_int_equal(p2pfs_proof_verify(f->h, &v.root, n, i, &file.entry,
                             &file.proof),
            P2PFS_OK);
    }
    p2pfs_reader_end(f->r);
}

/* A smaller candidate that comes when its block has its tile already. */
static void
test_candidate_changes_tile(void **state)
{
    struct fixture f;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    for (i = 0; i < 128; i++) {
        put_plain(&f, "s", 130, i, 0, STORE_LOCAL);
    }
    assert_int_equal(ask(&f, "SELECT count(*) FROM tile"), 1);
    for (i = 0; i < 130; i++) {
        put_plain(&f, "s", 130, i, 1, STORE_GOSSIP);
    }
    /* Complete since 129 came: only its own other variant is missing. */
    assert_int_equal(ask(&f, "SELECT state FROM version"), 1);
    fixture_fini(&f);

    fixture_init(&f, 0);
    for (i = 0; i < 129; i++) {
        put_plain(&f, "s", 130, i, 0, STORE_LOCAL);
        put_plain(&f, "s", 130, i, 1, STORE_GOSSIP);
    }
    for (i = 0; i < 2; i++) { /* the smaller one first: it is chosen */
        put_plain(&f, "s", 130, 129, smaller(&f, 129) ^ i, STORE_GOSSIP);
    }
    read_smallest(&f, 130);
    for (i = 0; i < 260; i++) {
        check_by_hash(&f, "s", i % 130, i / 130);
    }
    fixture_fini(&f);
}

/* A draft with candidates finds its root begun: the tiles move to that row. */
static void
test_root_begun(void **state)
{
    struct fixture f;
    struct set set;
    uint32_t i, kept = 0;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 300, 0);
    for (i = 0; i < 300; i += 9) {
        put_rooted(&f, "s", &set, i, STORE_LOCAL);
    }
    for (i = 0; i < 300; i++) {
        if (smaller(&f, i) == 0 && i % 2 == 0) {
            put_plain(&f, "s", 300, i, 1, STORE_GOSSIP);
            kept++;
        }
    }
    for (i = 0; i < 300; i++) {
        put_plain(&f, "s", 300, i, 0, STORE_GOSSIP);
    }
    check_set(&f, "s", &set, 1);
    assert_int_equal(ask(&f, "SELECT count(*) FROM version"), 2);
    assert_int_equal(ask(&f, "SELECT have FROM version WHERE root IS NULL"),
        kept);
    assert_int_equal(ask(&f, "SELECT count(*) FROM tile"), 4);
    for (i = 0; i < 300; i++) {
        if (smaller(&f, i) == 0 && i % 2 == 0) {
            check_by_hash(&f, "s", i, 1);
        }
    }
    set_fini(&set);
    fixture_fini(&f);
}

/* Rule 8: a full store refuses what is new and answers for what is here. */
static void
test_full(void **state)
{
    struct fixture f;
    struct store_result res;
    uint32_t i;

    (void)state;
    fixture_init(&f, 1024 * 1024);
    for (i = 0; i < 1000; i++) {
        res = put_plain(&f, "s", 1000, i, 0, STORE_LOCAL);
        if (res.err != P2PFS_OK) {
            break;
        }
    }
    assert_int_equal(res.err, P2PFS_STORE_FULL);
    assert_true(i > 3);
    res = put_plain(&f, "s", 1000, i - 1, 0, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_OK);
    assert_false(res.created);
    assert_int_equal(put_plain(&f, "t", 1, 0, 0, STORE_CATCHUP).err,
        P2PFS_STORE_FULL);
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
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_candidate_changes_tile),
        cmocka_unit_test(test_root_begun),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
