/*
 * t/unit/mesh_rig.h: one mesh, driven by hand with a clock of its own, and
 * questions about the actions of its last step.
 */

#ifndef P2PFS_T_UNIT_MESH_RIG_H
#define P2PFS_T_UNIT_MESH_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gossipd/mesh.h"

#define TOPIC "files"

struct rig {
    struct mesh *m;
    struct mesh_params p;
    uint64_t now;
    const struct mesh_action *a;
    size_t n;
};

static inline struct p2pfs_hash
rig_id(unsigned k)
{
    struct p2pfs_hash id = {{0}};

    memcpy(id.b, &k, sizeof(k));
    id.b[31] = 1;
    return id;
}

static inline void
rig_step(struct rig *r, struct mesh_event e)
{
    r->a = mesh_step(r->m, &e, r->now, &r->n);
}

/* A mesh that joined TOPIC, with the parameters in r->p. */
static inline void
rig_open_params(struct rig *r)
{
    assert_null(mesh_params_check(&r->p));
    assert_int_equal(mesh_new(&r->m, &r->p, 7), P2PFS_OK);
    r->now = 1000;
    rig_step(r, (struct mesh_event){.kind = MESH_JOIN, .topic = TOPIC});
}

static inline void
rig_open(struct rig *r)
{
    mesh_params_default(&r->p);
    rig_open_params(r);
}

static inline void
rig_close(struct rig *r)
{
    mesh_free(r->m);
}

/* An event of a peer about TOPIC. */
static inline void
rig_peer(struct rig *r, enum mesh_event_kind kind, uint64_t peer)
{
    rig_step(r,
        (struct mesh_event){.kind = kind, .peer = peer, .topic = TOPIC});
}

/* Up and subscribed; dialled by this node or not. */
static inline void
rig_add(struct rig *r, uint64_t peer, int outbound)
{
    rig_step(r,
        (struct mesh_event){.kind = MESH_PEER_UP,
            .peer = peer,
            .outbound = outbound});
    rig_peer(r, MESH_SUBSCRIBED, peer);
}

static inline void
rig_prune(struct rig *r, uint64_t peer, unsigned backoff_ms)
{
    rig_step(r,
        (struct mesh_event){.kind = MESH_PRUNE,
            .peer = peer,
            .topic = TOPIC,
            .backoff_ms = backoff_ms});
}

static inline void
rig_ids(struct rig *r, enum mesh_event_kind kind, uint64_t peer,
    const struct p2pfs_hash *ids, size_t n)
{
    rig_step(r,
        (struct mesh_event){.kind = kind,
            .peer = peer,
            .topic = TOPIC,
            .ids = ids,
            .n_ids = n});
}

static inline void
rig_id_event(struct rig *r, enum mesh_event_kind kind, uint64_t peer,
    unsigned k)
{
    struct p2pfs_hash id = rig_id(k);

    rig_ids(r, kind, peer, &id, 1);
}

static inline void
rig_verdict(struct rig *r, unsigned k, enum mesh_verdict verdict)
{
    struct p2pfs_hash id = rig_id(k);

    rig_step(r,
        (struct mesh_event){.kind = MESH_VERDICT,
            .ids = &id,
            .n_ids = 1,
            .verdict = verdict});
}

/* Time passes up to the next deadline, which is then served. */
static inline void
rig_tick(struct rig *r)
{
    uint64_t due = mesh_deadline(r->m);

    r->now = due > r->now ? due : r->now;
    rig_step(r, (struct mesh_event){.kind = MESH_TICK});
}

/* The actions of a kind in the last step, to a peer (0: to any). */
static inline size_t
rig_count(const struct rig *r, enum mesh_action_kind kind, uint64_t peer)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++) {
        n += r->a[i].kind == kind && (peer == 0 || r->a[i].peer == peer);
    }
    return n;
}

static inline const struct mesh_action *
rig_find(const struct rig *r, enum mesh_action_kind kind, uint64_t peer)
{
    for (size_t i = 0; i < r->n; i++) {
        if (r->a[i].kind == kind && (peer == 0 || r->a[i].peer == peer)) {
            return &r->a[i];
        }
    }
    return NULL;
}

static inline struct mesh_stats
rig_stats(const struct rig *r)
{
    struct mesh_stats s;

    mesh_stats(r->m, &s);
    return s;
}

#endif
