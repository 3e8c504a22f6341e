/*
 * core/cursor.h: reading bytes from outside without ever running over.
 *
 * A cursor that was asked for more than is left turns bad, returns zeros and
 * NULLs from then on, and is asked once at the end. All integers here are
 * big-endian. The writer side is the same: a writer that ran out of room is
 * bad and wrote nothing beyond its end.
 */

#ifndef P2PFS_CORE_CURSOR_H
#define P2PFS_CORE_CURSOR_H

#include <stddef.h>
#include <stdint.h>

struct p2pfs_cursor {
    const uint8_t *p;
    size_t left;
    int bad;
};

void p2pfs_cursor_init(struct p2pfs_cursor *c, const void *data, size_t len);
uint8_t p2pfs_cursor_u8(struct p2pfs_cursor *c);
uint16_t p2pfs_cursor_u16(struct p2pfs_cursor *c);
uint32_t p2pfs_cursor_u32(struct p2pfs_cursor *c);
uint64_t p2pfs_cursor_u64(struct p2pfs_cursor *c);

/* len bytes of the input itself, NULL where the cursor is bad. */
const uint8_t *p2pfs_cursor_bytes(struct p2pfs_cursor *c, size_t len);

/* True when nothing went wrong and nothing is left. */
int p2pfs_cursor_done(const struct p2pfs_cursor *c);

struct p2pfs_writer {
    uint8_t *p;
    size_t left;
    int bad;
};

void p2pfs_writer_init(struct p2pfs_writer *w, void *data, size_t len);
void p2pfs_writer_u8(struct p2pfs_writer *w, uint8_t v);
void p2pfs_writer_u16(struct p2pfs_writer *w, uint16_t v);
void p2pfs_writer_u32(struct p2pfs_writer *w, uint32_t v);
void p2pfs_writer_u64(struct p2pfs_writer *w, uint64_t v);
void p2pfs_writer_bytes(struct p2pfs_writer *w, const void *data, size_t len);

#endif
