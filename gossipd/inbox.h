/*
 * gossipd/inbox.h: what other threads have for the router: jobs that are done
 * and the head of the log. Any thread puts, the router takes; a descriptor is
 * readable while something is there.
 */

#ifndef P2PFS_GOSSIPD_INBOX_H
#define P2PFS_GOSSIPD_INBOX_H

#include <stdint.h>

#include "core/error.h"
#include "gossipd/peerread.h"
#include "gossipd/writer.h"

struct inbox;

enum p2pfs_err inbox_new(struct inbox **out) P2PFS_MUST_CHECK;

/* Frees what nobody took. Takes NULL. */
void inbox_free(struct inbox *in);

int inbox_fd(const struct inbox *in);

/* Have the shape of done() and on_log(); ctx is the inbox. */
void inbox_put_written(struct writer_job *job, void *ctx);
void inbox_put_read(struct peerread_job *job, void *ctx);
void inbox_put_log(void *ctx, uint64_t head);

struct inbox_mail {
    struct writer_job *written; /* lists by next, oldest first */
    struct peerread_job *read;
    uint64_t log_head; /* highest that was put, 0: none */
};

/* Takes everything; never waits. */
void inbox_take(struct inbox *in, struct inbox_mail *mail);

/* Frees data and the job itself. Takes NULL. */
void writer_job_free(struct writer_job *job);

#endif
