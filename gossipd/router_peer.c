/*
 * gossipd/router_peer.c: messages from peers, and the answers to what they ask.
 */

#include <stdlib.h>
#include <string.h>

#include "core/frame.h"
#include "gossipd/router_int.h"

static void
on_subscriptions(struct router *r, uint64_t peer, const P2pfs__Rpc *rpc)
{
    struct mesh_event e = {.peer = peer};
    size_t i;

    for (i = 0; i < rpc->n_subscriptions; i++) {
        e.kind = rpc->subscriptions[i]->subscribe ? MESH_SUBSCRIBED
                                                  : MESH_UNSUBSCRIBED;
        e.topic = rpc->subscriptions[i]->topicid;
        router_mesh(r, &e);
    }
}

static void
on_ids(struct router *r, uint64_t peer, enum mesh_event_kind kind,
    const char *topic, const ProtobufCBinaryData *bytes, size_t n)
{
    struct p2pfs_hash ids[WIRE_IDS_MAX];
    struct mesh_event e = {.kind = kind, .peer = peer, .topic = topic};

    e.n_ids = wire_ids(bytes, n, ids, WIRE_IDS_MAX);
    e.ids = ids;
    router_mesh(r, &e);
}

static void
on_control(struct router *r, uint64_t peer, const P2pfs__ControlMessage *c)
{
    struct mesh_event e = {.peer = peer};
    uint64_t seconds;
    size_t i;

    for (i = 0; i < c->n_ihave; i++) {
        on_ids(r, peer, MESH_IHAVE, c->ihave[i]->topicid,
            c->ihave[i]->messageids, c->ihave[i]->n_messageids);
    }
    for (i = 0; i < c->n_iwant; i++) {
        on_ids(r, peer, MESH_IWANT, NULL, c->iwant[i]->messageids,
            c->iwant[i]->n_messageids);
    }
    for (i = 0; i < c->n_graft; i++) {
        e.kind = MESH_GRAFT;
        e.topic = c->graft[i]->topicid;
        router_mesh(r, &e);
    }
    for (i = 0; i < c->n_prune; i++) {
        e.kind = MESH_PRUNE;
        e.topic = c->prune[i]->topicid;
        seconds = c->prune[i]->backoff;
        e.backoff_ms = seconds > 3600 ? 3600000 : (unsigned)seconds * 1000;
        router_mesh(r, &e);
    }
}

/* NULL, or why a published message cannot be right whatever it holds. */
static const char *
check_publish(const struct p2pfs_record *rec, const P2pfs__Message *m,
    size_t body_len)
{
    if (rec->kind == P2PFS_RECORD_VERSION) {
        return body_len == 0 ? NULL : "version with a body";
    }
    if (!m->has_size || m->size > P2PFS_FILE_BYTES_MAX) {
        return "file larger than the network's largest";
    }
    if (body_len != (m->size <= EAGER_MAX_BYTES ? m->size : 0)) {
        return "body is not of the size that was told";
    }
    return NULL;
}

static void
on_publish(struct router *r, const struct link_event *e,
    const P2pfs__Message *m)
{
    struct mesh_event ev = {.kind = MESH_RECEIVED, .peer = e->peer};
    struct p2pfs_record rec;
    struct p2pfs_hash id;
    const char *wrong;

    if (m->topic == NULL || strcmp(m->topic, ROUTER_TOPIC) != 0) {
        return; /* a topic of a later version: not ours to judge */
    }
    if (p2pfs_record_decode(&rec, m->data.data, m->data.len) != P2PFS_OK) {
        router_blame(r, e->peer, "malformed record");
        return;
    }
    wrong = check_publish(&rec, m, e->body_len);
    if (wrong != NULL) {
        router_blame(r, e->peer, wrong);
        return;
    }

    p2pfs_record_id(r->hasher, &rec, &id);
    r->in.record = &rec;
    r->in.size = m->has_size ? m->size : 0;
    r->in.body = e->body;
    wire_proof(m->has_proof, &m->proof, &r->in.proof);
    ev.topic = m->topic;
    ev.ids = &id;
    ev.n_ids = 1;
    router_mesh(r, &ev);
    r->in.record = NULL;
    router_late(r);
}

static void
on_log_get(struct router *r, uint64_t peer, const P2pfs__LogGet *m)
{
    struct read_call *call;
    int same_epoch;

    call = router_read_call(r, READ_FOR_LOG_GET, PEERREAD_LOG);
    if (call == NULL) {
        return;
    }
    same_epoch = m->has_log_epoch && m->log_epoch.len == STORE_EPOCH_BYTES
        && memcmp(m->log_epoch.data, r->part.epoch, STORE_EPOCH_BYTES) == 0;
    call->job.after = same_epoch && m->has_after ? m->after : 0;
    call->job.max = m->has_max && m->max > 0 && m->max < PEERREAD_PAGE_MAX / 2
        ? m->max
        : PEERREAD_PAGE_MAX / 2;
    call->job.tag = peer;
    (void)router_submit_peer_read(r, call);
}

void
router_log_answer(struct router *r, const struct read_call *call)
{
    if (call->job.err != P2PFS_OK) {
        return; /* the peer asks again after its timeout */
    }
    if (wire_log_page(&r->buf, r->part.epoch, call->job.after, call->job.head,
            call->job.rows, call->job.n_rows)
        == 0) {
        (void)links_send(r->part.links, call->job.tag, LINK_REQUEST, r->buf.p,
            r->buf.len, NULL, REQUEST_DEADLINE_MS);
    }
}

static void
on_log_page(struct router *r, uint64_t peer, const P2pfs__LogPage *m)
{
    struct fetch_row rows[PEERREAD_PAGE_MAX];
    struct fetch_event e = {.kind = FETCH_PAGE, .peer = peer};

    if (wire_log_rows(m, rows, PEERREAD_PAGE_MAX, &e.n_rows) != P2PFS_OK) {
        router_blame(r, peer, "malformed page of a log");
        return;
    }
    e.epoch = m->log_epoch.data;
    e.after = m->after;
    e.head = m->head;
    e.rows = rows;
    router_fetch(r, &e);
}

static void
send_data(struct router *r, uint64_t peer, uint64_t request,
    enum wire_status status)
{
    if (wire_data(&r->buf, request, status, 0, 0, NULL) == 0) {
        (void)links_send(r->part.links, peer, LINK_BULK, r->buf.p, r->buf.len,
            payload_ref(r->empty), 0);
    }
}

static void
on_get(struct router *r, uint64_t peer, const P2pfs__Get *m)
{
    struct read_call *call;

    call = router_read_call(r, READ_FOR_GET, PEERREAD_BYTES);
    if (call == NULL) {
        send_data(r, peer, m->request, WIRE_DATA_BUSY);
        return;
    }
    if (p2pfs_record_decode(&call->job.record, m->record.data, m->record.len)
            != P2PFS_OK
        || m->length > FETCH_RANGE_BYTES) {
        peerread_job_free(&call->job);
        router_blame(r, peer, "malformed request for a record");
        return;
    }
    call->job.offset = m->has_offset ? m->offset : 0;
    call->job.length = m->length;
    call->job.tag = peer;
    call->job.tag2 = m->request;
    if (router_submit_peer_read(r, call) != 0) {
        send_data(r, peer, m->request, WIRE_DATA_BUSY);
    }
}

void
router_get_answer(struct router *r, struct read_call *call)
{
    struct peerread_job *job = &call->job;
    const struct p2pfs_proof *proof;
    struct payload *body;

    if (job->err != P2PFS_OK) {
        send_data(r, job->tag, job->tag2,
            job->err == P2PFS_FILE_NOT_FOUND ? WIRE_DATA_NOT_HERE
                                             : WIRE_DATA_BUSY);
        return;
    }
    proof = job->offset == 0 && job->record.kind == P2PFS_RECORD_FILE
            && p2pfs_record_has_root(&job->record)
        ? &job->proof
        : NULL;
    body = payload_take(job->data, job->len);
    job->data = NULL;
    if (body == NULL) {
        return;
    }
    if (wire_data(&r->buf, job->tag2, WIRE_DATA_OK, job->offset, job->total,
            proof)
        != 0) {
        payload_unref(body);
        return;
    }
    (void)links_send(r->part.links, job->tag, LINK_BULK, r->buf.p, r->buf.len,
        body, 0);
}

static void
on_data(struct router *r, const struct link_event *le, const P2pfs__Data *m)
{
    struct fetch_event e = {.kind = FETCH_DATA, .peer = le->peer};
    struct p2pfs_proof proof;

    wire_proof(m->has_proof, &m->proof, &proof);
    e.request = m->request;
    e.status = m->has_status ? m->status : WIRE_DATA_OK;
    e.offset = m->has_offset ? m->offset : 0;
    e.total = m->has_total ? m->total : 0;
    e.proof = m->has_proof ? &proof : NULL;
    e.data = le->body;
    e.len = le->body_len;
    router_fetch(r, &e);
}

static void
on_head(struct router *r, uint64_t peer, const P2pfs__Ping *m)
{
    struct fetch_event e = {.kind = FETCH_HEAD, .peer = peer};

    if (m->has_log_epoch && m->log_epoch.len == STORE_EPOCH_BYTES) {
        e.epoch = m->log_epoch.data;
        e.seq = m->has_log_head ? m->log_head : 0;
        router_fetch(r, &e);
    }
}

void
router_on_message(struct router *r, const struct link_event *e)
{
    const P2pfs__Rpc *rpc = e->rpc;

    if (e->bulk) {
        if (rpc->n_publish == 1) {
            on_publish(r, e, rpc->publish[0]);
        } else if (rpc->data != NULL) {
            on_data(r, e, rpc->data);
        }
        return;
    }
    on_subscriptions(r, e->peer, rpc);
    if (rpc->control != NULL) {
        on_control(r, e->peer, rpc->control);
    }
    if (rpc->log_get != NULL) {
        on_log_get(r, e->peer, rpc->log_get);
    }
    if (rpc->log_page != NULL) {
        on_log_page(r, e->peer, rpc->log_page);
    }
    if (rpc->get != NULL) {
        on_get(r, e->peer, rpc->get);
    }
    if (rpc->ping != NULL) {
        on_head(r, e->peer, rpc->ping);
    }
    if (rpc->pong != NULL) {
        on_head(r, e->peer, rpc->pong);
    }
}

/* A log that has grown is told at once; links tell it with every Ping too. */
void
router_tell_head(struct router *r)
{
    size_t i;

    if (r->told_head == r->log_head) {
        return;
    }
    r->told_head = r->log_head;
    if (wire_ping(&r->buf, 1, 0, r->part.epoch, r->log_head) != 0) {
        return;
    }
    for (i = 0; i < r->n_peers; i++) {
        (void)links_send(r->part.links, r->peers[i].number, LINK_REQUEST,
            r->buf.p, r->buf.len, NULL, REQUEST_DEADLINE_MS);
    }
}
