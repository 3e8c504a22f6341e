/*
 * gossipd/mesh_message.c: messages, from the first copy to the pushes.
 */

#include "gossipd/mesh_int.h"

static int
sent_by(const struct seen_pending *p, uint64_t peer)
{
    for (size_t i = 0; p != NULL && i < p->n_senders; i++) {
        if (p->senders[i] == peer) {
            return 1;
        }
    }
    return 0;
}

/*
 * gossipsub v1.0, "Message Processing": to the mesh, not to those who sent it
 * (all of them, a copy that came during validation included).
 */
static void
pass_on(struct mesh *m, unsigned t, const struct p2pfs_hash *id)
{
    const struct seen_pending *p = seen_pending(m->seen, id);
    struct mesh_peer *peer;
    size_t slot;

    if (history_put(m->history, id, t, &slot)) {
        mesh_gossip_new_slot(m, slot);
    }
    for (peer = table_first(m->peers); peer != NULL;
         peer = table_next(m->peers, peer)) {
        if (((peer->mesh >> t) & 1) && !sent_by(p, peer->id)) {
            m->stats.pushed++;
            mesh_emit(m, MESH_PUSH, peer->id, m->topics[t].name, id, 1);
        }
    }
}

static void
settle(struct mesh *m, const struct p2pfs_hash *id, enum seen_state state)
{
    if (seen_settle(m->seen, id, state, m->now)) {
        m->stats.seen_dropped++;
    }
}

void
mesh_message_on_received(struct mesh *m, struct mesh_peer *peer,
    const struct mesh_event *e)
{
    int t = mesh_topic_joined(m, e->topic);

    if (t < 0 || e->n_ids == 0) {
        return;
    }
    mesh_want_clear(m, e->ids);
    switch (seen_get(m->seen, e->ids, m->now)) {
    case SEEN_NONE:
        if (seen_begin(m->seen, e->ids, (unsigned)t, peer->id, m->now) != 0) {
            m->stats.seen_dropped++;
            return;
        }
        m->stats.received++;
        mesh_emit(m, MESH_VALIDATE, peer->id, m->topics[t].name, e->ids, 1);
        return;
    case SEEN_VALIDATING: seen_add_sender(m->seen, e->ids, peer->id); break;
    case SEEN_REJECTED: mesh_emit_blame(m, peer->id, MESH_FAULT_INVALID); break;
    case SEEN_KNOWN:
    case SEEN_OUT: break;
    }
    m->stats.duplicates++;
}

static void
blame_senders(struct mesh *m, const struct seen_pending *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p->senders[i] != SEEN_NOBODY) {
            mesh_emit_blame(m, p->senders[i], MESH_FAULT_INVALID);
        }
    }
}

/* The other senders' copies were put aside unread; one of them is asked for
 * its copy again, the rest stand by. */
static void
ask_other_senders(struct mesh *m, const struct p2pfs_hash *id,
    const struct seen_pending *p)
{
    if (p->n_senders < 2 || !mesh_want_add(m, id, p->senders[1])) {
        return;
    }
    for (size_t i = 2; i < p->n_senders; i++) {
        mesh_want_other(m, id, p->senders[i]);
    }
    m->stats.iwant_sent++;
    mesh_emit(m, MESH_SEND_IWANT, p->senders[1], NULL, id, 1);
}

/*
 * gossipsub v1.1, "Extended Validators". An id that is not in validation any
 * more (too old, or published meanwhile) has nothing left to decide.
 */
void
mesh_message_on_verdict(struct mesh *m, const struct mesh_event *e)
{
    const struct seen_pending *p;

    p = e->n_ids == 0 ? NULL : seen_pending(m->seen, e->ids);
    if (p == NULL) {
        return;
    }
    switch (e->verdict) {
    case MESH_ACCEPT:
        if (!m->topics[p->topic].joined) {
            settle(m, e->ids, SEEN_KNOWN);
            break;
        }
        pass_on(m, p->topic, e->ids);
        settle(m, e->ids, SEEN_OUT);
        break;
    case MESH_DUPLICATE: settle(m, e->ids, SEEN_KNOWN); break;
    case MESH_IGNORE: settle(m, e->ids, SEEN_NONE); break;
    case MESH_REJECT:
        blame_senders(m, p, p->n_senders);
        settle(m, e->ids, SEEN_REJECTED);
        break;
    case MESH_DAMAGED:
        blame_senders(m, p, 1);
        ask_other_senders(m, e->ids, p);
        settle(m, e->ids, SEEN_NONE);
        break;
    }
}

/*
 * gossipsub v1.0, "Message Processing": the publisher is in the topic, so its
 * mesh is where the message goes. An id that is out already stays as it is: the
 * daemon reports what it accepted from peers here too.
 */
void
mesh_message_publish(struct mesh *m, const struct mesh_event *e)
{
    int t = mesh_topic_joined(m, e->topic);

    if (t < 0 || e->n_ids == 0) {
        return;
    }
    mesh_want_clear(m, e->ids);
    if (seen_get(m->seen, e->ids, m->now) != SEEN_OUT) {
        pass_on(m, (unsigned)t, e->ids);
        settle(m, e->ids, SEEN_OUT);
    }
}
