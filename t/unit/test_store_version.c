/*
 * Guards a version that a peer holds: its list is checked before anything is
 * stored, it is complete only with every file here, whichever way those came,
 * and a second time changes nothing.
 */

#include "t/unit/store_fixture.h"

static struct p2pfs_record
version_of(const struct set *set)
{
    struct p2pfs_record r = {.kind = P2PFS_RECORD_VERSION,
        .id_len = 1,
        .id = "s",
        .n = set->n,
        .root = set->root};

    return r;
}

static struct store_result
put_version(struct fixture *f, const struct p2pfs_record *r,
    const struct p2pfs_hash *entries)
{
    struct store_result out;

    assert_int_equal(store_begin(f->s), P2PFS_OK);
    if (store_put_version(f->s, r, (const uint8_t *)entries, STORE_CATCHUP,
            &out)
        != P2PFS_OK) {
        fail_msg("%s", store_detail(f->s));
    }
    assert_int_equal(store_commit(f->s), P2PFS_OK);
    return out;
}

static void
test_with_every_file(void **state)
{
    static const uint32_t sizes[] = {1, 2, 128, 129};
    struct store_result res;
    struct p2pfs_record r;
    struct fixture f;
    struct set set;
    uint32_t i;
    size_t k;

    (void)state;
    for (k = 0; k < 4; k++) {
        fixture_init(&f, 0);
        set_init(&set, &f, sizes[k], 0);
        r = version_of(&set);
        for (i = 0; i + 1 < set.n; i++) {
            put_plain(&f, "s", set.n, i, 0, STORE_CATCHUP);
        }
        res = put_version(&f, &r, set.entries);
        assert_int_equal(res.err, P2PFS_FILE_NOT_FOUND);
        assert_int_equal(res.received, set.n - 1);
        assert_false(res.created);
        put_rooted(&f, "s", &set, set.n - 1, STORE_CATCHUP);
        res = put_version(&f, &r, set.entries);
        assert_int_equal(res.err, P2PFS_OK);
        assert_int_equal(res.received, set.n);
        check_set(&f, "s", &set, 1);
        res = put_version(&f, &r, set.entries);
        assert_int_equal(res.err, P2PFS_OK);
        assert_false(res.created);
        assert_int_equal(ask(&f, "SELECT count(*) FROM log WHERE kind = 3"), 1);
        set_fini(&set);
        fixture_fini(&f);
    }
}

/* Files that are here as candidates beside others: the version picks them. */
static void
test_out_of_candidates(void **state)
{
    struct p2pfs_record r[2];
    struct set set[2];
    struct fixture f;
    uint32_t i, v;

    (void)state;
    fixture_init(&f, 0);
    for (v = 0; v < 2; v++) {
        set_init(&set[v], &f, 200, v);
        r[v] = version_of(&set[v]);
    }
    for (i = 0; i < 199; i++) {
        put_plain(&f, "s", 200, i, i % 2, STORE_GOSSIP);
        put_plain(&f, "s", 200, i, 1 - i % 2, STORE_GOSSIP);
    }
    for (v = 0; v < 2; v++) {
        put_rooted(&f, "s", &set[v], 199, STORE_GOSSIP);
        assert_int_equal(put_version(&f, &r[v], set[v].entries).err, P2PFS_OK);
    }
    check_set(&f, "s", &set[0], 0);
    check_set(&f, "s", &set[1], 0);
    set_fini(&set[0]);
    set_fini(&set[1]);
    fixture_fini(&f);
}

static void
test_what_is_refused(void **state)
{
    struct p2pfs_record r, bad;
    struct p2pfs_hash first;
    struct fixture f;
    struct set set;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 5, 0);
    r = version_of(&set);
    for (i = 0; i < 4; i++) {
        put_plain(&f, "s", 5, i, 0, STORE_GOSSIP);
    }
    first = set.entries[0]; /* another list than the root's */
    set.entries[0].b[0] ^= 1;
    assert_int_equal(put_version(&f, &r, set.entries).err, P2PFS_NOT_IN_ROOT);
    set.entries[0] = set.entries[1];
    set.entries[1] = first;
    assert_int_equal(put_version(&f, &r, set.entries).err, P2PFS_NOT_IN_ROOT);
    set.entries[1] = set.entries[0];
    set.entries[0] = first;
    bad = r;
    bad.root.b[31] ^= 1;
    assert_int_equal(put_version(&f, &bad, set.entries).err, P2PFS_NOT_IN_ROOT);
    bad = r;
    bad.n = 0;
    assert_int_equal(put_version(&f, &bad, set.entries).err,
        P2PFS_BAD_SET_COUNT);
    bad.n = 1000001; /* the fixture's limit is a million */
    assert_int_equal(put_version(&f, &bad, set.entries).err,
        P2PFS_BAD_SET_COUNT);
    bad = r;
    bad.id[0] = '/';
    assert_int_equal(put_version(&f, &bad, set.entries).err, P2PFS_BAD_SET_ID);
    assert_int_equal(ask(&f, "SELECT count(*) FROM version"), 1);
    assert_int_equal(ask(&f, "SELECT count(*) FROM log WHERE kind = 3"), 0);
    set_fini(&set);
    fixture_fini(&f);
}

/* Nothing of an unknown set is stored for a list alone. */
static void
test_of_an_unknown_set(void **state)
{
    struct store_result res;
    struct p2pfs_record r;
    struct fixture f;
    struct set set;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 3, 0);
    r = version_of(&set);
    res = put_version(&f, &r, set.entries);
    assert_int_equal(res.err, P2PFS_FILE_NOT_FOUND);
    assert_int_equal(res.received, 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM label"), 0);
    set_fini(&set);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_every_file),
        cmocka_unit_test(test_out_of_candidates),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_of_an_unknown_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
