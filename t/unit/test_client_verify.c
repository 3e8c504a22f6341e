/*
 * Guards the verifier that the library offers: every file of a set passes with
 * its own proof, and nothing else does.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/p2pfs.h"
#include "core/hash.h"
#include "core/merkle.h"

#define N_MAX 20

static enum p2pfs_outcome
verify(const struct p2pfs_hash *root, uint64_t n, uint64_t index,
    const char *text, const struct p2pfs_proof *p)
{
    return p2pfs_verify(root->b, n, index, text, strlen(text), p->hash[0].b,
        p->len);
}

/* One file of a set: what must pass, and what must not. */
static void
check_file(struct p2pfs_tree *t, const struct p2pfs_hash *root, uint64_t n,
    uint64_t i, const char *text)
{
    struct p2pfs_hash other = *root;
    struct p2pfs_proof p;
    uint64_t k;
    unsigned j;

    assert_int_equal(p2pfs_tree_proof(t, i, &p), P2PFS_OK);
    assert_int_equal(verify(root, n, i, text, &p), P2PFS_OUTCOME_OK);
    assert_int_equal(verify(root, n, i, "no", &p), P2PFS_OUTCOME_NOT_VERIFIED);
    for (k = 0; k <= n; k++) {
        if (k != i) {
            assert_int_equal(verify(root, n, k, text, &p),
                P2PFS_OUTCOME_NOT_VERIFIED);
        }
    }
    other.b[31] ^= 1;
    assert_int_equal(verify(&other, n, i, text, &p),
        P2PFS_OUTCOME_NOT_VERIFIED);
    for (j = 0; j < p.len; j++) {
        p.hash[j].b[j] ^= 0x80;
        assert_int_equal(verify(root, n, i, text, &p),
            P2PFS_OUTCOME_NOT_VERIFIED);
        p.hash[j].b[j] ^= 0x80;
    }
    p.len++;
    assert_int_equal(verify(root, n, i, text, &p), P2PFS_OUTCOME_NOT_VERIFIED);
}

static void
test_every_small_set(void **state)
{
    struct p2pfs_hash entry[N_MAX];
    struct p2pfs_hasher *h = NULL;
    char text[N_MAX][8];
    uint64_t n, i;

    (void)state;
    assert_int_equal(p2pfs_hasher_new(&h), P2PFS_OK);
    for (i = 0; i < N_MAX; i++) {
        (void)snprintf(text[i], sizeof(text[i]), "f%llu",
            (unsigned long long)i);
        p2pfs_hash_data(h, text[i], strlen(text[i]), &entry[i]);
    }
    for (n = 1; n <= N_MAX; n++) {
        struct p2pfs_tree *t = NULL;
        struct p2pfs_hash root;

        assert_int_equal(p2pfs_tree_new(&t, h, entry, n), P2PFS_OK);
        p2pfs_tree_root(t, &root);
        for (i = 0; i < n; i++) {
            check_file(t, &root, n, i, text[i]);
        }
        p2pfs_tree_free(t);
    }
    p2pfs_hasher_free(h);
}

/* SHA-256(00 || SHA-256("")), from sha256sum and a shell. */
static void
test_known_root(void **state)
{
    static const uint8_t root[] = {
        0x4e,
        0x59,
        0xbf,
        0x27,
        0x37,
        0x2b,
        0x13,
        0x04,
        0xbc,
        0x0b,
        0x13,
        0x7d,
        0x1b,
        0xe9,
        0xd5,
        0x66,
        0xad,
        0x58,
        0xb1,
        0x54,
        0xb6,
        0xa6,
        0xb5,
        0x77,
        0x8a,
        0xf7,
        0xf4,
        0x14,
        0xb1,
        0xd4,
        0xb8,
        0x4c,
    };

    (void)state;
    assert_int_equal(p2pfs_verify(root, 1, 0, NULL, 0, NULL, 0),
        P2PFS_OUTCOME_OK);
    assert_int_equal(p2pfs_verify(root, 1, 0, "", 1, NULL, 0),
        P2PFS_OUTCOME_NOT_VERIFIED);
}

static void
test_impossible_arguments(void **state)
{
    static const uint8_t zero[64 * 32];

    (void)state;
    assert_int_equal(p2pfs_verify(zero, 0, 0, "", 0, NULL, 0),
        P2PFS_OUTCOME_NOT_VERIFIED);
    assert_int_equal(p2pfs_verify(zero, 1, 1, "", 0, NULL, 0),
        P2PFS_OUTCOME_NOT_VERIFIED);
    assert_int_equal(p2pfs_verify(zero, UINT64_MAX, UINT64_MAX - 1, "", 0, zero,
                         64),
        P2PFS_OUTCOME_NOT_VERIFIED);
    assert_int_equal(p2pfs_verify(zero, UINT64_MAX, 0, "", 0, zero, SIZE_MAX),
        P2PFS_OUTCOME_NOT_VERIFIED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_small_set),
        cmocka_unit_test(test_known_root),
        cmocka_unit_test(test_impossible_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
