/*
 * Guards which files a version has: bits for content rows, picks for others, at
 * the ends of blocks and for complete versions, which have no bits any more.
 */

#include "gossipd/store_impl.h"
#include "t/unit/store_fixture.h"

static void
test_bits(void **state)
{
    struct store_block b = {.stored = 0};

    (void)state;
    assert_int_equal(store_block_count(&b), 0);
    assert_false(store_block_full(&b, 1));
    b.mask[0] = 0x01;
    b.mask[15] = 0x80;
    assert_int_equal(store_block_count(&b), 2);
    assert_true(store_bit(b.mask, 0));
    assert_true(store_bit(b.mask, 127));
    assert_true(store_bit(b.mask, 128)); /* of the next block: its place */
    assert_false(store_bit(b.mask, 1));
    memset(b.mask, 0xff, sizeof(b.mask));
    assert_true(store_block_full(&b, P2PFS_TILE_WIDTH));
}

/* The group and the draft of set "s" with n files. */
static void
find_draft(struct fixture *f, uint32_t n, struct p2pfs_version *v)
{
    struct store_place p = {.id = "s", .id_len = 1, .n = n};

    assert_int_equal(store_find_group(f->s, &p), P2PFS_OK);
    assert_true(p.gk != 0);
    assert_int_equal(store_find_version(f->s, &p, NULL, v), P2PFS_OK);
    assert_true(v->vk != 0);
}

static void
test_both_ends_of_a_block(void **state)
{
    static const uint32_t here[] = {0, 127, 128, 299};
    struct p2pfs_version v;
    struct store_block b;
    struct fixture f;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    for (i = 0; i < 4; i++) {
        put_plain(&f, "s", 300, here[i], 0, STORE_LOCAL);
    }
    find_draft(&f, 300, &v);
    assert_int_equal(store_block_read(f.s, v.vk, 0, &b), P2PFS_OK);
    assert_true(b.stored);
    assert_int_equal(store_block_count(&b), 2);
    assert_true(store_bit(b.bits, 0) && store_bit(b.bits, 127));
    assert_int_equal(store_block_read(f.s, v.vk, 1, &b), P2PFS_OK);
    assert_int_equal(store_block_count(&b), 1);
    assert_int_equal(store_block_read(f.s, v.vk, 2, &b), P2PFS_OK);
    assert_true(store_bit(b.bits, 299));
    assert_int_equal(store_block_read(f.s, v.vk, 3, &b), P2PFS_OK);
    assert_false(b.stored); /* there is no such block */
    assert_int_equal(store_block_count(&b), 0);
    fixture_fini(&f);
}

/* A second file at a place is a pick; the place counts once. */
static void
test_two_files_at_a_place(void **state)
{
    struct p2pfs_hash e[2], entry;
    struct bytes bytes[2] = {file_bytes(5, 0), file_bytes(5, 1)};
    struct p2pfs_version v;
    struct store_block b;
    struct fixture f;
    int64_t ak;
    int has;

    (void)state;
    fixture_init(&f, 0);
    e[0] = entry_of(&f, &bytes[0]);
    e[1] = entry_of(&f, &bytes[1]);
    put_plain(&f, "s", 9, 5, 0, STORE_LOCAL);
    put_plain(&f, "s", 9, 5, 1, STORE_GOSSIP);
    find_draft(&f, 9, &v);
    assert_int_equal(v.received, 1);
    assert_int_equal(store_block_read(f.s, v.vk, 0, &b), P2PFS_OK);
    assert_int_equal(store_block_count(&b), 1);
    assert_true(store_bit(b.bits, 5));

    ak = ask(&f, "SELECT ak FROM alt");
    assert_true(ak > 0);
    assert_int_equal(store_has(f.s, &v, 5, 0, &has), P2PFS_OK);
    assert_true(has);
    assert_int_equal(store_has(f.s, &v, 5, ak, &has), P2PFS_OK);
    assert_true(has);
    assert_int_equal(store_has(f.s, &v, 6, ak, &has), P2PFS_OK);
    assert_false(has);
    assert_int_equal(store_has(f.s, &v, 5, ak + 1, &has), P2PFS_OK);
    assert_false(has);
    assert_int_equal(store_has(f.s, &v, 5, -1, &has), P2PFS_OK);
    assert_false(has);

    assert_int_equal(store_entry_at(f.s, &v, 5, &entry, &ak), P2PFS_OK);
    has = p2pfs_hash_cmp(&e[0], &e[1]) < 0;
    assert_memory_equal(&entry, &e[has ? 0 : 1], sizeof(entry));
    assert_true(has ? ak == 0 : ak > 0);
    assert_int_equal(store_entry_at(f.s, &v, 6, &entry, &ak), P2PFS_OK);
    assert_int_equal(ak, -1);
    fixture_fini(&f);
}

/* A complete version has every place; only picks say where it is another. */
static void
test_of_a_complete_version(void **state)
{
    struct store_place p = {.id = "s", .id_len = 1, .n = 3};
    struct p2pfs_hash entry;
    struct p2pfs_version v;
    struct fixture f;
    struct set set;
    int64_t ak;
    uint32_t i;
    int has;

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 3, 1, 1, STORE_LOCAL); /* another one was first */
    set_init(&set, &f, 3, 0);
    for (i = 0; i < 3; i++) {
        put_rooted(&f, "s", &set, i, STORE_GOSSIP);
    }
    assert_int_equal(store_find_group(f.s, &p), P2PFS_OK);
    assert_int_equal(store_find_version(f.s, &p, &set.root, &v), P2PFS_OK);
    assert_true(v.complete);
    for (i = 0; i < 3; i++) {
        assert_int_equal(store_entry_at(f.s, &v, i, &entry, &ak), P2PFS_OK);
        assert_memory_equal(&entry, &set.entries[i], sizeof(entry));
        assert_true(i == 1 ? ak > 0 : ak == 0);
        assert_int_equal(store_has(f.s, &v, i, 0, &has), P2PFS_OK);
        assert_int_equal(has, i != 1);
    }
    set_fini(&set);
    fixture_fini(&f);
}

/* Bits of a wrong length are the database's fault, not an empty block. */
static void
test_damaged_bits(void **state)
{
    struct p2pfs_version v;
    struct store_block b;
    struct fixture f;
    sqlite3 *db;

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 9, 5, 0, STORE_LOCAL);
    find_draft(&f, 9, &v);
    assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                         "PRAGMA ignore_check_constraints = ON;"
                         "UPDATE part SET bits = x'00'",
                         NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(store_block_read(f.s, v.vk, 0, &b), P2PFS_STORE_ERROR);
    assert_non_null(strstr(store_detail(f.s), "read a part"));
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_both_ends_of_a_block),
        cmocka_unit_test(test_two_files_at_a_place),
        cmocka_unit_test(test_of_a_complete_version),
        cmocka_unit_test(test_damaged_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
