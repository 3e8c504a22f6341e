/*
 * t/unit/ingest_rig.h: a store, its writer and the workers' channel, and a
 * worker by hand. For test_ingest*.c.
 */

#ifndef P2PFS_T_INGEST_RIG_H
#define P2PFS_T_INGEST_RIG_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/frame.h"
#include "gossipd/ingest.h"
#include "t/unit/store_fixture.h"

#define WAIT_MS 10000

struct node {
    struct fixture f;
    struct writer *w;
    struct ingest *in;
    char path[100];
};

static inline enum p2pfs_err
listen_on(struct node *n, struct ingest **in, char *detail, size_t room)
{
    struct ingest_config c = {.path = n->path,
        .mode = 0660,
        .connections_max = 3,
        .requests_max = 8,
        .bytes_max = 64 * 1024,
        .file_max = 1024 * 1024,
        .count_max = 1000000};

    return ingest_start(in, &c, n->w, NULL, detail, room);
}

static inline void
node_init(struct node *n)
{
    struct writer_limits limits = {.jobs_max = 100, .bytes_max = 8 << 20};
    char detail[256] = "";

    fixture_init(&n->f, 0);
    snprintf(n->path, sizeof(n->path), "%s/sock", n->f.dir);
    assert_int_equal(writer_start(&n->w, n->f.s, &limits, NULL, NULL, NULL),
        P2PFS_OK);
    if (listen_on(n, &n->in, detail, sizeof(detail)) != P2PFS_OK) {
        fail_msg("%s", detail);
    }
}

static inline void
node_fini(struct node *n)
{
    if (n->in != NULL) {
        ingest_drain(n->in);
    }
    writer_stop(n->w);
    ingest_stop(n->in);
    assert_int_not_equal(access(n->path, F_OK), 0);
    fixture_fini(&n->f);
}

static inline int
dial(struct node *n)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", n->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

/* Exactly len bytes; 0 where the other end closed. */
static inline int
take(int fd, uint8_t *out, size_t len)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t got;

    while (len > 0) {
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        got = read(fd, out, len);
        if (got <= 0) {
            return 0;
        }
        out += got;
        len -= (size_t)got;
    }
    return 1;
}

/* The next frame; its length, 0 where the other end closed. */
static inline size_t
take_frame(int fd, uint8_t out[P2PFS_FRAME_SMALL_MAX],
    enum p2pfs_frame_type *type)
{
    size_t len;

    if (!take(fd, out, P2PFS_FRAME_HEAD_BYTES)) {
        return 0;
    }
    len = 4 + ((size_t)out[2] << 8 | out[3]);
    assert_true(len <= P2PFS_FRAME_SMALL_MAX);
    assert_true(
        take(fd, out + P2PFS_FRAME_HEAD_BYTES, len - P2PFS_FRAME_HEAD_BYTES));
    *type = (enum p2pfs_frame_type)out[4];
    return len;
}

static inline void
give(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;
    ssize_t n;

    while (len > 0) {
        n = send(fd, p, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        p += n;
        len -= (size_t)n;
    }
}

static inline int
is_closed(int fd)
{
    uint8_t byte;

    return !take(fd, &byte, 1);
}

static inline int
dial_and_greet(struct node *n)
{
    uint8_t frame[P2PFS_FRAME_SMALL_MAX];
    enum p2pfs_frame_type type;
    struct p2pfs_welcome w;
    int fd = dial(n);
    size_t len;

    give(fd, frame, p2pfs_frame_hello(frame));
    len = take_frame(fd, frame, &type);
    assert_int_equal(type, P2PFS_FRAME_WELCOME);
    assert_int_equal(p2pfs_frame_read_welcome(frame, len, &w), P2PFS_OK);
    assert_int_equal(w.requests_max, 8);
    assert_int_equal(w.file_max, 1024 * 1024);
    return fd;
}

static inline void
give_put(int fd, uint64_t request, uint64_t n, uint64_t index,
    const void *content, uint32_t len)
{
    uint8_t head[P2PFS_FRAME_PUT_HEAD_MAX];
    struct p2pfs_put put = {.request = request,
        .id_len = 1,
        .id = "s",
        .n = n,
        .index = index,
        .len = len,
        .content = content};

    give(fd, head, p2pfs_frame_put_head(head, &put));
    give(fd, content, len);
}

static inline struct p2pfs_result
take_result(int fd)
{
    uint8_t frame[P2PFS_FRAME_SMALL_MAX];
    enum p2pfs_frame_type type;
    struct p2pfs_result r;
    size_t len = take_frame(fd, frame, &type);

    assert_true(len > 0);
    assert_int_equal(type, P2PFS_FRAME_RESULT);
    assert_int_equal(p2pfs_frame_read_result(frame, len, &r), P2PFS_OK);
    return r;
}

#endif
