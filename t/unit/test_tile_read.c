/*
 * Guards proofs out of the tiles in a database: the right tile for each level,
 * the proof of the whole tree, and a tile that is missing or of a wrong length
 * is damage, never a proof.
 */

#include <sqlite3.h>

#include "core/schema.h"
#include "core/tile.h"
#include "core/tile_read.h"
#include "t/unit/testing.h"

#define VK 7

enum { GET, PUT, DROP, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    "SELECT h FROM tile WHERE tk = ?1",
    "INSERT OR REPLACE INTO tile(tk, h) VALUES (?1, ?2)",
    "DELETE FROM tile WHERE tk = ?1",
};

struct base {
    sqlite3 *db;
    struct p2pfs_sql q;
    struct p2pfs_hasher *h;
    struct p2pfs_hash *entries;
    struct p2pfs_tree *tree;
    uint64_t n;
};

static void
write_tile(struct base *b, unsigned level, uint64_t t, const void *tile,
    size_t len)
{
    p2pfs_sql_blob(&b->q, PUT, 2, tile, len);
    assert_int_equal(P2PFS_SQL_RUN(&b->q, PUT,
                         p2pfs_schema_tile_key(VK, level, t)),
        P2PFS_OK);
}

/* All tiles of a tree of n known entries. */
static void
base_init(struct base *b, uint64_t n)
{
    struct p2pfs_hash *nodes;
    uint8_t tile[P2PFS_TILE_BYTES_MAX];
    unsigned level, width;
    uint64_t t, i;

    memset(b, 0, sizeof(*b));
    b->n = n;
    b->h = hasher_new();
    b->entries = entries_new(b->h, n);
    assert_int_equal(p2pfs_tree_new(&b->tree, b->h, b->entries, n), P2PFS_OK);
    assert_int_equal(sqlite3_open(":memory:", &b->db), SQLITE_OK);
    assert_int_equal(p2pfs_sql_exec(b->db,
                         "CREATE TABLE tile(tk INTEGER PRIMARY KEY, h BLOB)"),
        P2PFS_OK);
    assert_int_equal(p2pfs_sql_init(&b->q, b->db, texts, STATEMENTS), P2PFS_OK);
    nodes = entries_new(b->h, n);
    for (i = 0; i < n; i++) {
        p2pfs_hash_leaf(b->h, &b->entries[i], &nodes[i]);
    }
    for (level = 0; level < p2pfs_tile_levels(n); level++) {
        for (t = 0; t < p2pfs_tile_count(n, level); t++) {
            width = p2pfs_tile_width(n, level, t);
            memcpy(tile, nodes + t * P2PFS_TILE_WIDTH, width * sizeof(*nodes));
            p2pfs_tile_fill(b->h, tile, width);
            write_tile(b, level, t, tile, p2pfs_tile_bytes(width));
            p2pfs_tile_top(b->h, tile, width, &nodes[t]);
        }
    }
    free(nodes);
}

static void
base_fini(struct base *b)
{
    p2pfs_sql_fini(&b->q);
    assert_int_equal(sqlite3_close(b->db), SQLITE_OK);
    p2pfs_tree_free(b->tree);
    p2pfs_hasher_free(b->h);
    free(b->entries);
}

static enum p2pfs_err
read_one(struct base *b, uint32_t index, struct p2pfs_hash *leaf,
    struct p2pfs_proof *proof)
{
    return p2pfs_tile_read_proof(&b->q, GET, VK, b->n, index, leaf, proof);
}

static void
check_all(struct base *b, uint64_t step)
{
    struct p2pfs_proof proof, right;
    struct p2pfs_hash leaf, expected;
    uint64_t i;

    for (i = 0; i < b->n; i += step) {
        assert_int_equal(read_one(b, (uint32_t)i, &leaf, &proof), P2PFS_OK);
        p2pfs_hash_leaf(b->h, &b->entries[i], &expected);
        assert_hash_equal(&leaf, &expected);
        assert_int_equal(p2pfs_tree_proof(b->tree, i, &right), P2PFS_OK);
        assert_int_equal(proof.len, right.len);
        assert_memory_equal(proof.hash, right.hash,
            proof.len * sizeof(*proof.hash));
    }
}

static void
test_every_shape(void **state)
{
    static const uint64_t sizes[] = {1, 2, 3, 127, 128, 129, 255, 257, 1000,
        16384, 16385, 16513};
    struct base b;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(sizes); i++) {
        base_init(&b, sizes[i]);
        check_all(&b, sizes[i] > 1000 ? 97 : 1);
        base_fini(&b);
    }
}

/* The last leaf of the largest tree there may be stands where it should. */
static void
test_spots(void **state)
{
    struct p2pfs_tile_spot s;

    (void)state;
    s = p2pfs_tile_spot(VK, 1, 0, 0);
    assert_int_equal(s.width, 1);
    assert_int_equal(s.i, 0);
    assert_true(s.len == p2pfs_tile_bytes(1));
    s = p2pfs_tile_spot(VK, 16513, 1, 16512);
    assert_true(s.tk == p2pfs_schema_tile_key(VK, 1, 1));
    assert_int_equal(s.width, 2);
    assert_int_equal(s.i, 1);
    s = p2pfs_tile_spot(VK, UINT64_C(1) << 32, 4, UINT32_MAX);
    assert_true(s.tk == p2pfs_schema_tile_key(VK, 4, 0));
    assert_int_equal(s.width, 16);
    assert_int_equal(s.i, 15);
}

static void
test_damage(void **state)
{
    uint8_t tile[P2PFS_TILE_BYTES_MAX + 1] = {0};
    size_t len = p2pfs_tile_bytes(128);
    struct p2pfs_proof proof;
    struct p2pfs_hash leaf;
    struct base b;

    (void)state;
    base_init(&b, 300);
    write_tile(&b, 0, 1, tile, len - 1);
    assert_int_equal(read_one(&b, 128, &leaf, &proof), P2PFS_FILE_DAMAGED);
    write_tile(&b, 0, 1, tile, len + 1);
    assert_int_equal(read_one(&b, 255, &leaf, &proof), P2PFS_FILE_DAMAGED);
    write_tile(&b, 0, 1, tile, 0);
    assert_int_equal(read_one(&b, 200, &leaf, &proof), P2PFS_FILE_DAMAGED);
    assert_int_equal(read_one(&b, 127, &leaf, &proof), P2PFS_OK);
    assert_int_equal(read_one(&b, 256, &leaf, &proof), P2PFS_OK);

    assert_int_equal(P2PFS_SQL_RUN(&b.q, DROP, p2pfs_schema_tile_key(VK, 1, 0)),
        P2PFS_OK);
    assert_int_equal(read_one(&b, 0, &leaf, &proof), P2PFS_FILE_DAMAGED);
    base_fini(&b);
}

/* More siblings than any proof has: the proof is not written past its end. */
static void
test_a_proof_that_is_full(void **state)
{
    uint8_t tile[P2PFS_TILE_BYTES_MAX] = {0};
    struct p2pfs_tile_spot s = p2pfs_tile_spot(VK, 128, 0, 5);
    struct p2pfs_proof proof = {.len = P2PFS_PROOF_MAX - 6};

    (void)state;
    assert_int_equal(p2pfs_tile_append(tile, &s, &proof), P2PFS_FILE_DAMAGED);
    assert_int_equal(proof.len, P2PFS_PROOF_MAX - 6);
    proof.len--;
    assert_int_equal(p2pfs_tile_append(tile, &s, &proof), P2PFS_OK);
    assert_int_equal(proof.len, P2PFS_PROOF_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shape),
        cmocka_unit_test(test_spots),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_a_proof_that_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
