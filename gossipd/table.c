/*
 * gossipd/table.c: chained buckets, every node also in one list by age.
 */

#include "gossipd/table.h"

#include <stdlib.h>
#include <string.h>

#include "gossipd/rng.h"

#define BUCKETS_MIN 16

struct node {
    struct node *chain;
    struct node *older;
    struct node *newer;
    uint64_t hash;
    /* the value, then the key */
};

struct table {
    size_t key_len, value_room, max, n;
    uint64_t k0, k1;
    struct node **buckets;
    size_t n_buckets; /* a power of two */
    struct node *oldest, *newest;
};

static uint64_t
rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static void
sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein) over whole words; len is fixed by the
 * table, so its byte in the last block is a constant. */
static uint64_t
hash(const struct table *t, const uint8_t *key)
{
    uint64_t v[4] = {t->k0 ^ 0x736f6d6570736575u, t->k1 ^ 0x646f72616e646f6du,
        t->k0 ^ 0x6c7967656e657261u, t->k1 ^ 0x7465646279746573u};
    uint64_t word;

    for (size_t i = 0; i < t->key_len; i += 8) {
        memcpy(&word, key + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t)t->key_len << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void *
value_of(struct node *n)
{
    return n + 1;
}

static struct node *
node_of(const void *value)
{
    return (struct node *)(uintptr_t)value - 1;
}

static uint8_t *
key_of(const struct table *t, struct node *n)
{
    return (uint8_t *)value_of(n) + t->value_room;
}

enum p2pfs_err
table_new(struct table **out, size_t key_len, size_t value_len, size_t max,
    uint64_t seed)
{
    struct table *t;

    *out = NULL;
    if (key_len == 0 || key_len % 8 != 0) {
        return P2PFS_INTERNAL;
    }
    t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return P2PFS_NO_MEMORY;
    }
    t->key_len = key_len;
    t->value_room = (value_len + 7) / 8 * 8;
    t->max = max;
    t->k0 = rng_splitmix(&seed);
    t->k1 = rng_splitmix(&seed);
    t->n_buckets = BUCKETS_MIN;
    t->buckets = calloc(t->n_buckets, sizeof(t->buckets[0]));
    if (t->buckets == NULL) {
        free(t);
        return P2PFS_NO_MEMORY;
    }
    *out = t;
    return P2PFS_OK;
}

void
table_free(struct table *t)
{
    struct node *n, *newer;

    if (t == NULL) {
        return;
    }
    for (n = t->oldest; n != NULL; n = newer) {
        newer = n->newer;
        free(n);
    }
    free(t->buckets);
    free(t);
}

size_t
table_size(const struct table *t)
{
    return t->n;
}

void *
table_get(const struct table *t, const void *key)
{
    uint64_t h = hash(t, key);
    struct node *n = t->buckets[h & (t->n_buckets - 1)];

    while (n != NULL
        && (n->hash != h || memcmp(key_of(t, n), key, t->key_len) != 0)) {
        n = n->chain;
    }
    return n == NULL ? NULL : value_of(n);
}

/* Without memory for more buckets the chains get longer, nothing else. */
static void
grow(struct table *t)
{
    size_t n_buckets = t->n_buckets * 2;
    struct node **buckets = calloc(n_buckets, sizeof(buckets[0]));
    struct node *n;

    if (buckets == NULL) {
        return;
    }
    for (n = t->oldest; n != NULL; n = n->newer) {
        n->chain = buckets[n->hash & (n_buckets - 1)];
        buckets[n->hash & (n_buckets - 1)] = n;
    }
    free(t->buckets);
    t->buckets = buckets;
    t->n_buckets = n_buckets;
}

static void
append(struct table *t, struct node *n)
{
    n->newer = NULL;
    n->older = t->newest;
    if (t->newest != NULL) {
        t->newest->newer = n;
    } else {
        t->oldest = n;
    }
    t->newest = n;
}

static void
unlink_age(struct table *t, struct node *n)
{
    if (n->older != NULL) {
        n->older->newer = n->newer;
    } else {
        t->oldest = n->newer;
    }
    if (n->newer != NULL) {
        n->newer->older = n->older;
    } else {
        t->newest = n->older;
    }
}

void *
table_add(struct table *t, const void *key)
{
    struct node *n, **bucket;

    if (t->n >= t->max) {
        return NULL;
    }
    n = calloc(1, sizeof(*n) + t->value_room + t->key_len);
    if (n == NULL) {
        return NULL;
    }
    if (t->n >= t->n_buckets) {
        grow(t);
    }
    n->hash = hash(t, key);
    memcpy(key_of(t, n), key, t->key_len);
    bucket = &t->buckets[n->hash & (t->n_buckets - 1)];
    n->chain = *bucket;
    *bucket = n;
    append(t, n);
    t->n++;
    return value_of(n);
}

const void *
table_key(const struct table *t, const void *value)
{
    return key_of(t, node_of(value));
}

void
table_del(struct table *t, void *value)
{
    struct node *n = node_of(value);
    struct node **at = &t->buckets[n->hash & (t->n_buckets - 1)];

    while (*at != n) {
        at = &(*at)->chain;
    }
    *at = n->chain;
    unlink_age(t, n);
    t->n--;
    free(n);
}

void
table_to_end(struct table *t, void *value)
{
    struct node *n = node_of(value);

    unlink_age(t, n);
    append(t, n);
}

void *
table_first(const struct table *t)
{
    return t->oldest == NULL ? NULL : value_of(t->oldest);
}

void *
table_next(const struct table *t, const void *value)
{
    struct node *n = node_of(value)->newer;

    (void)t;
    return n == NULL ? NULL : value_of(n);
}
