/*
 * gossipd/mesh.h: GossipSub v1.1's overlay as a pure state machine.
 *
 *     actions = mesh_step(mesh, event, now)
 *
 * No sockets, clock, threads, database or payloads in here: time (milliseconds
 * of a monotonic clock) comes in with the event, randomness from the generator
 * given at creation, and what is to be sent or done comes out as actions, in
 * order. The daemon and the simulator drive the same code.
 *
 * A message is known by its id (a record's id); its bytes stay with the caller.
 * The caller checks a message that mesh says to validate and reports a verdict;
 * only ACCEPT passes it on. What the caller stored by other ways (an upload, a
 * peer's log) it reports by PUBLISH; telling both for one id is fine, a message
 * goes out once.
 *
 * A peer is a number that is never used again; events of a peer that is not up
 * change nothing. A topic is a string of 1 to MESH_TOPIC_MAX bytes.
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
#define MESH_TOPICS_MAX 64 /* upper bound of mesh_params.topics_max */
#define MESH_IDS_MAX 1000  /* ids in one action: an IHAVE or IWANT of 34 kB */

struct mesh_params {
    unsigned d, d_lo, d_hi, d_lazy, d_out; /* 6 5 12 6 2 */
    unsigned gossip_factor_pct;            /* 25 */
    unsigned heartbeat_ms;                 /* 1000 */
    unsigned history_length;               /* 5 heartbeats */
    unsigned history_gossip;               /* 3 heartbeats */
    unsigned seen_ttl_ms;                  /* 120000 */
    unsigned prune_backoff_ms;             /* 10000; spec 60000 */
    unsigned unsubscribe_backoff_ms;       /* 2000; spec 10000 */
    unsigned max_ihave_length;     /* ids announced to a peer, and asked of a
                                      peer, in one heartbeat: 1000 */
    unsigned max_ihave_messages;   /* IHAVEs taken per heartbeat: 10 */
    unsigned iwant_retransmission; /* 3 */
    unsigned iwant_followup_ms;    /* 3000 */
    size_t peers_max;              /* 256 */
    size_t topics_max;             /* joined here; known per peer: 64 */
    size_t seen_max;               /* settled ids: 65536 */
    size_t validating_max;         /* ids without a verdict: 4096 */
    size_t wants_max;              /* ids asked for: 16384 */
    size_t cache_max;              /* ids in the history: 16384 */
};

/* The defaults above. */
void mesh_params_default(struct mesh_params *p);

/* NULL, or what is wrong, in words ("mesh_d_lo is above mesh_d"). */
const char *mesh_params_check(const struct mesh_params *p);

enum mesh_event_kind {
    MESH_PEER_UP,    /* peer, outbound; over peers_max: not taken */
    MESH_PEER_DOWN,  /* peer: all state of it goes */
    MESH_SUBSCRIBED, /* peer, topic */
    MESH_UNSUBSCRIBED,
    MESH_GRAFT, /* peer, topic */
    MESH_PRUNE, /* peer, topic, backoff_ms */
    MESH_IHAVE, /* peer, topic, ids */
    MESH_IWANT, /* peer, ids */
    MESH_JOIN,  /* topic: this node subscribes; over topics_max: not */
    MESH_LEAVE,
    MESH_RECEIVED, /* peer, topic, ids[0]: a message came */
    MESH_VERDICT,  /* ids[0], verdict */
    MESH_PUBLISH,  /* topic, ids[0]: stored here; goes out if not yet out */
    MESH_TICK      /* call when mesh_deadline() is due */
};

/*
 * REJECT is about the id: whoever sent it is to blame. DAMAGED is about one
 * copy: a record's id does not cover the content or the proof that came with
 * it, so a bad peer could spoil a good record for everybody. Only the sender of
 * the copy that was checked is to blame, and the other senders are asked.
 */
enum mesh_verdict {
    MESH_ACCEPT,    /* stored: pass on */
    MESH_DUPLICATE, /* was here already: do not pass on, no blame */
    MESH_IGNORE,    /* not stored, no blame; may be received again */
    MESH_REJECT,    /* invalid whoever sends it (a limit of the network) */
    MESH_DAMAGED    /* content or proof do not match the record */
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
    MESH_BLAME       /* peer, fault, reason */
};

/*
 * What a peer did wrong. Only INVALID is proof of a broken or hostile peer; the
 * others also happen to honest ones now and then (messages that crossed, a slow
 * link): count them, do not close the link for one.
 */
enum mesh_fault {
    MESH_FAULT_INVALID,        /* sent a rejected or damaged message */
    MESH_FAULT_EARLY_GRAFT,    /* GRAFT before its backoff was over */
    MESH_FAULT_BROKEN_PROMISE, /* announced an id, did not send it in time */
    MESH_FAULT_FLOOD /* more IHAVE than allowed in a heartbeat; told once
                               per heartbeat */
};

struct mesh_action {
    enum mesh_action_kind kind;
    uint64_t peer;
    const char *topic; /* borrowed from the mesh until its next step */
    unsigned backoff_ms;
    const struct p2pfs_hash *ids; /* borrowed until the next step; at most
                                     MESH_IDS_MAX */
    size_t n_ids;
    enum mesh_fault fault; /* BLAME */
    const char *reason;    /* BLAME: the same in words, static */
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
    uint64_t received;      /* first copies */
    uint64_t duplicates;    /* further copies */
    uint64_t pushed;        /* copies sent, answers to IWANT included */
    uint64_t ihave_sent;    /* ids announced */
    uint64_t iwant_sent;    /* ids asked for */
    uint64_t ihave_dropped; /* ids over a cap, not asked for */
    uint64_t iwant_refused; /* ids not in the history, or asked too often */
    uint64_t graft_sent, graft_refused, prune_sent;
    uint64_t seen_dropped; /* ids forgotten early, copies not validated */
    uint64_t broken_promises;
    uint64_t actions_lost; /* out of memory */
    size_t seen, validating, wants, cached, backoffs;
};
void mesh_stats(const struct mesh *m, struct mesh_stats *out);

#endif
