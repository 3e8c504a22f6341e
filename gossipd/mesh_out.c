/*
 * gossipd/mesh_out.c: the actions of one step. Ids are copied into one growing
 * block, so actions know where theirs start and get pointers at the end.
 */

#include <stdlib.h>
#include <string.h>

#include "gossipd/mesh_int.h"

void
mesh_out_clear(struct mesh_out *o)
{
    o->n = 0;
    o->n_ids = 0;
}

void
mesh_out_free(struct mesh_out *o)
{
    free(o->actions);
    free(o->at);
    free(o->ids);
}

static int
room_for_action(struct mesh_out *o)
{
    size_t room = o->room == 0 ? 32 : o->room * 2;
    struct mesh_action *actions;
    size_t *at;

    if (o->n < o->room) {
        return 1;
    }
    actions = realloc(o->actions, room * sizeof(actions[0]));
    if (actions == NULL) {
        return 0;
    }
    o->actions = actions;
    at = realloc(o->at, room * sizeof(at[0]));
    if (at == NULL) {
        return 0;
    }
    o->at = at;
    o->room = room;
    return 1;
}

static int
room_for_ids(struct mesh_out *o, size_t n)
{
    size_t room = o->ids_room == 0 ? 64 : o->ids_room;
    struct p2pfs_hash *ids;

    if (o->ids_room - o->n_ids >= n) {
        return 1;
    }
    while (room - o->n_ids < n) {
        room *= 2;
    }
    ids = realloc(o->ids, room * sizeof(ids[0]));
    if (ids == NULL) {
        return 0;
    }
    o->ids = ids;
    o->ids_room = room;
    return 1;
}

static struct mesh_action *
add(struct mesh *m, enum mesh_action_kind kind, uint64_t peer,
    const char *topic, const struct p2pfs_hash *ids, size_t n_ids)
{
    struct mesh_out *o = &m->out;
    struct mesh_action *a;

    if (!room_for_action(o) || !room_for_ids(o, n_ids)) {
        m->stats.actions_lost++;
        return NULL;
    }
    a = &o->actions[o->n];
    memset(a, 0, sizeof(*a));
    a->kind = kind;
    a->peer = peer;
    a->topic = topic;
    a->n_ids = n_ids;
    o->at[o->n++] = o->n_ids;
    if (n_ids > 0) {
        memcpy(o->ids + o->n_ids, ids, n_ids * sizeof(ids[0]));
        o->n_ids += n_ids;
    }
    return a;
}

void
mesh_emit(struct mesh *m, enum mesh_action_kind kind, uint64_t peer,
    const char *topic, const struct p2pfs_hash *ids, size_t n_ids)
{
    size_t part;

    do {
        part = n_ids < MESH_IDS_MAX ? n_ids : MESH_IDS_MAX;
        add(m, kind, peer, topic, ids, part);
        ids = part == 0 ? ids : ids + part;
        n_ids -= part;
    } while (n_ids > 0);
}

void
mesh_emit_prune(struct mesh *m, uint64_t peer, const char *topic,
    unsigned backoff_ms)
{
    struct mesh_action *a = add(m, MESH_SEND_PRUNE, peer, topic, NULL, 0);

    if (a != NULL) {
        a->backoff_ms = backoff_ms;
    }
    m->stats.prune_sent++;
}

static const char *
fault_text(enum mesh_fault fault)
{
    switch (fault) {
    case MESH_FAULT_INVALID: return "sent an invalid message";
    case MESH_FAULT_EARLY_GRAFT: return "grafted before its backoff was over";
    case MESH_FAULT_BROKEN_PROMISE: return "did not send what it announced";
    case MESH_FAULT_FLOOD: return "announced more than a heartbeat allows";
    }
    return "";
}

void
mesh_emit_blame(struct mesh *m, uint64_t peer, enum mesh_fault fault)
{
    struct mesh_action *a = add(m, MESH_BLAME, peer, NULL, NULL, 0);

    if (a != NULL) {
        a->fault = fault;
        a->reason = fault_text(fault);
    }
}

const struct mesh_action *
mesh_out_list(struct mesh_out *o, size_t *n)
{
    for (size_t i = 0; i < o->n; i++) {
        o->actions[i].ids = o->actions[i].n_ids == 0 ? NULL : o->ids + o->at[i];
    }
    *n = o->n;
    return o->actions;
}
