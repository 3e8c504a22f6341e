/*
 * core/frame.c: encoding and decoding of the worker's channel.
 */

#include "core/frame.h"

#include <string.h>

#include "core/cursor.h"

#define LENGTH_BYTES 4

int
p2pfs_frame_next(const uint8_t *data, size_t len, size_t *frame_len,
    enum p2pfs_frame_type *type)
{
    struct p2pfs_cursor c;
    uint32_t rest;
    uint8_t t;

    if (len < LENGTH_BYTES) {
        return 0;
    }

    p2pfs_cursor_init(&c, data, len);
    rest = p2pfs_cursor_u32(&c);

    if (rest == 0 || rest > P2PFS_FRAME_BYTES_MAX - LENGTH_BYTES) {
        return -1;
    }

    if (len < P2PFS_FRAME_HEAD_BYTES) {
        return 0;
    }

    t = p2pfs_cursor_u8(&c);

    if (t < P2PFS_FRAME_HELLO || t > P2PFS_FRAME_DAMAGED) {
        return -1;
    }

    if (len - LENGTH_BYTES < rest) {
        return 0;
    }

    *frame_len = LENGTH_BYTES + (size_t)rest;
    *type = (enum p2pfs_frame_type)t;

    return 1;
}

/* The length is written at the end, when it is known. */
static void
begin(struct p2pfs_writer *w, uint8_t *out, size_t cap,
    enum p2pfs_frame_type type)
{
    p2pfs_writer_init(w, out, cap);
    p2pfs_writer_u32(w, 0);
    p2pfs_writer_u8(w, (uint8_t)type);
}

/* `behind`: bytes of the frame that do not go through the writer. */
static size_t
finish(const struct p2pfs_writer *w, uint8_t *out, uint32_t behind)
{
    struct p2pfs_writer head;
    size_t len = (size_t)(w->p - out);

    if (w->bad) {
        return 0;
    }

    p2pfs_writer_init(&head, out, LENGTH_BYTES);
    p2pfs_writer_u32(&head, (uint32_t)(len - LENGTH_BYTES) + behind);

    return len;
}

size_t
p2pfs_frame_hello(uint8_t out[P2PFS_FRAME_SMALL_MAX])
{
    struct p2pfs_writer w;

    begin(&w, out, P2PFS_FRAME_SMALL_MAX, P2PFS_FRAME_HELLO);
    p2pfs_writer_u32(&w, P2PFS_FRAME_MAGIC);
    p2pfs_writer_u16(&w, P2PFS_FRAME_VERSION);

    return finish(&w, out, 0);
}

size_t
p2pfs_frame_welcome(uint8_t out[P2PFS_FRAME_SMALL_MAX],
    const struct p2pfs_welcome *m)
{
    struct p2pfs_writer w;

    begin(&w, out, P2PFS_FRAME_SMALL_MAX, P2PFS_FRAME_WELCOME);
    p2pfs_writer_u32(&w, m->magic);
    p2pfs_writer_u16(&w, m->version);
    p2pfs_writer_u32(&w, m->file_max);
    p2pfs_writer_u32(&w, m->count_max);
    p2pfs_writer_u32(&w, m->requests_max);
    p2pfs_writer_u32(&w, m->bytes_max);

    return finish(&w, out, 0);
}

size_t
p2pfs_frame_result(uint8_t out[P2PFS_FRAME_SMALL_MAX],
    const struct p2pfs_result *r)
{
    struct p2pfs_writer w;

    begin(&w, out, P2PFS_FRAME_SMALL_MAX, P2PFS_FRAME_RESULT);
    p2pfs_writer_u64(&w, r->request);
    p2pfs_writer_u16(&w, (uint16_t)r->err);
    p2pfs_writer_u8(&w, r->created != 0);
    p2pfs_writer_bytes(&w, &r->entry, P2PFS_HASH_BYTES);
    p2pfs_writer_bytes(&w, &r->root, P2PFS_HASH_BYTES);
    p2pfs_writer_u64(&w, r->received);
    p2pfs_writer_u64(&w, r->set_count);

    return finish(&w, out, 0);
}

size_t
p2pfs_frame_damaged(uint8_t out[P2PFS_FRAME_SMALL_MAX],
    const struct p2pfs_damaged *d)
{
    struct p2pfs_writer w;

    begin(&w, out, P2PFS_FRAME_SMALL_MAX, P2PFS_FRAME_DAMAGED);
    p2pfs_writer_u64(&w, (uint64_t)d->gk);
    p2pfs_writer_u64(&w, (uint64_t)d->vk);
    p2pfs_writer_u32(&w, d->index);

    return finish(&w, out, 0);
}

size_t
p2pfs_frame_put_head(uint8_t out[P2PFS_FRAME_PUT_HEAD_MAX],
    const struct p2pfs_put *p)
{
    struct p2pfs_writer w;

    if (p->id_len > P2PFS_SET_ID_MAX || p->len > P2PFS_FILE_BYTES_MAX
        || (p->has_root && p->proof.len > P2PFS_PROOF_MAX)) {
        return 0;
    }

    begin(&w, out, P2PFS_FRAME_PUT_HEAD_MAX, P2PFS_FRAME_PUT);
    p2pfs_writer_u64(&w, p->request);
    p2pfs_writer_u8(&w, p->id_len);
    p2pfs_writer_bytes(&w, p->id, p->id_len);
    p2pfs_writer_u64(&w, p->n);
    p2pfs_writer_u64(&w, p->index);
    p2pfs_writer_u8(&w, p->has_root != 0);

    if (p->has_root) {
        p2pfs_writer_bytes(&w, &p->root, P2PFS_HASH_BYTES);
        p2pfs_writer_u8(&w, (uint8_t)p->proof.len);
        p2pfs_writer_bytes(&w, p->proof.hash, p->proof.len * P2PFS_HASH_BYTES);
    }

    p2pfs_writer_u32(&w, p->len);

    return finish(&w, out, p->len);
}

/* Past the head; a frame of another type or length is a bad cursor. */
static void
open_frame(struct p2pfs_cursor *c, const uint8_t *frame, size_t len,
    enum p2pfs_frame_type type)
{
    p2pfs_cursor_init(c, frame, len);

    if (p2pfs_cursor_u32(c) != len - LENGTH_BYTES
        || p2pfs_cursor_u8(c) != type) {
        c->bad = 1;
    }
}

static enum p2pfs_err
close_frame(const struct p2pfs_cursor *c)
{
    return p2pfs_cursor_done(c) ? P2PFS_OK : P2PFS_BAD_FRAME;
}

static void
read_bytes(struct p2pfs_cursor *c, void *out, size_t len)
{
    const uint8_t *p = p2pfs_cursor_bytes(c, len);

    if (p != NULL) {
        memcpy(out, p, len);
    }
}

static int
read_bool(struct p2pfs_cursor *c)
{
    uint8_t v = p2pfs_cursor_u8(c);

    if (v > 1) {
        c->bad = 1;
    }

    return v == 1;
}

static uint32_t
read_magic(struct p2pfs_cursor *c)
{
    uint32_t magic = p2pfs_cursor_u32(c);

    if (magic != P2PFS_FRAME_MAGIC) {
        c->bad = 1;
    }

    return magic;
}

enum p2pfs_err
p2pfs_frame_read_hello(const uint8_t *frame, size_t len, struct p2pfs_hello *h)
{
    struct p2pfs_cursor c;

    open_frame(&c, frame, len, P2PFS_FRAME_HELLO);
    h->magic = read_magic(&c);
    h->version = p2pfs_cursor_u16(&c);

    return close_frame(&c);
}

enum p2pfs_err
p2pfs_frame_read_welcome(const uint8_t *frame, size_t len,
    struct p2pfs_welcome *w)
{
    struct p2pfs_cursor c;

    open_frame(&c, frame, len, P2PFS_FRAME_WELCOME);
    w->magic = read_magic(&c);
    w->version = p2pfs_cursor_u16(&c);
    w->file_max = p2pfs_cursor_u32(&c);
    w->count_max = p2pfs_cursor_u32(&c);
    w->requests_max = p2pfs_cursor_u32(&c);
    w->bytes_max = p2pfs_cursor_u32(&c);

    return close_frame(&c);
}

enum p2pfs_err
p2pfs_frame_read_result(const uint8_t *frame, size_t len,
    struct p2pfs_result *r)
{
    struct p2pfs_cursor c;
    uint16_t err;

    memset(r, 0, sizeof(*r));

    open_frame(&c, frame, len, P2PFS_FRAME_RESULT);
    r->request = p2pfs_cursor_u64(&c);
    err = p2pfs_cursor_u16(&c);
    r->created = read_bool(&c);
    read_bytes(&c, &r->entry, P2PFS_HASH_BYTES);
    read_bytes(&c, &r->root, P2PFS_HASH_BYTES);
    r->received = p2pfs_cursor_u64(&c);
    r->set_count = p2pfs_cursor_u64(&c);

    if (err >= P2PFS_ERR_COUNT) {
        return P2PFS_BAD_FRAME;
    }

    r->err = (enum p2pfs_err)err;

    return close_frame(&c);
}

enum p2pfs_err
p2pfs_frame_read_damaged(const uint8_t *frame, size_t len,
    struct p2pfs_damaged *d)
{
    struct p2pfs_cursor c;

    open_frame(&c, frame, len, P2PFS_FRAME_DAMAGED);
    d->gk = (int64_t)p2pfs_cursor_u64(&c);
    d->vk = (int64_t)p2pfs_cursor_u64(&c);
    d->index = p2pfs_cursor_u32(&c);

    return close_frame(&c);
}

static void
read_proof(struct p2pfs_cursor *c, struct p2pfs_proof *proof)
{
    unsigned n = p2pfs_cursor_u8(c);

    if (n > P2PFS_PROOF_MAX) {
        c->bad = 1;
        return;
    }

    proof->len = n;
    read_bytes(c, proof->hash, n * P2PFS_HASH_BYTES);
}

enum p2pfs_err
p2pfs_frame_read_put(const uint8_t *frame, size_t len, struct p2pfs_put *p)
{
    struct p2pfs_cursor c;

    memset(p, 0, sizeof(*p));

    open_frame(&c, frame, len, P2PFS_FRAME_PUT);
    p->request = p2pfs_cursor_u64(&c);
    p->id_len = p2pfs_cursor_u8(&c);
    p->id = (const char *)p2pfs_cursor_bytes(&c, p->id_len);
    p->n = p2pfs_cursor_u64(&c);
    p->index = p2pfs_cursor_u64(&c);
    p->has_root = read_bool(&c);

    if (p->has_root) {
        read_bytes(&c, &p->root, P2PFS_HASH_BYTES);
        read_proof(&c, &p->proof);
    }

    p->len = p2pfs_cursor_u32(&c);
    p->content = p2pfs_cursor_bytes(&c, p->len);

    if (c.bad || p->len > P2PFS_FILE_BYTES_MAX
        || p2pfs_set_id_check(p->id, p->id_len) != P2PFS_OK) {
        return P2PFS_BAD_FRAME;
    }

    return close_frame(&c);
}
