/*
 * gossipd/router_mesh.c: what the mesh says, done.
 */

#include <stdlib.h>
#include <string.h>

#include "gossipd/router_int.h"

static void
send_control(struct router *r, const struct mesh_action *a)
{
    enum link_class class;
    unsigned deadline;
    int rc;

    class = LINK_CONTROL;
    deadline = 0;
    rc = -1;
    switch (a->kind) {
    case MESH_SEND_SUBSCRIBE:
        rc = wire_subscriptions(&r->buf, &a->topic, 1, 1);
        break;
    case MESH_SEND_UNSUBSCRIBE:
        rc = wire_subscriptions(&r->buf, &a->topic, 1, 0);
        break;
    case MESH_SEND_GRAFT: rc = wire_graft(&r->buf, a->topic); break;
    case MESH_SEND_PRUNE:
        rc = wire_prune(&r->buf, a->topic, a->backoff_ms);
        break;
    case MESH_SEND_IHAVE:
        rc = wire_ihave(&r->buf, a->topic, a->ids, a->n_ids);
        class = LINK_REQUEST;
        deadline = REQUEST_DEADLINE_MS;
        break;
    case MESH_SEND_IWANT:
        rc = wire_iwant(&r->buf, a->ids, a->n_ids);
        class = LINK_REQUEST;
        deadline = REQUEST_DEADLINE_MS;
        break;
    case MESH_PUSH:
    case MESH_VALIDATE:
    case MESH_BLAME: return;
    }
    if (rc == 0) {
        (void)links_send(r->part.links, a->peer, class, r->buf.p, r->buf.len,
            NULL, deadline);
    }
}

/* Takes the reference of body over. */
static void
send_message(struct router *r, uint64_t peer, const struct p2pfs_record *rec,
    uint32_t size, const struct p2pfs_proof *proof, struct payload *body)
{
    if (wire_publish(&r->buf, ROUTER_TOPIC, rec, size, proof) != 0) {
        payload_unref(body);
        return;
    }
    (void)links_send(r->part.links, peer, LINK_PUSH, r->buf.p, r->buf.len, body,
        PUSH_DEADLINE_MS);
}

static void
read_for_push(struct router *r, uint64_t peer, const struct cached *e)
{
    struct read_call *call;

    call = router_read_call(r, READ_FOR_PUSH, PEERREAD_BYTES);
    if (call == NULL) {
        return;
    }
    call->job.record = e->record;
    call->job.length = e->size;
    call->job.tag = peer;
    call->id = e->id;
    (void)router_submit_peer_read(r, call);
}

/* A message that is no longer known is offered again by the log. */
static void
push(struct router *r, uint64_t peer, const struct p2pfs_hash *id)
{
    const struct cached *e;

    e = cache_find(r->cache, id);
    if (e == NULL) {
        return;
    }
    if (e->record.kind == P2PFS_RECORD_VERSION || e->size > EAGER_MAX_BYTES) {
        send_message(r, peer, &e->record, e->size, NULL, payload_ref(r->empty));
    } else if (e->payload == NULL) {
        read_for_push(r, peer, e);
    } else {
        send_message(r, peer, &e->record, e->size, e->proof,
            payload_ref(e->payload));
    }
}

void
router_push_read(struct router *r, struct read_call *call)
{
    struct peerread_job *job = &call->job;
    struct payload *body;

    if (job->err != P2PFS_OK || job->len != job->total
        || job->total > EAGER_MAX_BYTES) {
        return;
    }
    body = payload_take(job->data, job->len);
    job->data = NULL;
    if (body != NULL) {
        send_message(r, job->tag, &job->record, (uint32_t)job->total,
            p2pfs_record_has_root(&job->record) ? &job->proof : NULL, body);
    }
}

static void
late(struct router *r, const struct p2pfs_hash *id, enum mesh_verdict v)
{
    if (r->n_late < LATE_MAX) {
        r->late[r->n_late].id = *id;
        r->late[r->n_late].verdict = v;
        r->n_late++;
    }
}

static int
validate_small(struct router *r)
{
    struct write_call *call;
    struct writer_job *job;

    call = router_write_call(r, WRITE_GOSSIPED, WRITER_FILE);
    if (call == NULL) {
        return -1;
    }
    job = &call->job;
    job->record = *r->in.record;
    job->n = r->in.record->n;
    job->index = r->in.record->index;
    job->check_entry = 1;
    job->proof = r->in.proof;
    job->origin = STORE_GOSSIP;
    job->len = r->in.size;
    job->data = malloc(job->len == 0 ? 1 : job->len);
    if (job->data == NULL) {
        writer_job_free(job);
        return -1;
    }
    if (job->len != 0) {
        memcpy(job->data, r->in.body, job->len);
    }
    if (writer_submit(r->part.writer, job) != 0) {
        writer_job_free(job);
        return -1;
    }
    return 0;
}

/* A large file or a version: are its bytes here already? */
static int
validate_announced(struct router *r, uint64_t peer, const struct p2pfs_hash *id)
{
    struct read_call *call;

    call = router_read_call(r, READ_FOR_OFFER, PEERREAD_MISSING);
    if (call == NULL) {
        return -1;
    }
    call->job.rows = calloc(1, sizeof(*call->job.rows));
    if (call->job.rows == NULL) {
        peerread_job_free(&call->job);
        return -1;
    }
    call->job.rows[0].record = *r->in.record;
    call->job.n_rows = 1;
    call->job.tag = peer;
    call->id = *id;
    call->size = r->in.size;
    return router_submit_peer_read(r, call);
}

static void
validate(struct router *r, const struct mesh_action *a)
{
    int rc;

    if (r->in.record == NULL) {
        return;
    }
    if (r->in.record->kind == P2PFS_RECORD_FILE
        && r->in.size <= EAGER_MAX_BYTES) {
        rc = validate_small(r);
    } else {
        rc = validate_announced(r, a->peer, &a->ids[0]);
    }
    if (rc != 0) {
        late(r, &a->ids[0], MESH_IGNORE);
    }
}

/* The other faults happen to honest peers too (a crossing GRAFT, a full queue):
 * summed up over weeks they would close good links. */
static void
blame(struct router *r, const struct mesh_action *a)
{
    if (a->fault == MESH_FAULT_INVALID) {
        router_blame(r, a->peer, a->reason);
    } else {
        log_debug(r->part.log, "mesh: link=%llu reason=\"%s\"",
            (unsigned long long)a->peer, a->reason);
    }
}

void
router_mesh(struct router *r, const struct mesh_event *e)
{
    const struct mesh_action *a;
    size_t i, n;

    a = mesh_step(r->mesh, e, r->now, &n);
    for (i = 0; i < n; i++) {
        switch (a[i].kind) {
        case MESH_PUSH: push(r, a[i].peer, &a[i].ids[0]); break;
        case MESH_VALIDATE: validate(r, &a[i]); break;
        case MESH_BLAME: blame(r, &a[i]); break;
        case MESH_SEND_SUBSCRIBE:
        case MESH_SEND_UNSUBSCRIBE:
        case MESH_SEND_GRAFT:
        case MESH_SEND_PRUNE:
        case MESH_SEND_IHAVE:
        case MESH_SEND_IWANT: send_control(r, &a[i]); break;
        }
    }
}

void
router_verdict(struct router *r, const struct p2pfs_hash *id,
    enum mesh_verdict v)
{
    struct mesh_event e = {.kind = MESH_VERDICT, .ids = id, .n_ids = 1};

    e.verdict = v;
    e.topic = ROUTER_TOPIC;
    router_mesh(r, &e);
}

void
router_late(struct router *r)
{
    struct late_verdict v;

    while (r->n_late > 0) {
        v = r->late[--r->n_late];
        router_verdict(r, &v.id, v.verdict);
    }
}

/*
 * What the store said of a file from a peer. What is ours (no space, no memory,
 * no database) is not the sender's fault. A record's id covers the record, not
 * the content and the proof that came along: where those are wrong it is this
 * copy, not the record.
 */
static enum mesh_verdict
verdict_of(const struct store_result *res)
{
    static const enum p2pfs_err record[] = {P2PFS_BAD_SET_ID,
        P2PFS_BAD_SET_COUNT, P2PFS_INDEX_OUT_OF_RANGE};
    size_t i;

    if (res->err == P2PFS_OK) {
        return res->created ? MESH_ACCEPT : MESH_DUPLICATE;
    }
    if (res->err == P2PFS_NOT_IN_ROOT || res->err == P2PFS_BODY_TOO_LARGE) {
        return MESH_DAMAGED;
    }
    for (i = 0; i < sizeof(record) / sizeof(record[0]); i++) {
        if (res->err == record[i]) {
            return MESH_REJECT;
        }
    }
    return MESH_IGNORE;
}

void
router_gossiped(struct router *r, struct write_call *call)
{
    struct writer_job *job = &call->job;
    enum mesh_verdict v;
    struct p2pfs_hash id;
    struct payload *body;

    v = verdict_of(&job->result);
    p2pfs_record_id(r->hasher, &job->record, &id);
    if (v == MESH_ACCEPT) {
        body = payload_take(job->data, job->len);
        job->data = NULL;
        if (cache_put(r->cache, &id, &job->record, (uint32_t)job->len,
                p2pfs_record_has_root(&job->record) ? &job->proof : NULL, body)
            != P2PFS_OK) {
            v = MESH_DUPLICATE; /* stored; the log tells others of it */
        }
    }
    router_verdict(r, &id, v);
}

static void
remember_offer(struct router *r, const struct p2pfs_hash *id)
{
    size_t i, oldest;

    oldest = 0;
    for (i = 0; i < OFFERS_MAX; i++) {
        if (r->offers[i].until < r->offers[oldest].until) {
            oldest = i;
        }
    }
    if (r->offers[oldest].until != 0) {
        router_verdict(r, &r->offers[oldest].id, MESH_IGNORE);
    }
    r->offers[oldest].id = *id;
    r->offers[oldest].until = r->now + OFFER_MS;
}

void
router_offer_checked(struct router *r, const struct read_call *call)
{
    const struct peerread_row *row = &call->job.rows[0];
    struct fetch_event e = {.kind = FETCH_OFFER};

    if (call->job.err != P2PFS_OK) {
        router_verdict(r, &call->id, MESH_IGNORE);
    } else if (!row->missing) {
        router_verdict(r, &call->id, MESH_DUPLICATE);
    } else if (row->record.kind == P2PFS_RECORD_VERSION) {
        /* Born here too when its files are, and then published; if they differ,
         * out of the log. IGNORE would let every copy in again. */
        router_verdict(r, &call->id, MESH_DUPLICATE);
    } else {
        remember_offer(r, &call->id);
        e.peer = call->job.tag;
        e.record = &row->record;
        e.size = call->size;
        router_fetch(r, &e);
    }
}

void
router_offer_end(struct router *r, const struct p2pfs_record *rec,
    uint32_t size, int created)
{
    struct p2pfs_hash id;
    enum p2pfs_err err;
    size_t i;

    p2pfs_record_id(r->hasher, rec, &id);
    for (i = 0; i < OFFERS_MAX; i++) {
        if (r->offers[i].until != 0
            && p2pfs_hash_cmp(&r->offers[i].id, &id) == 0) {
            r->offers[i].until = 0;
            err = cache_put(r->cache, &id, rec, size, NULL, NULL);
            router_verdict(r, &id,
                created && err == P2PFS_OK ? MESH_ACCEPT : MESH_DUPLICATE);
            return;
        }
    }
}

void
router_offers_expire(struct router *r)
{
    size_t i;

    for (i = 0; i < OFFERS_MAX; i++) {
        if (r->offers[i].until != 0 && r->offers[i].until <= r->now) {
            r->offers[i].until = 0;
            router_verdict(r, &r->offers[i].id, MESH_IGNORE);
        }
    }
}
