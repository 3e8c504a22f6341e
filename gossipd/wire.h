/*
 * gossipd/wire.h: the messages between nodes (gossipd/wire/p2pfs.proto), packed
 * and unpacked by protobuf-c. docs/wire.md describes them.
 *
 * Unpacking goes through an arena with a budget of bytes and of allocations for
 * each frame: 64 KiB of empty submessages would otherwise become 7 MB. What
 * comes out was checked: lengths of ids, hashes, nonces and records, topics
 * not too long, members present that a message makes no sense without. What is
 * in them is still a stranger's word.
 *
 * Packing appends to a buffer that grows; one call makes one frame.
 */

#ifndef P2PFS_GOSSIPD_WIRE_H
#define P2PFS_GOSSIPD_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/record.h"
#include "gossipd/fetch.h"
#include "gossipd/peerread.h"
#include "p2pfs.pb-c.h"

#define WIRE_CONTROL_MAX (64 * 1024)   /* the one frame of a control message */
#define WIRE_HEAD_MAX 4096             /* the first frame of a bulk message */
#define WIRE_BODY_MAX (128 * 1024)     /* the second */
#define WIRE_BUDGET_BYTES (256 * 1024) /* of memory, for an unpacked frame */
#define WIRE_BUDGET_ITEMS 4096         /* of allocations */
#define WIRE_TOPIC_MAX 64
#define WIRE_IDS_MAX 1800 /* ids that fit into one frame */

/* Data.status */
enum wire_status {
    WIRE_DATA_OK = 0,
    WIRE_DATA_NOT_HERE = 1,
    WIRE_DATA_BUSY = 2
};

struct wire_arena;

struct wire_arena *wire_arena_new(void);    /* NULL: no memory */
void wire_arena_free(struct wire_arena *a); /* takes NULL */

/*
 * The message in a frame, valid until the arena's next use. NULL: malformed,
 * over the budget, or a field that is not as described above.
 */
const P2pfs__Rpc *wire_unpack(struct wire_arena *a, const uint8_t *frame,
    size_t len);

/* Reading what came out. Each returns how many were written to out. */

/* 32-byte ids of an IHAVE or IWANT, at most `room`. */
size_t wire_ids(const ProtobufCBinaryData *ids, size_t n,
    struct p2pfs_hash *out, size_t room);

/* BAD_FRAME where a record in it is none, or more rows than room. */
enum p2pfs_err wire_log_rows(const P2pfs__LogPage *page, struct fetch_row *out,
    size_t room, size_t *n) P2PFS_MUST_CHECK;

/* Siblings; absent: no siblings. */
void wire_proof(protobuf_c_boolean has, const ProtobufCBinaryData *bytes,
    struct p2pfs_proof *out);

/* A frame being made. All zero it is empty; used again it keeps its room. */
struct wire_buf {
    uint8_t *p;
    size_t len;
    size_t cap;
};
void wire_buf_fini(struct wire_buf *b);

/* Replaces what the buffer holds. 0, or -1: no memory. */
int wire_pack(struct wire_buf *b, const P2pfs__Rpc *rpc);

/* Builders, the same way: the buffer then holds the frame. 0, or -1: no memory
 * or more than WIRE_IDS_MAX ids. */
int wire_subscriptions(struct wire_buf *b, const char *const *topics, size_t n,
    int subscribe);
int wire_graft(struct wire_buf *b, const char *topic);
int wire_prune(struct wire_buf *b, const char *topic, unsigned backoff_ms);
int wire_ihave(struct wire_buf *b, const char *topic,
    const struct p2pfs_hash *ids, size_t n);
int wire_iwant(struct wire_buf *b, const struct p2pfs_hash *ids, size_t n);

/* epoch NULL: unknown yet. */
int wire_log_get(struct wire_buf *b, const uint8_t *epoch, uint64_t after,
    unsigned max);
int wire_log_page(struct wire_buf *b, const uint8_t *epoch, uint64_t after,
    uint64_t head, const struct peerread_row *rows, size_t n);
int wire_get(struct wire_buf *b, uint64_t request,
    const struct p2pfs_record *record, uint64_t offset, uint32_t length);
int wire_ping(struct wire_buf *b, int pong, uint64_t cookie,
    const uint8_t *epoch, uint64_t head);
int wire_goodbye(struct wire_buf *b, unsigned reason, const char *text);

/* Heads of bulk messages. proof NULL: none. */
int wire_publish(struct wire_buf *b, const char *topic,
    const struct p2pfs_record *record, uint32_t size,
    const struct p2pfs_proof *proof);
int wire_data(struct wire_buf *b, uint64_t request, enum wire_status status,
    uint64_t offset, uint64_t total, const struct p2pfs_proof *proof);

#endif
