/*
 * t/bench/content.h: bytes that do not compress and are the same in every run.
 */

#ifndef P2PFS_BENCH_CONTENT_H
#define P2PFS_BENCH_CONTENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* splitmix64: the state moves on by each call. */
static inline uint64_t
bench_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Writes up to 7 bytes behind len: the buffer has that room. */
static inline void
bench_content(uint8_t *out, size_t len, uint64_t i)
{
    uint64_t state = i, z;
    size_t at;

    for (at = 0; at < len; at += sizeof(z)) {
        z = bench_random(&state);
        memcpy(out + at, &z, sizeof(z));
    }
}

#endif
