/*
 * gossipd/link_resolve.h: host names to addresses, on a thread of its own,
 * because getaddrinfo may block for as long as it likes. For the same reason
 * stopping does not wait for the thread: what they share goes with the last of
 * the two.
 */

#ifndef P2PFS_GOSSIPD_LINK_RESOLVE_H
#define P2PFS_GOSSIPD_LINK_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#define RESOLVE_ADDRESSES_MAX 8
#define RESOLVE_TEXT_MAX 64
#define RESOLVE_HOST_MAX 256
#define RESOLVE_QUEUE_MAX 256

struct resolved {
    uint64_t tag;
    unsigned n;                                            /* 0: no address */
    char address[RESOLVE_ADDRESSES_MAX][RESOLVE_TEXT_MAX]; /* numeric */
};

struct link_resolve;

/* wake_fd (an eventfd, duplicated) is written when an answer is there. NULL:
 * no thread or memory. */
struct link_resolve *link_resolve_start(int wake_fd);
void link_resolve_stop(struct link_resolve *r); /* takes NULL */

/* 0; -1: the queue is full or the name too long. */
int link_resolve_ask(struct link_resolve *r, uint64_t tag, const char *host);

/* 1, or 0 where no answer waits. */
int link_resolve_answer(struct link_resolve *r, struct resolved *out);

#endif
