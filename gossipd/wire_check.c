/*
 * gossipd/wire_check.c: the fields of an unpacked message, one function for
 * each kind of message.
 */

#include "gossipd/wire_check.h"

#include <string.h>

#include "gossipd/link.h"
#include "gossipd/wire.h"

static int
exactly(protobuf_c_boolean has, const ProtobufCBinaryData *b, size_t len)
{
    return has && b->len == len;
}

static int
topic(const char *s)
{
    size_t len = s == NULL ? 0 : strnlen(s, WIRE_TOPIC_MAX + 1);

    return len > 0 && len <= WIRE_TOPIC_MAX;
}

static int
record(protobuf_c_boolean has, const ProtobufCBinaryData *b)
{
    return has && b->len > 0 && b->len <= P2PFS_RECORD_BYTES_MAX;
}

static int
proof(protobuf_c_boolean has, const ProtobufCBinaryData *b)
{
    return !has
        || (b->len % P2PFS_HASH_BYTES == 0
            && b->len <= P2PFS_PROOF_MAX * P2PFS_HASH_BYTES);
}

static int
epoch(protobuf_c_boolean has, const ProtobufCBinaryData *b)
{
    return !has || b->len == 0 || b->len == STORE_EPOCH_BYTES;
}

static int
ids(const ProtobufCBinaryData *b, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (b[i].len != P2PFS_HASH_BYTES) {
            return 0;
        }
    }
    return 1;
}

static int
control(const P2pfs__ControlMessage *c)
{
    size_t i;

    for (i = 0; i < c->n_ihave; i++) {
        if (!topic(c->ihave[i]->topicid)
            || !ids(c->ihave[i]->messageids, c->ihave[i]->n_messageids)) {
            return 0;
        }
    }
    for (i = 0; i < c->n_iwant; i++) {
        if (!ids(c->iwant[i]->messageids, c->iwant[i]->n_messageids)) {
            return 0;
        }
    }
    for (i = 0; i < c->n_graft; i++) {
        if (!topic(c->graft[i]->topicid)) {
            return 0;
        }
    }
    for (i = 0; i < c->n_prune; i++) {
        if (!topic(c->prune[i]->topicid)) {
            return 0;
        }
    }
    for (i = 0; i < c->n_idontwant; i++) {
        if (!ids(c->idontwant[i]->messageids, c->idontwant[i]->n_messageids)) {
            return 0;
        }
    }
    return 1;
}

static int
gossip(const P2pfs__Rpc *r)
{
    size_t i;

    for (i = 0; i < r->n_subscriptions; i++) {
        if (!topic(r->subscriptions[i]->topicid)
            || !r->subscriptions[i]->has_subscribe) {
            return 0;
        }
    }
    if (r->n_publish > 1) {
        return 0;
    }
    if (r->n_publish == 1) {
        const P2pfs__Message *m = r->publish[0];

        if (!record(m->has_data, &m->data) || !topic(m->topic) || !m->has_size
            || !proof(m->has_proof, &m->proof)) {
            return 0;
        }
    }
    return r->control == NULL || control(r->control);
}

static int
handshake(const P2pfs__Rpc *r)
{
    const P2pfs__Hello *h = r->hello;
    const P2pfs__HelloOk *k = r->hello_ok;
    const P2pfs__Bind *binds[2] = {r->bind, r->bind_ok};
    size_t i;

    if (h != NULL
        && (!exactly(h->has_node, &h->node, NODE_ID_BYTES)
            || !exactly(h->has_nonce, &h->nonce, 32) || !h->has_boot
            || !exactly(h->has_net, &h->net, 8))) {
        return 0;
    }
    /* sig is checked where the frame's last bytes are (link_shake.c) */
    if (k != NULL
        && (!exactly(k->has_node, &k->node, NODE_ID_BYTES)
            || !exactly(k->has_nonce, &k->nonce, 32) || !k->has_boot)) {
        return 0;
    }
    if (r->auth != NULL && !exactly(r->auth->has_sig, &r->auth->sig, 64)) {
        return 0;
    }
    for (i = 0; i < 2; i++) {
        if (binds[i] != NULL
            && (!exactly(binds[i]->has_node, &binds[i]->node, NODE_ID_BYTES)
                || !exactly(binds[i]->has_mac, &binds[i]->mac, 32))) {
            return 0;
        }
    }
    return 1;
}

static int
log_page(const P2pfs__LogPage *p)
{
    size_t i;

    if (!exactly(p->has_log_epoch, &p->log_epoch, STORE_EPOCH_BYTES)) {
        return 0;
    }
    if (p->n_records > PEERREAD_PAGE_MAX) {
        return 0;
    }
    for (i = 0; i < p->n_records; i++) {
        const P2pfs__LogRecord *r = p->records[i];

        if (!record(r->has_record, &r->record) || !r->has_seq) {
            return 0;
        }
    }
    return 1;
}

static int
catch_up(const P2pfs__Rpc *r)
{
    if (r->ping != NULL
        && !epoch(r->ping->has_log_epoch, &r->ping->log_epoch)) {
        return 0;
    }
    if (r->pong != NULL
        && !epoch(r->pong->has_log_epoch, &r->pong->log_epoch)) {
        return 0;
    }
    if (r->log_get != NULL
        && !epoch(r->log_get->has_log_epoch, &r->log_get->log_epoch)) {
        return 0;
    }
    if (r->log_page != NULL && !log_page(r->log_page)) {
        return 0;
    }
    if (r->get != NULL
        && (!r->get->has_request || !r->get->has_length
            || !record(r->get->has_record, &r->get->record))) {
        return 0;
    }
    return r->data == NULL
        || (r->data->has_request && r->data->has_status
            && proof(r->data->has_proof, &r->data->proof));
}

int
wire_check(const P2pfs__Rpc *rpc)
{
    return gossip(rpc) && handshake(rpc) && catch_up(rpc);
}
