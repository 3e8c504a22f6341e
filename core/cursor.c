/*
 * core/cursor.c: reading and writing bytes without ever running over.
 */

#include "core/cursor.h"

#include <string.h>

void
p2pfs_cursor_init(struct p2pfs_cursor *c, const void *data, size_t len)
{
    c->p = data;
    c->left = len;
    c->bad = 0;
}

const uint8_t *
p2pfs_cursor_bytes(struct p2pfs_cursor *c, size_t len)
{
    const uint8_t *p = c->p;

    if (c->bad || len > c->left) {
        c->bad = 1;
        return NULL;
    }

    c->p += len;
    c->left -= len;

    return p;
}

static uint64_t
read_uint(struct p2pfs_cursor *c, size_t len)
{
    const uint8_t *p = p2pfs_cursor_bytes(c, len);
    uint64_t v = 0;
    size_t i;

    if (p == NULL) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        v = v << 8 | p[i];
    }

    return v;
}

uint8_t
p2pfs_cursor_u8(struct p2pfs_cursor *c)
{
    return (uint8_t)read_uint(c, 1);
}

uint16_t
p2pfs_cursor_u16(struct p2pfs_cursor *c)
{
    return (uint16_t)read_uint(c, 2);
}

uint32_t
p2pfs_cursor_u32(struct p2pfs_cursor *c)
{
    return (uint32_t)read_uint(c, 4);
}

uint64_t
p2pfs_cursor_u64(struct p2pfs_cursor *c)
{
    return read_uint(c, 8);
}

int
p2pfs_cursor_done(const struct p2pfs_cursor *c)
{
    return !c->bad && c->left == 0;
}

void
p2pfs_writer_init(struct p2pfs_writer *w, void *data, size_t len)
{
    w->p = data;
    w->left = len;
    w->bad = 0;
}

void
p2pfs_writer_bytes(struct p2pfs_writer *w, const void *data, size_t len)
{
    if (w->bad || len > w->left) {
        w->bad = 1;
        return;
    }

    if (len == 0) {
        return; /* data may be NULL then, which memcpy may not see */
    }

    memcpy(w->p, data, len);
    w->p += len;
    w->left -= len;
}

static void
write_uint(struct p2pfs_writer *w, uint64_t v, size_t len)
{
    uint8_t b[8];
    size_t i;

    for (i = len; i > 0; i--) {
        b[i - 1] = (uint8_t)v;
        v >>= 8;
    }

    p2pfs_writer_bytes(w, b, len);
}

void
p2pfs_writer_u8(struct p2pfs_writer *w, uint8_t v)
{
    write_uint(w, v, 1);
}

void
p2pfs_writer_u16(struct p2pfs_writer *w, uint16_t v)
{
    write_uint(w, v, 2);
}

void
p2pfs_writer_u32(struct p2pfs_writer *w, uint32_t v)
{
    write_uint(w, v, 4);
}

void
p2pfs_writer_u64(struct p2pfs_writer *w, uint64_t v)
{
    write_uint(w, v, 8);
}
