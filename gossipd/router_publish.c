/*
 * gossipd/router_publish.c: every record that was stored goes from the log to
 * the mesh, in commit order, by a cursor that is kept in the database. So a
 * crash between a commit and its publication publishes it after the restart.
 *
 * What came by catch-up is not pushed: whoever sent it has it, and others read
 * it from this node's log.
 */

#include <stdlib.h>
#include <string.h>

#include "gossipd/router_int.h"

static int
is_small_file(const struct p2pfs_record *rec, uint32_t size)
{
    return rec->kind == P2PFS_RECORD_FILE && size <= EAGER_MAX_BYTES;
}

/* What was not told yet is read again, a moment later. */
static void
try_later(struct router *r)
{
    r->page_rows = r->page_at;
    r->publish_at = r->now + BEAT_MS;
}

/* Hands what is ready at the front of the page to the mesh. */
static void
advance(struct router *r)
{
    struct mesh_event e = {.kind = MESH_PUBLISH};
    struct publishing *p;

    while (r->page_at < r->page_rows) {
        p = &r->page[r->page_at];
        if (p->state == PUBLISH_WAIT) {
            return;
        }
        if (p->state == PUBLISH_AGAIN) {
            try_later(r);
            return;
        }
        if (p->state == PUBLISH_READY) {
            e.topic = ROUTER_TOPIC;
            e.ids = &p->id;
            e.n_ids = 1;
            router_mesh(r, &e);
        }
        r->published = p->seq;
        r->page_at++;
    }
    router_publish(r);
}

void
router_publish(struct router *r)
{
    struct read_call *call;

    if (r->page_out || r->page_at < r->page_rows || r->now < r->publish_at
        || r->published >= r->log_head) {
        return;
    }
    call = router_read_call(r, READ_FOR_PUBLISH_PAGE, PEERREAD_LOG);
    if (call == NULL) {
        return;
    }
    call->job.after = r->published;
    call->job.max = PUBLISH_PAGE;
    r->page_out = router_submit_read(r, call) == 0;
}

static void
read_content(struct router *r, const struct peerread_row *row, size_t place)
{
    struct read_call *call;

    call = router_read_call(r, READ_FOR_PUBLISH, PEERREAD_BYTES);
    if (call == NULL) {
        r->page[place].state = PUBLISH_AGAIN;
        return;
    }
    call->job.record = row->record;
    call->job.length = row->size;
    call->job.tag = place;
    call->id = r->page[place].id;
    call->size = row->size;
    if (router_submit_read(r, call) != 0) {
        r->page[place].state = PUBLISH_AGAIN;
    }
}

static void
start_row(struct router *r, const struct peerread_row *row, size_t place)
{
    struct publishing *p = &r->page[place];
    const struct cached *e;

    p->seq = row->seq;
    p->state = PUBLISH_SKIP;
    if (row->origin == STORE_CATCHUP) {
        return;
    }
    p2pfs_record_id(r->hasher, &row->record, &p->id);
    e = cache_find(r->cache, &p->id);
    if (!is_small_file(&row->record, row->size)) {
        if (e != NULL
            || cache_put(r->cache, &p->id, &row->record,
                   row->record.kind == P2PFS_RECORD_FILE ? row->size : 0, NULL,
                   NULL)
                == P2PFS_OK) {
            p->state = PUBLISH_READY;
        }
    } else if (e != NULL) {
        p->state = PUBLISH_READY;
    } else {
        p->state = PUBLISH_WAIT;
        read_content(r, row, place);
    }
}

void
router_publish_page(struct router *r, const struct read_call *call)
{
    size_t i;

    r->page_out = 0;
    if (call->job.err == P2PFS_OK && call->job.n_rows == 0
        && call->job.damaged > 0) {
        r->published = call->job.head; /* nothing else is left of the log */
        return;
    }
    if (call->job.err != P2PFS_OK || call->job.n_rows == 0
        || call->job.n_rows > PUBLISH_PAGE) {
        try_later(r);
        return;
    }
    r->page_rows = call->job.n_rows;
    r->page_at = 0;
    for (i = 0; i < r->page_rows; i++) {
        start_row(r, &call->job.rows[i], i);
    }
    advance(r);
}

/* The database was busy: the bytes are there. What is damaged is left out. */
static int
is_passing(enum p2pfs_err err)
{
    return err == P2PFS_STORE_UNAVAILABLE || err == P2PFS_STORE_BUSY
        || err == P2PFS_NO_MEMORY;
}

void
router_publish_read(struct router *r, struct read_call *call)
{
    struct peerread_job *job = &call->job;
    struct payload *body;
    struct publishing *p;

    p = &r->page[job->tag];
    if (job->tag >= r->page_rows || job->tag < r->page_at
        || p->state != PUBLISH_WAIT || p2pfs_hash_cmp(&p->id, &call->id) != 0) {
        return; /* of a page that was given up */
    }
    p->state = is_passing(job->err) ? PUBLISH_AGAIN : PUBLISH_SKIP;
    if (job->err == P2PFS_OK && job->len == call->size) {
        body = payload_take(job->data, job->len);
        job->data = NULL;
        if (body != NULL
            && cache_put(r->cache, &call->id, &job->record, call->size,
                   p2pfs_record_has_root(&job->record) ? &job->proof : NULL,
                   body)
                == P2PFS_OK) {
            p->state = PUBLISH_READY;
        }
    }
    advance(r);
}

void
router_save_published(struct router *r)
{
    struct write_call *call;

    if (r->saved == r->published) {
        return;
    }
    call = router_write_call(r, WRITE_FACT, WRITER_PUBLISHED);
    if (call == NULL) {
        return;
    }
    call->job.seq = r->published;
    if (writer_submit(r->part.writer, &call->job) != 0) {
        writer_job_free(&call->job);
        return;
    }
    r->saved = r->published;
}
