/*
 * gossipd/payload.c: bytes with a count of their holders.
 */

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gossipd/link.h"

struct payload {
    atomic_uint refs;
    size_t len;
    uint8_t *data; /* behind the struct, or a block of its own */
};

struct payload *
payload_new(const void *data, size_t len)
{
    struct payload *p;

    if (len > SIZE_MAX - sizeof(*p)) {
        return NULL;
    }
    p = malloc(sizeof(*p) + len);
    if (p == NULL) {
        return NULL;
    }
    atomic_init(&p->refs, 1);
    p->len = len;
    p->data = (uint8_t *)(p + 1);
    if (len > 0) {
        memcpy(p->data, data, len);
    }
    return p;
}

struct payload *
payload_take(uint8_t *malloced, size_t len)
{
    struct payload *p = malloc(sizeof(*p));

    if (p == NULL) {
        free(malloced);
        return NULL;
    }
    atomic_init(&p->refs, 1);
    p->len = len;
    p->data = malloced;
    return p;
}

struct payload *
payload_ref(struct payload *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void
payload_unref(struct payload *p)
{
    if (p == NULL) {
        return;
    }
    if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (p->data != (uint8_t *)(p + 1)) {
        free(p->data);
    }
    free(p);
}

const uint8_t *
payload_data(const struct payload *p)
{
    return p->data;
}

size_t
payload_len(const struct payload *p)
{
    return p->len;
}
