/*
 * gossipd/mesh_gossip.c: telling peers which ids went out lately (IHAVE), and
 * sending what they then ask for (IWANT).
 */

#include <stdlib.h>

#include "gossipd/mesh_int.h"

static void
emit_ihave(struct mesh *m, const struct mesh_peer *peer, unsigned t,
    const struct p2pfs_hash *ids, size_t n)
{
    if (n > 0) {
        m->stats.ihave_sent += n;
        mesh_emit(m, MESH_SEND_IHAVE, peer->id, m->topics[t].name, ids, n);
    }
}

/*
 * All of the history to a peer that has just come to the topic or to its mesh:
 * what went out before is not pushed to it, and in a line of nodes nobody else
 * could tell it. The newest ids where there are too many.
 */
void
mesh_gossip_announce_all(struct mesh *m, const struct mesh_peer *peer,
    unsigned t)
{
    size_t n = history_ids(m->history, t, 0, m->p.history_length, m->pick_ids);
    size_t skip = n > m->p.max_ihave_length ? n - m->p.max_ihave_length : 0;

    emit_ihave(m, peer, t, m->pick_ids + skip, n - skip);
}

/* A random choice comes to the front, so that different peers hear of different
 * ids when there are more than one IHAVE may hold. */
static void
choose_ids(struct mesh *m, size_t n, size_t want)
{
    for (size_t i = 0; i < want; i++) {
        size_t j = i + (size_t)rng_below(&m->rng, n - i);
        struct p2pfs_hash id = m->pick_ids[i];

        m->pick_ids[i] = m->pick_ids[j];
        m->pick_ids[j] = id;
    }
}

/* Ids of the windows from .. history_gossip - 1 to each of v. */
static void
announce(struct mesh *m, struct mesh_peer **v, size_t n_peers, unsigned t,
    unsigned from)
{
    size_t max = m->p.max_ihave_length;
    size_t n;

    if (n_peers == 0) {
        return;
    }
    n = history_ids(m->history, t, from, m->p.history_gossip, m->pick_ids);
    for (size_t i = 0; i < n_peers; i++) {
        if (n > max) {
            choose_ids(m, n, max);
        }
        emit_ihave(m, v[i], t, m->pick_ids, n > max ? max : n);
    }
}

/* Subscribers of a topic in or out of its mesh, shuffled, into m->pick. */
static size_t
subscribers(struct mesh *m, unsigned t, int in_mesh)
{
    uint64_t bit = (uint64_t)1 << t;
    struct mesh_peer *peer;
    size_t n = 0;

    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        if ((peer->subscribed & bit)
            && ((peer->mesh & bit) != 0) == (in_mesh != 0)) {
            m->pick[n++] = peer;
        }
    }
    mesh_shuffle_peers(m, m->pick, n);
    return n;
}

/*
 * gossipsub v1.0, "Gossip Emission"; v1.1, "Adaptive Gossip Dissemination":
 * D_lazy or a share of the peers outside the mesh, whichever is more.
 *
 * Not in the spec: where fewer than D_lazy are outside (in a small network
 * nobody is), peers of the mesh take the free places, or a push that was
 * dropped by a full queue would never be repaired. They are told only what is
 * older than a heartbeat, so that ids do not overtake pushes under way.
 */
void
mesh_gossip_heartbeat(struct mesh *m)
{
    size_t n, share, want;

    for (unsigned t = 0; t < m->n_topics; t++) {
        if (!m->topics[t].joined) {
            continue;
        }
        n = subscribers(m, t, 0);
        share = n * m->p.gossip_factor_pct / 100;
        want = share > m->p.d_lazy ? share : m->p.d_lazy;
        if (n >= want) {
            announce(m, m->pick, want, t, 0);
            continue;
        }
        announce(m, m->pick, n, t, 0);
        want -= n;
        n = subscribers(m, t, 1);
        announce(m, m->pick, n < want ? n : want, t, 1);
    }
}

static void
flooded(struct mesh *m, struct mesh_peer *peer, size_t n_ids)
{
    m->stats.ihave_dropped += n_ids;
    if (!peer->flooded) {
        peer->flooded = 1;
        mesh_emit_blame(m, peer->id, MESH_FAULT_FLOOD);
    }
}

static void
ask(struct mesh *m, const struct mesh_peer *peer, size_t n)
{
    if (n > 0) {
        m->stats.iwant_sent += n;
        mesh_emit(m, MESH_SEND_IWANT, peer->id, NULL, m->pick_ids, n);
    }
}

/*
 * gossipsub v1.0, "Control Messages" (IHAVE); v1.1, "Spam Protection
 * Measures": so many IHAVEs, and so many ids asked for, in a heartbeat. An id
 * that was asked of another peer is not asked for twice; the announcer is
 * remembered in case the other fails.
 */
void
mesh_gossip_on_ihave(struct mesh *m, struct mesh_peer *peer,
    const struct mesh_event *e)
{
    size_t n = 0;

    if (mesh_topic_joined(m, e->topic) < 0) {
        return;
    }
    if (peer->ihave_messages >= m->p.max_ihave_messages) {
        flooded(m, peer, e->n_ids);
        return;
    }
    peer->ihave_messages++;
    for (size_t i = 0; i < e->n_ids; i++) {
        const struct p2pfs_hash *id = &e->ids[i];

        if (seen_get(m->seen, id, m->now) != SEEN_NONE
            || mesh_want_other(m, id, peer->id)) {
            continue;
        }
        if (peer->ihave_ids >= m->p.max_ihave_length
            || !mesh_want_add(m, id, peer->id)) {
            m->stats.ihave_dropped++;
            continue;
        }
        peer->ihave_ids++;
        m->pick_ids[n++] = *id;
        if (n == m->p.cache_max) {
            ask(m, peer, n);
            n = 0;
        }
    }
    ask(m, peer, n);
}

/*
 * gossipsub v1.0, "Control Messages" (IWANT): what is in the history; v1.1,
 * "Spam Protection Measures": the same id to the same peer only so often.
 */
void
mesh_gossip_on_iwant(struct mesh *m, struct mesh_peer *peer,
    const struct mesh_event *e)
{
    unsigned topic;
    size_t slot;

    if (peer->served == NULL) {
        peer->served = calloc(m->p.cache_max, 1);
        if (peer->served == NULL) {
            m->stats.iwant_refused += e->n_ids;
            return;
        }
    }
    for (size_t i = 0; i < e->n_ids; i++) {
        if (!history_find(m->history, &e->ids[i], &topic, &slot)
            || peer->served[slot] >= m->p.iwant_retransmission) {
            m->stats.iwant_refused++;
            continue;
        }
        peer->served[slot]++;
        m->stats.pushed++;
        mesh_emit(m, MESH_PUSH, peer->id, m->topics[topic].name, &e->ids[i], 1);
    }
}

/* A slot holds a new id: what was counted there was for the old one. */
void
mesh_gossip_new_slot(struct mesh *m, size_t slot)
{
    struct mesh_peer *peer;

    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        if (peer->served != NULL) {
            peer->served[slot] = 0;
        }
    }
}
