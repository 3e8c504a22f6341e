/*
 * gossipd/mesh.c: parameters, creation, peers, and what each event goes to.
 */

#include "gossipd/mesh.h"

#include <stdlib.h>
#include <string.h>

#include "gossipd/mesh_int.h"

#define BACKOFF_SWEEP_HEARTBEATS 15

void
mesh_params_default(struct mesh_params *p)
{
    *p = (struct mesh_params){
        .d = 6,
        .d_lo = 5,
        .d_hi = 12,
        .d_lazy = 6,
        .d_out = 2,
        .gossip_factor_pct = 25,
        .heartbeat_ms = 1000,
        .history_length = 5,
        .history_gossip = 3,
        .seen_ttl_ms = 120000,
        .prune_backoff_ms = 10000,
        .unsubscribe_backoff_ms = 2000,
        .max_ihave_length = 1000,
        .max_ihave_messages = 10,
        .iwant_retransmission = 3,
        .iwant_followup_ms = 3000,
        .peers_max = 256,
        .topics_max = 64,
        .seen_max = 65536,
        .validating_max = 4096,
        .wants_max = 16384,
        .cache_max = 16384,
    };
}

/* gossipsub v1.0, "Parameters"; v1.1, "Outbound Mesh Quotas": D_out stays
 * below D_lo and is at most half of D. */
const char *
mesh_params_check(const struct mesh_params *p)
{
    if (p->d_lo > p->d) {
        return "mesh_d_lo is above mesh_d";
    }
    if (p->d > p->d_hi) {
        return "mesh_d is above mesh_d_hi";
    }
    if (p->d_out > p->d / 2 || (p->d_out > 0 && p->d_out >= p->d_lo)) {
        return "mesh_d_out is not below mesh_d_lo, or above half of mesh_d";
    }
    if (p->gossip_factor_pct > 100) {
        return "the gossip factor is above 100 percent";
    }
    if (p->heartbeat_ms == 0) {
        return "heartbeat_ms is 0";
    }
    if (p->history_gossip == 0 || p->history_gossip > p->history_length) {
        return "the gossiped history is empty or longer than the history";
    }
    if (p->seen_ttl_ms / p->heartbeat_ms <= p->history_length) {
        return "seen_ttl_ms is not longer than the history";
    }
    if (p->topics_max == 0 || p->topics_max > MESH_TOPICS_MAX) {
        return "the number of topics is not from 1 to 64";
    }
    if (p->peers_max == 0 || p->seen_max == 0 || p->validating_max == 0
        || p->wants_max == 0 || p->cache_max == 0) {
        return "a table of the mesh has no room";
    }
    return NULL;
}

static enum p2pfs_err
open_tables(struct mesh *m)
{
    const struct mesh_params *p = &m->p;
    enum p2pfs_err err;

    err = table_new(&m->peers, sizeof(uint64_t), sizeof(struct mesh_peer),
        p->peers_max, rng_next(&m->rng));
    if (err == P2PFS_OK) {
        err = table_new(&m->wants, sizeof(struct p2pfs_hash),
            sizeof(struct mesh_want), p->wants_max, rng_next(&m->rng));
    }
    if (err == P2PFS_OK) {
        err = seen_new(&m->seen, p->seen_max, p->validating_max, p->seen_ttl_ms,
            rng_next(&m->rng));
    }
    if (err == P2PFS_OK) {
        err = history_new(&m->history, p->history_length, p->cache_max,
            rng_next(&m->rng));
    }
    if (err == P2PFS_OK) {
        err = backoff_new(&m->backoff, p->peers_max * p->topics_max,
            rng_next(&m->rng));
    }
    return err;
}

enum p2pfs_err
mesh_new(struct mesh **out, const struct mesh_params *p, uint64_t seed)
{
    enum p2pfs_err err = P2PFS_NO_MEMORY;
    struct mesh *m;

    *out = NULL;
    m = calloc(1, sizeof(*m));
    if (m == NULL) {
        return P2PFS_NO_MEMORY;
    }
    m->p = *p;
    rng_init(&m->rng, seed);
    m->pick = calloc(p->peers_max, sizeof(m->pick[0]));
    m->pick_ids = calloc(p->cache_max, sizeof(m->pick_ids[0]));
    m->pick_want = calloc(MESH_IDS_MAX, sizeof(m->pick_want[0]));
    if (m->pick == NULL || m->pick_ids == NULL || m->pick_want == NULL) {
        goto failed;
    }
    err = open_tables(m);
    if (err != P2PFS_OK) {
        goto failed;
    }
    *out = m;
    return P2PFS_OK;

failed:
    mesh_free(m);
    return err;
}

static void
forget_peer(struct mesh *m, struct mesh_peer *peer)
{
    free(peer->other);
    free(peer->served);
    table_del(m->peers, peer);
}

void
mesh_free(struct mesh *m)
{
    struct mesh_peer *peer;

    if (m == NULL) {
        return;
    }
    if (m->peers != NULL) {
        while ((peer = table_first(m->peers)) != NULL) {
            forget_peer(m, peer);
        }
    }
    table_free(m->peers);
    table_free(m->wants);
    seen_free(m->seen);
    history_free(m->history);
    backoff_free(m->backoff);
    mesh_out_free(&m->out);
    free(m->pick);
    free(m->pick_ids);
    free(m->pick_want);
    free(m);
}

struct mesh_peer *
mesh_peer_get(const struct mesh *m, uint64_t id)
{
    return table_get(m->peers, &id);
}

void
mesh_shuffle_peers(struct mesh *m, struct mesh_peer **v, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)rng_below(&m->rng, i);
        struct mesh_peer *t = v[i - 1];

        v[i - 1] = v[j];
        v[j] = t;
    }
}

static void
on_peer_up(struct mesh *m, uint64_t id, int outbound)
{
    struct mesh_peer *peer;

    if (id == SEEN_NOBODY || mesh_peer_get(m, id) != NULL) {
        return;
    }
    peer = table_add(m->peers, &id);
    if (peer == NULL) {
        return;
    }
    peer->id = id;
    peer->outbound = outbound;
    mesh_topic_on_peer(m, peer);
}

/* The one place where a peer ends: nothing of it may stay in any table. The
 * wants go last, they ask other peers. */
static void
on_peer_down(struct mesh *m, struct mesh_peer *peer)
{
    uint64_t id = peer->id;

    forget_peer(m, peer);
    backoff_drop_peer(m->backoff, id);
    seen_drop_peer(m->seen, id);
    mesh_want_drop_peer(m, id);
}

/* gossipsub v1.0, "Heartbeat": upkeep first, then gossip, then the windows
 * move on. */
static void
heartbeat(struct mesh *m)
{
    struct mesh_peer *peer;

    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        peer->ihave_messages = 0;
        peer->ihave_ids = 0;
        peer->flooded = 0;
    }
    mesh_topic_heartbeat(m);
    mesh_gossip_heartbeat(m);
    history_shift(m->history);
    seen_sweep(m->seen, m->now);
    if (++m->heartbeats % BACKOFF_SWEEP_HEARTBEATS == 0) {
        backoff_sweep(m->backoff, m->now);
    }
}

/* After a pause (a stopped process) one heartbeat is enough: the missed ones
 * are not made up for. */
static void
tick(struct mesh *m)
{
    mesh_want_tick(m);
    if (m->now < m->next_heartbeat) {
        return;
    }
    m->next_heartbeat += m->p.heartbeat_ms;
    if (m->next_heartbeat <= m->now) {
        m->next_heartbeat = m->now + m->p.heartbeat_ms;
    }
    heartbeat(m);
}

/* Events of a peer that is up; others are late and mean nothing. */
static void
peer_event(struct mesh *m, struct mesh_peer *peer, const struct mesh_event *e)
{
    switch (e->kind) {
    case MESH_PEER_DOWN: on_peer_down(m, peer); break;
    case MESH_SUBSCRIBED: mesh_topic_on_subscribed(m, peer, e->topic); break;
    case MESH_UNSUBSCRIBED:
        mesh_topic_on_unsubscribed(m, peer, e->topic);
        break;
    case MESH_GRAFT: mesh_topic_on_graft(m, peer, e->topic); break;
    case MESH_PRUNE:
        mesh_topic_on_prune(m, peer, e->topic, e->backoff_ms);
        break;
    case MESH_IHAVE: mesh_gossip_on_ihave(m, peer, e); break;
    case MESH_IWANT: mesh_gossip_on_iwant(m, peer, e); break;
    case MESH_RECEIVED: mesh_message_on_received(m, peer, e); break;
    case MESH_PEER_UP:
    case MESH_JOIN:
    case MESH_LEAVE:
    case MESH_VERDICT:
    case MESH_PUBLISH:
    case MESH_TICK: break;
    }
}

static void
dispatch(struct mesh *m, const struct mesh_event *e)
{
    struct mesh_peer *peer;

    switch (e->kind) {
    case MESH_PEER_UP: on_peer_up(m, e->peer, e->outbound); break;
    case MESH_JOIN: mesh_topic_join(m, e->topic); break;
    case MESH_LEAVE: mesh_topic_leave(m, e->topic); break;
    case MESH_VERDICT: mesh_message_on_verdict(m, e); break;
    case MESH_PUBLISH: mesh_message_publish(m, e); break;
    case MESH_TICK: tick(m); break;
    case MESH_PEER_DOWN:
    case MESH_SUBSCRIBED:
    case MESH_UNSUBSCRIBED:
    case MESH_GRAFT:
    case MESH_PRUNE:
    case MESH_IHAVE:
    case MESH_IWANT:
    case MESH_RECEIVED:
        peer = mesh_peer_get(m, e->peer);
        if (peer != NULL) {
            peer_event(m, peer, e);
        }
        break;
    }
}

const struct mesh_action *
mesh_step(struct mesh *m, const struct mesh_event *e, uint64_t now_ms,
    size_t *n)
{
    mesh_out_clear(&m->out);
    if (now_ms > m->now) {
        m->now = now_ms;
    }
    if (!m->started) {
        /* a random phase, or nodes started together would all gossip at the
         * same instant for ever */
        m->started = 1;
        m->next_heartbeat = m->now + 1 + rng_below(&m->rng, m->p.heartbeat_ms);
    }
    dispatch(m, e);
    return mesh_out_list(&m->out, n);
}

uint64_t
mesh_deadline(const struct mesh *m)
{
    uint64_t want = mesh_want_deadline(m);

    if (!m->started) {
        return 0;
    }
    return want < m->next_heartbeat ? want : m->next_heartbeat;
}

size_t
mesh_peers(const struct mesh *m)
{
    return table_size(m->peers);
}

void
mesh_stats(const struct mesh *m, struct mesh_stats *out)
{
    *out = m->stats;
    out->seen = seen_size(m->seen);
    out->validating = seen_validating(m->seen);
    out->wants = table_size(m->wants);
    out->cached = history_size(m->history);
    out->backoffs = backoff_size(m->backoff);
}
