/*
 * core/frame.h: the channel between an nginx worker and gossipd.
 *
 * One Unix stream socket for each worker; frames both ways, pipelined, answers
 * in any order. Integers are big-endian.
 *
 *     frame:   u32 length of what follows | u8 type | body
 *     HELLO    worker -> gossipd, first:  u32 magic | u16 version
 *     WELCOME  gossipd -> worker, first:  u32 magic | u16 version |
 *              u32 largest file | u32 largest setCount |
 *              u32 most requests in flight | u32 most bytes in flight
 *     PUT      worker -> gossipd: u64 request | u8 id_len | id | u64 n |
 *              u64 index | u8 has_root | root[32] and u8 proof_len |
 *              proof[32 * proof_len], both only with has_root | u32 len |
 *              content
 *     DAMAGED  worker -> gossipd: u64 gk | u64 vk | u32 index. Keys of
 *              core/schema.h; vk 0: no version. A read found bytes there that
 *              do not match; gossipd looks for itself. No answer
 *     RESULT   gossipd -> worker: u64 request | u16 error | u8 created |
 *              entry[32] | root[32] | u64 received | u64 set_count
 *
 * A worker that sees no HELLO of its own version answered, or a frame that is
 * malformed, closes the connection; so does gossipd. `error` is an enum
 * p2pfs_err: both ends are of one build, which `version` stands for.
 * The worker parses; gossipd alone computes the entry, verifies and decides.
 */

#ifndef P2PFS_CORE_FRAME_H
#define P2PFS_CORE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/name.h"

#define P2PFS_FRAME_MAGIC 0x70326673u /* "p2fs" */
#define P2PFS_FRAME_VERSION 1
#define P2PFS_FRAME_HEAD_BYTES 5
#define P2PFS_FILE_BYTES_MAX 1048576u /* the network's largest file */

enum p2pfs_frame_type {
    P2PFS_FRAME_HELLO = 1,
    P2PFS_FRAME_WELCOME = 2,
    P2PFS_FRAME_PUT = 3,
    P2PFS_FRAME_RESULT = 4,
    P2PFS_FRAME_DAMAGED = 5
};

/* A PUT without its content, at most. */
#define P2PFS_FRAME_PUT_HEAD_MAX                                               \
    (P2PFS_FRAME_HEAD_BYTES + 8 + 1 + P2PFS_SET_ID_MAX + 8 + 8 + 1 + 32 + 1    \
        + 32 * P2PFS_PROOF_MAX + 4)
#define P2PFS_FRAME_BYTES_MAX (P2PFS_FRAME_PUT_HEAD_MAX + P2PFS_FILE_BYTES_MAX)

struct p2pfs_hello {
    uint32_t magic;
    uint16_t version;
};

struct p2pfs_welcome {
    uint32_t magic;
    uint16_t version;
    uint32_t file_max;
    uint32_t count_max;
    uint32_t requests_max;
    uint32_t bytes_max;
};

struct p2pfs_put {
    uint64_t request;
    uint8_t id_len;
    const char *id; /* decoded: points into the frame */
    uint64_t n;
    uint64_t index;
    int has_root;
    struct p2pfs_hash root;
    struct p2pfs_proof proof;
    uint32_t len;
    const uint8_t *content; /* decoded: points into the frame */
};

struct p2pfs_damaged {
    int64_t gk;
    int64_t vk;
    uint32_t index;
};

struct p2pfs_result {
    uint64_t request;
    enum p2pfs_err err;
    int created;
    struct p2pfs_hash entry; /* OK: of the file; file-conflict: the stored */
    struct p2pfs_hash root;  /* set-exists, file-conflict: the served, or 0 */
    uint64_t received;
    uint64_t set_count;
};

/*
 * Takes one frame off the front of a stream: 1 and *frame_len (head included),
 * *type; 0 when more bytes are needed; -1 when the length is impossible (0, or
 * a whole frame above P2PFS_FRAME_BYTES_MAX) or the type unknown.
 */
int p2pfs_frame_next(const uint8_t *data, size_t len, size_t *frame_len,
    enum p2pfs_frame_type *type);

/* Encoders return the bytes written; `out` has room for the stated size. */
#define P2PFS_FRAME_SMALL_MAX 128
size_t p2pfs_frame_hello(uint8_t out[P2PFS_FRAME_SMALL_MAX]);
size_t p2pfs_frame_welcome(uint8_t out[P2PFS_FRAME_SMALL_MAX],
    const struct p2pfs_welcome *w);
size_t p2pfs_frame_result(uint8_t out[P2PFS_FRAME_SMALL_MAX],
    const struct p2pfs_result *r);
size_t p2pfs_frame_damaged(uint8_t out[P2PFS_FRAME_SMALL_MAX],
    const struct p2pfs_damaged *d);

/*
 * Everything but the content, which is sent right behind it. 0 where id_len,
 * proof.len or len is above its maximum.
 */
size_t p2pfs_frame_put_head(uint8_t out[P2PFS_FRAME_PUT_HEAD_MAX],
    const struct p2pfs_put *p);

/*
 * Decoders take a whole frame of their type, head included, and check its
 * layout, the magic, the grammar of the set id and every maximum; n, index and
 * the version of the other side are left to the caller. BAD_FRAME.
 */
enum p2pfs_err p2pfs_frame_read_hello(const uint8_t *frame, size_t len,
    struct p2pfs_hello *h) P2PFS_MUST_CHECK;
enum p2pfs_err p2pfs_frame_read_welcome(const uint8_t *frame, size_t len,
    struct p2pfs_welcome *w) P2PFS_MUST_CHECK;
enum p2pfs_err p2pfs_frame_read_put(const uint8_t *frame, size_t len,
    struct p2pfs_put *p) P2PFS_MUST_CHECK;
enum p2pfs_err p2pfs_frame_read_result(const uint8_t *frame, size_t len,
    struct p2pfs_result *r) P2PFS_MUST_CHECK;
enum p2pfs_err p2pfs_frame_read_damaged(const uint8_t *frame, size_t len,
    struct p2pfs_damaged *d) P2PFS_MUST_CHECK;

#endif
