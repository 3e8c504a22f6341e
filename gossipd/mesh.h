/*
 * gossipd/mesh.h: GossipSub v1.1's overlay as a pure state machine.
 *
 *     mesh_step(mesh, event, now, actions)
 *
 * No sockets, clock, threads, database or payloads in here: time (milliseconds
 * of a monotonic clock) comes in with the event, randomness from the generator
 * given at creation, and what is to be sent or done comes out as actions, in
 * order. The daemon and the simulator drive the same code.
 *
 * A message is known by its id (a record's id); its bytes stay with the caller.
 * The caller checks a message that mesh says to validate and reports a verdict;
 * only ACCEPT passes it on.
 *
 * Source: libp2p specs, pubsub/gossipsub v1.0 and v1.1; rules are named by
 * section where they are obeyed.
 */

#ifndef P2PFS_GOSSIPD_MESH_H
#define P2PFS_GOSSIPD_MESH_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"

#define MESH_TOPIC_MAX 64

struct mesh_params {
    unsigned d, d_lo, d_hi, d_lazy, d_out; /* 6 5 12 6 2 */
    unsigned gossip_factor_pct;            /* 25 */
    unsigned heartbeat_ms;                 /* 1000 */
    unsigned history_length;               /* 5 heartbeats */
    unsigned history_gossip;               /* 3 heartbeats */
    unsigned seen_ttl_ms;                  /* 120000 */
    unsigned prune_backoff_ms;             /* 60000; LAN default 10000 */
    unsigned unsubscribe_backoff_ms;       /* 10000 */
    unsigned max_ihave_length;     /* ids in IHAVE taken per heartbeat */
    unsigned max_ihave_messages;   /* IHAVEs taken per heartbeat: 10 */
    unsigned iwant_retransmission; /* 3 */
    unsigned iwant_followup_ms;    /* 3000 */
    size_t peers_max, seen_max, cache_max, topics_max; /* caps of tables */
};

/* The defaults above. */
void mesh_params_default(struct mesh_params *p);

/* NULL, or what is wrong, in words ("mesh_d_lo is above mesh_d"). */
const char *mesh_params_check(const struct mesh_params *p);

enum mesh_event_kind {
    MESH_PEER_UP,    /* peer, outbound */
    MESH_PEER_DOWN,  /* peer: all state of it goes */
    MESH_SUBSCRIBED, /* peer, topic */
    MESH_UNSUBSCRIBED,
    MESH_GRAFT, /* peer, topic */
    MESH_PRUNE, /* peer, topic, backoff_ms */
    MESH_IHAVE, /* peer, topic, ids */
    MESH_IWANT, /* peer, ids */
    MESH_JOIN,  /* topic: this node subscribes */
    MESH_LEAVE,
    MESH_RECEIVED, /* peer, topic, ids[0]: a message came */
    MESH_VERDICT,  /* ids[0], verdict */
    MESH_PUBLISH,  /* topic, ids[0]: stored here; goes out if not yet out */
    MESH_TICK      /* call when mesh_deadline() is due */
};

enum mesh_verdict {
    MESH_ACCEPT,    /* stored: pass on */
    MESH_DUPLICATE, /* was here already: do not pass on, no blame */
    MESH_IGNORE,    /* not stored, no blame; may be received again */
    MESH_REJECT     /* invalid: the senders are to blame */
};

struct mesh_event {
    enum mesh_event_kind kind;
    uint64_t peer;
    int outbound;
    const char *topic;
    unsigned backoff_ms;
    const struct p2pfs_hash *ids;
    size_t n_ids;
    enum mesh_verdict verdict;
};

enum mesh_action_kind {
    MESH_SEND_SUBSCRIBE, /* peer, topic */
    MESH_SEND_UNSUBSCRIBE,
    MESH_SEND_GRAFT,
    MESH_SEND_PRUNE, /* peer, topic, backoff_ms */
    MESH_SEND_IHAVE, /* peer, topic, ids */
    MESH_SEND_IWANT, /* peer, ids */
    MESH_PUSH,       /* peer, topic, ids[0]: send the message whole */
    MESH_VALIDATE,   /* peer, topic, ids[0]: check it, then VERDICT */
    MESH_BLAME       /* peer, reason: it broke the protocol */
};

struct mesh_action {
    enum mesh_action_kind kind;
    uint64_t peer;
    const char *topic; /* borrowed from the mesh until its next step */
    unsigned backoff_ms;
    const struct p2pfs_hash *ids; /* borrowed until the next step */
    size_t n_ids;
    const char *reason;
};

struct mesh;

/* seed: of the generator of its own. NO_MEMORY. */
enum p2pfs_err mesh_new(struct mesh **out, const struct mesh_params *p,
    uint64_t seed) P2PFS_MUST_CHECK;
void mesh_free(struct mesh *m); /* takes NULL */

/*
 * Returns the actions of this step, valid until the next one; *n of them.
 * Never fails: at a cap it drops what will be offered again, and counts it.
 */
const struct mesh_action *mesh_step(struct mesh *m, const struct mesh_event *e,
    uint64_t now_ms, size_t *n);

/* When the next TICK is due. */
uint64_t mesh_deadline(const struct mesh *m);

/* For status and tests. */
size_t mesh_peers(const struct mesh *m);
size_t mesh_degree(const struct mesh *m, const char *topic);
int mesh_has(const struct mesh *m, const char *topic, uint64_t peer);

struct mesh_stats {
    uint64_t received, duplicates, pushed, ihave_sent, iwant_sent;
    uint64_t ihave_dropped, iwant_refused, graft_refused, seen_dropped;
    uint64_t broken_promises;
    size_t seen, cached, backoffs;
};
void mesh_stats(const struct mesh *m, struct mesh_stats *out);

#endif
