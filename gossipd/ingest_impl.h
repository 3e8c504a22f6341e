/*
 * gossipd/ingest_impl.h: what the files of ingest share; nobody else includes
 * it. ingest_socket.c makes the socket, ingest.c has the thread, ingest_conn.c
 * one worker's connection: its buffers, frames and requests in flight.
 */

#ifndef P2PFS_GOSSIPD_INGEST_IMPL_H
#define P2PFS_GOSSIPD_INGEST_IMPL_H

#include "core/frame.h"
#include "gossipd/ingest.h"

/* Answers that a worker does not read: beyond this it is closed. */
#define INGEST_OUT_MAX (1024 * 1024)
#define INGEST_IN_ROOM (64 * 1024)

struct ingest;

/* Touched by the ingest thread alone. Lives until its last request is done,
 * closed or not. */
struct ingest_conn {
    struct ingest *in;
    int fd; /* -1: closed */
    int greeted;
    int wants_write; /* is registered for it */
    uint32_t requests;
    uint64_t bytes;
    uint8_t *ibuf;
    size_t ilen;
    size_t iroom;
    uint8_t *obuf;
    size_t ofirst;
    size_t olen;
    size_t oroom;
    struct ingest_conn *next;
};

/* A PUT at the writer. */
struct ingest_request {
    struct writer_job job; /* first: done() gets it back */
    struct ingest_conn *conn;
};

/* Reads once and takes all whole frames. NULL, or why to close. */
const char *ingest_conn_read(struct ingest_conn *c);

/* Sends what it can. NULL, or why to close. */
const char *ingest_conn_flush(struct ingest_conn *c);

/* Queues the answer of a request that came back. NULL, or why to close. */
const char *ingest_conn_answer(struct ingest_conn *c,
    const struct ingest_request *r);
void ingest_conn_free(struct ingest_conn *c);

/* A listening socket at path, or -1 with errno. */
int ingest_listen(const char *path, unsigned mode);

/* ingest.c, for ingest_conn.c */

const struct ingest_config *ingest_settings(const struct ingest *in);

/* Hands a request to the writer: 0, or -1 and it stays the caller's. */
int ingest_submit(struct ingest *in, struct ingest_request *r);

#endif
