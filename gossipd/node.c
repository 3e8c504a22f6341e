/*
 * gossipd/node.c: one running node.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "core/cursor.h"
#include "core/frame.h"
#include "core/hex.h"
#include "gossipd/identity.h"
#include "gossipd/inbox.h"
#include "gossipd/ingest.h"
#include "gossipd/link.h"
#include "gossipd/node.h"
#include "gossipd/peerread.h"
#include "gossipd/router.h"
#include "gossipd/scrub.h"
#include "gossipd/store.h"
#include "gossipd/writer.h"

#define QUEUE_JOBS_MAX 16384
#define READS_MAX 4096
#define WORKERS_MAX 256 /* connections to the ingest socket */
#define DETAIL_ROOM 512

struct node {
    const struct config *config;
    struct log *log;
    struct identity id;
    uint8_t network_key[KEY_BYTES];
    struct store *store;              /* the writer's, once it runs */
    uint8_t epoch[STORE_EPOCH_BYTES]; /* as at the start */
    uint64_t log_head;
    uint64_t published;
    struct inbox *inbox;
    struct writer *writer;
    struct peerread *reads;
    struct scrub *scrub;
    struct ingest *ingest;
    struct links *links;
    struct router *router;
};

static enum p2pfs_err
load_keys(struct node *n)
{
    const struct config *c = n->config;
    char detail[DETAIL_ROOM];
    enum p2pfs_err err;

    if (c->open_network != NULL) {
        network_key_open(n->network_key, c->open_network);
        log_warn(n->log,
            "network: open, whoever knows the name \"%s\" may join",
            c->open_network);
    } else {
        err = network_key_load(n->network_key, c->network_key, KEY_REFUSE,
            detail, sizeof(detail));
        if (err != P2PFS_OK) {
            log_error(n->log, "%s", detail);
            return err;
        }
    }
    err =
        identity_load(&n->id, c->node_key, KEY_CREATE, detail, sizeof(detail));
    if (err != P2PFS_OK) {
        log_error(n->log, "%s", detail);
    }
    return err;
}

static enum p2pfs_err
open_store(struct node *n)
{
    struct store_config sc = {.path = n->config->db,
        .file_max = P2PFS_FILE_BYTES_MAX,
        .count_max = P2PFS_SET_COUNT_MAX,
        .size_max = n->config->store_max,
        .free_min = n->config->free_min,
        .ballast = n->config->ballast};
    char detail[DETAIL_ROOM];
    enum p2pfs_err err;

    detail[0] = '\0';
    err = store_open(&n->store, &sc, detail, sizeof(detail));
    if (err != P2PFS_OK) {
        log_error(n->log, "cannot open store \"%s\": %s%s%s", n->config->db,
            p2pfs_err_row(err)->text, detail[0] != '\0' ? ": " : "", detail);
        return err;
    }
    store_epoch(n->store, n->epoch);
    n->log_head = store_log_head(n->store);
    err = store_published(n->store, &n->published);
    if (err != P2PFS_OK) {
        log_error(n->log, "cannot read store \"%s\": %s", n->config->db,
            store_detail(n->store));
    }
    return err;
}

static void
on_damaged(void *ctx, const struct p2pfs_damaged *place)
{
    scrub_report(ctx, place);
}

static enum p2pfs_err
start_threads(struct node *n)
{
    const struct config *c = n->config;
    struct writer_limits limits = {.jobs_max = QUEUE_JOBS_MAX,
        .bytes_max = (size_t)c->queue_bytes_max};
    struct ingest_config ic = {.path = c->socket,
        .mode = 0660,
        .connections_max = WORKERS_MAX,
        .requests_max = (uint32_t)c->channel_requests_max,
        .bytes_max = (uint32_t)c->channel_bytes_max,
        .file_max = P2PFS_FILE_BYTES_MAX,
        .count_max = P2PFS_SET_COUNT_MAX,
        .on_damaged = on_damaged};
    struct scrub_config sc = {.db_path = c->db,
        .bytes_per_second = c->scrub_bytes_per_second,
        .pause_s = SCRUB_PAUSE_S};
    char detail[DETAIL_ROOM];
    enum p2pfs_err err;

    err = inbox_new(&n->inbox);
    if (err == P2PFS_OK) {
        err = writer_start(&n->writer, n->store, &limits, n->log, inbox_put_log,
            n->inbox);
    }
    if (err == P2PFS_OK) {
        err = peerread_start(&n->reads, c->db, READS_MAX, n->log);
    }
    if (err == P2PFS_OK) {
        err = scrub_start(&n->scrub, &sc, n->writer, n->log);
    }
    if (err != P2PFS_OK) {
        log_error(n->log, "cannot start: %s", p2pfs_err_row(err)->text);
        return err;
    }
    ic.ctx = n->scrub;
    err = ingest_start(&n->ingest, &ic, n->writer, n->log, detail,
        sizeof(detail));
    if (err != P2PFS_OK) {
        log_error(n->log, "cannot listen on \"%s\": %s", c->socket, detail);
    }
    return err;
}

static enum p2pfs_err
open_links(struct node *n)
{
    const struct config *c = n->config;
    struct links_config lc = {.listen_host = c->listen_host,
        .listen_port = c->listen_port,
        .peers = c->peers,
        .n_peers = c->n_peers,
        .node_secret = n->id.secret,
        .network_key = n->network_key,
        .allow = c->allow,
        .n_allow = c->n_allow,
        .links_max = (size_t)c->links_max,
        .log = n->log};
    struct p2pfs_writer w;
    uint8_t constants[8];
    char detail[DETAIL_ROOM];
    enum p2pfs_err err;

    /* nodes that differ in these must not exchange records */
    p2pfs_writer_init(&w, constants, sizeof(constants));
    p2pfs_writer_u32(&w, P2PFS_FILE_BYTES_MAX);
    p2pfs_writer_u32(&w, P2PFS_SET_COUNT_MAX);
    lc.constants = constants;
    lc.constants_len = sizeof(constants);

    err = links_open(&n->links, &lc, detail, sizeof(detail));
    if (err != P2PFS_OK) {
        log_error(n->log, "cannot open links on %s:%u: %s", c->listen_host,
            c->listen_port, detail);
    }
    return err;
}

static enum p2pfs_err
make_router(struct node *n)
{
    struct router_parts p = {.config = n->config,
        .links = n->links,
        .writer = n->writer,
        .reads = n->reads,
        .inbox = n->inbox,
        .scrub = n->scrub,
        .log = n->log,
        .log_head = n->log_head,
        .published = n->published};
    enum p2pfs_err err = P2PFS_OK;

    memcpy(p.epoch, n->epoch, sizeof(p.epoch));
    if (getrandom(&p.seed, sizeof(p.seed), 0) != (ssize_t)sizeof(p.seed)) {
        err = P2PFS_IO;
    }
    if (err == P2PFS_OK) {
        err = router_new(&n->router, &p);
    }
    if (err != P2PFS_OK) {
        log_error(n->log, "cannot start: %s", p2pfs_err_row(err)->text);
    }
    return err;
}

enum p2pfs_err
node_start(struct node **out, const struct config *c, struct log *log)
{
    char hex[2 * KEY_BYTES + 1];
    struct node *n;
    enum p2pfs_err err;

    *out = NULL;
    n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return P2PFS_NO_MEMORY;
    }
    n->config = c;
    n->log = log;

    err = load_keys(n);
    if (err == P2PFS_OK) {
        err = open_store(n);
    }
    if (err == P2PFS_OK) {
        err = start_threads(n);
    }
    if (err == P2PFS_OK) {
        err = open_links(n);
    }
    if (err == P2PFS_OK) {
        err = make_router(n);
    }
    if (err != P2PFS_OK) {
        node_stop(n);
        return err;
    }
    p2pfs_hex_encode(hex, n->id.node_id, KEY_BYTES);
    hex[2 * KEY_BYTES] = '\0';
    log_info(log, "node: started id=%s listen=%s:%u", hex, c->listen_host,
        c->listen_port);
    *out = n;
    return P2PFS_OK;
}

void
node_watch(struct node *n, int fd)
{
    links_watch(n->links, fd);
}

void
node_turn(struct node *n, unsigned timeout_ms)
{
    router_turn(n->router, timeout_ms);
}

int
node_lost(struct node *n)
{
    return writer_health(n->writer) != P2PFS_OK;
}

void
node_reread(struct node *n, const struct config *c)
{
    store_set_size_max(n->store, c->store_max);
    links_set_peers(n->links, c->peers, c->n_peers);
}

void
node_stop(struct node *n)
{
    if (n == NULL) {
        return;
    }
    if (n->ingest != NULL) {
        ingest_drain(n->ingest);
    }
    if (n->router != NULL) {
        router_save(n->router);
    }
    links_close(n->links);
    scrub_stop(n->scrub);
    if (n->writer != NULL) {
        writer_stop(n->writer);
    }
    if (n->ingest != NULL) {
        ingest_stop(n->ingest);
    }
    scrub_free(n->scrub);
    if (n->reads != NULL) {
        peerread_stop(n->reads);
    }
    router_free(n->router);
    inbox_free(n->inbox);
    store_close(n->store);
    identity_wipe(&n->id);
    explicit_bzero(n->network_key, sizeof(n->network_key));
    free(n);
}
