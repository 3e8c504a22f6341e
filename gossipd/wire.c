/*
 * gossipd/wire.c: the arena with its budget, packing, and reading lists out of
 * an unpacked message.
 */

#include "gossipd/wire.h"

#include <stdlib.h>
#include <string.h>

#include "gossipd/wire_check.h"

#define ALIGN 16

struct wire_arena {
    ProtobufCAllocator allocator;
    size_t used;
    size_t items;
    uint8_t *block;
};

static void *
arena_alloc(void *ctx, size_t size)
{
    struct wire_arena *a = ctx;
    void *p;

    if (size > WIRE_BUDGET_BYTES - ALIGN) {
        return NULL;
    }
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (a->items >= WIRE_BUDGET_ITEMS || size > WIRE_BUDGET_BYTES - a->used) {
        return NULL;
    }
    a->items++;
    p = a->block + a->used;
    a->used += size;
    return p;
}

/* The whole arena is taken back at its next use. */
static void
arena_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p;
}

struct wire_arena *
wire_arena_new(void)
{
    struct wire_arena *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        return NULL;
    }
    a->block = malloc(WIRE_BUDGET_BYTES);
    if (a->block == NULL) {
        free(a);
        return NULL;
    }
    a->allocator.alloc = arena_alloc;
    a->allocator.free = arena_free;
    a->allocator.allocator_data = a;
    return a;
}

void
wire_arena_free(struct wire_arena *a)
{
    if (a != NULL) {
        free(a->block);
        free(a);
    }
}

const P2pfs__Rpc *
wire_unpack(struct wire_arena *a, const uint8_t *frame, size_t len)
{
    const P2pfs__Rpc *rpc;

    a->used = 0;
    a->items = 0;
    rpc = p2pfs__rpc__unpack(&a->allocator, len, frame);
    return rpc != NULL && wire_check(rpc) ? rpc : NULL;
}

size_t
wire_ids(const ProtobufCBinaryData *ids, size_t n, struct p2pfs_hash *out,
    size_t room)
{
    size_t i;

    if (n > room) {
        n = room;
    }
    for (i = 0; i < n; i++) {
        memcpy(out[i].b, ids[i].data, P2PFS_HASH_BYTES);
    }
    return n;
}

enum p2pfs_err
wire_log_rows(const P2pfs__LogPage *page, struct fetch_row *out, size_t room,
    size_t *n)
{
    enum p2pfs_err err;
    size_t i;

    if (page->n_records > room) {
        return P2PFS_BAD_FRAME;
    }
    for (i = 0; i < page->n_records; i++) {
        const P2pfs__LogRecord *r = page->records[i];

        memset(&out[i], 0, sizeof(out[i]));
        out[i].seq = r->seq;
        out[i].size = r->size;
        err =
            p2pfs_record_decode(&out[i].record, r->record.data, r->record.len);
        if (err != P2PFS_OK) {
            return P2PFS_BAD_FRAME;
        }
    }
    *n = i;
    return P2PFS_OK;
}

void
wire_proof(protobuf_c_boolean has, const ProtobufCBinaryData *bytes,
    struct p2pfs_proof *out)
{
    out->len = has ? (unsigned)(bytes->len / P2PFS_HASH_BYTES) : 0;
    if (out->len > 0) {
        memcpy(out->hash, bytes->data, out->len * P2PFS_HASH_BYTES);
    }
}

void
wire_buf_fini(struct wire_buf *b)
{
    free(b->p);
    memset(b, 0, sizeof(*b));
}

int
wire_pack(struct wire_buf *b, const P2pfs__Rpc *rpc)
{
    size_t len = p2pfs__rpc__get_packed_size(rpc);

    if (len > b->cap || b->p == NULL) {
        size_t cap = len < 256 ? 256 : len;
        uint8_t *p = realloc(b->p, cap);

        if (p == NULL) {
            return -1;
        }
        b->p = p;
        b->cap = cap;
    }
    b->len = p2pfs__rpc__pack(rpc, b->p);
    return 0;
}
