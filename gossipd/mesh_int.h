/*
 * gossipd/mesh_int.h: what the files of the mesh share.
 *
 *     mesh.c          creation, parameters, dispatch, peers coming and going
 *     mesh_out.c      the list of actions of a step
 *     mesh_topic.c    subscriptions, GRAFT, PRUNE, upkeep of degrees
 *     mesh_gossip.c   IHAVE and IWANT
 *     mesh_want.c     ids asked for: who promised, who is next
 *     mesh_message.c  messages: first copies, verdicts, pushes
 */

#ifndef P2PFS_GOSSIPD_MESH_INT_H
#define P2PFS_GOSSIPD_MESH_INT_H

#include "gossipd/backoff.h"
#include "gossipd/history.h"
#include "gossipd/mesh.h"
#include "gossipd/rng.h"
#include "gossipd/seen.h"
#include "gossipd/table.h"

#define MESH_WANT_OTHERS 6 /* further announcers remembered per id */

/* A topic that this node joined, or has joined before: topics are few and come
 * from the node's own side, so a place once taken is kept. */
struct mesh_topic {
    char name[MESH_TOPIC_MAX + 1];
    int joined;
};

struct mesh_peer {
    uint64_t id;
    int outbound;
    uint64_t subscribed;      /* bit t: to topics[t] */
    uint64_t mesh;            /* bit t: in the mesh of topics[t] */
    struct mesh_topic *other; /* subscriptions unknown to mesh.topics */
    unsigned n_other;
    unsigned ihave_messages; /* in this heartbeat */
    unsigned ihave_ids;
    int flooded;
    uint64_t broken_at; /* last heartbeat it was blamed for a promise, + 1 */
    uint8_t *served; /* copies sent on IWANT by slot of the history, or NULL */
};

struct mesh_want {
    uint64_t peer; /* was asked */
    uint64_t deadline;
    uint64_t others[MESH_WANT_OTHERS]; /* announced it too, oldest first */
    unsigned n_others;
};

struct mesh_out {
    struct mesh_action *actions;
    size_t *at; /* at[i]: where the ids of actions[i] start in ids */
    size_t n, room;
    struct p2pfs_hash *ids;
    size_t n_ids, ids_room;
};

struct mesh {
    struct mesh_params p;
    struct rng rng;
    uint64_t now;
    int started;
    uint64_t next_heartbeat;
    uint64_t heartbeats;
    struct table *peers; /* uint64_t -> struct mesh_peer */
    struct mesh_topic topics[MESH_TOPICS_MAX];
    unsigned n_topics;
    struct seen *seen;
    struct history *history;
    struct backoff *backoff;
    struct table *wants; /* id -> struct mesh_want, by deadline */
    struct mesh_out out;
    struct mesh_peer **pick;      /* scratch, peers_max */
    struct p2pfs_hash *pick_ids;  /* scratch, cache_max */
    struct mesh_want **pick_want; /* scratch, MESH_IDS_MAX */
    struct mesh_stats stats;
};

/* mesh.c */
struct mesh_peer *mesh_peer_get(const struct mesh *m, uint64_t id);
void mesh_shuffle_peers(struct mesh *m, struct mesh_peer **v, size_t n);

/* mesh_out.c. topic may be NULL, ids are copied and split in MESH_IDS_MAX. */
void mesh_out_clear(struct mesh_out *o);
void mesh_out_free(struct mesh_out *o);
const struct mesh_action *mesh_out_list(struct mesh_out *o, size_t *n);
void mesh_emit(struct mesh *m, enum mesh_action_kind kind, uint64_t peer,
    const char *topic, const struct p2pfs_hash *ids, size_t n_ids);
void mesh_emit_prune(struct mesh *m, uint64_t peer, const char *topic,
    unsigned backoff_ms);
void mesh_emit_blame(struct mesh *m, uint64_t peer, enum mesh_fault fault);

/* mesh_topic.c. The index of a topic that this node is in, or -1. */
int mesh_topic_joined(const struct mesh *m, const char *name);
size_t mesh_topic_degree(const struct mesh *m, unsigned t);
void mesh_topic_on_peer(struct mesh *m, const struct mesh_peer *peer);
void mesh_topic_on_subscribed(struct mesh *m, struct mesh_peer *peer,
    const char *name);
void mesh_topic_on_unsubscribed(struct mesh *m, struct mesh_peer *peer,
    const char *name);
void mesh_topic_on_graft(struct mesh *m, struct mesh_peer *peer,
    const char *name);
void mesh_topic_on_prune(struct mesh *m, struct mesh_peer *peer,
    const char *name, unsigned backoff_ms);
void mesh_topic_join(struct mesh *m, const char *name);
void mesh_topic_leave(struct mesh *m, const char *name);
void mesh_topic_heartbeat(struct mesh *m);

/* mesh_gossip.c */
void mesh_gossip_announce_all(struct mesh *m, const struct mesh_peer *peer,
    unsigned t);
void mesh_gossip_on_ihave(struct mesh *m, struct mesh_peer *peer,
    const struct mesh_event *e);
void mesh_gossip_on_iwant(struct mesh *m, struct mesh_peer *peer,
    const struct mesh_event *e);
void mesh_gossip_new_slot(struct mesh *m, size_t slot);
void mesh_gossip_heartbeat(struct mesh *m);

/* mesh_want.c */
int mesh_want_add(struct mesh *m, const struct p2pfs_hash *id, uint64_t peer);
int mesh_want_other(struct mesh *m, const struct p2pfs_hash *id, uint64_t peer);
void mesh_want_clear(struct mesh *m, const struct p2pfs_hash *id);
void mesh_want_drop_peer(struct mesh *m, uint64_t peer);
void mesh_want_tick(struct mesh *m);
uint64_t mesh_want_deadline(const struct mesh *m);

/* mesh_message.c */
void mesh_message_on_received(struct mesh *m, struct mesh_peer *peer,
    const struct mesh_event *e);
void mesh_message_on_verdict(struct mesh *m, const struct mesh_event *e);
void mesh_message_publish(struct mesh *m, const struct mesh_event *e);

#endif
