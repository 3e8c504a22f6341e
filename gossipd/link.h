/*
 * gossipd/link.h: authenticated links to other nodes over ZeroMQ. The only
 * place that includes zmq.h.
 *
 * A link is two connections, control and bulk, to one node that proved its key
 * (docs/wire.md, "Handshake"). Whoever uses links sees none of that: a link
 * comes up when both connections are bound, has a number that is never used
 * again, and goes down once. Simultaneous dials leave one link: the one dialled
 * by the smaller node id.
 *
 * Everything runs on the thread that calls links_poll(); only the ZAP handler
 * and the resolver are threads of their own.
 */

#ifndef P2PFS_GOSSIPD_LINK_H
#define P2PFS_GOSSIPD_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "gossipd/log.h"

#define NODE_ID_BYTES 32

struct P2pfs__Rpc; /* p2pfs.pb-c.h, see gossipd/wire.h */

/* Refcounted bytes, shared by the queues of several peers. Any thread. */
struct payload;
struct payload *payload_new(const void *data, size_t len);   /* copies; NULL */
struct payload *payload_take(uint8_t *malloced, size_t len); /* owns it, also
                                                    where NULL comes back */
struct payload *payload_ref(struct payload *p);
void payload_unref(struct payload *p); /* takes NULL */
const uint8_t *payload_data(const struct payload *p);
size_t payload_len(const struct payload *p);

/* Order of sending; bytes of each class are capped per peer. */
enum link_class {
    LINK_URGENT, /* control: pong, later IDONTWANT; over the cap: link closed */
    LINK_CONTROL, /* control: GRAFT, PRUNE, SUBS; over the cap: link closed */
    LINK_REQUEST, /* control: IHAVE, IWANT, LOG, GET; over the cap: dropped */
    LINK_BULK,    /* bulk: DATA; over the cap: dropped, links_send says so */
    LINK_PUSH     /* bulk: PUBLISH; over the cap or its deadline: dropped */
};

enum link_event_kind { LINK_UP, LINK_DOWN, LINK_MESSAGE };

struct link_event {
    enum link_event_kind kind;
    uint64_t peer;          /* number of the link */
    const uint8_t *node_id; /* NODE_ID_BYTES */
    int outbound;           /* UP: this node dialled the surviving link */
    uint64_t boot;          /* UP: random per start of the peer */
    uint64_t caps;
    const char *reason;  /* DOWN */
    int bulk;            /* MESSAGE: which connection */
    const uint8_t *head; /* MESSAGE: the frame, borrowed */
    size_t head_len;
    const struct P2pfs__Rpc *rpc; /* the same unpacked and checked
                                     (gossipd/wire.h), borrowed */
    const uint8_t *body;          /* MESSAGE on bulk: second frame, borrowed */
    size_t body_len;
};

struct link_peer {
    const char *host; /* name or address */
    uint16_t port;
};

struct links_config {
    const char *listen_host;       /* "*" or an address */
    uint16_t listen_port;          /* 0: any, see links_port */
    const struct link_peer *peers; /* dialled until they answer */
    size_t n_peers;
    const uint8_t *node_secret; /* Ed25519, crypto_sign secret, 64 bytes */
    const uint8_t *network_key; /* 32 bytes */
    const void *constants;      /* of the network, hashed into its id */
    size_t constants_len;
    const uint8_t (*allow)[NODE_ID_BYTES]; /* NULL: every node of the network */
    size_t n_allow;
    size_t links_max;   /* 0: 256 */
    unsigned ping_ms;   /* 0: 5000 */
    unsigned dead_ms;   /* silence that ends a link; 0: 15000 */
    unsigned step_ms;   /* each step of a handshake; 0: 4000 */
    unsigned redial_ms; /* longest wait between dials; 0: 5000 */
    struct log *log;
};

struct links;

/*
 * Binds, checks that a key which is not let in gets no connection (so that no
 * node ever runs with its door open), and starts to dial. Everything that the
 * config points to is copied. IO with words in detail (address in use, ..).
 */
enum p2pfs_err links_open(struct links **out, const struct links_config *c,
    char *detail, size_t detail_room) P2PFS_MUST_CHECK;

/* Says goodbye, closes. Takes NULL. */
void links_close(struct links *l);

const uint8_t *links_node_id(const struct links *l);

/* The port that is bound. */
uint16_t links_port(const struct links *l);

/*
 * What the Pings and Pongs from now on tell: the log's epoch (16 bytes) and its
 * highest seq. Both are sent by links itself; those of peers are delivered as
 * messages, to read the same from them.
 */
void links_set_ping(struct links *l, const uint8_t *epoch, uint64_t head);

/* SIGHUP: another list of peers (copied); links that are up stay up. */
void links_set_peers(struct links *l, const struct link_peer *peers, size_t n);

/* Another descriptor that ends the wait of links_poll when readable; at most
 * LINKS_WATCH_MAX, -1 beyond. */
#define LINKS_WATCH_MAX 8
int links_watch(struct links *l, int fd);

/*
 * Waits at most timeout_ms, then reads everything that is there (up to a
 * bounded number of messages), calls on_event for each thing that happened and
 * sends what queues allow. on_event may call links_send and links_kick.
 */
void links_poll(struct links *l, int timeout_ms,
    void (*on_event)(void *ctx, const struct link_event *e), void *ctx);

/*
 * Queues one message; the class says on which connection. body: of the bulk
 * classes, NULL for no bytes; the reference is taken over also on failure.
 * deadline_ms from now, 0: none. 0, or -1 where the peer is gone, the message
 * is too large (gossipd/wire.h) or the class is at its cap.
 */
int links_send(struct links *l, uint64_t peer, enum link_class class,
    const uint8_t *head, size_t head_len, struct payload *body,
    unsigned deadline_ms);

/* Bytes queued for a class of a peer. */
size_t links_queued(const struct links *l, uint64_t peer,
    enum link_class class);

/* Closes a link for a reason; ban_ms > 0 keeps its key out for that long. Its
 * LINK_DOWN comes in this or the next links_poll. */
void links_kick(struct links *l, uint64_t peer, const char *reason,
    unsigned ban_ms);

struct links_stats {
    uint64_t accepted;          /* TCP connections */
    uint64_t handshakes_failed; /* ours, after CURVE's */
    uint64_t refused_key;       /* by CURVE or ZAP: keys that do not belong */
    uint64_t bad_frames, kicked;
    uint64_t sent_messages, sent_bytes, received_messages, received_bytes;
    uint64_t dropped[LINK_PUSH + 1];
    unsigned up;
};
void links_stats(const struct links *l, struct links_stats *out);

#endif
