/*
 * gossipd/writer_queue.c: two lanes, their bounds, and groups out of both.
 */

#include <string.h>

#include "gossipd/writer_queue.h"

#define CLIENTS_PER_PEERS 3 /* jobs in a group where both lanes have some */

static int
is_counted(const struct writer_job *job)
{
    return job->kind == WRITER_FILE || job->kind == WRITER_VERSION;
}

static enum writer_lane
lane_of(const struct writer_job *job)
{
    return job->kind == WRITER_FILE && job->origin == STORE_LOCAL ? LANE_CLIENTS
                                                                  : LANE_PEERS;
}

void
writer_queue_init(struct writer_queue *q, const struct writer_limits *limits)
{
    unsigned i;

    memset(q, 0, sizeof(*q));
    q->limits = *limits;
    for (i = 0; i < WRITER_LANES; i++) {
        q->lane[i].last = &q->lane[i].first;
    }
}

/* One job fits always where there is none, whatever its size. */
static int
fits(const struct writer_load *load, size_t len, size_t jobs_max,
    size_t bytes_max)
{
    return load->jobs == 0
        || (load->jobs < jobs_max && load->bytes + len <= bytes_max);
}

static int
has_room(const struct writer_queue *q, const struct writer_job *job)
{
    const struct writer_load *clients = &q->load[LANE_CLIENTS];
    const struct writer_load *peers = &q->load[LANE_PEERS];
    struct writer_load all = {.jobs = clients->jobs + peers->jobs,
        .bytes = clients->bytes + peers->bytes};

    if (lane_of(job) == LANE_PEERS
        && !fits(peers, job->len, q->limits.jobs_max / 2,
            q->limits.bytes_max / 2)) {
        return 0;
    }
    return fits(&all, job->len, q->limits.jobs_max, q->limits.bytes_max);
}

int
writer_queue_put(struct writer_queue *q, struct writer_job *job)
{
    enum writer_lane lane = lane_of(job);

    if (is_counted(job) && !has_room(q, job)) {
        return -1;
    }
    job->next = NULL;
    *q->lane[lane].last = job;
    q->lane[lane].last = &job->next;
    q->queued++;
    writer_load_add(q->load, job);
    return 0;
}

/* NULL where nothing waits. taken: out of each lane, for this group. */
static struct writer_job *
next_job(const struct writer_queue *q, const size_t taken[WRITER_LANES],
    enum writer_lane *lane)
{
    *lane = LANE_CLIENTS;
    if (q->lane[LANE_CLIENTS].first == NULL
        || (q->lane[LANE_PEERS].first != NULL
            && taken[LANE_CLIENTS]
                >= CLIENTS_PER_PEERS * (taken[LANE_PEERS] + 1))) {
        *lane = LANE_PEERS;
    }
    return q->lane[*lane].first;
}

static void
unlink_first(struct writer_queue *q, enum writer_lane lane)
{
    q->lane[lane].first = q->lane[lane].first->next;
    if (q->lane[lane].first == NULL) {
        q->lane[lane].last = &q->lane[lane].first;
    }
    q->queued--;
}

struct writer_job *
writer_queue_take(struct writer_queue *q, size_t *n)
{
    struct writer_job *group = NULL, **end = &group, *job;
    size_t taken[WRITER_LANES] = {0}, bytes = 0;
    enum writer_lane lane;

    *n = 0;
    while ((job = next_job(q, taken, &lane)) != NULL && *n < WRITER_BATCH_MAX
        && (*n == 0 || bytes + job->len <= WRITER_BATCH_BYTES)) {
        unlink_first(q, lane);
        taken[lane]++;
        bytes += job->len;
        (*n)++;
        *end = job;
        end = &job->next;
    }
    *end = NULL;
    return group;
}

void
writer_load_add(struct writer_load load[static WRITER_LANES],
    const struct writer_job *job)
{
    if (is_counted(job)) {
        load[lane_of(job)].jobs++;
        load[lane_of(job)].bytes += job->len;
    }
}

void
writer_queue_settle(struct writer_queue *q,
    const struct writer_load load[static WRITER_LANES])
{
    unsigned i;

    for (i = 0; i < WRITER_LANES; i++) {
        q->load[i].jobs -= load[i].jobs;
        q->load[i].bytes -= load[i].bytes;
    }
}
