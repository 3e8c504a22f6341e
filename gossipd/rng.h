/*
 * gossipd/rng.h: a small seeded generator (xoshiro256**, seeded through
 * splitmix64; D. Blackman and S. Vigna, public domain algorithms).
 *
 * For choices that should be even, not for secrets. Equal seeds give equal
 * sequences on every machine, which makes the mesh repeatable.
 */

#ifndef P2PFS_GOSSIPD_RNG_H
#define P2PFS_GOSSIPD_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/* One step of splitmix64: moves *state on and returns the next number. */
uint64_t rng_splitmix(uint64_t *state);

void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);

/* Evenly from 0 .. n - 1; 0 where n is 0. */
uint64_t rng_below(struct rng *r, uint64_t n);

#endif
