/*
 * gossipd/link_int.h: what the link_*.c files share. Private to them.
 *
 * A conn is one ZeroMQ connection: inbound ones live on the ROUTER and are
 * known by its routing id, outbound ones are a DEALER of their own. A link is
 * made of two of them when the handshake on the first one is through; a dial is
 * an address from the configuration.
 *
 * Nothing is freed while messages are read: a conn dies first (CONN_DEAD), a
 * link is gone first, and reap() takes them away at the end of a poll. What a
 * dead conn still delivers is dropped.
 */

#ifndef P2PFS_GOSSIPD_LINK_INT_H
#define P2PFS_GOSSIPD_LINK_INT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "gossipd/link.h"
#include "gossipd/link_gate.h"
#include "gossipd/link_queue.h"
#include "gossipd/link_resolve.h"
#include "gossipd/link_shake.h"
#include "gossipd/link_sock.h"
#include "gossipd/link_zap.h"

#define LINK_BATCH 256   /* messages per socket and poll */
#define LINK_HELD_MAX 64 /* messages ahead of BIND_OK */
#define LINK_REASON_MAX 96
#define CONTROL_FLIGHT_BYTES (256 * 1024) /* inside libzmq */
#define BULK_FLIGHT_BYTES (512 * 1024)
#define RETRY_MS 5          /* a full ROUTER pipe tells nobody */
#define DEAD_SHUT_MS 300    /* a goodbye may take to leave */
#define DEAD_FORGET_MS 2000 /* what was under way arrives */
#define CONN_BUCKETS 1024

/* Goodbye.reason, see docs/wire.md. */
enum bye {
    BYE_NONE = 0, /* not sent */
    BYE_CLOSING = 1,
    BYE_DUPLICATE = 2,
    BYE_SELF = 3,
    BYE_CONSTANTS = 4,
    BYE_NOT_ALLOWED = 5,
    BYE_PROTOCOL = 6,
    BYE_KICKED = 7,
    BYE_FULL = 8,
    BYE_SILENT = 9
};

enum conn_role {
    CONN_FRESH,      /* inbound: its first message is due */
    CONN_AUTH,       /* inbound: HELLO_OK went, AUTH is due */
    CONN_CONNECTING, /* outbound: `first` goes as soon as it can */
    CONN_HELLO_OK,   /* outbound: HELLO went, HELLO_OK is due */
    CONN_BIND_OK,    /* outbound: BIND went, BIND_OK is due */
    CONN_CONTROL,
    CONN_BULK,
    CONN_DEAD
};

/* Why nothing is sent on a conn just now. */
enum conn_wait { WAIT_NOTHING, WAIT_PIPE, WAIT_FLOW };

struct conn {
    struct conn *next;  /* of all */
    struct conn *chain; /* inbound: of its hash bucket */
    enum conn_role role;
    enum conn_role due; /* CONNECTING: the role after `first` went */
    void *sock;         /* outbound */
    void *monitor;
    int item;                     /* outbound: place in the poll set, or -1 */
    uint32_t rid;                 /* inbound; 0: outbound */
    int fd;                       /* inbound, -1: not known */
    struct sockaddr_storage peer; /* of fd, to know it again */
    uint8_t user[KEY_BYTES];      /* inbound: the key that ZAP let in */
    char user_text[2 * KEY_BYTES];
    uint64_t deadline; /* of the step that is due; DEAD: of what follows */
    int shut;          /* DEAD: fd was shut */
    int linger;        /* DEAD, outbound: a goodbye is under way */
    unsigned probes;   /* inbound: libzmq closed fd; is it this one? */
    uint64_t probe_at;
    struct wire_buf first;
    struct link_shake shake;
    struct link *link;
    struct dial *dial; /* CONNECTING, HELLO_OK of a control connection */
    struct link_flow *flow;
    enum conn_wait wait;
    uint64_t retry_at; /* inbound, WAIT_PIPE */
};

struct held {
    struct held *next;
    size_t len;
    uint8_t frame[];
};

struct link {
    struct link *next; /* of the fallen */
    uint64_t number;
    uint8_t node[NODE_ID_BYTES];
    int outbound;
    int up;
    int gone;
    char reason[LINK_REASON_MAX];
    uint64_t deadline; /* not up: the bulk connection is due */
    uint64_t up_since;
    uint64_t last_in;
    uint64_t last_ping;
    struct link_shake shake;
    struct conn *control;
    struct conn *bulk;
    struct dial *dial;
    struct link_queue queue;
    struct held *held; /* outbound: control messages ahead of BIND_OK */
    struct held **held_end;
    unsigned n_held;
};

enum dial_state { DIAL_IDLE, DIAL_RESOLVING, DIAL_BUSY, DIAL_LINKED };

struct dial {
    struct dial *next;
    char host[RESOLVE_HOST_MAX];
    uint16_t port;
    enum dial_state state;
    uint64_t tag; /* of the question to the resolver */
    uint64_t next_at;
    unsigned backoff_ms;
    unsigned attempts; /* turns through the addresses of a name */
    char endpoint[RESOLVE_TEXT_MAX + 16];
    int has_node;
    uint8_t node[NODE_ID_BYTES];
    struct conn *conn; /* BUSY */
    struct link *link; /* BUSY after HELLO_OK, LINKED */
    uint64_t logged_at;
    int keep; /* in the new list of peers */
};

struct links {
    struct link_self self;
    uint8_t server_public[KEY_BYTES];
    uint8_t (*allow)[NODE_ID_BYTES];
    size_t n_allow;
    int restricted;
    unsigned ping_ms, dead_ms, step_ms, redial_ms;
    struct log *log;

    void *context;
    void *router;
    void *router_monitor;
    uint16_t port;
    struct link_zap *zap;
    struct link_resolve *resolve;
    int wake_fd;
    int watch[LINKS_WATCH_MAX];
    size_t n_watch;
    zmq_pollitem_t *items;
    size_t items_room;

    struct conn *conns;
    struct conn *bucket[CONN_BUCKETS];
    size_t n_inbound;
    struct link_gate gate;
    struct link **slot;
    size_t n_slots;
    size_t n_links;
    uint64_t counter; /* of link numbers */
    struct link *fallen;
    struct dial *dials;
    uint64_t dial_tag;
    uint64_t monitor_number;
    size_t shared_bytes;

    struct wire_arena *arena;
    struct wire_buf buf;
    uint8_t epoch[STORE_EPOCH_BYTES];
    int has_epoch;
    uint64_t head;
    uint64_t now;
    uint64_t refused_logged_at;
    struct log_rate log_rate; /* of links that come and go */
    int knocked; /* the refusal of the self-test was seen, and not counted */
    struct links_stats stats;

    void (*on_event)(void *ctx, const struct link_event *e);
    void *ctx; /* both only inside links_poll */
};

/* link.c */
struct link *link_by_node(struct links *l, const uint8_t *node);
int link_is_allowed(const struct links *l, const uint8_t *node);

/* The new link's connection is c. NULL: no room, c was refused. */
struct link *link_make(struct links *l, struct conn *c, int outbound);
void link_up(struct links *l, struct link *link);

/* Tells of the links that fell, and frees them. */
void link_drop_fallen(struct links *l);

/* Ends a link; its DOWN is told later. reason is copied. */
void link_fall(struct links *l, struct link *link, enum bye bye,
    const char *reason);
void link_message(struct links *l, struct link *link, const P2pfs__Rpc *rpc,
    const uint8_t *head, size_t head_len, int bulk, const uint8_t *body,
    size_t body_len);

/* Which of two links to one node stays: 1 the new one. Pure. */
int link_tie(const uint8_t *self, const uint8_t *peer, int old_outbound,
    uint64_t old_boot, int new_outbound, uint64_t new_boot);

/* First 16 digits of a node id, for the log. */
#define NODE_TEXT_MAX 20
const char *link_node_text(const uint8_t *node, char out[NODE_TEXT_MAX]);

/* link_conn.c */
struct conn *conn_inbound(struct links *l, struct link_msg *m);
struct conn *conn_outbound(struct links *l, const char *endpoint,
    const struct wire_buf *first, enum conn_role due);
void conn_kill(struct links *l, struct conn *c, enum bye bye, const char *text);
void conn_tick(struct links *l);
void conn_reap(struct links *l);
void conn_accepted_fd(struct links *l, int fd);
void conn_closed_fd(struct links *l, int fd);
enum sock_sent conn_send(struct links *l, struct conn *c,
    const struct wire_buf *frame, int body_too);
void conn_shut_fd(const struct links *l, int fd);

/* link_steps.c: one message of any conn. */
void conn_message(struct links *l, struct conn *c, struct link_msg *m);

/* Is writable for the first time. */
void conn_first(struct links *l, struct conn *c);

/* link_dial.c */
int dial_add(struct links *l, const char *host, uint16_t port);
void dial_set_peers(struct links *l, const struct link_peer *peers, size_t n);
void dial_tick(struct links *l);
uint64_t dial_due(const struct links *l);
void dial_answers(struct links *l);
void dial_failed(struct links *l, struct dial *d, const char *why);

/* The link of a dial ended; it was up for so long. */
void dial_unlinked(struct links *l, struct dial *d, uint64_t up_ms);

#endif
