/*
 * gossipd/link_steps.c: what each message means to the connection it came by:
 * the steps of the handshake, then the rules of the two connections.
 *
 * Every message that is not the one due ends the connection, and the link with
 * it; nobody gets a second try on the same connection.
 */

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gossipd/link_int.h"

#define REFUSED_LOG_MS 10000

struct frame {
    const uint8_t *p;
    size_t len;
};

static struct frame
part(struct link_msg *m, size_t i)
{
    struct frame f = {NULL, 0};

    if (i < m->n) {
        f.p = zmq_msg_data(&m->part[i]);
        f.len = zmq_msg_size(&m->part[i]);
    }
    return f;
}

/* Ends a connection that has no link yet. */
static void
refuse(struct links *l, struct conn *c, enum bye bye, const char *text)
{
    l->stats.handshakes_failed++;
    if (c->dial == NULL && l->now - l->refused_logged_at >= REFUSED_LOG_MS) {
        l->refused_logged_at = l->now;
        log_warn(l->log, "link: refusing a peer: %s", text);
    }
    conn_kill(l, c, bye, text);
}

static void
refuse_shake(struct links *l, struct conn *c, enum shake_err err)
{
    enum bye bye = BYE_PROTOCOL;

    if (err == SHAKE_SELF) {
        bye = BYE_SELF;
    } else if (err == SHAKE_CONSTANTS) {
        bye = BYE_CONSTANTS;
    } else if (err == SHAKE_GOODBYE) {
        bye = BYE_NONE;
    }
    refuse(l, c, bye, shake_text(err));
}

static int
may_link(struct links *l, const uint8_t *node)
{
    uint8_t key[KEY_BYTES];

    return link_is_allowed(l, node) && node_curve_public(key, node) == 0
        && !link_zap_banned(l->zap, key, l->now);
}

static void
on_hello(struct links *l, struct conn *c, struct frame f)
{
    uint8_t nonce[SHAKE_NONCE_BYTES];
    enum shake_err err;

    randombytes_buf(nonce, sizeof(nonce));
    err = shake_hello_ok(&c->shake, &l->self, l->arena, f.p, f.len, c->user,
        nonce, &l->buf);
    if (err != SHAKE_OK) {
        refuse_shake(l, c, err);
    } else if (!may_link(l, c->shake.peer)) {
        refuse(l, c, BYE_NOT_ALLOWED, "node is not allowed");
    } else if (conn_send(l, c, &l->buf, 0) != SOCK_SENT) {
        refuse(l, c, BYE_NONE, "connection closed in the handshake");
    } else {
        c->role = CONN_AUTH;
        c->deadline = l->now + l->step_ms;
    }
}

/* The link to the same node that is there already. 1: the new one may be. */
static int
settle(struct links *l, struct conn *c, int outbound)
{
    struct link *old = link_by_node(l, c->shake.peer);

    if (old == NULL) {
        return 1;
    }
    if ((outbound && old->up && old->shake.boot == c->shake.boot)
        || !link_tie(l->self.id.node_id, c->shake.peer, old->outbound,
            old->shake.boot, outbound, c->shake.boot)) {
        conn_kill(l, c, BYE_DUPLICATE, "linked already");
        return 0;
    }
    if (old->shake.boot != c->shake.boot) {
        link_fall(l, old, BYE_NONE, "peer was restarted");
    } else {
        link_fall(l, old, BYE_DUPLICATE, "the other link stays");
    }
    return 1;
}

static void
on_auth(struct links *l, struct conn *c, struct frame f)
{
    enum shake_err err = shake_ready(&c->shake, l->arena, f.p, f.len);

    if (err == SHAKE_GOODBYE) {
        /* it found out that we are linked already: nobody's failure */
        conn_kill(l, c, BYE_NONE, shake_text(err));
    } else if (err != SHAKE_OK) {
        refuse_shake(l, c, err);
    } else if (settle(l, c, 0)) {
        (void)link_make(l, c, 0);
    }
}

/* The bulk connection of an outbound link. */
static void
open_bulk(struct links *l, struct link *link)
{
    struct conn *c = NULL;

    if (shake_bind(&link->shake, &l->self, 'c', &l->buf) == SHAKE_OK) {
        c = conn_outbound(l, link->dial->endpoint, &l->buf, CONN_BIND_OK);
    }
    if (c == NULL) {
        link_fall(l, link, BYE_CLOSING, "no memory or no socket left");
        return;
    }
    c->link = link;
    link->bulk = c;
}

/* Whoever said no to the dial may be known by now: then its address is left
 * alone while a link to it is there. */
static void
learn(struct conn *c, const uint8_t *node)
{
    c->dial->has_node = 1;
    memcpy(c->dial->node, node, NODE_ID_BYTES);
}

static void
on_hello_ok(struct links *l, struct conn *c, struct frame f)
{
    struct link *link;
    enum shake_err err;

    err = shake_auth(&c->shake, &l->self, l->arena, f.p, f.len, &l->buf);
    if (err == SHAKE_SELF
        || (err == SHAKE_GOODBYE && c->shake.goodbye == BYE_SELF)) {
        learn(c, l->self.id.node_id);
        refuse_shake(l, c, SHAKE_SELF);
        return;
    }
    if (err == SHAKE_GOODBYE && c->shake.goodbye == BYE_CONSTANTS) {
        err = SHAKE_CONSTANTS;
    }
    if (err != SHAKE_OK) {
        refuse_shake(l, c, err);
        return;
    }
    learn(c, c->shake.peer);
    if (!may_link(l, c->shake.peer)) {
        refuse(l, c, BYE_NOT_ALLOWED, "node is not allowed");
        return;
    }
    if (!settle(l, c, 1)) {
        return;
    }
    if (conn_send(l, c, &l->buf, 0) != SOCK_SENT) {
        refuse(l, c, BYE_NONE, "connection closed in the handshake");
        return;
    }
    link = link_make(l, c, 1);
    if (link != NULL) {
        open_bulk(l, link);
    }
}

/* BIND: which link does this connection belong to? Its node id finds it, the
 * key that ZAP saw and the mac prove it. */
static void
on_bind(struct links *l, struct conn *c, struct frame head, struct frame body)
{
    const P2pfs__Rpc *rpc = wire_unpack(l->arena, head.p, head.len);
    struct link *link;

    if (rpc == NULL || !shake_alone(rpc, rpc->bind) || body.len != 0) {
        refuse(l, c, BYE_NONE, "malformed first message");
        return;
    }
    link = link_by_node(l, rpc->bind->node.data);
    if (link == NULL || link->outbound || link->bulk != NULL
        || memcmp(link->control->user, c->user, KEY_BYTES) != 0
        || shake_bound(&link->shake, 'c', rpc->bind) != SHAKE_OK) {
        refuse(l, c, BYE_NONE, "bulk connection without a link");
        return;
    }
    if (shake_bind(&link->shake, &l->self, 's', &l->buf) != SHAKE_OK
        || conn_send(l, c, &l->buf, 1) != SOCK_SENT) {
        refuse(l, c, BYE_NONE, "connection closed in the handshake");
        return;
    }
    c->role = CONN_BULK;
    c->link = link;
    link->bulk = c;
    link_up(l, link);
}

static void
on_bind_ok(struct links *l, struct conn *c, struct link *link,
    struct frame head, struct frame body)
{
    const P2pfs__Rpc *rpc = wire_unpack(l->arena, head.p, head.len);

    if (rpc == NULL || !shake_alone(rpc, rpc->bind_ok) || body.len != 0
        || shake_bound(&link->shake, 's', rpc->bind_ok) != SHAKE_OK) {
        l->stats.handshakes_failed++;
        link_fall(l, link, BYE_PROTOCOL, "wrong answer to BIND");
        return;
    }
    c->role = CONN_BULK;
    link_up(l, link);
}

static void
bad_frame(struct links *l, struct link *link, const char *why)
{
    l->stats.bad_frames++;
    link_fall(l, link, BYE_PROTOCOL, why);
}

/* The dialled side may be up, and speak, before its BIND_OK is here. */
static void
hold(struct links *l, struct link *link, struct frame f)
{
    struct held *h = NULL;

    if (link->n_held < LINK_HELD_MAX) {
        h = malloc(sizeof(*h) + f.len);
    }
    if (h == NULL) {
        link_fall(l, link, BYE_PROTOCOL, "too much ahead of BIND_OK");
        return;
    }
    h->next = NULL;
    h->len = f.len;
    memcpy(h->frame, f.p, f.len);
    *link->held_end = h;
    link->held_end = &h->next;
    link->n_held++;
}

static void
on_goodbye(struct links *l, struct link *link, const P2pfs__Goodbye *bye)
{
    char text[LINK_REASON_MAX], words[LINK_REASON_MAX - 16];

    log_escape(words, sizeof(words), bye->text != NULL ? bye->text : "",
        bye->text != NULL ? strnlen(bye->text, sizeof(words)) : 0);
    snprintf(text, sizeof(text), "goodbye: %s", words);
    link_fall(l, link, BYE_NONE, text);
}

static int
is_control(const P2pfs__Rpc *rpc)
{
    return rpc->hello == NULL && rpc->hello_ok == NULL && rpc->auth == NULL
        && rpc->bind == NULL && rpc->bind_ok == NULL && rpc->data == NULL
        && rpc->n_publish == 0;
}

static void
on_control(struct links *l, struct link *link, struct frame f)
{
    const P2pfs__Rpc *rpc = wire_unpack(l->arena, f.p, f.len);

    if (rpc == NULL || !is_control(rpc)) {
        bad_frame(l, link, "malformed control message");
    } else if (rpc->goodbye != NULL) {
        on_goodbye(l, link, rpc->goodbye);
    } else if (link->up) { /* NOLINT: who is in this role has a link */
        link_message(l, link, rpc, f.p, f.len, 0, NULL, 0);
    } else if (link->outbound) {
        hold(l, link, f);
    } else {
        bad_frame(l, link, "message ahead of BIND");
    }
}

static void
on_bulk(struct links *l, struct link *link, struct frame head,
    struct frame body)
{
    const P2pfs__Rpc *rpc;

    rpc = head.len > WIRE_HEAD_MAX ? NULL
                                   : wire_unpack(l->arena, head.p, head.len);
    if (rpc == NULL || (rpc->n_publish == 0 && rpc->data == NULL)
        || !shake_alone(rpc, rpc)) {
        bad_frame(l, link, "malformed bulk message");
        return;
    }
    link_message(l, link, rpc, head.p, head.len, 1, body.p, body.len);
}

/* One frame on control, two on bulk, none too large. */
static int
fits(const struct link_msg *m, struct frame first, enum conn_role role)
{
    int bulk = role == CONN_BULK || role == CONN_BIND_OK;

    return bulk ? m->n == 2 : m->n == 1 && first.len <= WIRE_CONTROL_MAX;
}

/* On a connection that has no link yet. */
static void
on_stranger(struct links *l, struct conn *c, struct link_msg *m)
{
    struct frame first = part(m, 0);

    if (c->role != CONN_FRESH && !fits(m, first, c->role)) {
        refuse(l, c, BYE_PROTOCOL, "wrong number or size of frames");
        return;
    }
    switch (c->role) {
    case CONN_FRESH:
        if (m->n == 1 && first.len <= WIRE_HEAD_MAX) {
            on_hello(l, c, first);
        } else if (m->n == 2 && first.len <= WIRE_HEAD_MAX) {
            on_bind(l, c, first, part(m, 1));
        } else {
            refuse(l, c, BYE_NONE, "malformed first message");
        }
        return;
    case CONN_AUTH: on_auth(l, c, first); return;
    case CONN_HELLO_OK: on_hello_ok(l, c, first); return;
    case CONN_CONNECTING:
    case CONN_BIND_OK:
    case CONN_CONTROL:
    case CONN_BULK: refuse(l, c, BYE_NONE, "message ahead of HELLO"); return;
    case CONN_DEAD: return;
    }
}

static void
on_linked(struct links *l, struct conn *c, struct link *link,
    struct link_msg *m)
{
    struct frame first = part(m, 0);

    link->last_in = l->now;
    if (!fits(m, first, c->role)) {
        bad_frame(l, link, "wrong number or size of frames");
        return;
    }
    switch (c->role) {
    case CONN_BIND_OK: on_bind_ok(l, c, link, first, part(m, 1)); return;
    case CONN_CONTROL: on_control(l, link, first); return;
    case CONN_BULK: on_bulk(l, link, first, part(m, 1)); return;
    case CONN_FRESH:
    case CONN_AUTH:
    case CONN_HELLO_OK:
    case CONN_CONNECTING: bad_frame(l, link, "message ahead of BIND"); return;
    case CONN_DEAD: return;
    }
}

void
conn_message(struct links *l, struct conn *c, struct link_msg *m)
{
    if (c->role == CONN_DEAD) {
        return;
    }
    if (c->link != NULL) {
        on_linked(l, c, c->link, m);
    } else {
        on_stranger(l, c, m);
    }
}

void
conn_first(struct links *l, struct conn *c)
{
    if (conn_send(l, c, &c->first, c->due == CONN_BIND_OK) != SOCK_SENT) {
        return; /* not writable after all: the poll tells again */
    }
    c->role = c->due;
    c->deadline = l->now + l->step_ms;
}
