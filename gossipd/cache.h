/*
 * gossipd/cache.h: the messages of the last heartbeats by id: always the
 * record, and the content while it fits into the budget.
 *
 * This is what a push or an IWANT is answered from; a content that was let go
 * is read from the database again. Oldest entries leave first, whole; contents
 * leave before their entries.
 */

#ifndef P2PFS_GOSSIPD_CACHE_H
#define P2PFS_GOSSIPD_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/record.h"
#include "gossipd/link.h"

struct cache;

struct cached {
    struct p2pfs_hash id;
    struct p2pfs_record record;
    uint32_t size;             /* of the content; 0 for a version */
    struct p2pfs_proof *proof; /* NULL: none, or not known */
    struct payload *payload;   /* NULL: let go, or never here */
};

enum p2pfs_err cache_new(struct cache **out, size_t entries_max,
    size_t bytes_max) P2PFS_MUST_CHECK;
void cache_free(struct cache *c); /* takes NULL */

/*
 * Puts a message, or completes one that is there without its content. Takes
 * the reference of payload over; copies proof (NULL: none). NO_MEMORY.
 */
enum p2pfs_err cache_put(struct cache *c, const struct p2pfs_hash *id,
    const struct p2pfs_record *record, uint32_t size,
    const struct p2pfs_proof *proof, struct payload *payload) P2PFS_MUST_CHECK;

/* NULL where it is not here; valid until the next put. */
const struct cached *cache_find(const struct cache *c,
    const struct p2pfs_hash *id);

size_t cache_entries(const struct cache *c);
size_t cache_bytes(const struct cache *c);

#endif
