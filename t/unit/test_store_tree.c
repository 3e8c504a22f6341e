/*
 * Guards the tiles of a version while it grows: leaf by leaf in any order, with
 * holes, on every right edge, and written anew when a smaller entry takes the
 * place of another.
 */

#include "gossipd/store_impl.h"
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

/* A version's row to hang tiles on, in a transaction. */
static void
begin_version(struct fixture *f, const struct set *set, struct p2pfs_version *v)
{
    struct store_place p = {.id = "tree", .id_len = 4, .n = set->n};

    assert_int_equal(store_begin(f->s), P2PFS_OK);
    assert_int_equal(store_make_group(f->s, &p), P2PFS_OK);
    assert_int_equal(store_make_version(f->s, p.gk, set->n, &set->root, v),
        P2PFS_OK);
}

static void
tile_of(struct fixture *f, const struct p2pfs_version *v, uint32_t block,
    uint8_t out[P2PFS_TILE_BYTES_MAX])
{
    const uint8_t *bytes;
    size_t len = 0;

    assert_true(P2PFS_SQL_STEP(&f->s->q, Q_TILE_GET,
                    p2pfs_schema_tile_key(v->vk, 0, block))
        > 0);
    bytes = p2pfs_sql_bytes(&f->s->q, Q_TILE_GET, 0, &len);
    assert_int_equal(len, p2pfs_tile_bytes(p2pfs_tile_width(v->n, 0, block)));
    memcpy(out, bytes, len);
    p2pfs_sql_reset(&f->s->q, Q_TILE_GET);
}

/* Leaves in any order, each with its proof, end in the tile that all entries
 * together give: on every right edge. */
static void
test_leaf_by_leaf(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 7, 100, 127, 128, 129, 130, 255};
    uint8_t grown[P2PFS_TILE_BYTES_MAX], whole[P2PFS_TILE_BYTES_MAX];
    struct p2pfs_proof proof;
    struct p2pfs_version v;
    struct p2pfs_hash root;
    uint32_t order[256], i, block, left;
    unsigned seed = new_seed();
    struct fixture f;
    struct set set;
    size_t k;

    (void)state;
    fixture_init(&f, 0);
    for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        set_init(&set, &f, sizes[k], 0);
        begin_version(&f, &set, &v);
        shuffle(order, set.n, &seed);
        for (block = 0; block < p2pfs_tile_count(set.n, 0); block++) {
            left = p2pfs_tile_width(set.n, 0, block);
            for (i = 0; i < set.n; i++) {
                if (order[i] / P2PFS_TILE_WIDTH != block) {
                    continue;
                }
                assert_int_equal(p2pfs_tree_proof(set.tree, order[i], &proof),
                    P2PFS_OK);
                assert_int_equal(store_tree_leaf(f.s, &v, order[i],
                                     &set.entries[order[i]], &proof,
                                     --left == 0),
                    P2PFS_OK);
            }
            tile_of(&f, &v, block, grown);
            assert_int_equal(store_tile_leaves(f.s, &v, block,
                                 set.entries + block * P2PFS_TILE_WIDTH),
                P2PFS_OK);
            tile_of(&f, &v, block, whole);
            assert_memory_equal(grown, whole,
                p2pfs_tile_bytes(p2pfs_tile_width(set.n, 0, block)));
        }
        assert_int_equal(store_tree_finish(f.s, &v, &root), P2PFS_OK);
        assert_memory_equal(&root, &set.root, sizeof(root));
        store_rollback(f.s);
        set_fini(&set);
    }
    fixture_fini(&f);
}

/* While leaves are missing their places are zero, and what one proof proved of
 * its neighbours stands. */
static void
test_holes(void **state)
{
    static const struct p2pfs_hash zero;
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    struct p2pfs_proof proof;
    struct p2pfs_version v;
    struct p2pfs_hash leaf;
    struct fixture f;
    struct set set;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 128, 0);
    begin_version(&f, &set, &v);
    assert_int_equal(p2pfs_tree_proof(set.tree, 6, &proof), P2PFS_OK);
    assert_int_equal(store_tree_leaf(f.s, &v, 6, &set.entries[6], &proof, 0),
        P2PFS_OK);
    tile_of(&f, &v, 0, tile);
    p2pfs_hash_leaf(f.h, &set.entries[6], &leaf);
    assert_memory_equal(tile + 6 * 32, &leaf, 32);
    p2pfs_hash_leaf(f.h, &set.entries[7], &leaf); /* its sibling */
    assert_memory_equal(tile + 7 * 32, &leaf, 32);
    assert_memory_equal(tile + 5 * 32, &zero, 32);
    assert_memory_equal(tile + p2pfs_tile_offset(128, 1, 2), &proof.hash[1],
        32);
    store_rollback(f.s);
    set_fini(&set);
    fixture_fini(&f);
}

/* The last file of a block whose others are not what the proofs said, and tiles
 * that are not there: said, never made up. */
static void
test_what_does_not_fit(void **state)
{
    struct p2pfs_proof proof;
    struct p2pfs_version v;
    struct p2pfs_hash root;
    struct fixture f;
    struct set set;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 4, 0);
    begin_version(&f, &set, &v);
    assert_int_equal(p2pfs_tree_proof(set.tree, 3, &proof), P2PFS_OK);
    assert_int_equal(store_tree_leaf(f.s, &v, 3, &set.entries[3], &proof, 1),
        P2PFS_INTERNAL);
    assert_non_null(strstr(store_detail(f.s), "it is not the root's"));
    assert_int_equal(store_tree_finish(f.s, &v, &root), P2PFS_STORE_ERROR);
    assert_non_null(strstr(store_detail(f.s), "a file is missing"));
    store_rollback(f.s);
    set_fini(&set);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidate_changes_tile),
        cmocka_unit_test(test_leaf_by_leaf),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
