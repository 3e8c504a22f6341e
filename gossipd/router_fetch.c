/*
 * gossipd/router_fetch.c: what fetch says, done.
 */

#include <stdlib.h>
#include <string.h>

#include "gossipd/router_int.h"

/* A store that the writer cannot take now is told to fetch after this step:
 * its own step is not to be entered twice. */
static void
refuse(struct router *r, uint64_t tag)
{
    if (r->n_refused < LATE_MAX) {
        r->refused_tags[r->n_refused++] = tag;
    }
}

static void
store(struct router *r, const struct fetch_action *a)
{
    struct write_call *call;
    struct writer_job *job;
    int is_file = a->record->kind == P2PFS_RECORD_FILE;

    call = router_write_call(r, WRITE_FETCHED,
        is_file ? WRITER_FILE : WRITER_VERSION);
    if (call == NULL) {
        free(a->data);
        refuse(r, a->tag);
        return;
    }
    job = &call->job;
    job->record = *a->record;
    job->n = a->record->n;
    job->index = a->record->index;
    job->check_entry = is_file;
    if (a->proof != NULL) {
        job->proof = *a->proof;
    }
    job->origin = a->from_log ? STORE_CATCHUP : STORE_GOSSIP;
    job->data = a->data;
    job->len = a->len;
    job->tag = a->tag;
    if (writer_submit(r->part.writer, job) != 0) {
        writer_job_free(job);
        refuse(r, a->tag);
    }
}

static void
check(struct router *r, const struct fetch_action *a)
{
    struct read_call *call;
    size_t i;

    call = router_read_call(r, READ_FOR_CHECK, PEERREAD_MISSING);
    if (call == NULL) {
        return;
    }
    call->job.rows = calloc(a->n_rows, sizeof(*call->job.rows));
    if (call->job.rows == NULL) {
        peerread_job_free(&call->job);
        return;
    }
    for (i = 0; i < a->n_rows; i++) {
        call->job.rows[i].seq = a->rows[i].seq;
        call->job.rows[i].record = a->rows[i].record;
        call->job.rows[i].size = a->rows[i].size;
    }
    call->job.n_rows = (unsigned)a->n_rows;
    call->job.tag = a->peer;
    /* lost at a full queue: fetch asks for the page again after its timeout */
    (void)router_submit_read(r, call);
}

static void
save_cursor(struct router *r, const struct fetch_action *a)
{
    struct write_call *call;

    call = router_write_call(r, WRITE_FACT, WRITER_PEER);
    if (call == NULL) {
        return;
    }
    memcpy(call->job.node_id, a->node_id, NODE_ID_BYTES);
    memcpy(call->job.epoch, a->epoch, STORE_EPOCH_BYTES);
    call->job.seq = a->seq;
    if (writer_submit(r->part.writer, &call->job) != 0) {
        writer_job_free(&call->job);
    }
}

static void
send_request(struct router *r, const struct fetch_action *a)
{
    int rc;

    if (a->kind == FETCH_SEND_LOG_GET) {
        rc = wire_log_get(&r->buf, a->epoch, a->seq, a->max);
    } else {
        rc = wire_get(&r->buf, a->request, a->record, a->offset, a->length);
    }
    if (rc == 0) {
        (void)links_send(r->part.links, a->peer, LINK_REQUEST, r->buf.p,
            r->buf.len, NULL, REQUEST_DEADLINE_MS);
    }
}

static void
step(struct router *r, const struct fetch_event *e)
{
    const struct fetch_action *a;
    size_t i, n;

    a = fetch_step(r->fetch, e, r->now, &n);
    for (i = 0; i < n; i++) {
        switch (a[i].kind) {
        case FETCH_SEND_LOG_GET:
        case FETCH_SEND_GET: send_request(r, &a[i]); break;
        case FETCH_CHECK: check(r, &a[i]); break;
        case FETCH_STORE: store(r, &a[i]); break;
        case FETCH_SAVE_CURSOR: save_cursor(r, &a[i]); break;
        case FETCH_BLAME: router_blame(r, a[i].peer, a[i].reason); break;
        }
    }
}

void
router_fetch(struct router *r, const struct fetch_event *e)
{
    struct fetch_event refused = {.kind = FETCH_STORED};

    step(r, e);
    while (r->n_refused > 0) {
        refused.tag = r->refused_tags[--r->n_refused];
        refused.err = P2PFS_STORE_UNAVAILABLE;
        step(r, &refused);
    }
}

void
router_fetched(struct router *r, struct write_call *call)
{
    struct fetch_event e = {.kind = FETCH_STORED};
    struct writer_job *job = &call->job;

    e.tag = job->tag;
    e.err = job->result.err;
    router_fetch(r, &e);

    if (job->kind == WRITER_FILE && job->result.err == P2PFS_OK) {
        router_offer_end(r, &job->record, (uint32_t)job->len,
            job->result.created);
    }
}

void
router_fetch_checked(struct router *r, const struct read_call *call)
{
    struct fetch_row rows[PEERREAD_PAGE_MAX];
    struct fetch_event e = {.kind = FETCH_CHECKED};
    size_t i;

    if (call->job.err != P2PFS_OK || call->job.n_rows > PEERREAD_PAGE_MAX) {
        return;
    }
    for (i = 0; i < call->job.n_rows; i++) {
        rows[i].seq = call->job.rows[i].seq;
        rows[i].record = call->job.rows[i].record;
        rows[i].size = call->job.rows[i].size;
        rows[i].missing = call->job.rows[i].missing;
    }
    e.peer = call->job.tag;
    e.rows = rows;
    e.n_rows = call->job.n_rows;
    router_fetch(r, &e);
}

void
router_peer_cursor(struct router *r, const struct read_call *call)
{
    struct fetch_event e = {.kind = FETCH_PEER_UP};

    if (router_peer(r, call->job.tag) == NULL) {
        return;
    }
    e.peer = call->job.tag;
    e.node_id = call->job.node_id;
    if (call->job.err == P2PFS_OK) {
        e.epoch = call->job.epoch;
        e.seq = call->job.after;
    }
    router_fetch(r, &e);
}
