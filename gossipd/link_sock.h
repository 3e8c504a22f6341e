/*
 * gossipd/link_sock.h: libzmq sockets with every option set, and messages in
 * and out of them. What libzmq does by default and must not do here is named
 * at each option in link_sock.c.
 */

#ifndef P2PFS_GOSSIPD_LINK_SOCK_H
#define P2PFS_GOSSIPD_LINK_SOCK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "gossipd/identity.h"
#include "gossipd/link_queue.h"

#define SOCK_PARTS 2        /* frames of the longest message there is */
#define SOCK_CURVE_BYTES 33 /* what CURVE adds to a frame */
#define SOCK_LINGER_MS 300  /* a goodbye may take to leave */

/* Milliseconds of the monotonic clock. */
uint64_t link_clock_ms(void);

/* With all signals blocked: they are main's. 0 or an errno. */
int link_thread_start(pthread_t *thread, void *(*run)(void *), void *ctx);

/* Bytes that one connection's messages hold inside libzmq: its own limits
 * count messages, whatever their size. */
struct link_flow;
struct link_flow *link_flow_new(size_t max, int wake_fd); /* NULL: no memory */
void link_flow_unref(struct link_flow *f);                /* takes NULL */

/* NULL where libzmq has no more sockets. */
void *link_sock_router(void *context, const uint8_t server_public[KEY_BYTES],
    const uint8_t server_secret[KEY_BYTES]);

/* Binds; *port is what was bound. 0 or -1 with errno. */
int link_sock_bind(void *router, const char *host, uint16_t *port);

void *link_sock_dealer(void *context, const uint8_t server_public[KEY_BYTES],
    const uint8_t client_public[KEY_BYTES],
    const uint8_t client_secret[KEY_BYTES]);

/* Events of a socket arrive on the PAIR that is returned. NULL: none. */
void *link_sock_monitor(void *context, void *sock, const char *name,
    int events);

/* 1, the event and its value; 0 where none waits. */
int link_sock_event(void *monitor, unsigned *event, int *value);

/* monitor may be NULL. */
void link_sock_close(void *sock, void *monitor, int linger_ms);

struct link_msg {
    uint32_t rid; /* ROUTER: the connection; never 0 */
    zmq_msg_t part[SOCK_PARTS];
    size_t n;    /* frames there were, also above SOCK_PARTS */
    int foreign; /* a routing id that libzmq did not make */
};

/* Always takes all frames of a message. 1, or 0 where none waits. */
int link_sock_recv(void *sock, int router, struct link_msg *m);
void link_msg_close(struct link_msg *m);

/* The key that ZAP let in, 2 * KEY_BYTES of hex (NULL: none), and the socket
 * that the message came by (or -1). */
const char *link_msg_user(struct link_msg *m);
int link_msg_fd(struct link_msg *m);

enum sock_sent { SOCK_SENT, SOCK_AGAIN, SOCK_FLOW, SOCK_GONE };

/* One frame (body_too: and an empty second one), copied. rid 0: a DEALER. */
enum sock_sent link_sock_send(void *sock, uint32_t rid, const uint8_t *frame,
    size_t len, int body_too);

/*
 * Without copying. SENT: the item is libzmq's. AGAIN, FLOW: it stays the
 * caller's; after FLOW wake_fd is written when there is room.
 */
enum sock_sent link_sock_send_item(void *sock, uint32_t rid,
    struct link_flow *flow, struct link_item *item);

#endif
