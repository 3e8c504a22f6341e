/*
 * gossipd/wire_build.c: one function for each message that a node sends.
 */

#include "gossipd/wire.h"

#include <stdlib.h>
#include <string.h>

/* protobuf-c's structs have no const; nothing is written through these. */
static ProtobufCBinaryData
bytes(const void *p, size_t len)
{
    ProtobufCBinaryData b;

    b.len = len;
    b.data = (uint8_t *)(uintptr_t)p;
    return b;
}

static char *
text(const char *s)
{
    return (char *)(uintptr_t)s;
}

int
wire_subscriptions(struct wire_buf *b, const char *const *topics, size_t n,
    int subscribe)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__SubOpts *subs = calloc(n + 1, sizeof(*subs));
    P2pfs__SubOpts **list = calloc(n + 1, sizeof(P2pfs__SubOpts *));
    int rc = -1;
    size_t i;

    if (subs == NULL || list == NULL) {
        goto done;
    }
    for (i = 0; i < n; i++) {
        p2pfs__sub_opts__init(&subs[i]);
        subs[i].has_subscribe = 1;
        subs[i].subscribe = subscribe != 0;
        subs[i].topicid = text(topics[i]);
        list[i] = &subs[i];
    }
    rpc.n_subscriptions = n;
    rpc.subscriptions = list;
    rc = wire_pack(b, &rpc);

done:
    free(list);
    free(subs);
    return rc;
}

int
wire_graft(struct wire_buf *b, const char *topic)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__ControlMessage control = P2PFS__CONTROL_MESSAGE__INIT;
    P2pfs__ControlGraft graft = P2PFS__CONTROL_GRAFT__INIT;
    P2pfs__ControlGraft *list[1] = {&graft};

    graft.topicid = text(topic);
    control.n_graft = 1;
    control.graft = list;
    rpc.control = &control;
    return wire_pack(b, &rpc);
}

/* The schema's unit is the second: rounded up, a peer then never comes back
 * before the time is over here. */
int
wire_prune(struct wire_buf *b, const char *topic, unsigned backoff_ms)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__ControlMessage control = P2PFS__CONTROL_MESSAGE__INIT;
    P2pfs__ControlPrune prune = P2PFS__CONTROL_PRUNE__INIT;
    P2pfs__ControlPrune *list[1] = {&prune};

    prune.topicid = text(topic);
    prune.has_backoff = 1;
    prune.backoff = ((uint64_t)backoff_ms + 999) / 1000;
    control.n_prune = 1;
    control.prune = list;
    rpc.control = &control;
    return wire_pack(b, &rpc);
}

static ProtobufCBinaryData *
id_list(const struct p2pfs_hash *ids, size_t n)
{
    ProtobufCBinaryData *list;
    size_t i;

    if (n > WIRE_IDS_MAX) {
        return NULL;
    }
    list = calloc(n + 1, sizeof(*list));
    for (i = 0; list != NULL && i < n; i++) {
        list[i] = bytes(ids[i].b, P2PFS_HASH_BYTES);
    }
    return list;
}

int
wire_ihave(struct wire_buf *b, const char *topic, const struct p2pfs_hash *ids,
    size_t n)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__ControlMessage control = P2PFS__CONTROL_MESSAGE__INIT;
    P2pfs__ControlIHave ihave = P2PFS__CONTROL_IHAVE__INIT;
    P2pfs__ControlIHave *list[1] = {&ihave};
    int rc;

    ihave.topicid = text(topic);
    ihave.n_messageids = n;
    ihave.messageids = id_list(ids, n);
    if (ihave.messageids == NULL) {
        return -1;
    }
    control.n_ihave = 1;
    control.ihave = list;
    rpc.control = &control;
    rc = wire_pack(b, &rpc);
    free(ihave.messageids);
    return rc;
}

int
wire_iwant(struct wire_buf *b, const struct p2pfs_hash *ids, size_t n)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__ControlMessage control = P2PFS__CONTROL_MESSAGE__INIT;
    P2pfs__ControlIWant iwant = P2PFS__CONTROL_IWANT__INIT;
    P2pfs__ControlIWant *list[1] = {&iwant};
    int rc;

    iwant.n_messageids = n;
    iwant.messageids = id_list(ids, n);
    if (iwant.messageids == NULL) {
        return -1;
    }
    control.n_iwant = 1;
    control.iwant = list;
    rpc.control = &control;
    rc = wire_pack(b, &rpc);
    free(iwant.messageids);
    return rc;
}

int
wire_log_get(struct wire_buf *b, const uint8_t *epoch, uint64_t after,
    unsigned max)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__LogGet get = P2PFS__LOG_GET__INIT;

    get.has_log_epoch = epoch != NULL;
    get.log_epoch = bytes(epoch, epoch != NULL ? STORE_EPOCH_BYTES : 0);
    get.has_after = 1;
    get.after = after;
    get.has_max = 1;
    get.max = max;
    rpc.log_get = &get;
    return wire_pack(b, &rpc);
}

/* What a page needs while it is packed: one block for each row. */
struct log_row {
    P2pfs__LogRecord pb;
    uint8_t record[P2PFS_RECORD_BYTES_MAX];
};

int
wire_log_page(struct wire_buf *b, const uint8_t *epoch, uint64_t after,
    uint64_t head, const struct peerread_row *rows, size_t n)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__LogPage page = P2PFS__LOG_PAGE__INIT;
    struct log_row *made = calloc(n + 1, sizeof(*made));
    P2pfs__LogRecord **list = calloc(n + 1, sizeof(P2pfs__LogRecord *));
    int rc = -1;
    size_t i;

    if (made == NULL || list == NULL || n > PEERREAD_PAGE_MAX) {
        goto done;
    }
    for (i = 0; i < n; i++) {
        P2pfs__LogRecord *r = &made[i].pb;

        p2pfs__log_record__init(r);
        r->has_seq = 1;
        r->seq = rows[i].seq;
        r->has_record = 1;
        r->record = bytes(made[i].record,
            p2pfs_record_encode(&rows[i].record, made[i].record));
        r->has_size = 1;
        r->size = rows[i].size;
        list[i] = r;
    }
    page.has_log_epoch = 1;
    page.log_epoch = bytes(epoch, STORE_EPOCH_BYTES);
    page.has_after = 1;
    page.after = after;
    page.has_head = 1;
    page.head = head;
    page.n_records = n;
    page.records = list;
    rpc.log_page = &page;
    rc = wire_pack(b, &rpc);

done:
    free(list);
    free(made);
    return rc;
}

int
wire_get(struct wire_buf *b, uint64_t request,
    const struct p2pfs_record *record, uint64_t offset, uint32_t length)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__Get get = P2PFS__GET__INIT;
    uint8_t canonical[P2PFS_RECORD_BYTES_MAX];

    get.has_request = 1;
    get.request = request;
    get.has_record = 1;
    get.record = bytes(canonical, p2pfs_record_encode(record, canonical));
    get.has_offset = 1;
    get.offset = offset;
    get.has_length = 1;
    get.length = length;
    rpc.get = &get;
    return wire_pack(b, &rpc);
}

int
wire_ping(struct wire_buf *b, int pong, uint64_t cookie, const uint8_t *epoch,
    uint64_t head)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__Ping ping = P2PFS__PING__INIT;

    ping.has_cookie = 1;
    ping.cookie = cookie;
    ping.has_log_epoch = epoch != NULL;
    ping.log_epoch = bytes(epoch, epoch != NULL ? STORE_EPOCH_BYTES : 0);
    ping.has_log_head = 1;
    ping.log_head = head;
    if (pong) {
        rpc.pong = &ping;
    } else {
        rpc.ping = &ping;
    }
    return wire_pack(b, &rpc);
}

int
wire_goodbye(struct wire_buf *b, unsigned reason, const char *words)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__Goodbye bye = P2PFS__GOODBYE__INIT;

    bye.has_reason = 1;
    bye.reason = reason;
    bye.text = text(words);
    rpc.goodbye = &bye;
    return wire_pack(b, &rpc);
}

static void
put_proof(protobuf_c_boolean *has, ProtobufCBinaryData *out,
    const struct p2pfs_proof *proof)
{
    *has = proof != NULL && proof->len > 0;
    if (*has) {
        *out = bytes(proof->hash, proof->len * P2PFS_HASH_BYTES);
    }
}

int
wire_publish(struct wire_buf *b, const char *topic,
    const struct p2pfs_record *record, uint32_t size,
    const struct p2pfs_proof *proof)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__Message m = P2PFS__MESSAGE__INIT;
    P2pfs__Message *list[1] = {&m};
    uint8_t canonical[P2PFS_RECORD_BYTES_MAX];

    m.has_data = 1;
    m.data = bytes(canonical, p2pfs_record_encode(record, canonical));
    m.topic = text(topic);
    m.has_size = 1;
    m.size = size;
    put_proof(&m.has_proof, &m.proof, proof);
    rpc.n_publish = 1;
    rpc.publish = list;
    return wire_pack(b, &rpc);
}

int
wire_data(struct wire_buf *b, uint64_t request, enum wire_status status,
    uint64_t offset, uint64_t total, const struct p2pfs_proof *proof)
{
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    P2pfs__Data data = P2PFS__DATA__INIT;

    data.has_request = 1;
    data.request = request;
    data.has_status = 1;
    data.status = status;
    data.has_offset = 1;
    data.offset = offset;
    data.has_total = 1;
    data.total = total;
    put_proof(&data.has_proof, &data.proof, proof);
    rpc.data = &data;
    return wire_pack(b, &rpc);
}
