/*
 * gossipd/link_sock.c: socket options, messages, bytes in flight.
 */

#include "gossipd/link_sock.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gossipd/link_zap.h"
#include "gossipd/wire.h"

#define RID_BYTES 5   /* libzmq's own routing ids: 0 and a 32-bit number */
#define SEND_HWM 1000 /* link_flow is the limit that counts bytes */
#define RECV_HWM 64   /* of 128 KiB each, for a connection */
#define SOCKET_BUFFER_BYTES (256 * 1024)
#define KEEPALIVE_IDLE_S 10
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES 3
#define UNANSWERED_MS 25000 /* sent and not acknowledged by the kernel there */

/* zmq.h hides it behind ZMQ_BUILD_DRAFT_API, the library honours it. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

struct link_flow {
    atomic_size_t bytes;
    atomic_int waiting;
    atomic_uint refs;
    size_t max;
    int wake_fd;
};

uint64_t
link_clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int
link_thread_start(pthread_t *thread, void *(*run)(void *), void *ctx)
{
    sigset_t all, old;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(thread, NULL, run, ctx);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

struct link_flow *
link_flow_new(size_t max, int wake_fd)
{
    struct link_flow *f = calloc(1, sizeof(*f));

    if (f != NULL) {
        atomic_init(&f->refs, 1);
        f->max = max;
        f->wake_fd = wake_fd;
    }
    return f;
}

void
link_flow_unref(struct link_flow *f)
{
    if (f != NULL
        && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1) {
        free(f);
    }
}

/* Half of the room must be free before a wake-up is worth it. */
static void
flow_leave(struct link_flow *f, size_t bytes)
{
    size_t left = atomic_fetch_sub(&f->bytes, bytes) - bytes;

    if (left <= f->max / 2 && atomic_exchange(&f->waiting, 0) != 0) {
        static const uint64_t one = 1;

        /* the eventfd cannot overflow, so this cannot fail */
        (void)!write(f->wake_fd, &one, sizeof(one));
    }
}

/* One message may always go, whatever its size. */
static int
flow_enter(struct link_flow *f, size_t bytes)
{
    size_t used = atomic_load(&f->bytes);

    if (used > 0 && used + bytes > f->max) {
        atomic_store(&f->waiting, 1);
        used = atomic_load(&f->bytes);
        if (used > f->max / 2) {
            return 0;
        }
        atomic_store(&f->waiting, 0);
    }
    atomic_fetch_add(&f->bytes, bytes);
    return 1;
}

static int
set_int(void *sock, int option, int value)
{
    return zmq_setsockopt(sock, option, &value, sizeof(value));
}

/* Options that both kinds of socket need. */
static int
set_common(void *sock)
{
    /* of a frame, with what CURVE adds; larger: libzmq disconnects */
    int64_t max = WIRE_BODY_MAX + SOCK_CURVE_BYTES;
    int rc = zmq_setsockopt(sock, ZMQ_MAXMSGSIZE, &max, sizeof(max));

    rc |= set_int(sock, ZMQ_LINGER, 0);
    /* queue nothing for a connection that is not there: it would reach a
     * restarted peer ahead of the handshake */
    rc |= set_int(sock, ZMQ_IMMEDIATE, 1);
    rc |= set_int(sock, ZMQ_SNDTIMEO, 0);
    rc |= set_int(sock, ZMQ_RCVTIMEO, 0);
    rc |= set_int(sock, ZMQ_SNDHWM, SEND_HWM);
    rc |= set_int(sock, ZMQ_RCVHWM, RECV_HWM);
    rc |= set_int(sock, ZMQ_SNDBUF, SOCKET_BUFFER_BYTES);
    rc |= set_int(sock, ZMQ_RCVBUF, SOCKET_BUFFER_BYTES);
    rc |= set_int(sock, ZMQ_HANDSHAKE_IVL, 3000);
    /*
     * Half-open connections are the kernel's to find. ZMTP's own heartbeat must
     * stay off: libzmq 4.3 aborts the process when that timer comes for a
     * connection that was closed while its input waited at the high-water mark.
     */
    rc |= set_int(sock, ZMQ_HEARTBEAT_IVL, 0);
    rc |= set_int(sock, ZMQ_TCP_KEEPALIVE, 1);
    rc |= set_int(sock, ZMQ_TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_S);
    rc |= set_int(sock, ZMQ_TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL_S);
    rc |= set_int(sock, ZMQ_TCP_KEEPALIVE_CNT, KEEPALIVE_PROBES);
    rc |= set_int(sock, ZMQ_TCP_MAXRT, UNANSWERED_MS);
    rc |= set_int(sock, ZMQ_IPV6, 1);
    return rc;
}

void *
link_sock_router(void *context, const uint8_t server_public[KEY_BYTES],
    const uint8_t server_secret[KEY_BYTES])
{
    void *sock = zmq_socket(context, ZMQ_ROUTER);
    int rc;

    if (sock == NULL) {
        return NULL;
    }
    rc = set_common(sock);
    /* else what goes to a peer that left is dropped in silence */
    rc |= set_int(sock, ZMQ_ROUTER_MANDATORY, 1);
    /* else a second connection takes over another's routing id */
    rc |= set_int(sock, ZMQ_ROUTER_HANDOVER, 0);
    rc |= set_int(sock, ZMQ_BACKLOG, 256);
    rc |= set_int(sock, ZMQ_CURVE_SERVER, 1);
    rc |= zmq_setsockopt(sock, ZMQ_CURVE_PUBLICKEY, server_public, KEY_BYTES);
    rc |= zmq_setsockopt(sock, ZMQ_CURVE_SECRETKEY, server_secret, KEY_BYTES);
    rc |= zmq_setsockopt(sock, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN,
        sizeof(ZAP_DOMAIN) - 1);
    /* else everybody is let in while no ZAP handler runs */
    rc |= set_int(sock, ZMQ_ZAP_ENFORCE_DOMAIN, 1);
    if (rc != 0) {
        zmq_close(sock);
        return NULL;
    }
    return sock;
}

static int
bind_once(void *router, const char *host, uint16_t port)
{
    const char *fmt =
        strchr(host, ':') != NULL ? "tcp://[%s]:%u" : "tcp://%s:%u";
    char endpoint[300];

    if (port == 0) {
        fmt = strchr(host, ':') != NULL ? "tcp://[%s]:*" : "tcp://%s:*";
    }
    if (snprintf(endpoint, sizeof(endpoint), fmt, host, (unsigned)port)
        >= (int)sizeof(endpoint)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return zmq_bind(router, endpoint);
}

int
link_sock_bind(void *router, const char *host, uint16_t *port)
{
    char endpoint[300];
    size_t len = sizeof(endpoint);
    const char *colon;

    if (bind_once(router, host, *port) != 0) {
        /* a host without IPv6 has no such wildcard address */
        if (errno == EADDRINUSE || errno == EACCES
            || set_int(router, ZMQ_IPV6, 0) != 0
            || bind_once(router, host, *port) != 0) {
            return -1;
        }
    }
    if (zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &len) != 0) {
        return -1;
    }
    colon = strrchr(endpoint, ':');
    *port = colon == NULL ? 0 : (uint16_t)strtoul(colon + 1, NULL, 10);
    return 0;
}

void *
link_sock_dealer(void *context, const uint8_t server_public[KEY_BYTES],
    const uint8_t client_public[KEY_BYTES],
    const uint8_t client_secret[KEY_BYTES])
{
    void *sock = zmq_socket(context, ZMQ_DEALER);
    int rc;

    if (sock == NULL) {
        return NULL;
    }
    rc = set_common(sock);
    /* a new connection is a new handshake, so a new socket: link_dial.c */
    rc |= set_int(sock, ZMQ_RECONNECT_IVL, -1);
    rc |= set_int(sock, ZMQ_CONNECT_TIMEOUT, 5000);
    rc |= zmq_setsockopt(sock, ZMQ_CURVE_SERVERKEY, server_public, KEY_BYTES);
    rc |= zmq_setsockopt(sock, ZMQ_CURVE_PUBLICKEY, client_public, KEY_BYTES);
    rc |= zmq_setsockopt(sock, ZMQ_CURVE_SECRETKEY, client_secret, KEY_BYTES);
    if (rc != 0) {
        zmq_close(sock);
        return NULL;
    }
    return sock;
}

void *
link_sock_monitor(void *context, void *sock, const char *name, int events)
{
    void *monitor;

    if (zmq_socket_monitor(sock, name, events) != 0) {
        return NULL;
    }
    monitor = zmq_socket(context, ZMQ_PAIR);
    if (monitor != NULL
        && (set_int(monitor, ZMQ_LINGER, 0) != 0
            || zmq_connect(monitor, name) != 0)) {
        zmq_close(monitor);
        monitor = NULL;
    }
    if (monitor == NULL) {
        zmq_socket_monitor(sock, NULL, 0);
    }
    return monitor;
}

int
link_sock_event(void *monitor, unsigned *event, int *value)
{
    struct link_msg m;
    uint16_t number = 0;
    int32_t argument = 0;

    if (!link_sock_recv(monitor, 0, &m)) {
        return 0;
    }
    if (zmq_msg_size(&m.part[0]) == sizeof(number) + sizeof(argument)) {
        const uint8_t *p = zmq_msg_data(&m.part[0]);

        memcpy(&number, p, sizeof(number));
        memcpy(&argument, p + sizeof(number), sizeof(argument));
    }
    link_msg_close(&m);
    *event = number;
    *value = argument;
    return 1;
}

void
link_sock_close(void *sock, void *monitor, int linger_ms)
{
    if (monitor != NULL) {
        zmq_socket_monitor(sock, NULL, 0);
        zmq_close(monitor);
    }
    if (sock != NULL) {
        set_int(sock, ZMQ_LINGER, linger_ms);
        zmq_close(sock);
    }
}

/* 0, or the number in a routing id of libzmq's own making. */
static uint32_t
routing_id(zmq_msg_t *m)
{
    const uint8_t *p = zmq_msg_data(m);
    uint32_t rid;

    if (zmq_msg_size(m) != RID_BYTES || p[0] != 0) {
        return 0;
    }
    memcpy(&rid, p + 1, sizeof(rid));
    return rid;
}

static int
recv_routing_id(void *sock, struct link_msg *m)
{
    zmq_msg_t id;

    zmq_msg_init(&id);
    if (zmq_msg_recv(&id, sock, ZMQ_DONTWAIT) < 0) {
        zmq_msg_close(&id);
        return 0;
    }
    m->rid = routing_id(&id);
    m->foreign = m->rid == 0;
    zmq_msg_close(&id);
    return 1;
}

int
link_sock_recv(void *sock, int router, struct link_msg *m)
{
    zmq_msg_t extra; /* frames too many end up here, one after the other */
    int more = 1;
    size_t i;

    m->rid = 0;
    m->foreign = 0;
    if (router && !recv_routing_id(sock, m)) {
        return 0;
    }
    for (i = 0; i < SOCK_PARTS; i++) {
        zmq_msg_init(&m->part[i]);
    }
    zmq_msg_init(&extra);
    for (m->n = 0; more; m->n++) {
        zmq_msg_t *p = m->n < SOCK_PARTS ? &m->part[m->n] : &extra;

        if (zmq_msg_recv(p, sock, ZMQ_DONTWAIT) < 0) {
            break; /* the first frame: no message; else the context ends */
        }
        more = zmq_msg_more(p);
    }
    zmq_msg_close(&extra);
    return !more;
}

void
link_msg_close(struct link_msg *m)
{
    size_t i;

    for (i = 0; i < SOCK_PARTS; i++) {
        zmq_msg_close(&m->part[i]);
    }
}

const char *
link_msg_user(struct link_msg *m)
{
    const char *text = zmq_msg_gets(&m->part[0], "User-Id");

    return text != NULL && strlen(text) == 2 * KEY_BYTES ? text : NULL;
}

int
link_msg_fd(struct link_msg *m)
{
    return zmq_msg_get(&m->part[0], ZMQ_SRCFD);
}

static enum sock_sent
send_failed(void)
{
    return errno == EAGAIN ? SOCK_AGAIN : SOCK_GONE;
}

static int
send_routing_id(void *sock, uint32_t rid)
{
    uint8_t id[RID_BYTES] = {0};

    if (rid == 0) {
        return 0;
    }
    memcpy(id + 1, &rid, sizeof(rid));
    return zmq_send(sock, id, sizeof(id), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ? -1
                                                                          : 0;
}

enum sock_sent
link_sock_send(void *sock, uint32_t rid, const uint8_t *frame, size_t len,
    int body_too)
{
    int flags = ZMQ_DONTWAIT | (body_too ? ZMQ_SNDMORE : 0);

    if (send_routing_id(sock, rid) != 0 || zmq_send(sock, frame, len, flags) < 0
        || (body_too && zmq_send(sock, "", 0, ZMQ_DONTWAIT) < 0)) {
        return send_failed();
    }
    return SOCK_SENT;
}

/* libzmq, on any of its threads, is done with the last frame of an item. */
static void
item_done(void *data, void *hint)
{
    struct link_item *item = hint;
    struct link_flow *flow = item->flow;

    (void)data;
    flow_leave(flow, link_item_bytes(item));
    link_flow_unref(flow);
    item->flow = NULL;
    if (!item->keep) {
        link_item_free(item);
    }
}

/* Gives the last frame's bytes to libzmq until it calls item_done. */
static int
send_last(void *sock, struct link_item *item, uint8_t *data, size_t len)
{
    zmq_msg_t m;

    if (zmq_msg_init_data(&m, data, len, item_done, item) != 0) {
        item->keep = 1;
        item_done(NULL, item);
        return -1;
    }
    if (zmq_msg_send(&m, sock, ZMQ_DONTWAIT) < 0) {
        int e = errno;

        item->keep = 1;
        zmq_msg_close(&m);
        errno = e;
        return -1;
    }
    return 0;
}

enum sock_sent
link_sock_send_item(void *sock, uint32_t rid, struct link_flow *flow,
    struct link_item *item)
{
    static uint8_t nothing[1];
    uint8_t *data = item->head;
    size_t len = item->head_len;

    if (!flow_enter(flow, link_item_bytes(item))) {
        return SOCK_FLOW;
    }
    atomic_fetch_add_explicit(&flow->refs, 1, memory_order_relaxed);
    item->flow = flow;
    item->keep = 0;
    if (send_routing_id(sock, rid) != 0) {
        goto failed;
    }
    if (link_class_is_bulk(item->class)) {
        if (zmq_send(sock, data, len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
            goto failed;
        }
        /* only read, on libzmq's side */
        data = item->body == NULL
            ? nothing
            : (uint8_t *)(uintptr_t)payload_data(item->body);
        len = item->body == NULL ? 0 : payload_len(item->body);
    }
    return send_last(sock, item, data, len) == 0 ? SOCK_SENT : send_failed();

failed : {
    enum sock_sent why = send_failed();

    item->keep = 1;
    item_done(NULL, item);
    return why;
}
}
