/* One worker's connection: frames in, jobs to the writer, results out. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gossipd/ingest_impl.h"

void
ingest_conn_free(struct ingest_conn *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    free(c->ibuf);
    free(c->obuf);
    free(c);
}

/* Room for len more bytes of output; NULL where there is none. */
static uint8_t *
out_room(struct ingest_conn *c, size_t len)
{
    size_t room = c->oroom == 0 ? 4096 : c->oroom;
    uint8_t *buf;

    if (c->ofirst > 0 && c->olen == c->ofirst) {
        c->ofirst = 0;
        c->olen = 0;
    }
    if (c->olen - c->ofirst + len > INGEST_OUT_MAX) {
        return NULL;
    }
    if (c->ofirst > 0 && c->olen + len > c->oroom) {
        memmove(c->obuf, c->obuf + c->ofirst, c->olen - c->ofirst);
        c->olen -= c->ofirst;
        c->ofirst = 0;
    }
    while (c->olen + len > room) {
        room *= 2;
    }
    if (room > c->oroom) {
        buf = realloc(c->obuf, room);
        if (buf == NULL) {
            return NULL;
        }
        c->obuf = buf;
        c->oroom = room;
    }
    return c->obuf + c->olen;
}

const char *
ingest_conn_flush(struct ingest_conn *c)
{
    ssize_t n;

    while (c->ofirst < c->olen) {
        n = send(c->fd, c->obuf + c->ofirst, c->olen - c->ofirst,
            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN ? NULL : "send failed";
        }
        c->ofirst += (size_t)n;
    }
    return NULL;
}

static const char *
add_result(struct ingest_conn *c, const struct p2pfs_result *r)
{
    uint8_t *out = out_room(c, P2PFS_FRAME_SMALL_MAX);

    if (out == NULL) {
        return "worker does not read its answers";
    }
    c->olen += p2pfs_frame_result(out, r);
    return NULL;
}

static const char *
refuse(struct ingest_conn *c, const struct p2pfs_put *put, enum p2pfs_err err)
{
    struct p2pfs_result r = {.request = put->request, .err = err};

    return add_result(c, &r);
}

const char *
ingest_conn_answer(struct ingest_conn *c, const struct ingest_request *q)
{
    const struct store_result *s = &q->job.result;
    struct p2pfs_result r = {.request = q->job.tag,
        .err = s->err,
        .created = s->created,
        .entry = s->entry,
        .root = s->root,
        .received = s->received,
        .set_count = s->set_count};

    c->requests--;
    c->bytes -= q->job.len;
    return c->fd < 0 ? NULL : add_result(c, &r);
}

static const char *
take_hello(struct ingest_conn *c, const uint8_t *frame, size_t len)
{
    const struct ingest_config *conf = ingest_settings(c->in);
    struct p2pfs_welcome w = {.magic = P2PFS_FRAME_MAGIC,
        .version = P2PFS_FRAME_VERSION,
        .file_max = conf->file_max,
        .count_max = conf->count_max,
        .requests_max = conf->requests_max,
        .bytes_max = conf->bytes_max};
    struct p2pfs_hello h;
    uint8_t *out;

    if (c->greeted || p2pfs_frame_read_hello(frame, len, &h) != P2PFS_OK) {
        return "malformed hello";
    }
    if (h.magic != P2PFS_FRAME_MAGIC || h.version != P2PFS_FRAME_VERSION) {
        return "worker speaks another version";
    }
    out = out_room(c, P2PFS_FRAME_SMALL_MAX);
    if (out == NULL) {
        return "out of memory";
    }
    c->olen += p2pfs_frame_welcome(out, &w);
    c->greeted = 1;
    return NULL;
}

/* The record's own n and index stay 0: those of a client are not checked yet
 * and travel beside it. */
static struct ingest_request *
new_request(struct ingest_conn *c, const struct p2pfs_put *put)
{
    struct ingest_request *q = calloc(1, sizeof(*q));

    if (q == NULL) {
        return NULL;
    }
    q->job.data = malloc(put->len > 0 ? put->len : 1);
    if (q->job.data == NULL) {
        free(q);
        return NULL;
    }
    if (put->len > 0) {
        memcpy(q->job.data, put->content, put->len);
    }
    q->conn = c;
    q->job.kind = WRITER_FILE;
    q->job.record.kind = P2PFS_RECORD_FILE;
    q->job.record.id_len = put->id_len;
    memcpy(q->job.record.id, put->id, put->id_len);
    q->job.n = put->n;
    q->job.index = put->index;
    if (put->has_root) {
        q->job.record.root = put->root;
        q->job.proof = put->proof;
    }
    q->job.len = put->len;
    q->job.origin = STORE_LOCAL;
    q->job.tag = put->request;
    return q;
}

static const char *
take_put(struct ingest_conn *c, const uint8_t *frame, size_t len)
{
    const struct ingest_config *conf = ingest_settings(c->in);
    struct ingest_request *q;
    struct p2pfs_put put;

    if (!c->greeted || p2pfs_frame_read_put(frame, len, &put) != P2PFS_OK) {
        return "malformed put";
    }
    if (put.id_len == 0 || put.id_len > P2PFS_SET_ID_MAX) {
        return refuse(c, &put, P2PFS_BAD_SET_ID);
    }
    if (put.has_root && p2pfs_hash_is_zero(&put.root)) {
        /* In a record it would mean that there is none. */
        return refuse(c, &put, P2PFS_NOT_IN_ROOT);
    }
    if (c->requests >= conf->requests_max
        || (c->requests > 0 && c->bytes + put.len > conf->bytes_max)) {
        return refuse(c, &put, P2PFS_STORE_UNAVAILABLE);
    }
    q = new_request(c, &put);
    if (q == NULL || ingest_submit(c->in, q) != 0) {
        if (q != NULL) {
            free(q->job.data);
            free(q);
        }
        return refuse(c, &put, P2PFS_STORE_UNAVAILABLE);
    }
    c->requests++;
    c->bytes += put.len;
    return NULL;
}

static const char *
take_damaged(struct ingest_conn *c, const uint8_t *frame, size_t len)
{
    const struct ingest_config *conf = ingest_settings(c->in);
    struct p2pfs_damaged d;

    if (!c->greeted || p2pfs_frame_read_damaged(frame, len, &d) != P2PFS_OK) {
        return "malformed report of damage";
    }
    if (conf->on_damaged != NULL) {
        conf->on_damaged(conf->ctx, &d);
    }
    return NULL;
}

static const char *
take_frame(struct ingest_conn *c, enum p2pfs_frame_type type,
    const uint8_t *frame, size_t len)
{
    switch (type) {
    case P2PFS_FRAME_HELLO: return take_hello(c, frame, len);
    case P2PFS_FRAME_PUT: return take_put(c, frame, len);
    case P2PFS_FRAME_DAMAGED: return take_damaged(c, frame, len);
    case P2PFS_FRAME_WELCOME:
    case P2PFS_FRAME_RESULT: break;
    }
    return "frame of the wrong direction";
}

static const char *
take_frames(struct ingest_conn *c)
{
    enum p2pfs_frame_type type;
    const char *wrong = NULL;
    size_t first = 0;
    size_t len;
    int got = 0;

    while (wrong == NULL && c->fd >= 0) {
        got = p2pfs_frame_next(c->ibuf + first, c->ilen - first, &len, &type);
        if (got <= 0) {
            break;
        }
        wrong = take_frame(c, type, c->ibuf + first, len);
        first += len;
    }
    if (got < 0) {
        return "malformed frame";
    }
    c->ilen -= first;
    if (first > 0 && c->ilen > 0) {
        memmove(c->ibuf, c->ibuf + first, c->ilen);
    }
    return wrong;
}

/* A frame that has begun may need more room, never more than the largest. */
static int
in_room(struct ingest_conn *c)
{
    size_t room = c->iroom == 0 ? INGEST_IN_ROOM : 2 * c->iroom;
    uint8_t *buf;

    if (c->ilen < c->iroom) {
        return 0;
    }
    if (room > P2PFS_FRAME_BYTES_MAX) {
        room = P2PFS_FRAME_BYTES_MAX;
    }
    if (room <= c->iroom) {
        return -1; /* cannot be: a whole frame would have been taken */
    }
    buf = realloc(c->ibuf, room);
    if (buf == NULL) {
        return -1;
    }
    c->ibuf = buf;
    c->iroom = room;
    return 0;
}

const char *
ingest_conn_read(struct ingest_conn *c)
{
    ssize_t n;

    if (in_room(c) != 0) {
        return "out of memory";
    }
    do {
        n = recv(c->fd, c->ibuf + c->ilen, c->iroom - c->ilen, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return errno == EAGAIN ? NULL : "receive failed";
    }
    if (n == 0) {
        return "closed by the worker";
    }
    c->ilen += (size_t)n;
    return take_frames(c);
}
