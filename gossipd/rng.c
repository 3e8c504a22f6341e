/*
 * gossipd/rng.c: xoshiro256** behind splitmix64.
 */

#include "gossipd/rng.h"

uint64_t
rng_splitmix(uint64_t *state)
{
    uint64_t z;

    *state += 0x9e3779b97f4a7c15u;
    z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void
rng_init(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        r->s[i] = rng_splitmix(&seed);
    }
}

static uint64_t
rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t
rng_next(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t out = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

uint64_t
rng_below(struct rng *r, uint64_t n)
{
    uint64_t x, skip;

    if (n == 0) {
        return 0;
    }
    /* 2^64 mod n numbers too many for even shares: drawn again */
    skip = (0 - n) % n;
    do {
        x = rng_next(r);
    } while (x < skip);
    return x % n;
}
