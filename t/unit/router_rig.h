/*
 * t/unit/router_rig.h: a node's parts around a router that tests can look into,
 * several of them in one process, and a watcher: a peer that writes down what
 * it is sent. For test_router*.c and test_status.c.
 */

#ifndef P2PFS_T_ROUTER_RIG_H
#define P2PFS_T_ROUTER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "core/frame.h"
#include "core/reader.h"
#include "gossipd/identity.h"
#include "gossipd/router_int.h"
#include "gossipd/thread.h"

#define RIG_WAIT_US 15000000

struct rig {
    char dir[64];
    char db[96];
    char status[96];
    char path[128];
    size_t jobs_max;  /* of the writer; 0: plenty */
    size_t reads_max; /* of the reading thread; 0: plenty */
    struct identity id;
    struct config config;
    struct log *log;
    struct store *store;
    struct inbox *inbox;
    struct writer *writer;
    struct peerread *reads;
    struct scrub *scrub;
    struct links *links;
    struct router *router;
    struct p2pfs_hasher *hasher;
};

/* links_max 0: 16. The directory stays over rig_stop and rig_start. */
static inline void
rig_init(struct rig *r, uint8_t number, size_t links_max)
{
    uint8_t seed[KEY_BYTES];

    memset(r, 0, sizeof(*r));
    memset(seed, number, sizeof(seed));
    identity_from_seed(&r->id, seed);
    (void)snprintf(r->dir, sizeof(r->dir), "/tmp/p2pfs-router-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    (void)snprintf(r->db, sizeof(r->db), "%.63s/store.db", r->dir);
    (void)snprintf(r->status, sizeof(r->status), "%.63s/status", r->dir);
    r->config.status = r->status;
    r->config.links_max = links_max != 0 ? links_max : 16;
    mesh_params_default(&r->config.mesh);
    (void)snprintf(r->path, sizeof(r->path), "%.63s/log", r->dir);
    assert_int_equal(log_open(&r->log, r->path, LOG_DEBUG), 0);
    assert_int_equal(p2pfs_hasher_new(&r->hasher), P2PFS_OK);
}

static inline void
rig_links(struct links **out, const struct identity *id, struct log *log,
    uint16_t dial)
{
    static const uint8_t network_key[KEY_BYTES] = {9};
    struct link_peer peer = {"127.0.0.1", dial};
    struct links_config c = {.listen_host = "127.0.0.1",
        .peers = &peer,
        .n_peers = dial != 0,
        .node_secret = id->secret,
        .network_key = network_key,
        .redial_ms = 400,
        .log = log};
    char detail[512] = "";

    if (links_open(out, &c, detail, sizeof(detail)) != P2PFS_OK) {
        fail_msg("links_open: %s", detail);
    }
}

/* dial: another rig's port, or 0. */
static inline void
rig_start(struct rig *r, uint16_t dial)
{
    struct store_config sc = {.path = r->db,
        .file_max = P2PFS_FILE_BYTES_MAX,
        .count_max = P2PFS_SET_COUNT_MAX};
    struct writer_limits limits = {r->jobs_max != 0 ? r->jobs_max : 4096,
        64 * 1024 * 1024};
    struct scrub_config scrub = {.db_path = r->db};
    struct router_parts p = {.config = &r->config, .log = r->log, .seed = 5};
    char detail[512] = "";

    assert_int_equal(store_open(&r->store, &sc, detail, sizeof(detail)),
        P2PFS_OK);
    store_epoch(r->store, p.epoch);
    p.log_head = store_log_head(r->store);
    assert_int_equal(store_published(r->store, &p.published), P2PFS_OK);
    assert_int_equal(inbox_new(&r->inbox), P2PFS_OK);
    assert_int_equal(writer_start(&r->writer, r->store, &limits, r->log,
                         inbox_put_log, r->inbox),
        P2PFS_OK);
    assert_int_equal(peerread_start(&r->reads, r->db,
                         r->reads_max != 0 ? r->reads_max : 4096, r->log),
        P2PFS_OK);
    assert_int_equal(scrub_start(&r->scrub, &scrub, r->writer, r->log),
        P2PFS_OK);
    rig_links(&r->links, &r->id, r->log, dial);
    p.links = r->links;
    p.writer = r->writer;
    p.reads = r->reads;
    p.inbox = r->inbox;
    p.scrub = r->scrub;
    assert_int_equal(router_new(&r->router, &p), P2PFS_OK);
}

/* save 0: as after kill -9, what the router has not saved is not saved. */
static inline void
rig_stop(struct rig *r, int save)
{
    if (save) {
        router_save(r->router);
    }
    links_close(r->links);
    scrub_stop(r->scrub);
    writer_stop(r->writer);
    scrub_free(r->scrub);
    peerread_stop(r->reads);
    router_free(r->router);
    inbox_free(r->inbox);
    store_close(r->store);
}

static inline void
rig_fini(struct rig *r)
{
    char command[128];

    log_close(r->log);
    p2pfs_hasher_free(r->hasher);
    (void)snprintf(command, sizeof(command), "rm -rf %.63s", r->dir);
    assert_int_equal(system(command), 0);
}

struct rig_put {
    struct writer_job job;
    atomic_int done;
};

static inline void
rig_put_done(struct writer_job *job, void *ctx)
{
    struct rig_put *p = ctx;

    (void)job;
    atomic_store(&p->done, 1);
}

/* Stores a file, as a client's upload; returns when it is committed. The router
 * does not turn meanwhile. */
static inline void
rig_put(struct rig *r, const char *id, uint32_t n, uint32_t index,
    const void *data, size_t len, enum store_origin origin)
{
    uint64_t until = thread_now_us() + RIG_WAIT_US;
    struct rig_put p;

    memset(&p, 0, sizeof(p));
    atomic_init(&p.done, 0);
    p.job.kind = WRITER_FILE;
    p.job.record.kind = P2PFS_RECORD_FILE;
    p.job.record.id_len = (uint8_t)strlen(id);
    memcpy(p.job.record.id, id, strlen(id) + 1);
    p.job.record.n = n;
    p.job.record.index = index;
    p.job.n = n;
    p.job.index = index;
    p.job.data = malloc(len + 1);
    assert_non_null(p.job.data);
    memcpy(p.job.data, data, len);
    p.job.len = len;
    p.job.origin = origin;
    p.job.done = rig_put_done;
    p.job.ctx = &p;
    assert_int_equal(writer_submit(r->writer, &p.job), 0);
    while (!atomic_load(&p.done) && thread_now_us() < until) {
        usleep(200);
    }
    assert_true(atomic_load(&p.done));
    assert_int_equal(p.job.result.err, P2PFS_OK);
    assert_int_equal(p.job.result.created, 1);
    free(p.job.data);
}

/* Bytes that differ by seed and place. */
static inline uint8_t *
rig_bytes(size_t len, unsigned seed)
{
    uint8_t *p = malloc(len + 1);
    size_t i;

    assert_non_null(p);
    for (i = 0; i < len; i++) {
        p[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + seed);
    }
    return p;
}

/* File 0 of the set: is it here, with these bytes? */
static inline int
rig_has(struct rig *r, const char *id, const void *data, size_t len)
{
    struct p2pfs_reader *reader;
    struct p2pfs_version v;
    struct p2pfs_file f;
    int has = 0;

    assert_int_equal(p2pfs_reader_open(&reader, r->db), P2PFS_OK);
    if (p2pfs_reader_begin(reader) == P2PFS_OK
        && p2pfs_reader_find(reader, id, strlen(id), 0, NULL, &v) == P2PFS_OK
        && p2pfs_reader_file(reader, &v, 0, &f) == P2PFS_OK) {
        assert_int_equal(f.len, len);
        assert_memory_equal(f.content, data, len);
        has = 1;
    }
    p2pfs_reader_end(reader);
    p2pfs_reader_close(reader);
    return has;
}

/* A number out of the database. */
static inline int64_t
rig_ask(struct rig *r, const char *sql)
{
    sqlite3_stmt *stmt;
    sqlite3 *db;
    int64_t v = -1;

    assert_int_equal(sqlite3_open_v2(r->db, &db, SQLITE_OPEN_READONLY, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        v = sqlite3_column_int64(stmt, 0);
    }
    (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(db);
    return v;
}

/* Changes the database behind the store's back. */
static inline void
rig_tamper(struct rig *r, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(r->db, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    (void)sqlite3_close(db);
}

static inline struct p2pfs_record
rig_record(struct rig *r, const char *id, uint32_t n, uint32_t index,
    const void *data, size_t len)
{
    struct p2pfs_record rec;

    memset(&rec, 0, sizeof(rec));
    rec.kind = P2PFS_RECORD_FILE;
    rec.id_len = (uint8_t)strlen(id);
    memcpy(rec.id, id, strlen(id));
    rec.n = n;
    rec.index = index;
    p2pfs_hash_data(r->hasher, data, len, &rec.entry);
    return rec;
}

#define WATCHED_MAX 1024

struct watched {
    struct p2pfs_record record; /* a Publish */
    uint32_t size;
    size_t body_len;
    int body_good; /* its hash is the record's entry */
};

struct watcher {
    struct identity id;
    struct links *links;
    struct p2pfs_hasher *hasher;
    uint64_t peer; /* 0: not up */
    unsigned ups, downs;
    char reason[96];
    struct watched got[WATCHED_MAX];
    size_t n;
    struct p2pfs_hash offered[WIRE_IDS_MAX]; /* of IHAVEs */
    size_t n_offered;
    unsigned data[3]; /* Data messages by status */
    uint64_t total;   /* of the last one that was OK, and its body */
    size_t data_len;
    unsigned gets; /* Get messages */
    unsigned pages;
    size_t page_rows; /* of the last LogPage */
    uint64_t page_after;
    uint64_t head;
};

static inline void
watch_publish(struct watcher *w, const struct link_event *e)
{
    const P2pfs__Message *m = e->rpc->publish[0];
    struct watched *x = &w->got[w->n];
    struct p2pfs_hash entry;

    assert_true(w->n < WATCHED_MAX);
    assert_int_equal(p2pfs_record_decode(&x->record, m->data.data, m->data.len),
        P2PFS_OK);
    x->size = m->has_size ? m->size : 0;
    x->body_len = e->body_len;
    p2pfs_hash_data(w->hasher, e->body, e->body_len, &entry);
    x->body_good = p2pfs_hash_cmp(&entry, &x->record.entry) == 0;
    w->n++;
}

static inline void
watch_control(struct watcher *w, const P2pfs__Rpc *rpc)
{
    size_t i;

    for (i = 0; rpc->control != NULL && i < rpc->control->n_ihave; i++) {
        w->n_offered += wire_ids(rpc->control->ihave[i]->messageids,
            rpc->control->ihave[i]->n_messageids, w->offered + w->n_offered,
            WIRE_IDS_MAX - w->n_offered);
    }
    if (rpc->log_page != NULL) {
        w->pages++;
        w->page_rows = rpc->log_page->n_records;
        w->page_after = rpc->log_page->after;
        w->head = rpc->log_page->head;
    }
    w->gets += rpc->get != NULL;
}

static inline void
watch_event(void *ctx, const struct link_event *e)
{
    struct watcher *w = ctx;

    switch (e->kind) {
    case LINK_UP:
        w->peer = e->peer;
        w->ups++;
        return;
    case LINK_DOWN:
        w->peer = 0;
        w->downs++;
        (void)snprintf(w->reason, sizeof(w->reason), "%s", e->reason);
        return;
    case LINK_MESSAGE: break;
    }
    if (!e->bulk) {
        watch_control(w, e->rpc);
    } else if (e->rpc->n_publish == 1) {
        watch_publish(w, e);
    } else if (e->rpc->data != NULL) {
        w->data[e->rpc->data->has_status ? e->rpc->data->status : 0]++;
        w->total = e->rpc->data->total;
        w->data_len = e->body_len;
    }
}

static inline void
turn_all(struct rig *rigs, size_t n, struct watcher *w)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (rigs[i].router != NULL) {
            router_turn(rigs[i].router, 1);
        }
    }
    if (w != NULL) {
        links_poll(w->links, 1, watch_event, w);
    }
}

/* Turns rigs[0..n) and the watcher (or NULL) until the condition holds. */
#define TURN_UNTIL(rigs, n, w, cond)                                           \
    do {                                                                       \
        uint64_t until_ = thread_now_us() + RIG_WAIT_US;                       \
                                                                               \
        while (!(cond) && thread_now_us() < until_) {                          \
            turn_all(rigs, n, w);                                              \
        }                                                                      \
        assert_true(cond);                                                     \
    } while (0)

static inline void
watch_open(struct watcher *w, uint8_t number, struct rig *r)
{
    uint8_t seed[KEY_BYTES];

    memset(w, 0, sizeof(*w));
    memset(seed, number, sizeof(seed));
    identity_from_seed(&w->id, seed);
    assert_int_equal(p2pfs_hasher_new(&w->hasher), P2PFS_OK);
    rig_links(&w->links, &w->id, NULL, links_port(r->links));
}

static inline void
watch_send(struct watcher *w, enum link_class class, const struct wire_buf *b,
    struct payload *body)
{
    assert_int_equal(links_send(w->links, w->peer, class, b->p, b->len, body,
                         0),
        0);
}

/* Up, subscribed, in the mesh of the rig: it is pushed what is published. */
static inline void
watch_join(struct watcher *w, uint8_t number, struct rig *r)
{
    const char *topic = ROUTER_TOPIC;
    struct wire_buf b = {0};

    watch_open(w, number, r);
    TURN_UNTIL(r, 1, w, w->peer != 0 && r->router->n_peers > 0);
    assert_int_equal(wire_subscriptions(&b, &topic, 1, 1), 0);
    watch_send(w, LINK_CONTROL, &b, NULL);
    TURN_UNTIL(r, 1, w, mesh_degree(r->router->mesh, ROUTER_TOPIC) == 1);
    wire_buf_fini(&b);
}

static inline void
watch_close(struct watcher *w)
{
    links_close(w->links);
    p2pfs_hasher_free(w->hasher);
}

#endif
