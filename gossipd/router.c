/*
 * gossipd/router.c: the turn of the router thread: links, mail of the other
 * threads, timers.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gossipd/router_int.h"

static uint64_t
monotonic_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

struct peer *
router_peer(struct router *r, uint64_t number)
{
    size_t i;

    for (i = 0; i < r->n_peers; i++) {
        if (r->peers[i].number == number) {
            return &r->peers[i];
        }
    }
    return NULL;
}

void
router_blame(struct router *r, uint64_t number, const char *reason)
{
    struct peer *p;

    p = router_peer(r, number);
    if (p == NULL) {
        return;
    }
    p->blamed++;
    log_warn(r->part.log, "peer: blamed link=%llu reason=\"%s\" count=%u",
        (unsigned long long)number, reason, p->blamed);
    if (p->blamed >= BLAME_MAX) {
        links_kick(r->part.links, number, reason, BLAME_BAN_MS);
    }
}

struct read_call *
router_read_call(struct router *r, enum read_purpose purpose,
    enum peerread_kind kind)
{
    struct read_call *call;

    call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->purpose = purpose;
    call->job.kind = kind;
    call->job.done = inbox_put_read;
    call->job.ctx = r->part.inbox;
    return call;
}

/* -1: the queue is full, and the call is gone. */
int
router_submit_read(struct router *r, struct read_call *call)
{
    if (peerread_submit(r->part.reads, &call->job) != 0) {
        peerread_job_free(&call->job);
        return -1;
    }
    return 0;
}

/* The same for what the peer call->job.tag asks for: bounded, so that nobody
 * keeps the reading thread from the others, or from this node's own reads. */
int
router_submit_peer_read(struct router *r, struct read_call *call)
{
    struct peer *p = router_peer(r, call->job.tag);

    if (p == NULL || p->reads >= PEER_READS_MAX
        || r->peers_reads >= PEERS_READS_MAX) {
        peerread_job_free(&call->job);
        return -1;
    }
    if (router_submit_read(r, call) != 0) {
        return -1;
    }
    p->reads++;
    r->peers_reads++;
    return 0;
}

static void
peer_read_done(struct router *r, uint64_t number)
{
    struct peer *p = router_peer(r, number);

    r->peers_reads--;
    if (p != NULL) {
        p->reads--;
    }
}

struct write_call *
router_write_call(struct router *r, enum write_purpose purpose,
    enum writer_kind kind)
{
    struct write_call *call;

    call = calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->purpose = purpose;
    call->job.kind = kind;
    call->job.done = inbox_put_written;
    call->job.ctx = r->part.inbox;
    return call;
}

static void
on_up(struct router *r, const struct link_event *e)
{
    struct mesh_event ev = {.kind = MESH_PEER_UP, .peer = e->peer};
    struct read_call *call;
    struct peer *p;

    if (r->n_peers == r->part.config->links_max) {
        links_kick(r->part.links, e->peer, "too many links", 0);
        return;
    }
    p = &r->peers[r->n_peers++];
    memset(p, 0, sizeof(*p));
    p->number = e->peer;
    memcpy(p->node_id, e->node_id, NODE_ID_BYTES);
    p->outbound = e->outbound;
    r->status_dirty = 1;

    ev.outbound = e->outbound;
    router_mesh(r, &ev);

    call = router_read_call(r, READ_FOR_CURSOR, PEERREAD_PEER);
    if (call == NULL) {
        links_kick(r->part.links, e->peer, "out of memory", 0);
        return;
    }
    memcpy(call->job.node_id, e->node_id, NODE_ID_BYTES);
    call->job.tag = e->peer;
    if (router_submit_read(r, call) != 0) {
        links_kick(r->part.links, e->peer, "busy", 0);
    }
}

static void
on_down(struct router *r, const struct link_event *e)
{
    struct mesh_event ev = {.kind = MESH_PEER_DOWN, .peer = e->peer};
    struct fetch_event fe = {.kind = FETCH_PEER_DOWN, .peer = e->peer};
    struct peer *p;

    p = router_peer(r, e->peer);
    if (p == NULL) {
        return;
    }
    *p = r->peers[--r->n_peers];
    r->status_dirty = 1;
    router_mesh(r, &ev);
    router_fetch(r, &fe);
}

static void
on_event(void *ctx, const struct link_event *e)
{
    struct router *r = ctx;

    r->now = monotonic_ms(); /* the wait before it may have been long */
    switch (e->kind) {
    case LINK_UP: on_up(r, e); break;
    case LINK_DOWN: on_down(r, e); break;
    case LINK_MESSAGE:
        if (router_peer(r, e->peer) != NULL) {
            router_on_message(r, e);
        }
        break;
    }
}

static void
on_read(struct router *r, struct read_call *call)
{
    switch (call->purpose) {
    case READ_FOR_CURSOR: router_peer_cursor(r, call); return;
    case READ_FOR_PUBLISH_PAGE: router_publish_page(r, call); return;
    case READ_FOR_PUBLISH: router_publish_read(r, call); return;
    case READ_FOR_CHECK: router_fetch_checked(r, call); return;
    case READ_FOR_PUSH: router_push_read(r, call); break;
    case READ_FOR_OFFER: router_offer_checked(r, call); break;
    case READ_FOR_LOG_GET: router_log_answer(r, call); break;
    case READ_FOR_GET: router_get_answer(r, call); break;
    }
    peer_read_done(r, call->job.tag);
}

static void
on_written(struct router *r, struct write_call *call)
{
    switch (call->purpose) {
    case WRITE_GOSSIPED: router_gossiped(r, call); break;
    case WRITE_FETCHED: router_fetched(r, call); break;
    case WRITE_FACT: break;
    }
}

static void
take_mail(struct router *r)
{
    struct inbox_mail mail;
    struct peerread_job *read;
    struct writer_job *written;

    inbox_take(r->part.inbox, &mail);
    while (mail.written != NULL) {
        written = mail.written;
        mail.written = written->next;
        on_written(r, (struct write_call *)written);
        writer_job_free(written);
    }
    while (mail.read != NULL) {
        read = mail.read;
        mail.read = read->next;
        on_read(r, (struct read_call *)read);
        peerread_job_free(read);
    }
    if (mail.log_head > r->log_head) {
        r->log_head = mail.log_head;
        links_set_ping(r->part.links, r->part.epoch, r->log_head);
    }
    router_publish(r);
}

static void
run_timers(struct router *r)
{
    struct fetch_event fe = {.kind = FETCH_TICK};
    struct mesh_event me = {.kind = MESH_TICK};

    if (r->now >= mesh_deadline(r->mesh)) {
        router_mesh(r, &me);
    }
    if (r->now >= fetch_deadline(r->fetch)) {
        router_fetch(r, &fe);
    }
    if (r->now >= r->next_beat) {
        r->next_beat = r->now + BEAT_MS;
        router_offers_expire(r);
        router_tell_head(r);
        router_save_published(r);
        r->status_dirty = 1;
    }
    if (r->status_dirty) {
        r->status_dirty = 0;
        router_write_status(r);
    }
}

static int
wait_ms(const struct router *r, unsigned timeout_ms)
{
    uint64_t at, deadline;

    at = r->now + timeout_ms;
    deadline = mesh_deadline(r->mesh);
    at = deadline < at ? deadline : at;
    deadline = fetch_deadline(r->fetch);
    at = deadline < at ? deadline : at;
    at = r->next_beat < at ? r->next_beat : at;
    return at <= r->now ? 0 : (int)(at - r->now);
}

void
router_turn(struct router *r, unsigned timeout_ms)
{
    r->now = monotonic_ms();
    links_poll(r->part.links, wait_ms(r, timeout_ms), on_event, r);
    r->now = monotonic_ms();
    take_mail(r);
    run_timers(r);
}

void
router_save(struct router *r)
{
    router_save_published(r);
}

static enum p2pfs_err
make_tables(struct router *r)
{
    struct mesh_params mp = r->part.config->mesh;
    struct fetch_params fp;
    enum p2pfs_err err;

    fetch_params_default(&fp);
    fp.peers_max = r->part.config->links_max;
    mp.peers_max = r->part.config->links_max;
    err = mesh_new(&r->mesh, &mp, r->part.seed);
    if (err == P2PFS_OK) {
        err = fetch_new(&r->fetch, &fp, r->part.seed ^ 0x5bd1e995u);
    }
    if (err == P2PFS_OK) {
        err = cache_new(&r->cache, CACHE_ENTRIES, CACHE_BYTES);
    }
    if (err == P2PFS_OK) {
        err = p2pfs_hasher_new(&r->hasher);
    }
    if (err != P2PFS_OK) {
        return err;
    }
    r->empty = payload_new("", 0);
    r->peers = calloc(r->part.config->links_max, sizeof(*r->peers));
    return r->empty == NULL || r->peers == NULL ? P2PFS_NO_MEMORY : P2PFS_OK;
}

enum p2pfs_err
router_new(struct router **out, const struct router_parts *p)
{
    struct mesh_event join = {.kind = MESH_JOIN, .topic = ROUTER_TOPIC};
    struct router *r;
    enum p2pfs_err err;

    *out = NULL;
    r = calloc(1, sizeof(*r));
    if (r == NULL) {
        return P2PFS_NO_MEMORY;
    }
    r->part = *p;
    r->log_head = p->log_head;
    r->published = p->published;
    r->saved = p->published;
    r->now = monotonic_ms();
    r->next_beat = r->now;
    err = make_tables(r);
    if (err != P2PFS_OK) {
        router_free(r);
        return err;
    }
    links_watch(p->links, inbox_fd(p->inbox));
    links_set_ping(p->links, p->epoch, p->log_head);
    router_mesh(r, &join);
    *out = r;
    return P2PFS_OK;
}

void
router_free(struct router *r)
{
    if (r == NULL) {
        return;
    }
    mesh_free(r->mesh);
    fetch_free(r->fetch);
    cache_free(r->cache);
    p2pfs_hasher_free(r->hasher);
    wire_buf_fini(&r->buf);
    payload_unref(r->empty);
    free(r->peers);
    free(r);
}
