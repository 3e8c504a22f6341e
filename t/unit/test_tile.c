/*
 * Guards fat tiles: the path copied out of them must be the proof that the
 * whole tree gives, for every leaf, on full tiles and on every right edge.
 */

#include "t/unit/testing.h"

#include "core/tile.h"

/* All tiles of a tree, level by level, each with room for a full one. */
struct forest {
    uint64_t n;
    unsigned levels;
    uint8_t *level[P2PFS_TILE_LEVELS_MAX];
    struct p2pfs_hash root;
};

static uint8_t *
tile_at(const struct forest *f, unsigned level, uint64_t t)
{
    return f->level[level] + t * P2PFS_TILE_BYTES_MAX;
}

static void
forest_fini(struct forest *f)
{
    unsigned l;

    for (l = 0; l < f->levels; l++) {
        free(f->level[l]);
    }
}

/* As the store does it: tops of one level are the leaves of the next. */
static void
forest_init(struct forest *f, struct p2pfs_hasher *h,
    const struct p2pfs_hash *entries, uint64_t n)
{
    struct p2pfs_hash top;
    uint64_t i, t;
    unsigned l;

    f->n = n;
    f->levels = p2pfs_tile_levels(n);

    for (l = 0; l < f->levels; l++) {
        f->level[l] =
            calloc((size_t)p2pfs_tile_count(n, l), P2PFS_TILE_BYTES_MAX);
        assert_non_null(f->level[l]);
    }

    for (i = 0; i < n; i++) {
        p2pfs_hash_leaf(h, &entries[i],
            (struct p2pfs_hash *)tile_at(f, 0, i / P2PFS_TILE_WIDTH)
                + i % P2PFS_TILE_WIDTH);
    }

    for (l = 0; l < f->levels; l++) {
        for (t = 0; t < p2pfs_tile_count(n, l); t++) {
            unsigned width = p2pfs_tile_width(n, l, t);

            p2pfs_tile_fill(h, tile_at(f, l, t), width);
            p2pfs_tile_top(h, tile_at(f, l, t), width, &top);

            if (l + 1 < f->levels) {
                memcpy(tile_at(f, l + 1, t / P2PFS_TILE_WIDTH)
                        + t % P2PFS_TILE_WIDTH * P2PFS_HASH_BYTES,
                    &top, sizeof(top));
            }
        }
    }

    f->root = top;
}

static void
path_of(const struct forest *f, uint64_t index, struct p2pfs_proof *proof)
{
    unsigned l;

    proof->len = 0;

    for (l = 0; l < f->levels; l++) {
        uint64_t t = index / P2PFS_TILE_WIDTH;

        proof->len +=
            p2pfs_tile_path(tile_at(f, l, t), p2pfs_tile_width(f->n, l, t),
                (unsigned)(index % P2PFS_TILE_WIDTH), proof->hash + proof->len);
        index = t;
    }
}

/* Every step'th leaf and the last one. */
static void
check_tree(struct p2pfs_hasher *h, const struct p2pfs_hash *entries, uint64_t n,
    uint64_t step)
{
    struct p2pfs_tree *tree;
    struct p2pfs_proof want, got;
    struct p2pfs_hash root;
    struct forest f;
    uint64_t i;

    forest_init(&f, h, entries, n);
    assert_int_equal(p2pfs_tree_new(&tree, h, entries, n), P2PFS_OK);
    p2pfs_tree_root(tree, &root);
    assert_hash_equal(&f.root, &root);

    for (i = 0;; i = i + step < n ? i + step : n - 1) {
        assert_int_equal(p2pfs_tree_proof(tree, i, &want), P2PFS_OK);
        path_of(&f, i, &got);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.hash, want.hash, 32 * want.len);

        if (i == n - 1) {
            break;
        }
    }

    p2pfs_tree_free(tree);
    forest_fini(&f);
}

static void
paths_are_the_proofs_of_small_trees(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_hash *entries = entries_new(h, 400);
    uint64_t n;

    (void)state;

    for (n = 1; n <= 400; n++) {
        check_tree(h, entries, n, 1);
    }

    free(entries);
    p2pfs_hasher_free(h);
}

static void
paths_are_the_proofs_around_a_full_second_level(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_hash *entries = entries_new(h, 16385);
    uint64_t n;

    (void)state;

    for (n = 16383; n <= 16385; n++) {
        check_tree(h, entries, n, 1);
    }

    free(entries);
    p2pfs_hasher_free(h);
}

static void
paths_are_the_proofs_with_four_levels(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    uint64_t n = 2097153; /* 2^21 + 1 */
    struct p2pfs_hash *entries = entries_new(h, n);

    (void)state;

    assert_int_equal(p2pfs_tile_levels(n), 4);
    check_tree(h, entries, n, 4099);

    free(entries);
    p2pfs_hasher_free(h);
}

static void
geometry(void **state)
{
    static const struct {
        uint64_t n;
        unsigned levels;
    } row[] = {{1, 1}, {2, 1}, {127, 1}, {128, 1}, {129, 2}, {16383, 2},
        {16384, 2}, {16385, 3}, {2097152, 3}, {2097153, 4}, {268435456, 4},
        {268435457, 5}, {P2PFS_SET_COUNT_MAX, 5}};
    uint64_t nodes, t;
    unsigned i, l;

    (void)state;

    for (i = 0; i < COUNT(row); i++) {
        assert_int_equal(p2pfs_tile_levels(row[i].n), row[i].levels);

        nodes = row[i].n;
        for (l = 0; l < row[i].levels; l++) {
            t = (nodes + 127) / 128;
            assert_int_equal(p2pfs_tile_count(row[i].n, l), t);
            assert_int_equal(p2pfs_tile_width(row[i].n, l, 0),
                nodes < 128 ? nodes : 128);
            assert_int_equal(p2pfs_tile_width(row[i].n, l, t - 1),
                nodes - 128 * (t - 1));
            nodes = t;
        }
        assert_int_equal(nodes, 1);
    }
}

static void
layout_inside_a_tile(void **state)
{
    unsigned width, level, nodes;
    size_t at;

    (void)state;

    assert_int_equal(p2pfs_tile_bytes(128), P2PFS_TILE_BYTES_MAX);
    assert_int_equal(p2pfs_tile_bytes(1), 7 * 32);
    assert_int_equal(p2pfs_tile_offset(128, 1, 0), 128 * 32);
    assert_int_equal(p2pfs_tile_offset(128, 6, 1), 253 * 32);
    assert_int_equal(p2pfs_tile_offset(5, 2, 1), (5 + 3 + 1) * 32);

    for (width = 1; width <= 128; width++) {
        at = 0;
        nodes = width;
        for (level = 0; level < 7; level++) {
            assert_int_equal(p2pfs_tile_offset(width, level, 0), at);
            assert_int_equal(p2pfs_tile_offset(width, level, nodes - 1),
                at + (nodes - 1) * 32);
            at += nodes * 32;
            nodes = (nodes + 1) / 2;
        }
        assert_int_equal(p2pfs_tile_bytes(width), at);
    }
}

/* A writer stores exactly so many bytes: nothing may be written behind. */
static void
fill_stays_inside_the_tile(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    uint8_t tile[P2PFS_TILE_BYTES_MAX + 32];
    unsigned width;
    size_t i, len;

    (void)state;

    for (width = 1; width <= 128; width++) {
        len = p2pfs_tile_bytes(width);
        memset(tile, 0x5a, sizeof(tile));
        p2pfs_tile_fill(h, tile, width);
        for (i = len; i < sizeof(tile); i++) {
            assert_int_equal(tile[i], 0x5a);
        }
    }

    p2pfs_hasher_free(h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(geometry),
        cmocka_unit_test(layout_inside_a_tile),
        cmocka_unit_test(fill_stays_inside_the_tile),
        cmocka_unit_test(paths_are_the_proofs_of_small_trees),
        cmocka_unit_test(paths_are_the_proofs_around_a_full_second_level),
        cmocka_unit_test(paths_are_the_proofs_with_four_levels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
