/*
 * t/unit/testing.h: what most unit tests need: cmocka, a hasher, entries and
 * random numbers that can be repeated.
 */

#ifndef P2PFS_T_TESTING_H
#define P2PFS_T_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/hash.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Always the same unless P2PFS_TEST_SEED says otherwise. */
static inline uint64_t
rng_seed(void)
{
    const char *text = getenv("P2PFS_TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;

    printf("# P2PFS_TEST_SEED=%llu\n", (unsigned long long)seed);

    return seed;
}

/* splitmix64 */
static inline uint64_t
rng_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;

    return z ^ z >> 31;
}

/* 0 .. n - 1 */
static inline uint64_t
rng_below(uint64_t *state, uint64_t n)
{
    return rng_next(state) % n;
}

static inline void
rng_fill(uint64_t *state, void *out, size_t len)
{
    uint8_t *p = out;
    size_t i;

    for (i = 0; i < len; i++) {
        p[i] = (uint8_t)rng_next(state);
    }
}

static inline struct p2pfs_hasher *
hasher_new(void)
{
    struct p2pfs_hasher *h;

    assert_int_equal(p2pfs_hasher_new(&h), P2PFS_OK);

    return h;
}

static inline struct p2pfs_hash
hash_of_hex(const char *hex)
{
    struct p2pfs_hash out;

    assert_int_equal(p2pfs_hash_parse(&out, hex, strlen(hex)), P2PFS_OK);

    return out;
}

static inline void
assert_hash_equal(const struct p2pfs_hash *a, const struct p2pfs_hash *b)
{
    assert_memory_equal(a, b, sizeof(*a));
}

/* Entry i of t/vectors/merkle.txt. */
static inline struct p2pfs_hash
entry_of(struct p2pfs_hasher *h, uint64_t i)
{
    uint8_t be[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8),
        (uint8_t)i};
    struct p2pfs_hash out;

    p2pfs_hash_data(h, be, sizeof(be), &out);

    return out;
}

/* n of them; the caller frees. */
static inline struct p2pfs_hash *
entries_new(struct p2pfs_hasher *h, uint64_t n)
{
    struct p2pfs_hash *e = malloc((size_t)n * sizeof(*e));
    uint64_t i;

    assert_non_null(e);

    for (i = 0; i < n; i++) {
        e[i] = entry_of(h, i);
    }

    return e;
}

#endif
