/*
 * gossipd/link_poll.c: one turn of the loop: wait, read, send, clocks.
 *
 * Reading goes first and is never put off: what is not taken here fills the
 * peer's queues instead of ours, and a peer that waits for us cannot be told
 * from one that is dead.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gossipd/link_int.h"

#define FIXED_ITEMS 3 /* ROUTER, its monitor, wake_fd */
#define REFUSED_LOG_MS 10000

/* The place of each outbound conn's socket; its monitor stands behind it. */
static size_t
fill_items(struct links *l)
{
    struct conn *c;
    size_t n = FIXED_ITEMS + l->n_watch, i;

    for (c = l->conns; c != NULL; c = c->next) {
        n += c->rid == 0 ? 2 : 0;
    }
    if (n > l->items_room) {
        zmq_pollitem_t *p = realloc(l->items, 2 * n * sizeof(*p));

        if (p == NULL) {
            return 0;
        }
        l->items = p;
        l->items_room = 2 * n;
    }
    memset(l->items, 0, n * sizeof(l->items[0]));
    for (i = 0; i < n; i++) {
        l->items[i].events = ZMQ_POLLIN;
    }
    l->items[0].socket = l->router;
    l->items[1].socket = l->router_monitor;
    l->items[2].fd = l->wake_fd;
    for (i = 0; i < l->n_watch; i++) {
        l->items[FIXED_ITEMS + i].fd = l->watch[i];
    }
    n = FIXED_ITEMS + l->n_watch;
    for (c = l->conns; c != NULL; c = c->next) {
        c->item = -1;
        if (c->rid != 0 || c->role == CONN_DEAD) {
            continue;
        }
        c->item = (int)n;
        l->items[n].socket = c->sock;
        if (c->role == CONN_CONNECTING || c->wait == WAIT_PIPE) {
            l->items[n].events |= ZMQ_POLLOUT;
        }
        l->items[n + 1].socket = c->monitor;
        n += 2;
    }
    return n;
}

static void
read_router_events(struct links *l)
{
    unsigned event;
    int value;

    while (link_sock_event(l->router_monitor, &event, &value)) {
        switch (event) {
        case ZMQ_EVENT_ACCEPTED:
            l->stats.accepted++;
            conn_accepted_fd(l, value);
            break;
        case ZMQ_EVENT_DISCONNECTED: conn_closed_fd(l, value); break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            break; /* a port scan, a health check */
        default:
            if (!l->knocked) {
                l->knocked = 1;
                break;
            }
            l->stats.refused_key++;
            if (l->now - l->refused_logged_at >= REFUSED_LOG_MS) {
                l->refused_logged_at = l->now;
                log_warn(l->log,
                    "link: refusing a connection: it has not the"
                    " network's key, or is not allowed");
            }
            break;
        }
    }
}

static void
read_router(struct links *l)
{
    struct link_msg m;
    struct conn *c;
    int i;

    for (i = 0; i < LINK_BATCH && link_sock_recv(l->router, 1, &m); i++) {
        c = conn_inbound(l, &m);
        if (c != NULL) {
            conn_message(l, c, &m);
            c->retry_at = 0; /* it lives: what waits may go now */
        }
        link_msg_close(&m);
    }
}

static void
lost(struct links *l, struct conn *c, unsigned event)
{
    const char *why = "connection closed";

    if (c->role == CONN_CONNECTING) {
        if (event == ZMQ_EVENT_CLOSED) {
            why = "connection refused";
        } else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
            why = "this node is not allowed there";
        } else {
            why = "no common network key, or not a p2pfs node";
        }
    }
    if (c->link != NULL) {
        link_fall(l, c->link, BYE_NONE, why);
    } else {
        conn_kill(l, c, BYE_NONE, why);
    }
}

/* What was received goes before the news that the connection is closed. */
static void
read_outbound(struct links *l, struct conn *c)
{
    struct link_msg m;
    unsigned event;
    int value, i;

    if (l->items[c->item].revents & ZMQ_POLLOUT) {
        c->wait = c->wait == WAIT_PIPE ? WAIT_NOTHING : c->wait;
        if (c->role == CONN_CONNECTING) {
            conn_first(l, c);
        }
    }
    for (i = 0; i < LINK_BATCH && c->role != CONN_DEAD
         && link_sock_recv(c->sock, 0, &m);
         i++) {
        conn_message(l, c, &m);
        link_msg_close(&m);
    }
    if (i == LINK_BATCH || !(l->items[c->item + 1].revents & ZMQ_POLLIN)) {
        return;
    }
    while (
        c->role != CONN_DEAD && link_sock_event(c->monitor, &event, &value)) {
        lost(l, c, event);
    }
}

static void
read_all(struct links *l)
{
    struct conn *c;
    uint64_t count;

    if (l->items[2].revents & ZMQ_POLLIN) {
        if (read(l->wake_fd, &count, sizeof(count)) == sizeof(count)) {
            for (c = l->conns; c != NULL; c = c->next) {
                c->wait = c->wait == WAIT_FLOW ? WAIT_NOTHING : c->wait;
            }
        }
        dial_answers(l);
    }
    if (l->items[0].revents & ZMQ_POLLIN) {
        read_router(l);
    }
    if (l->items[1].revents & ZMQ_POLLIN) {
        read_router_events(l);
    }
    for (c = l->conns; c != NULL; c = c->next) {
        if (c->item >= 0 && c->role != CONN_DEAD
            && (l->items[c->item].revents | l->items[c->item + 1].revents)) {
            read_outbound(l, c);
        }
    }
}

static int
may_send(const struct links *l, struct conn *c)
{
    if (c->wait == WAIT_PIPE && c->rid != 0 && l->now >= c->retry_at) {
        c->wait = WAIT_NOTHING;
    }
    return c->wait == WAIT_NOTHING;
}

/* 1: more could go at once, but others have their turn first. */
static int
flush_conn(struct links *l, struct link *link, struct conn *c, int bulk)
{
    struct link_item *item;
    size_t bytes;
    int i;

    for (i = 0; i < LINK_BATCH; i++) {
        item =
            may_send(l, c) ? link_queue_pop(&link->queue, bulk, l->now) : NULL;
        if (item == NULL) {
            return 0;
        }
        bytes = link_item_bytes(item) - QUEUE_ITEM_BYTES;
        switch (link_sock_send_item(c->sock != NULL ? c->sock : l->router,
            c->rid, c->flow, item)) {
        case SOCK_SENT:
            l->stats.sent_messages++;
            l->stats.sent_bytes += bytes;
            break;
        case SOCK_AGAIN:
            link_queue_unpop(&link->queue, item);
            c->wait = WAIT_PIPE;
            c->retry_at = l->now + RETRY_MS;
            break;
        case SOCK_FLOW:
            link_queue_unpop(&link->queue, item);
            c->wait = WAIT_FLOW;
            break;
        case SOCK_GONE:
            link_item_free(item);
            link_fall(l, link, BYE_NONE, "connection closed");
            return 0;
        }
    }
    return !link_queue_empty(&link->queue, bulk);
}

static int
flush_all(struct links *l)
{
    struct link *link;
    int more = 0;
    size_t i;

    for (i = 0; i < l->n_slots && l->n_links > 0; i++) {
        link = l->slot[i];
        if (link == NULL || !link->up) {
            continue;
        }
        more |= flush_conn(l, link, link->control, 0);
        if (!link->gone) {
            more |= flush_conn(l, link, link->bulk, 1);
        }
    }
    return more;
}

static void
ping(struct links *l, struct link *link)
{
    link->last_ping = l->now;
    if (wire_ping(&l->buf, 0, l->now, l->has_epoch ? l->epoch : NULL, l->head)
        == 0) {
        (void)links_send(l, link->number, LINK_URGENT, l->buf.p, l->buf.len,
            NULL, 0);
    }
}

static void
tick_links(struct links *l)
{
    struct link *link;
    size_t i;

    for (i = 0; i < l->n_slots && l->n_links > 0; i++) {
        link = l->slot[i];
        if (link == NULL) {
            continue;
        }
        if (!link->up && l->now >= link->deadline) {
            link_fall(l, link, BYE_SILENT, "no bulk connection");
        } else if (link->up && l->now - link->last_in >= l->dead_ms) {
            link_fall(l, link, BYE_SILENT, "no sign of life");
        } else if (link->up && l->now - link->last_ping >= l->ping_ms) {
            ping(l, link);
        }
    }
}

static uint64_t
links_due(const struct links *l)
{
    uint64_t due = UINT64_MAX, t;
    size_t i;

    for (i = 0; i < l->n_slots && l->n_links > 0; i++) {
        const struct link *link = l->slot[i];

        if (link == NULL) {
            continue;
        }
        t = link->up ? link->last_ping + l->ping_ms : link->deadline;
        due = t < due ? t : due;
        t = link->last_in + l->dead_ms;
        due = t < due ? t : due;
    }
    return due;
}

static uint64_t
conns_due(const struct links *l)
{
    uint64_t due = UINT64_MAX;
    const struct conn *c;

    for (c = l->conns; c != NULL; c = c->next) {
        uint64_t t = c->deadline;

        if (c->role == CONN_CONTROL || c->role == CONN_BULK) {
            t = c->probes > 0 ? c->probe_at : UINT64_MAX;
            if (c->wait == WAIT_PIPE && c->rid != 0 && c->retry_at < t) {
                t = c->retry_at;
            }
        }
        due = t < due ? t : due;
    }
    if (l->gate.n > 0 && l->gate.slot[0].since + l->step_ms + 1 < due) {
        due = l->gate.slot[0].since + l->step_ms + 1;
    }
    return due;
}

static int
wait_ms(const struct links *l, int timeout_ms)
{
    uint64_t due = dial_due(l), t;

    t = links_due(l);
    due = t < due ? t : due;
    t = conns_due(l);
    due = t < due ? t : due;
    if (due <= l->now) {
        return 0;
    }
    if (timeout_ms < 0 || due - l->now < (uint64_t)timeout_ms) {
        return due - l->now > 60000 ? 60000 : (int)(due - l->now);
    }
    return timeout_ms;
}

static void
tick(struct links *l)
{
    l->now = link_clock_ms();
    tick_links(l);
    conn_tick(l);
    dial_tick(l);
}

void
links_poll(struct links *l, int timeout_ms,
    void (*on_event)(void *ctx, const struct link_event *e), void *ctx)
{
    size_t n;

    l->on_event = on_event;
    l->ctx = ctx;
    l->now = link_clock_ms();
    link_drop_fallen(l);
    conn_reap(l);
    if (flush_all(l) || l->fallen != NULL) {
        timeout_ms = 0;
    }
    n = fill_items(l);
    /* without memory for the set nothing can be waited for: try again */
    if (n > 0 && zmq_poll(l->items, (int)n, wait_ms(l, timeout_ms)) > 0) {
        l->now = link_clock_ms();
        read_all(l);
    }
    tick(l);
    (void)flush_all(l);
    link_drop_fallen(l);
    conn_reap(l);
    l->on_event = NULL;
    l->ctx = NULL;
}
