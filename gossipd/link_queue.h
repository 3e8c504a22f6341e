/*
 * gossipd/link_queue.h: what waits to be sent to one peer. Pure: no sockets,
 * no clock.
 *
 * One list for each class (gossipd/link.h), strict priority on each of the two
 * connections. Each list is capped in bytes, URGENT and CONTROL together;
 * BULK, PUSH and REQUEST also count towards a budget that all peers share. An
 * item whose deadline has passed is dropped when its turn comes.
 */

#ifndef P2PFS_GOSSIPD_LINK_QUEUE_H
#define P2PFS_GOSSIPD_LINK_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "gossipd/link.h"

#define LINK_CLASSES (LINK_PUSH + 1)
#define QUEUE_CONTROL_MAX ((size_t)256 * 1024) /* URGENT and CONTROL */
#define QUEUE_REQUEST_MAX ((size_t)256 * 1024)
#define QUEUE_BULK_MAX ((size_t)2 * 1024 * 1024)
#define QUEUE_PUSH_MAX ((size_t)1024 * 1024)
#define QUEUE_SHARED_MAX ((size_t)64 * 1024 * 1024)
#define QUEUE_ITEM_BYTES 64 /* counted for an item besides its bytes */

struct link_flow;

struct link_item {
    struct link_item *next;
    enum link_class class;
    uint64_t deadline; /* 0: none */
    struct payload *body;
    struct link_flow *flow; /* while libzmq holds it */
    int keep;               /* libzmq gave it back unsent */
    size_t head_len;
    uint8_t head[];
};

void link_item_free(struct link_item *item); /* takes NULL */
size_t link_item_bytes(const struct link_item *item);

struct link_queue {
    struct {
        struct link_item *first;
        struct link_item *last;
        size_t bytes;
        uint64_t expired; /* items dropped for their deadline */
    } class[LINK_CLASSES];
    size_t *shared; /* bytes of all peers */
};

void link_queue_init(struct link_queue *q, size_t *shared);
void link_queue_fini(struct link_queue *q);

/* Does a class go to the bulk connection? */
int link_class_is_bulk(enum link_class class);

/*
 * Copies head, takes the reference of body over, also on failure. 0, or -1 at
 * the cap or without memory.
 */
int link_queue_push(struct link_queue *q, enum link_class class,
    const uint8_t *head, size_t head_len, struct payload *body,
    uint64_t deadline);

/* The next item for a connection, now the caller's; NULL where none waits. */
struct link_item *link_queue_pop(struct link_queue *q, int bulk, uint64_t now);

/* Back to the front of its list. */
void link_queue_unpop(struct link_queue *q, struct link_item *item);

int link_queue_empty(const struct link_queue *q, int bulk);

#endif
