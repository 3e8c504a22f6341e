/*
 * gossipd/writer_queue.h: jobs that wait for the writer, in two lanes: what
 * clients sent to this node, and what came from peers. Pure: no lock, no
 * thread; the writer has the mutex.
 *
 * A client waits for its answer, a peer's record is offered again. So peers may
 * fill half of the queue, the rest is kept for clients; and of a group clients'
 * jobs take up to three quarters while both lanes have jobs. Within a lane the
 * order of submission stays.
 */

#ifndef P2PFS_GOSSIPD_WRITER_QUEUE_H
#define P2PFS_GOSSIPD_WRITER_QUEUE_H

#include <stddef.h>

#include "gossipd/writer.h"

enum writer_lane { LANE_CLIENTS, LANE_PEERS };
#define WRITER_LANES (LANE_PEERS + 1)

/* Files and versions; facts (PUBLISHED, PEER) are not counted. */
struct writer_load {
    size_t jobs;
    size_t bytes;
};

struct writer_queue {
    struct {
        struct writer_job *first;
        struct writer_job **last;
    } lane[WRITER_LANES];
    struct writer_limits limits;
    size_t queued; /* of all kinds */
    /* queued and in the group that was taken last, until _settle */
    struct writer_load load[WRITER_LANES];
};

void writer_queue_init(struct writer_queue *q,
    const struct writer_limits *limits);

/* 0, or -1: full for this job. */
int writer_queue_put(struct writer_queue *q, struct writer_job *job);

/* The next group, a list by next; NULL and *n 0 where nothing waits. */
struct writer_job *writer_queue_take(struct writer_queue *q, size_t *n);

/* Sums up a job that is done; _settle then gives the room back. */
void writer_load_add(struct writer_load load[static WRITER_LANES],
    const struct writer_job *job);
void writer_queue_settle(struct writer_queue *q,
    const struct writer_load load[static WRITER_LANES]);

#endif
