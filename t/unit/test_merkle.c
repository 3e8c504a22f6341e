/*
 * Guards the tree: its shape against vectors of an independent implementation
 * and the well-known roots of Certificate Transparency, and the verifier
 * against everything that is nearly a proof.
 */

#include "t/unit/testing.h"

#include "core/merkle.h"
#include "t/unit/broken_digest.h"

static FILE *
vectors_open(void)
{
    FILE *f = fopen("t/vectors/merkle.txt", "r");

    if (f == NULL) {
        fail_msg("run it in the root of the repository");
    }

    return f;
}

static struct p2pfs_tree *
tree_of(struct p2pfs_hasher *h, uint64_t n)
{
    struct p2pfs_hash *entries = entries_new(h, n);
    struct p2pfs_tree *t;

    assert_int_equal(p2pfs_tree_new(&t, h, entries, n), P2PFS_OK);
    free(entries);

    return t;
}

static void
check_root(struct p2pfs_hasher *h, uint64_t n, const struct p2pfs_hash *want)
{
    struct p2pfs_tree *t = tree_of(h, n);
    struct p2pfs_fold fold;
    struct p2pfs_hash e, got;
    uint64_t i;

    p2pfs_tree_root(t, &got);
    assert_hash_equal(&got, want);
    p2pfs_tree_free(t);

    p2pfs_fold_init(&fold);
    for (i = 0; i < n; i++) {
        e = entry_of(h, i);
        assert_int_equal(p2pfs_fold_add(&fold, h, &e), P2PFS_OK);
    }
    assert_int_equal(p2pfs_fold_root(&fold, h, &got), P2PFS_OK);
    assert_hash_equal(&got, want);
}

static void
roots_are_those_of_the_vectors(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    FILE *f = vectors_open();
    char line[4096], hex[65];
    unsigned n, seen = 0;

    (void)state;

    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "root %u %64s", &n, hex) == 2) {
            struct p2pfs_hash want = hash_of_hex(hex);

            check_root(h, n, &want);
            seen++;
        }
    }

    assert_int_equal(seen, 50);
    fclose(f);
    p2pfs_hasher_free(h);
}

static void
check_proof(struct p2pfs_hasher *h, const struct p2pfs_tree *t, unsigned n,
    unsigned index, const char *text)
{
    struct p2pfs_proof want = {0}, got;
    struct p2pfs_hash e = entry_of(h, index), root;
    char hex[65];
    int used;

    while (sscanf(text, "%64s%n", hex, &used) == 1) {
        want.hash[want.len++] = hash_of_hex(hex);
        text += used;
    }

    assert_int_equal(p2pfs_proof_length(n, index), want.len);
    assert_int_equal(p2pfs_tree_proof(t, index, &got), P2PFS_OK);
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.hash, want.hash, 32 * want.len);

    p2pfs_tree_root(t, &root);
    assert_int_equal(p2pfs_proof_verify(h, &root, n, index, &e, &want),
        P2PFS_OK);
}

static void
proofs_are_those_of_the_vectors(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_tree *t = NULL;
    FILE *f = vectors_open();
    char line[4096];
    unsigned n, index, tree_n = 0, seen = 0;
    int used;

    (void)state;

    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "proof %u %u%n", &n, &index, &used) != 2) {
            continue;
        }
        if (n != tree_n) {
            p2pfs_tree_free(t);
            t = tree_of(h, n);
            tree_n = n;
        }
        check_proof(h, t, n, index, line + used);
        seen++;
    }

    assert_int_equal(seen, 318);
    p2pfs_tree_free(t);
    fclose(f);
    p2pfs_hasher_free(h);
}

/* By the definition, over data of any length. */
static struct p2pfs_hash
ct_root(struct p2pfs_hasher *h, const char *const *data, unsigned n)
{
    struct p2pfs_hash left, right;
    unsigned k = 1;

    if (n == 1) {
        p2pfs_hash_start(h);
        p2pfs_hash_update(h, "\0", 1);
        p2pfs_hash_update(h, data[0] + 1, (size_t)data[0][0]);
        p2pfs_hash_end(h, &left);
        return left;
    }

    while (2 * k < n) {
        k *= 2;
    }

    left = ct_root(h, data, k);
    right = ct_root(h, data + k, n - k);
    p2pfs_hash_node(h, &left, &right, &left);

    return left;
}

static void
nodes_hash_as_in_certificate_transparency(void **state)
{
    static const char *const data[] = {"\0", "\1\0", "\1\x10", "\2\x20\x21",
        "\2\x30\x31", "\4\x40\x41\x42\x43", "\10PQRSTUVW",
        "\20`abcdefghijklmno"};
    static const char *const roots[] = {
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_hash want, got;
    unsigned n;

    (void)state;

    for (n = 1; n <= COUNT(roots); n++) {
        want = hash_of_hex(roots[n - 1]);
        got = ct_root(h, data, n);
        assert_hash_equal(&got, &want);
    }

    p2pfs_hasher_free(h);
}

/*
 * The path from a leaf to the root as RFC 9162 section 2.1.3.1 defines it:
 * 'l' where the sibling is on the left, 'r' where on the right, bottom-up.
 */
static unsigned
shape(char *out, uint64_t n, uint64_t m)
{
    uint64_t k = 1;
    unsigned len;

    if (n == 1) {
        return 0;
    }

    while (2 * k < n) {
        k *= 2;
    }

    len = m < k ? shape(out, k, m) : shape(out, n - k, m - k);
    out[len] = m < k ? 'r' : 'l';

    return len + 1;
}

static int
same_shape(uint64_t n, uint64_t m, uint64_t other_n, uint64_t other_m)
{
    char a[64], b[64];
    unsigned len = shape(a, n, m);

    return shape(b, other_n, other_m) == len && memcmp(a, b, len) == 0;
}

/* A proof may verify only where the path through the tree is the same one. */
static void
another_n_or_index_is_refused(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_proof proof;
    struct p2pfs_hash root, e;
    uint64_t n, m, n2, m2;

    (void)state;

    for (n = 1; n <= 20; n++) {
        struct p2pfs_tree *t = tree_of(h, n);

        p2pfs_tree_root(t, &root);

        for (m = 0; m < n; m++) {
            e = entry_of(h, m);
            assert_int_equal(p2pfs_tree_proof(t, m, &proof), P2PFS_OK);

            for (n2 = 1; n2 <= 35; n2++) {
                for (m2 = 0; m2 < n2; m2++) {
                    assert_int_equal(p2pfs_proof_verify(h, &root, n2, m2, &e,
                                         &proof),
                        same_shape(n, m, n2, m2) ? P2PFS_OK
                                                 : P2PFS_NOT_IN_ROOT);
                }
            }
        }

        p2pfs_tree_free(t);
    }

    p2pfs_hasher_free(h);
}

/* What the header warns of: n comes from the verifier's own record. */
static void
a_proof_does_not_authenticate_n(void **state)
{
    assert_true(same_shape(7, 3, 5, 3));
    assert_true(same_shape(7, 0, 8, 0));
    assert_false(same_shape(7, 6, 8, 6));

    (void)state;
}

static void
every_flipped_bit_is_refused(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_tree *t = tree_of(h, 13);
    struct p2pfs_hash root, e = entry_of(h, 11);
    struct p2pfs_proof proof;
    unsigned bit;

    (void)state;

    p2pfs_tree_root(t, &root);
    assert_int_equal(p2pfs_tree_proof(t, 11, &proof), P2PFS_OK);
    assert_int_equal(proof.len, 4);

    for (bit = 0; bit < 4 * 256; bit++) {
        uint8_t *byte = &proof.hash[bit / 256].b[bit % 256 / 8];

        *byte ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(p2pfs_proof_verify(h, &root, 13, 11, &e, &proof),
            P2PFS_NOT_IN_ROOT);
        *byte ^= (uint8_t)(1 << bit % 8);
    }

    for (bit = 0; bit < 256; bit++) {
        e.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(p2pfs_proof_verify(h, &root, 13, 11, &e, &proof),
            P2PFS_NOT_IN_ROOT);
        e.b[bit / 8] ^= (uint8_t)(1 << bit % 8);

        root.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(p2pfs_proof_verify(h, &root, 13, 11, &e, &proof),
            P2PFS_NOT_IN_ROOT);
        root.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }

    assert_int_equal(p2pfs_proof_verify(h, &root, 13, 11, &e, &proof),
        P2PFS_OK);
    p2pfs_tree_free(t);
    p2pfs_hasher_free(h);
}

static void
every_other_length_is_refused(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_tree *t = tree_of(h, 13);
    struct p2pfs_hash root, e = entry_of(h, 12);
    struct p2pfs_proof proof;
    unsigned len;

    (void)state;

    memset(&proof, 0, sizeof(proof));
    p2pfs_tree_root(t, &root);
    assert_int_equal(p2pfs_tree_proof(t, 12, &proof), P2PFS_OK);
    assert_int_equal(proof.len, 2);

    /* above the room of a proof too: len may have come off a wire */
    for (len = 0; len <= P2PFS_PROOF_MAX + 2; len++) {
        proof.len = len;
        assert_int_equal(p2pfs_proof_verify(h, &root, 13, 12, &e, &proof),
            len == 2 ? P2PFS_OK : P2PFS_NOT_IN_ROOT);
    }

    p2pfs_tree_free(t);
    p2pfs_hasher_free(h);
}

static void
ranges(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_hash e = entry_of(h, 0), root;
    struct p2pfs_proof proof = {0};
    struct p2pfs_fold fold;
    struct p2pfs_tree *t;

    (void)state;

    p2pfs_hash_leaf(h, &e, &root);
    assert_int_equal(p2pfs_proof_verify(h, &root, 1, 0, &e, &proof), P2PFS_OK);
    assert_int_equal(p2pfs_proof_verify(h, &root, 0, 0, &e, &proof),
        P2PFS_BAD_SET_COUNT);
    assert_int_equal(p2pfs_proof_verify(h, &root, 4294967296u, 0, &e, &proof),
        P2PFS_BAD_SET_COUNT);
    assert_int_equal(p2pfs_proof_verify(h, &root, 1, 1, &e, &proof),
        P2PFS_INDEX_OUT_OF_RANGE);
    assert_int_equal(p2pfs_proof_verify(h, &root, 1, UINT64_MAX, &e, &proof),
        P2PFS_INDEX_OUT_OF_RANGE);

    assert_int_equal(p2pfs_tree_new(&t, h, &e, 0), P2PFS_BAD_SET_COUNT);
    assert_null(t);
    assert_int_equal(p2pfs_tree_new(&t, h, &e, 4294967296u),
        P2PFS_BAD_SET_COUNT);
    assert_null(t);
    p2pfs_tree_free(NULL);

    t = tree_of(h, 3);
    assert_int_equal(p2pfs_tree_proof(t, 3, &proof), P2PFS_INDEX_OUT_OF_RANGE);
    p2pfs_tree_free(t);

    p2pfs_fold_init(&fold);
    assert_int_equal(p2pfs_fold_root(&fold, h, &root), P2PFS_BAD_SET_COUNT);
    fold.n = P2PFS_SET_COUNT_MAX;
    assert_int_equal(p2pfs_fold_add(&fold, h, &e), P2PFS_BAD_SET_COUNT);

    p2pfs_hasher_free(h);
}

/* Trees far too large to build: siblings at random, the root by shape(). */
static void
proofs_in_huge_trees(void **state)
{
    static const uint64_t size[] = {P2PFS_SET_COUNT_MAX, 4294967294u,
        2147483649u, 2147483648u, 2147483647u, 3000000001u};
    struct p2pfs_hasher *h = hasher_new();
    uint64_t rng = rng_seed(), index;
    unsigned i, k, round;

    (void)state;

    assert_int_equal(p2pfs_proof_length(P2PFS_SET_COUNT_MAX, 0), 32);
    assert_int_equal(p2pfs_proof_length(P2PFS_SET_COUNT_MAX, 4294967294u), 31);
    assert_int_equal(p2pfs_proof_length(2147483649u, 2147483648u), 1);

    for (i = 0; i < COUNT(size); i++) {
        for (round = 0; round < 50; round++) {
            struct p2pfs_proof proof;
            struct p2pfs_hash e, root;
            char side[64];

            index = round == 0 ? 0
                : round == 1   ? size[i] - 1
                               : rng_below(&rng, size[i]);
            rng_fill(&rng, &e, sizeof(e));
            rng_fill(&rng, proof.hash, sizeof(proof.hash));
            proof.len = shape(side, size[i], index);

            p2pfs_hash_leaf(h, &e, &root);
            for (k = 0; k < proof.len; k++) {
                if (side[k] == 'l') {
                    p2pfs_hash_node(h, &proof.hash[k], &root, &root);
                } else {
                    p2pfs_hash_node(h, &root, &proof.hash[k], &root);
                }
            }

            assert_int_equal(p2pfs_proof_verify(h, &root, size[i], index, &e,
                                 &proof),
                P2PFS_OK);
        }
    }

    p2pfs_hasher_free(h);
}

static void
a_broken_hasher_proves_nothing(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_hash e = entry_of(h, 0), zero = {{0}};
    struct p2pfs_proof proof = {0};
    struct p2pfs_fold fold;
    struct p2pfs_tree *t;

    (void)state;

    digest_broken = 1;

    /* the outputs of a broken hasher are zero, and so is this root */
    assert_int_equal(p2pfs_proof_verify(h, &zero, 1, 0, &e, &proof),
        P2PFS_INTERNAL);
    assert_int_equal(p2pfs_tree_new(&t, h, &e, 1), P2PFS_INTERNAL);
    assert_null(t);

    p2pfs_fold_init(&fold);
    assert_int_equal(p2pfs_fold_add(&fold, h, &e), P2PFS_OK);
    assert_int_equal(p2pfs_fold_root(&fold, h, &zero), P2PFS_INTERNAL);

    digest_broken = 0;
    p2pfs_hasher_free(h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_the_vectors),
        cmocka_unit_test(proofs_are_those_of_the_vectors),
        cmocka_unit_test(nodes_hash_as_in_certificate_transparency),
        cmocka_unit_test(another_n_or_index_is_refused),
        cmocka_unit_test(a_proof_does_not_authenticate_n),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(ranges),
        cmocka_unit_test(proofs_in_huge_trees),
        cmocka_unit_test(a_broken_hasher_proves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
