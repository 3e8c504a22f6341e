/*
 * gossipd/link_queue.c: byte-counted lists with priorities.
 */

#include "gossipd/link_queue.h"

#include <stdlib.h>
#include <string.h>

void
link_item_free(struct link_item *item)
{
    if (item != NULL) {
        payload_unref(item->body);
        free(item);
    }
}

size_t
link_item_bytes(const struct link_item *item)
{
    return QUEUE_ITEM_BYTES + item->head_len
        + (item->body != NULL ? payload_len(item->body) : 0);
}

int link_class_is_bulk(enum link_class class)
{
    return class == LINK_BULK || class == LINK_PUSH;
}

static int is_shared(enum link_class class)
{
    return class != LINK_URGENT && class != LINK_CONTROL;
}

void
link_queue_init(struct link_queue *q, size_t *shared)
{
    memset(q, 0, sizeof(*q));
    q->shared = shared;
}

void
link_queue_fini(struct link_queue *q)
{
    struct link_item *item;
    int bulk;

    for (bulk = 0; bulk <= 1; bulk++) {
        while ((item = link_queue_pop(q, bulk, 0)) != NULL) {
            link_item_free(item);
        }
    }
}

static int
has_room(const struct link_queue *q, enum link_class class, size_t bytes)
{
    size_t used = q->class[class].bytes;
    size_t cap = 0;

    switch (class) {
    case LINK_URGENT:
    case LINK_CONTROL:
        used = q->class[LINK_URGENT].bytes + q->class[LINK_CONTROL].bytes;
        cap = QUEUE_CONTROL_MAX;
        break;
    case LINK_REQUEST: cap = QUEUE_REQUEST_MAX; break;
    case LINK_BULK: cap = QUEUE_BULK_MAX; break;
    case LINK_PUSH: cap = QUEUE_PUSH_MAX; break;
    }
    if (used > cap || bytes > cap - used) {
        return 0;
    }
    return !is_shared(class)
        || (*q->shared <= QUEUE_SHARED_MAX
            && bytes <= QUEUE_SHARED_MAX - *q->shared);
}

static void
count(struct link_queue *q, const struct link_item *item, int in)
{
    size_t bytes = link_item_bytes(item);

    if (in) {
        q->class[item->class].bytes += bytes;
        *q->shared += is_shared(item->class) ? bytes : 0;
    } else {
        q->class[item->class].bytes -= bytes;
        *q->shared -= is_shared(item->class) ? bytes : 0;
    }
}

int
link_queue_push(struct link_queue *q, enum link_class class,
    const uint8_t *head, size_t head_len, struct payload *body,
    uint64_t deadline)
{
    size_t bytes =
        QUEUE_ITEM_BYTES + head_len + (body != NULL ? payload_len(body) : 0);
    struct link_item *item = NULL;

    if (has_room(q, class, bytes)) {
        item = malloc(sizeof(*item) + head_len);
    }
    if (item == NULL) {
        payload_unref(body);
        return -1;
    }
    memset(item, 0, sizeof(*item));
    item->class = class;
    item->deadline = deadline;
    item->body = body;
    item->head_len = head_len;
    memcpy(item->head, head, head_len);
    if (q->class[class].first == NULL) {
        q->class[class].first = item;
    } else {
        q->class[class].last->next = item;
    }
    q->class[class].last = item;
    count(q, item, 1);
    return 0;
}

static struct link_item *
pop_class(struct link_queue *q, enum link_class class, uint64_t now)
{
    struct link_item *item;

    while ((item = q->class[class].first) != NULL) {
        q->class[class].first = item->next;
        item->next = NULL;
        count(q, item, 0);
        if (item->deadline == 0 || now <= item->deadline) {
            return item;
        }
        q->class[class].expired++;
        link_item_free(item);
    }
    return NULL;
}

struct link_item *
link_queue_pop(struct link_queue *q, int bulk, uint64_t now)
{
    struct link_item *item = NULL;
    unsigned class = bulk ? LINK_BULK : LINK_URGENT;
    unsigned end = bulk ? LINK_CLASSES : LINK_BULK;

    for (; class < end && item == NULL; class ++) {
        item = pop_class(q, (enum link_class) class, now);
    }
    return item;
}

void
link_queue_unpop(struct link_queue *q, struct link_item *item)
{
    item->next = q->class[item->class].first;
    q->class[item->class].first = item;
    if (item->next == NULL) {
        q->class[item->class].last = item;
    }
    count(q, item, 1);
}

int
link_queue_empty(const struct link_queue *q, int bulk)
{
    if (bulk) {
        return q->class[LINK_BULK].first == NULL
            && q->class[LINK_PUSH].first == NULL;
    }
    return q->class[LINK_URGENT].first == NULL
        && q->class[LINK_CONTROL].first == NULL
        && q->class[LINK_REQUEST].first == NULL;
}
