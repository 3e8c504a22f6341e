/*
 * core/text.h: composing text into a buffer of the caller.
 *
 * A text that ran out of room is bad: it holds what fitted, and is asked once
 * at the end. Never NUL-terminated.
 */

#ifndef P2PFS_CORE_TEXT_H
#define P2PFS_CORE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/hash.h"

struct p2pfs_text {
    char *p;
    size_t len;
    size_t cap;
    int bad;
};

void p2pfs_text_init(struct p2pfs_text *t, char *buf, size_t cap);
void p2pfs_text_bytes(struct p2pfs_text *t, const void *data, size_t len);

/* In place, so that a literal has its length when it is compiled: an answer is
 * some seventy of them. */
static inline void
p2pfs_text_str(struct p2pfs_text *t, const char *s)
{
    p2pfs_text_bytes(t, s, strlen(s));
}

void p2pfs_text_u64(struct p2pfs_text *t, uint64_t v);
void p2pfs_text_hex(struct p2pfs_text *t, const uint8_t *data, size_t len);
void p2pfs_text_hash(struct p2pfs_text *t, const struct p2pfs_hash *h);

/* A JSON string (RFC 8259) with its quotes; what is no UTF-8 becomes U+FFFD. */
void p2pfs_text_json(struct p2pfs_text *t, const char *s, size_t len);

#endif
