/*
 * gossipd/table.h: a bounded hash table that remembers the order of insertion.
 *
 * Keys and values have a fixed size given at creation; keys are multiples of
 * 8 bytes without padding. A value's address is stable until it is deleted.
 * Keys come from peers, so they are hashed with a secret seed (SipHash-1-3):
 * nobody can aim them at one bucket. Walking goes from the oldest to the
 * newest and never depends on the seed.
 */

#ifndef P2PFS_GOSSIPD_TABLE_H
#define P2PFS_GOSSIPD_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct table;

/* NO_MEMORY; INTERNAL where key_len is not a multiple of 8 above 0. */
enum p2pfs_err table_new(struct table **out, size_t key_len, size_t value_len,
    size_t max, uint64_t seed) P2PFS_MUST_CHECK;
void table_free(struct table *t); /* takes NULL */

size_t table_size(const struct table *t);

/* NULL where it is not there. */
void *table_get(const struct table *t, const void *key);

/*
 * A new entry at the end, its value zeroed. The key must not be in the table.
 * NULL at the cap, or out of memory.
 */
void *table_add(struct table *t, const void *key);

const void *table_key(const struct table *t, const void *value);
void table_del(struct table *t, void *value);

/* As if it had just been added. */
void table_to_end(struct table *t, void *value);

/*
 * Oldest first; NULL at the end. To delete while walking, take the next one
 * before deleting.
 */
void *table_first(const struct table *t);
void *table_next(const struct table *t, const void *value);

#endif
