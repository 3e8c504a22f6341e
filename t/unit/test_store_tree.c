/*
 * Guards the tiles of a version while it grows: what was written early is
 * written anew when a smaller entry takes the place of another.
 */

#include "t/unit/store_rules_rig.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidate_changes_tile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
