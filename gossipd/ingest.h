/*
 * gossipd/ingest.h: the Unix stream socket that nginx workers connect to.
 *
 * A thread of its own accepts, reads frames (core/frame.h) and hands each PUT
 * to the writer; results go back on the connection they came from, whatever
 * their order. It always reads: what is over a limit is answered with
 * STORE_UNAVAILABLE, never left in the socket.
 */

#ifndef P2PFS_GOSSIPD_INGEST_H
#define P2PFS_GOSSIPD_INGEST_H

#include "core/frame.h"
#include "gossipd/log.h"
#include "gossipd/writer.h"

struct ingest;

struct ingest_config {
    const char *path;      /* at most 107 bytes */
    unsigned mode;         /* of the socket, 0660 */
    int connections_max;   /* further ones are closed at once */
    uint32_t requests_max; /* in flight, for each connection */
    uint32_t bytes_max;
    uint32_t file_max;
    uint32_t count_max;
    /* A worker's report, on the ingest thread; or NULL. */
    void (*on_damaged)(void *ctx, const struct p2pfs_damaged *d);
    void *ctx;
};

/*
 * Binds (a stale socket that nobody listens on is replaced; a live one is an
 * error), chmods, listens and starts the thread. IO with words in detail.
 */
enum p2pfs_err ingest_start(struct ingest **out, const struct ingest_config *c,
    struct writer *w, struct log *log, char *detail, size_t detail_room)
    P2PFS_MUST_CHECK;

/* Stops taking new requests and unlinks the socket; what was handed to the
 * writer is still answered by ingest_stop. */
void ingest_drain(struct ingest *in);

/* After writer_stop: sends the last answers (at most 1 s), closes all. */
void ingest_stop(struct ingest *in);

#endif
