/*
 * gossipd/mesh_topic.c: who is in the mesh of a topic. Every graft, whatever
 * asked for it, goes through may_graft() and graft(), so that no path forgets
 * the backoff.
 */

#include <stdlib.h>
#include <string.h>

#include "gossipd/mesh_int.h"

#define BACKOFF_MAX_MS 3600000u /* longest one taken from a peer */
#define BACKOFF_SLACK_HEARTBEATS 2

static uint64_t
bit(unsigned t)
{
    return (uint64_t)1 << t;
}

static int
name_ok(const char *name)
{
    return name != NULL && name[0] != '\0'
        && strnlen(name, MESH_TOPIC_MAX + 1) <= MESH_TOPIC_MAX;
}

static int
find(const struct mesh *m, const char *name)
{
    if (name == NULL) {
        return -1;
    }
    for (unsigned t = 0; t < m->n_topics; t++) {
        if (strcmp(m->topics[t].name, name) == 0) {
            return (int)t;
        }
    }
    return -1;
}

int
mesh_topic_joined(const struct mesh *m, const char *name)
{
    int t = find(m, name);

    return t >= 0 && m->topics[t].joined ? t : -1;
}

size_t
mesh_topic_degree(const struct mesh *m, unsigned t)
{
    const struct mesh_peer *peer;
    size_t n = 0;

    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        n += (peer->mesh & bit(t)) != 0;
    }
    return n;
}

size_t
mesh_degree(const struct mesh *m, const char *topic)
{
    int t = mesh_topic_joined(m, topic);

    return t < 0 ? 0 : mesh_topic_degree(m, (unsigned)t);
}

int
mesh_has(const struct mesh *m, const char *topic, uint64_t peer)
{
    const struct mesh_peer *p = mesh_peer_get(m, peer);
    int t = mesh_topic_joined(m, topic);

    return t >= 0 && p != NULL && (p->mesh & bit((unsigned)t)) != 0;
}

/*
 * gossipsub v1.1, "PRUNE Backoff and Peer Exchange": a pruned peer waits for
 * the whole backoff and a slack on top, because the other side's clock started
 * earlier than ours may have.
 */
static int
may_graft(const struct mesh *m, const struct mesh_peer *peer, unsigned t)
{
    uint64_t slack = (uint64_t)BACKOFF_SLACK_HEARTBEATS * m->p.heartbeat_ms;
    uint64_t until = backoff_until(m->backoff, peer->id, t);

    return (peer->subscribed & bit(t)) && !(peer->mesh & bit(t))
        && (until == 0 || m->now >= until + slack);
}

/* gossipsub v1.0, "Control Messages" (GRAFT). Then the peer hears at once what
 * went out before it was in the mesh. */
static void
graft(struct mesh *m, struct mesh_peer *peer, unsigned t)
{
    peer->mesh |= bit(t);
    m->stats.graft_sent++;
    mesh_emit(m, MESH_SEND_GRAFT, peer->id, m->topics[t].name, NULL, 0);
    mesh_gossip_announce_all(m, peer, t);
}

static void
prune(struct mesh *m, struct mesh_peer *peer, unsigned t, unsigned backoff_ms)
{
    peer->mesh &= ~bit(t);
    backoff_set(m->backoff, peer->id, t, m->now + backoff_ms);
    mesh_emit_prune(m, peer->id, m->topics[t].name, backoff_ms);
}

/* Up to `want` random peers; `outbound`: only those this node dialled. */
static void
graft_some(struct mesh *m, unsigned t, size_t want, int outbound)
{
    struct mesh_peer *peer;
    size_t n = 0;

    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        if (may_graft(m, peer, t) && (!outbound || peer->outbound)) {
            m->pick[n++] = peer;
        }
    }
    mesh_shuffle_peers(m, m->pick, n);
    for (size_t i = 0; i < n && i < want; i++) {
        graft(m, m->pick[i], t);
    }
}

/*
 * Down to D. gossipsub v1.1, "Outbound Mesh Quotas": among those that stay are
 * D_out outbound ones, where there are as many.
 */
static void
prune_some(struct mesh *m, unsigned t)
{
    size_t n = 0, outbound = 0, others;
    struct mesh_peer *peer;

    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        if (peer->mesh & bit(t)) {
            m->pick[n++] = peer;
            outbound += peer->outbound != 0;
        }
    }
    mesh_shuffle_peers(m, m->pick, n);
    outbound = outbound < m->p.d_out ? outbound : m->p.d_out;
    others = m->p.d - outbound;
    for (size_t i = 0; i < n; i++) {
        peer = m->pick[i];
        if (peer->outbound && outbound > 0) {
            outbound--;
        } else if (others > 0) {
            others--;
        } else {
            prune(m, peer, t, m->p.prune_backoff_ms);
        }
    }
}

void
mesh_topic_on_peer(struct mesh *m, const struct mesh_peer *peer)
{
    for (unsigned t = 0; t < m->n_topics; t++) {
        if (m->topics[t].joined) {
            mesh_emit(m, MESH_SEND_SUBSCRIBE, peer->id, m->topics[t].name, NULL,
                0);
        }
    }
}

/* Where a subscription to a topic that this node never joined is, or -1. */
static int
find_other(const struct mesh_peer *peer, const char *name)
{
    for (unsigned i = 0; i < peer->n_other; i++) {
        if (strcmp(peer->other[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void
remove_other(struct mesh_peer *peer, int i)
{
    peer->other[i] = peer->other[--peer->n_other];
    if (peer->n_other == 0) {
        free(peer->other);
        peer->other = NULL;
    }
}

/* Kept for the day this node joins. Over the cap it is not known that the peer
 * is there, nothing worse. */
static void
add_other(struct mesh *m, struct mesh_peer *peer, const char *name)
{
    struct mesh_topic *other;

    if (find_other(peer, name) >= 0 || peer->n_other >= m->p.topics_max) {
        return;
    }
    other = realloc(peer->other, (peer->n_other + 1) * sizeof(other[0]));
    if (other == NULL) {
        return;
    }
    peer->other = other;
    other += peer->n_other++;
    memset(other, 0, sizeof(*other));
    memcpy(other->name, name, strlen(name));
}

void
mesh_topic_on_subscribed(struct mesh *m, struct mesh_peer *peer,
    const char *name)
{
    int found = find(m, name);
    unsigned t = (unsigned)found;

    if (!name_ok(name)) {
        return;
    }
    if (found < 0) {
        add_other(m, peer, name);
        return;
    }
    if (peer->subscribed & bit(t)) {
        return;
    }
    peer->subscribed |= bit(t);
    if (!m->topics[t].joined) {
        return;
    }
    /* not at the next heartbeat: a network of three should work at once */
    if (mesh_topic_degree(m, t) < m->p.d_lo && may_graft(m, peer, t)) {
        graft(m, peer, t);
    } else {
        mesh_gossip_announce_all(m, peer, t);
    }
}

void
mesh_topic_on_unsubscribed(struct mesh *m, struct mesh_peer *peer,
    const char *name)
{
    int t = find(m, name), i;

    if (!name_ok(name)) {
        return;
    }
    if (t >= 0) {
        peer->subscribed &= ~bit((unsigned)t);
        peer->mesh &= ~bit((unsigned)t);
        return;
    }
    i = find_other(peer, name);
    if (i >= 0) {
        remove_other(peer, i);
    }
}

/*
 * gossipsub v1.0, "Control Messages" (GRAFT) and v1.1, "PRUNE Backoff and Peer
 * Exchange", "Outbound Mesh Quotas". A topic that is not ours is ignored
 * without an answer (v1.1, "Spam Protection Measures"). At D_hi only dialled
 * peers get in; the same bound makes the heartbeat prune, otherwise a mesh of
 * exactly D_hi would refuse everybody for ever.
 */
void
mesh_topic_on_graft(struct mesh *m, struct mesh_peer *peer, const char *name)
{
    int found = mesh_topic_joined(m, name);
    unsigned t = (unsigned)found;
    int early;

    if (found < 0 || (peer->mesh & bit(t))) {
        return;
    }
    early = m->now < backoff_until(m->backoff, peer->id, t);
    if (early) {
        mesh_emit_blame(m, peer->id, MESH_FAULT_EARLY_GRAFT);
    }
    if (early || !(peer->subscribed & bit(t))
        || (mesh_topic_degree(m, t) >= m->p.d_hi && !peer->outbound)) {
        m->stats.graft_refused++;
        prune(m, peer, t, m->p.prune_backoff_ms);
        return;
    }
    peer->mesh |= bit(t);
    mesh_gossip_announce_all(m, peer, t);
}

/* gossipsub v1.1, "PRUNE Backoff and Peer Exchange"; a PRUNE without a time is
 * one of v1.0 and gets the default. */
void
mesh_topic_on_prune(struct mesh *m, struct mesh_peer *peer, const char *name,
    unsigned backoff_ms)
{
    int found = mesh_topic_joined(m, name);
    unsigned t = (unsigned)found;

    if (found < 0) {
        return;
    }
    if (backoff_ms == 0) {
        backoff_ms = m->p.prune_backoff_ms;
    }
    if (backoff_ms > BACKOFF_MAX_MS) {
        backoff_ms = BACKOFF_MAX_MS;
    }
    peer->mesh &= ~bit(t);
    backoff_set(m->backoff, peer->id, t, m->now + backoff_ms);
}

/* A new place for a topic; what peers said of it so far moves there. */
static int
intern(struct mesh *m, const char *name)
{
    struct mesh_peer *peer;
    unsigned t = m->n_topics;
    int i;

    if (t >= m->p.topics_max) {
        return -1;
    }
    m->n_topics++;
    memcpy(m->topics[t].name, name, strlen(name) + 1);
    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        i = find_other(peer, name);
        if (i >= 0) {
            peer->subscribed |= bit(t);
            remove_other(peer, i);
        }
    }
    return (int)t;
}

/* gossipsub v1.0, "Topic Membership" (JOIN): D peers, but none that v1.1 wants
 * left alone for now. */
void
mesh_topic_join(struct mesh *m, const char *name)
{
    struct mesh_peer *peer;
    int t = find(m, name);

    if (!name_ok(name)) {
        return;
    }
    if (t < 0) {
        t = intern(m, name);
    }
    if (t < 0 || m->topics[t].joined) {
        return;
    }
    m->topics[t].joined = 1;
    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        mesh_emit(m, MESH_SEND_SUBSCRIBE, peer->id, m->topics[t].name, NULL, 0);
    }
    graft_some(m, (unsigned)t, m->p.d, 0);
}

/* gossipsub v1.0, "Topic Membership" (LEAVE); v1.1, "PRUNE Backoff and Peer
 * Exchange": a shorter backoff, both ends keep it. */
void
mesh_topic_leave(struct mesh *m, const char *name)
{
    int found = mesh_topic_joined(m, name);
    unsigned t = (unsigned)found;
    struct mesh_peer *peer;

    if (found < 0) {
        return;
    }
    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        if (peer->mesh & bit(t)) {
            prune(m, peer, t, m->p.unsubscribe_backoff_ms);
        }
        mesh_emit(m, MESH_SEND_UNSUBSCRIBE, peer->id, m->topics[t].name, NULL,
            0);
    }
    m->topics[t].joined = 0;
}

static size_t
outbound_degree(const struct mesh *m, unsigned t)
{
    const struct mesh_peer *peer;
    size_t n = 0;

    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        n += (peer->mesh & bit(t)) && peer->outbound;
    }
    return n;
}

/* gossipsub v1.0, "Mesh Maintenance"; v1.1, "Outbound Mesh
 * Quotas". */
void
mesh_topic_heartbeat(struct mesh *m)
{
    size_t degree, outbound;

    for (unsigned t = 0; t < m->n_topics; t++) {
        if (!m->topics[t].joined) {
            continue;
        }
        degree = mesh_topic_degree(m, t);
        if (degree < m->p.d_lo) {
            graft_some(m, t, m->p.d - degree, 0);
        } else if (degree >= m->p.d_hi && degree > m->p.d) {
            prune_some(m, t);
        }
        if (mesh_topic_degree(m, t) >= m->p.d_lo) {
            outbound = outbound_degree(m, t);
            if (outbound < m->p.d_out) {
                graft_some(m, t, m->p.d_out - outbound, 1);
            }
        }
    }
}
