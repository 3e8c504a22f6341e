/*
 * core/record.c: the canonical bytes of records.
 */

#include "core/record.h"

#include <string.h>

#include "core/cursor.h"

#define RECORD_VERSION 1

int
p2pfs_record_has_root(const struct p2pfs_record *r)
{
    return !p2pfs_hash_is_zero(&r->root);
}

size_t
p2pfs_record_encode(const struct p2pfs_record *r,
    uint8_t out[P2PFS_RECORD_BYTES_MAX])
{
    struct p2pfs_writer w;

    p2pfs_writer_init(&w, out, P2PFS_RECORD_BYTES_MAX);
    p2pfs_writer_u8(&w, (uint8_t)r->kind);
    p2pfs_writer_u8(&w, RECORD_VERSION);
    p2pfs_writer_u8(&w, r->id_len);
    p2pfs_writer_bytes(&w, r->id, r->id_len);
    p2pfs_writer_u32(&w, r->n);

    if (r->kind == P2PFS_RECORD_FILE) {
        p2pfs_writer_u32(&w, r->index);
        p2pfs_writer_bytes(&w, &r->entry, P2PFS_HASH_BYTES);
    }

    p2pfs_writer_bytes(&w, &r->root, P2PFS_HASH_BYTES);

    return (size_t)(w.p - out);
}

static void
read_hash(struct p2pfs_cursor *c, struct p2pfs_hash *out)
{
    const uint8_t *p = p2pfs_cursor_bytes(c, P2PFS_HASH_BYTES);

    if (p != NULL) {
        memcpy(out, p, P2PFS_HASH_BYTES);
    }
}

/* Everything that a record must be beyond its layout. */
static int
is_valid(const struct p2pfs_record *r)
{
    if (p2pfs_set_id_check(r->id, r->id_len) != P2PFS_OK || r->n == 0) {
        return 0;
    }

    switch (r->kind) {
    case P2PFS_RECORD_FILE: return r->index < r->n;
    case P2PFS_RECORD_VERSION: return p2pfs_record_has_root(r);
    }

    return 0;
}

enum p2pfs_err
p2pfs_record_decode(struct p2pfs_record *r, const uint8_t *in, size_t len)
{
    struct p2pfs_cursor c;
    const uint8_t *id;
    uint8_t version;

    memset(r, 0, sizeof(*r));

    p2pfs_cursor_init(&c, in, len);
    r->kind = (enum p2pfs_record_kind)p2pfs_cursor_u8(&c);
    version = p2pfs_cursor_u8(&c);
    r->id_len = p2pfs_cursor_u8(&c);
    id = p2pfs_cursor_bytes(&c, r->id_len);

    if (id == NULL || version != RECORD_VERSION
        || r->id_len > P2PFS_SET_ID_MAX) {
        return P2PFS_BAD_FRAME;
    }

    memcpy(r->id, id, r->id_len);
    r->n = p2pfs_cursor_u32(&c);

    if (r->kind == P2PFS_RECORD_FILE) {
        r->index = p2pfs_cursor_u32(&c);
        read_hash(&c, &r->entry);
    }

    read_hash(&c, &r->root);

    return p2pfs_cursor_done(&c) && is_valid(r) ? P2PFS_OK : P2PFS_BAD_FRAME;
}

void
p2pfs_record_id(struct p2pfs_hasher *h, const struct p2pfs_record *r,
    struct p2pfs_hash *id)
{
    static const char domain[] = "p2pfs record 1"; /* with its NUL */
    uint8_t bytes[P2PFS_RECORD_BYTES_MAX];
    size_t len = p2pfs_record_encode(r, bytes);

    p2pfs_hash_start(h);
    p2pfs_hash_update(h, domain, sizeof(domain));
    p2pfs_hash_update(h, bytes, len);
    p2pfs_hash_end(h, id);
}
