/*
 * Guards how a version is born (docs/architecture.md, "Names, versions,
 * conflicts", 5): from a draft with several files at a place, and into a root
 * that uploads had begun.
 */

#include "t/unit/store_rules_rig.h"

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

/* Births take the smallest of two files at a place; the other one goes to a
 * draft of its own, beside the version, and nothing else does. */
static void
test_hand_over(void **state)
{
    struct p2pfs_version v;
    struct fixture f;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 3, 0, 0, STORE_LOCAL);
    put_plain(&f, "s", 3, 1, smaller(&f, 1) ^ 1, STORE_LOCAL);
    put_plain(&f, "s", 3, 1, smaller(&f, 1), STORE_GOSSIP);
    put_plain(&f, "s", 3, 2, 0, STORE_LOCAL);
    assert_int_equal(ask(&f, "SELECT count(*) FROM version"), 2);
    assert_int_equal(ask(&f, "SELECT count(*) FROM version WHERE state = 1"),
        1);
    assert_int_equal(ask(&f, "SELECT have FROM version WHERE root IS NULL"), 1);
    assert_int_equal(ask(&f,
                         "SELECT count(*) FROM tile WHERE tk >> 29 ="
                         " (SELECT vk FROM version WHERE root IS NULL)"),
        0);
    assert_int_equal(ask(&f,
                         "SELECT count(*) FROM part WHERE pk >> 32 ="
                         " (SELECT vk FROM version WHERE state = 1)"),
        0);
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_find(f.r, "s", 1, 0, NULL, &v), P2PFS_OK);
    assert_true(v.complete);
    p2pfs_reader_end(f.r);
    for (i = 0; i < 2; i++) {
        check_by_hash(&f, "s", 1, i);
    }
    fixture_fini(&f);
}

/* One record of the version for each birth, behind those of its files. */
static void
test_births_are_logged(void **state)
{
    struct fixture f;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    for (i = 0; i < 130; i++) {
        put_plain(&f, "s", 130, i, 0, STORE_GOSSIP);
        assert_int_equal(store_log_head(f.s), i + 1 + (i == 129));
    }
    assert_int_equal(ask(&f, "SELECT kind FROM log WHERE seq = 131"), 3);
    assert_int_equal(ask(&f, "SELECT origin FROM log WHERE seq = 131"), 1);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_root_begun),
        cmocka_unit_test(test_hand_over),
        cmocka_unit_test(test_births_are_logged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
