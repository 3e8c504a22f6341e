/*
 * gossipd/link.c: the table of links and the calls of link.h.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hex.h"
#include "gossipd/link_int.h"

/* A number is a counter that only grows, and the place in the table. */
#define SLOT_BITS 16

const char *
link_node_text(const uint8_t *node, char out[NODE_TEXT_MAX])
{
    p2pfs_hex_encode(out, node, 8);
    out[16] = '\0';
    return out;
}

static struct link *
by_number(const struct links *l, uint64_t number)
{
    size_t i = number & ((1u << SLOT_BITS) - 1);
    struct link *link = i < l->n_slots ? l->slot[i] : NULL;

    return link != NULL && link->number == number ? link : NULL;
}

struct link *
link_by_node(struct links *l, const uint8_t *node)
{
    size_t i, seen = 0;

    for (i = 0; i < l->n_slots && seen < l->n_links; i++) {
        if (l->slot[i] == NULL) {
            continue;
        }
        seen++;
        if (memcmp(l->slot[i]->node, node, NODE_ID_BYTES) == 0) {
            return l->slot[i];
        }
    }
    return NULL;
}

int
link_is_allowed(const struct links *l, const uint8_t *node)
{
    size_t i;

    for (i = 0; i < l->n_allow; i++) {
        if (memcmp(l->allow[i], node, NODE_ID_BYTES) == 0) {
            return 1;
        }
    }
    return !l->restricted;
}

int
link_tie(const uint8_t *self, const uint8_t *peer, int old_outbound,
    uint64_t old_boot, int new_outbound, uint64_t new_boot)
{
    int self_is_smaller = memcmp(self, peer, NODE_ID_BYTES) < 0;

    if (old_boot != new_boot) {
        return 1; /* the old one is with a process that is no more */
    }
    if (!old_outbound == !new_outbound) {
        /* dialled twice by us: superfluous; by the peer: it has lost the
         * first, or it would not dial */
        return !new_outbound;
    }
    return !new_outbound == !self_is_smaller;
}

struct link *
link_make(struct links *l, struct conn *c, int outbound)
{
    struct link *link = NULL;
    size_t i = 0;

    while (i < l->n_slots && l->slot[i] != NULL) {
        i++;
    }
    if (i < l->n_slots) {
        link = calloc(1, sizeof(*link));
    }
    if (link == NULL) {
        conn_kill(l, c, BYE_FULL, "too many links");
        return NULL;
    }
    link->number = ++l->counter << SLOT_BITS | i;
    memcpy(link->node, c->shake.peer, NODE_ID_BYTES);
    link->outbound = outbound;
    link->shake = c->shake;
    link->deadline = l->now + l->step_ms;
    link->last_in = l->now;
    link->held_end = &link->held;
    link_queue_init(&link->queue, &l->shared_bytes);
    link->control = c;
    link->dial = c->dial;
    if (link->dial != NULL) {
        link->dial->conn = NULL;
        link->dial->link = link;
        link->dial->state = DIAL_LINKED;
    }
    c->dial = NULL;
    c->link = link;
    c->role = CONN_CONTROL;
    l->slot[i] = link;
    l->n_links++;
    return link;
}

static void
emit(struct links *l, const struct link_event *e)
{
    if (l->on_event != NULL) {
        l->on_event(l->ctx, e);
    }
}

/* A peer may come and go as often as it likes. */
static int
may_log(struct links *l)
{
    unsigned held_back;

    if (!log_rate_take(&l->log_rate, l->now, &held_back)) {
        return 0;
    }
    if (held_back > 0) {
        log_warn(l->log, "link: %u lines on links that came or went held back",
            held_back);
    }
    return 1;
}

static void
tell_down(struct links *l, const struct link *link)
{
    struct link_event e = {.kind = LINK_DOWN,
        .peer = link->number,
        .node_id = link->node,
        .outbound = link->outbound,
        .boot = link->shake.boot,
        .caps = link->shake.caps,
        .reason = link->reason};
    char text[NODE_TEXT_MAX];

    if (may_log(l)) {
        log_info(l->log, "link: peer=%s down: %s",
            link_node_text(link->node, text), link->reason);
    }
    emit(l, &e);
}

static void
free_link(struct link *link)
{
    struct held *h;

    while ((h = link->held) != NULL) {
        link->held = h->next;
        free(h);
    }
    link_queue_fini(&link->queue);
    free(link);
}

void
link_drop_fallen(struct links *l)
{
    struct link *link;

    while ((link = l->fallen) != NULL) {
        l->fallen = link->next;
        if (link->up) {
            tell_down(l, link);
        }
        free_link(link);
    }
}

void
link_fall(struct links *l, struct link *link, enum bye bye, const char *reason)
{
    struct link **end = &l->fallen;

    if (link->gone) {
        return;
    }
    link->gone = 1;
    snprintf(link->reason, sizeof(link->reason), "%s", reason);
    l->slot[link->number & ((1u << SLOT_BITS) - 1)] = NULL;
    l->n_links--;
    l->stats.up -= link->up ? 1 : 0;
    conn_kill(l, link->control, bye, reason);
    if (link->bulk != NULL) {
        conn_kill(l, link->bulk, BYE_NONE, reason);
    }
    if (link->dial != NULL) {
        dial_unlinked(l, link->dial, link->up ? l->now - link->up_since : 0);
    }
    while (*end != NULL) {
        end = &(*end)->next;
    }
    link->next = NULL;
    *end = link;
}

/* What the peer sent ahead of BIND_OK is next. */
static void
release_held(struct links *l, struct link *link)
{
    struct held *h;

    while ((h = link->held) != NULL && !link->gone) {
        const P2pfs__Rpc *rpc = wire_unpack(l->arena, h->frame, h->len);

        link->held = h->next;
        if (rpc != NULL) {
            link_message(l, link, rpc, h->frame, h->len, 0, NULL, 0);
        }
        free(h);
    }
    link->held_end = &link->held;
}

void
link_up(struct links *l, struct link *link)
{
    struct link_event e = {.kind = LINK_UP,
        .peer = link->number,
        .node_id = link->node,
        .outbound = link->outbound,
        .boot = link->shake.boot,
        .caps = link->shake.caps};
    char text[NODE_TEXT_MAX];

    link_drop_fallen(l); /* an older link to the same node goes down first */
    link->up = 1;
    link->up_since = l->now;
    link->last_in = l->now;
    l->stats.up++;
    if (may_log(l)) {
        log_info(l->log, "link: peer=%s up dir=%s",
            link_node_text(link->node, text), link->outbound ? "out" : "in");
    }
    emit(l, &e);
    release_held(l, link);
}

static void
pong(struct links *l, struct link *link, const P2pfs__Ping *ping)
{
    if (wire_ping(&l->buf, 1, ping->has_cookie ? ping->cookie : 0,
            l->has_epoch ? l->epoch : NULL, l->head)
        == 0) {
        (void)links_send(l, link->number, LINK_URGENT, l->buf.p, l->buf.len,
            NULL, 0);
    }
}

void
link_message(struct links *l, struct link *link, const P2pfs__Rpc *rpc,
    const uint8_t *head, size_t head_len, int bulk, const uint8_t *body,
    size_t body_len)
{
    struct link_event e = {.kind = LINK_MESSAGE,
        .peer = link->number,
        .node_id = link->node,
        .outbound = link->outbound,
        .boot = link->shake.boot,
        .caps = link->shake.caps,
        .bulk = bulk,
        .head = head,
        .head_len = head_len,
        .rpc = rpc,
        .body = body,
        .body_len = body_len};

    l->stats.received_messages++;
    l->stats.received_bytes += head_len + body_len;
    if (rpc->ping != NULL) {
        pong(l, link, rpc->ping);
    }
    emit(l, &e);
}

int
links_send(struct links *l, uint64_t peer, enum link_class class,
    const uint8_t *head, size_t head_len, struct payload *body,
    unsigned deadline_ms)
{
    struct link *link = by_number(l, peer);
    int bulk = link_class_is_bulk(class);
    uint64_t deadline;

    if (link == NULL || !link->up || (body != NULL && !bulk)
        || head_len > (bulk ? WIRE_HEAD_MAX : WIRE_CONTROL_MAX)
        || (body != NULL && payload_len(body) > WIRE_BODY_MAX)) {
        payload_unref(body);
        return -1;
    }
    deadline = deadline_ms == 0 ? 0 : link_clock_ms() + deadline_ms;
    if (link_queue_push(&link->queue, class, head, head_len, body, deadline)
        == 0) {
        return 0;
    }
    l->stats.dropped[class]++;
    if (class == LINK_URGENT || class == LINK_CONTROL) {
        link_fall(l, link, BYE_NONE, "too much control traffic is waiting");
    }
    return -1;
}

size_t
links_queued(const struct links *l, uint64_t peer, enum link_class class)
{
    const struct link *link = by_number(l, peer);

    return link == NULL ? 0 : link->queue.class[class].bytes;
}

void
links_kick(struct links *l, uint64_t peer, const char *reason, unsigned ban_ms)
{
    struct link *link = by_number(l, peer);
    uint8_t key[KEY_BYTES];

    if (link == NULL) {
        return;
    }
    if (ban_ms > 0 && node_curve_public(key, link->node) == 0) {
        link_zap_ban(l->zap, key, link_clock_ms() + ban_ms);
    }
    l->stats.kicked++;
    link_fall(l, link, BYE_KICKED, reason);
}

const uint8_t *
links_node_id(const struct links *l)
{
    return l->self.id.node_id;
}

uint16_t
links_port(const struct links *l)
{
    return l->port;
}

void
links_set_ping(struct links *l, const uint8_t *epoch, uint64_t head)
{
    memcpy(l->epoch, epoch, STORE_EPOCH_BYTES);
    l->has_epoch = 1;
    l->head = head;
}

void
links_set_peers(struct links *l, const struct link_peer *peers, size_t n)
{
    dial_set_peers(l, peers, n);
}

int
links_watch(struct links *l, int fd)
{
    if (l->n_watch == LINKS_WATCH_MAX) {
        return -1;
    }
    l->watch[l->n_watch++] = fd;
    return 0;
}

void
links_stats(const struct links *l, struct links_stats *out)
{
    *out = l->stats;
}
