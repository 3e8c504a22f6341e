/*
 * gossipd/router_int.h: between the files of the router.
 *
 * router.c: the turn, mail, timers. router_peer.c: messages from peers and
 * answers to them. router_mesh.c: the mesh's actions. router_fetch.c: fetch's
 * actions. router_publish.c: from the log to the mesh.
 */

#ifndef P2PFS_GOSSIPD_ROUTER_INT_H
#define P2PFS_GOSSIPD_ROUTER_INT_H

#include "core/hash.h"
#include "gossipd/cache.h"
#include "gossipd/fetch.h"
#include "gossipd/mesh.h"
#include "gossipd/router.h"
#include "gossipd/wire.h"

#define EAGER_MAX_BYTES (32 * 1024) /* larger files are announced, then got */
#define PUBLISH_PAGE 64             /* rows of the log at a time */
#define CACHE_BYTES (16 * 1024 * 1024) /* contents of recent messages */
#define CACHE_ENTRIES 8192
#define OFFERS_MAX 256  /* gossiped files whose bytes are being fetched */
#define OFFER_MS 120000 /* then the mesh forgets that it is validating */
#define PUSH_DEADLINE_MS 5000
#define REQUEST_DEADLINE_MS 3000
#define PEER_READS_MAX 128   /* reads that one peer asks for at a time .. */
#define PEERS_READS_MAX 2048 /* .. and all of them: the rest is for us */
#define BLAME_MAX 10         /* then the link is closed .. */
#define BLAME_BAN_MS 60000   /* .. and its key kept out for so long */
#define BEAT_MS 1000         /* heads told, cursor saved, status written */

/* Why a job was given to the reading thread. The job is the first member, so
 * peerread_job_free() frees the whole. */
enum read_purpose {
    READ_FOR_CURSOR, /* of the peer that came up */
    READ_FOR_PUBLISH_PAGE,
    READ_FOR_PUBLISH, /* tag: place in the page */
    READ_FOR_PUSH,    /* tag: peer */
    READ_FOR_OFFER,   /* tag: peer: is a gossiped record missing here? */
    READ_FOR_CHECK,   /* tag: peer: which of a log page are missing? */
    READ_FOR_LOG_GET, /* tag: peer */
    READ_FOR_GET      /* tag: peer, tag2: request */
};

struct read_call {
    struct peerread_job job;
    enum read_purpose purpose;
    struct p2pfs_hash id; /* PUSH, PUBLISH, OFFER */
    uint32_t size;        /* OFFER, PUBLISH */
};

enum write_purpose { WRITE_GOSSIPED, WRITE_FETCHED, WRITE_FACT };

struct write_call {
    struct writer_job job;
    enum write_purpose purpose;
};

struct peer {
    uint64_t number; /* of the link */
    uint8_t node_id[NODE_ID_BYTES];
    int outbound;
    unsigned blamed;
    unsigned reads; /* that it asked for and wait to be done */
};

struct offer {
    struct p2pfs_hash id;
    uint64_t until; /* 0: free */
};

/* A row of the log on its way to the mesh. */
struct publishing {
    struct p2pfs_hash id;
    uint64_t seq;
    enum { PUBLISH_WAIT, PUBLISH_READY, PUBLISH_SKIP, PUBLISH_AGAIN } state;
};

/* A verdict that may not be told inside the mesh's own step. */
struct late_verdict {
    struct p2pfs_hash id;
    enum mesh_verdict verdict;
};

#define LATE_MAX 64

/* The message that is being handled, for VALIDATE. */
struct incoming {
    const struct p2pfs_record *record;
    uint32_t size;
    struct p2pfs_proof proof;
    const uint8_t *body;
};

struct router {
    struct router_parts part;
    struct mesh *mesh;
    struct fetch *fetch;
    struct cache *cache;
    struct wire_buf buf;
    struct p2pfs_hasher *hasher;
    struct payload *empty;
    uint64_t now;

    struct peer *peers;
    size_t n_peers;

    struct incoming in;
    struct late_verdict late[LATE_MAX];
    size_t n_late;
    struct offer offers[OFFERS_MAX];

    uint64_t log_head;
    uint64_t told_head; /* to peers */
    uint64_t published; /* everything up to here was */
    uint64_t saved;     /* published, as in the store */
    int page_out;       /* a page of the log is being read */
    struct publishing page[PUBLISH_PAGE];
    size_t page_rows;
    size_t page_at;
    uint64_t publish_at; /* after a failure: not before */

    size_t peers_reads; /* sum of all peers' */

    uint64_t next_beat;
    int status_dirty;

    /* fetch hands back what the writer could not take */
    uint64_t refused_tags[LATE_MAX];
    size_t n_refused;
};

/* router.c */
struct peer *router_peer(struct router *r, uint64_t number); /* or NULL */
void router_blame(struct router *r, uint64_t peer, const char *reason);
struct read_call *router_read_call(struct router *r, enum read_purpose purpose,
    enum peerread_kind kind); /* or NULL */
int router_submit_read(struct router *r, struct read_call *call);
int router_submit_peer_read(struct router *r, struct read_call *call);
struct write_call *router_write_call(struct router *r,
    enum write_purpose purpose, enum writer_kind kind); /* or NULL */

/* router_peer.c */
void router_on_message(struct router *r, const struct link_event *e);
void router_log_answer(struct router *r, const struct read_call *call);
void router_get_answer(struct router *r, struct read_call *call);
void router_tell_head(struct router *r);

/* router_mesh.c */
void router_mesh(struct router *r, const struct mesh_event *e);
void router_verdict(struct router *r, const struct p2pfs_hash *id,
    enum mesh_verdict v);
void router_late(struct router *r);
void router_gossiped(struct router *r, struct write_call *call);
void router_offer_checked(struct router *r, const struct read_call *call);
void router_offer_end(struct router *r, const struct p2pfs_record *rec,
    uint32_t size, int created);
void router_offers_expire(struct router *r);
void router_push_read(struct router *r, struct read_call *call);

/* router_fetch.c */
void router_fetch(struct router *r, const struct fetch_event *e);
void router_fetched(struct router *r, struct write_call *call);
void router_fetch_checked(struct router *r, const struct read_call *call);
void router_peer_cursor(struct router *r, const struct read_call *call);

/* router_publish.c */
void router_publish(struct router *r);
void router_publish_page(struct router *r, const struct read_call *call);
void router_publish_read(struct router *r, struct read_call *call);
void router_save_published(struct router *r);

/* status.c */
void router_write_status(struct router *r);

#endif
