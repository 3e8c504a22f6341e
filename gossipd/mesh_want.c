/*
 * gossipd/mesh_want.c: ids that were asked for by IWANT. One peer at a time is
 * asked for an id; when it does not send it in time, or goes, the next one that
 * announced it is asked. Receiving the id from anybody ends the want.
 *
 * Source: gossipsub v1.1, "Spam Protection Measures" (broken promises); the
 * spec samples one id of each IWANT, here every id is tracked, because the next
 * announcer must be known anyway.
 */

#include <string.h>

#include "gossipd/mesh_int.h"

/* 0 at the cap of the table: it will be announced again. */
int
mesh_want_add(struct mesh *m, const struct p2pfs_hash *id, uint64_t peer)
{
    struct mesh_want *w = table_add(m->wants, id);

    if (w == NULL) {
        return 0;
    }
    w->peer = peer;
    w->deadline = m->now + m->p.iwant_followup_ms;
    return 1;
}

/* 1 where the id is wanted already; this peer could send it as well. The one
 * that was asked stands in line again when it announces again: its answer may
 * have been lost. */
int
mesh_want_other(struct mesh *m, const struct p2pfs_hash *id, uint64_t peer)
{
    struct mesh_want *w = table_get(m->wants, id);

    if (w == NULL) {
        return 0;
    }
    if (w->n_others == MESH_WANT_OTHERS) {
        return 1;
    }
    for (unsigned i = 0; i < w->n_others; i++) {
        if (w->others[i] == peer) {
            return 1;
        }
    }
    w->others[w->n_others++] = peer;
    return 1;
}

void
mesh_want_clear(struct mesh *m, const struct p2pfs_hash *id)
{
    struct mesh_want *w = table_get(m->wants, id);

    if (w != NULL) {
        table_del(m->wants, w);
    }
}

static void
remove_other(struct mesh_want *w, unsigned i)
{
    w->n_others--;
    memmove(w->others + i, w->others + i + 1,
        (w->n_others - i) * sizeof(w->others[0]));
}

/* Moves a want to its next announcer: 1; nobody is left and it ended: 0. All
 * wants wait equally long, so the table stays in order of deadlines. */
static int
turn_to_next(struct mesh *m, struct mesh_want *w)
{
    if (w->n_others == 0) {
        table_del(m->wants, w);
        return 0;
    }
    w->peer = w->others[0];
    remove_other(w, 0);
    w->deadline = m->now + m->p.iwant_followup_ms;
    table_to_end(m->wants, w);
    return 1;
}

/* One IWANT for each peer among pick_want[0 .. n - 1]. */
static void
ask_turned(struct mesh *m, size_t n)
{
    struct mesh_want **v = m->pick_want;
    struct p2pfs_hash ids[MESH_IDS_MAX];
    size_t n_ids, left;
    uint64_t peer;

    for (; n > 0; n = left) {
        peer = v[0]->peer;
        n_ids = 0;
        left = 0;
        for (size_t i = 0; i < n; i++) {
            if (v[i]->peer == peer) {
                memcpy(&ids[n_ids++], table_key(m->wants, v[i]),
                    sizeof(ids[0]));
            } else {
                v[left++] = v[i];
            }
        }
        m->stats.iwant_sent += n_ids;
        mesh_emit(m, MESH_SEND_IWANT, peer, NULL, ids, n_ids);
    }
}

void
mesh_want_drop_peer(struct mesh *m, uint64_t peer)
{
    struct mesh_want *w, *next;
    size_t n = 0;

    for (w = table_first(m->wants); w != NULL; w = next) {
        next = table_next(m->wants, w);
        for (unsigned i = 0; i < w->n_others; i++) {
            if (w->others[i] == peer) {
                remove_other(w, i);
                break;
            }
        }
        if (w->peer != peer || !turn_to_next(m, w)) {
            continue;
        }
        m->pick_want[n++] = w;
        if (n == MESH_IDS_MAX) {
            ask_turned(m, n);
            n = 0;
        }
    }
    ask_turned(m, n);
}

/* Told once per heartbeat and peer, however many ids it failed to send. */
static void
broken(struct mesh *m, uint64_t id)
{
    struct mesh_peer *peer = mesh_peer_get(m, id);

    m->stats.broken_promises++;
    if (peer != NULL && peer->broken_at != m->heartbeats + 1) {
        peer->broken_at = m->heartbeats + 1;
        mesh_emit_blame(m, id, MESH_FAULT_BROKEN_PROMISE);
    }
}

/* At most MESH_IDS_MAX wants; more of them are due again at once. */
void
mesh_want_tick(struct mesh *m)
{
    struct mesh_want *w;
    size_t n = 0;

    for (unsigned i = 0; i < MESH_IDS_MAX; i++) {
        w = table_first(m->wants);
        if (w == NULL || w->deadline > m->now) {
            break;
        }
        broken(m, w->peer);
        if (turn_to_next(m, w)) {
            m->pick_want[n++] = w;
        }
    }
    ask_turned(m, n);
}

uint64_t
mesh_want_deadline(const struct mesh *m)
{
    const struct mesh_want *w = table_first(m->wants);

    return w == NULL ? UINT64_MAX : w->deadline;
}
