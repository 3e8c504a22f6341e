
/*
 * The uploads that wait on a channel for gossipd's word.
 *
 * A report of damage is a put without an answer, in the queue alone. Any other
 * is in the tree from its birth until it is answered or given up, and in
 * the queue until the last byte of its frame is written. It is freed when it
 * has left both. Each ends in exactly one of four ways: a RESULT, its timer,
 * the end of the connection, the end of the worker.
 */


#include "ngx_http_p2pfs.h"


struct ngx_http_p2pfs_put_s {
    ngx_rbtree_node_t          node;     /* key: the request number */
    ngx_queue_t                queue;
    ngx_event_t                timer;

    ngx_http_p2pfs_channel_t  *channel;
    ngx_http_request_t        *request;  /* NULL: the client left */
    ngx_http_p2pfs_ctx_t      *ctx;

    uint64_t                   id;
    size_t                     bytes;    /* of the frame */
    unsigned                   queued:1;
    unsigned                   pending:1;

    struct p2pfs_upload        upload;   /* content, until it is written */
    ngx_buf_t                  head;
    ngx_buf_t                  body;
    ngx_chain_t                head_link;
    ngx_chain_t                body_link;
    u_char                     frame[P2PFS_FRAME_PUT_HEAD_MAX];
};


static enum p2pfs_err ngx_http_p2pfs_put_admit(ngx_http_p2pfs_channel_t *ch,
    struct p2pfs_upload *upload);
static ngx_int_t ngx_http_p2pfs_put_frame(ngx_http_p2pfs_put_t *put);
static void ngx_http_p2pfs_put_timeout(ngx_event_t *ev);
static void ngx_http_p2pfs_put_leave_queue(ngx_http_p2pfs_put_t *put);
static void ngx_http_p2pfs_put_end(ngx_http_p2pfs_put_t *put);
static void ngx_http_p2pfs_put_answer(ngx_http_p2pfs_put_t *put,
    const struct p2pfs_result *result);
static void ngx_http_p2pfs_put_give_up(ngx_http_p2pfs_put_t *put);
static ngx_uint_t ngx_http_p2pfs_put_handed_over(ngx_http_p2pfs_put_t *put);
static ngx_http_p2pfs_put_t *ngx_http_p2pfs_put_find(
    ngx_http_p2pfs_channel_t *ch, uint64_t id);


enum p2pfs_err
ngx_http_p2pfs_put_new(ngx_http_p2pfs_channel_t *ch, ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx, struct p2pfs_upload *upload,
    ngx_msec_t timeout)
{
    enum p2pfs_err         err;
    ngx_http_p2pfs_put_t  *put;

    err = ngx_http_p2pfs_put_admit(ch, upload);

    if (err != P2PFS_OK) {
        p2pfs_upload_fini(upload);
        return err;
    }

    put = ngx_calloc(sizeof(ngx_http_p2pfs_put_t), ch->log);

    if (put == NULL) {
        p2pfs_upload_fini(upload);
        return P2PFS_INTERNAL;
    }

    put->channel = ch;
    put->request = r;
    put->ctx = ctx;
    put->upload = *upload;
    put->id = ++ch->last;

    if (ngx_http_p2pfs_put_frame(put) != NGX_OK) {
        p2pfs_upload_fini(&put->upload);
        ngx_free(put);
        return P2PFS_INTERNAL;
    }

    put->node.key = (ngx_rbtree_key_t) put->id;
    ngx_rbtree_insert(&ch->puts, &put->node);
    put->pending = 1;

    ngx_queue_insert_tail(&ch->out, &put->queue);
    put->queued = 1;

    ch->requests++;
    ch->bytes += put->bytes;

    /* not cancelable: a worker that stops waits for its uploads */

    put->timer.handler = ngx_http_p2pfs_put_timeout;
    put->timer.data = put;
    put->timer.log = ch->log;
    ngx_add_timer(&put->timer, timeout);

    ctx->put = put;

    ngx_http_p2pfs_channel_flush(ch);

    return P2PFS_OK;
}


/* A frame without an answer: in the queue only, number 0. */

void
ngx_http_p2pfs_put_damaged(ngx_http_p2pfs_channel_t *ch,
    const struct p2pfs_damaged *damaged)
{
    ngx_http_p2pfs_put_t  *put;

    if (ch->notices == NGX_HTTP_P2PFS_NOTICES_MAX
        || ngx_http_p2pfs_channel_connect(ch) != P2PFS_OK)
    {
        return;
    }

    put = ngx_calloc(sizeof(ngx_http_p2pfs_put_t), ch->log);
    if (put == NULL) {
        return;
    }

    put->channel = ch;
    put->head.pos = put->frame;
    put->head.last = put->frame + p2pfs_frame_damaged(put->frame, damaged);
    put->head.memory = 1;
    put->head_link.buf = &put->head;
    put->body_link.buf = &put->body;

    ngx_queue_insert_tail(&ch->out, &put->queue);
    put->queued = 1;
    ch->notices++;

    ngx_http_p2pfs_channel_flush(ch);
}


/* The answer at the door: too large for this network, or no room now. */

static enum p2pfs_err
ngx_http_p2pfs_put_admit(ngx_http_p2pfs_channel_t *ch,
    struct p2pfs_upload *upload)
{
    enum p2pfs_err  err;

    err = ngx_http_p2pfs_channel_connect(ch);

    if (err != P2PFS_OK) {
        return err;
    }

    if (upload->content_len > ch->limits.file_max) {
        return P2PFS_BODY_TOO_LARGE;
    }

    if (ch->requests >= ch->limits.requests_max
        || ch->bytes + P2PFS_FRAME_PUT_HEAD_MAX + upload->content_len
           > ch->limits.bytes_max)
    {
        ngx_log_error(NGX_LOG_WARN, ch->log, 0,
                      "p2pfs: %ui uploads, %uz bytes wait for gossipd at "
                      "\"%V\", no more are taken",
                      ch->requests, ch->bytes, &ch->name);
        return P2PFS_STORE_UNAVAILABLE;
    }

    return P2PFS_OK;
}


static ngx_int_t
ngx_http_p2pfs_put_frame(ngx_http_p2pfs_put_t *put)
{
    size_t                 len;
    struct p2pfs_put       p;
    struct p2pfs_upload   *upload;
    ngx_http_p2pfs_ctx_t  *ctx;

    ctx = put->ctx;
    upload = &put->upload;

    p.request = put->id;
    p.id_len = (uint8_t) ctx->id.len;
    p.id = (char *) ctx->id.data;
    p.n = upload->set_count;
    p.index = ctx->index;
    p.has_root = upload->has_root;
    p.root = upload->root;
    p.proof = upload->proof;
    p.len = (uint32_t) upload->content_len;
    p.content = upload->content;

    len = p2pfs_frame_put_head(put->frame, &p);

    if (len == 0) {
        return NGX_ERROR;
    }

    put->bytes = len + upload->content_len;

    put->head.pos = put->frame;
    put->head.last = put->frame + len;
    put->head.memory = 1;
    put->head_link.buf = &put->head;

    put->body.pos = upload->content;
    put->body.last = upload->content + upload->content_len;
    put->body.memory = 1;
    put->body_link.buf = &put->body;

    return NGX_OK;
}


void
ngx_http_p2pfs_put_detach(ngx_http_p2pfs_put_t *put)
{
    put->request = NULL;
    put->ctx->put = NULL;
    put->ctx = NULL;
}


ngx_chain_t *
ngx_http_p2pfs_put_chain(ngx_http_p2pfs_channel_t *ch)
{
    ngx_queue_t           *q;
    ngx_chain_t           *out, **last;
    ngx_http_p2pfs_put_t  *put;

    last = &out;

    for (q = ngx_queue_head(&ch->out);
         q != ngx_queue_sentinel(&ch->out);
         q = ngx_queue_next(q))
    {
        put = ngx_queue_data(q, ngx_http_p2pfs_put_t, queue);

        if (put->head.pos != put->head.last) {
            *last = &put->head_link;
            last = &put->head_link.next;
        }

        if (put->body.pos != put->body.last) {
            *last = &put->body_link;
            last = &put->body_link.next;
        }
    }

    *last = NULL;

    return out;
}


void
ngx_http_p2pfs_put_written(ngx_http_p2pfs_channel_t *ch)
{
    ngx_queue_t           *q;
    ngx_http_p2pfs_put_t  *put;

    while (!ngx_queue_empty(&ch->out)) {
        q = ngx_queue_head(&ch->out);
        put = ngx_queue_data(q, ngx_http_p2pfs_put_t, queue);

        if (put->head.pos != put->head.last
            || put->body.pos != put->body.last)
        {
            return;
        }

        ngx_http_p2pfs_put_leave_queue(put);
    }
}


ngx_int_t
ngx_http_p2pfs_put_result(ngx_http_p2pfs_channel_t *ch,
    const struct p2pfs_result *result)
{
    ngx_http_p2pfs_put_t  *put;

    put = ngx_http_p2pfs_put_find(ch, result->request);

    if (put == NULL) {

        if (result->request == 0 || result->request > ch->last) {
            return NGX_ERROR;
        }

        ngx_log_error(NGX_LOG_INFO, ch->log, 0,
                      "p2pfs: gossipd answered after the timeout: %s",
                      p2pfs_err_row(result->err)->code);
        return NGX_OK;
    }

    if (put->queued) {
        return NGX_ERROR;
    }

    ngx_http_p2pfs_put_answer(put, result);

    return NGX_OK;
}


static void
ngx_http_p2pfs_put_timeout(ngx_event_t *ev)
{
    ngx_http_p2pfs_put_t  *put;

    put = ev->data;

    ngx_log_error(NGX_LOG_ERR, ev->log, NGX_ETIMEDOUT,
                  "p2pfs: gossipd at \"%V\" did not answer",
                  &put->channel->name);

    ngx_http_p2pfs_put_give_up(put);
}


/* Those that come while the others are told belong to the next connection. */

void
ngx_http_p2pfs_put_fail_all(ngx_http_p2pfs_channel_t *ch)
{
    uint64_t               last;
    ngx_rbtree_node_t     *node;
    ngx_http_p2pfs_put_t  *put;

    last = ch->last;

    /* half a frame of a put that was given up */

    while (!ngx_queue_empty(&ch->out)) {
        put = ngx_queue_data(ngx_queue_head(&ch->out), ngx_http_p2pfs_put_t,
                             queue);
        ngx_http_p2pfs_put_leave_queue(put);
    }

    while (ch->puts.root != ch->puts.sentinel) {
        node = ngx_rbtree_min(ch->puts.root, ch->puts.sentinel);
        put = (ngx_http_p2pfs_put_t *) node;

        if (put->id > last) {
            break;
        }

        ngx_http_p2pfs_put_give_up(put);
    }
}


void
ngx_http_p2pfs_put_drop_all(ngx_http_p2pfs_channel_t *ch)
{
    ngx_rbtree_node_t     *node;
    ngx_http_p2pfs_put_t  *put;

    while (!ngx_queue_empty(&ch->out)) {
        put = ngx_queue_data(ngx_queue_head(&ch->out), ngx_http_p2pfs_put_t,
                             queue);
        ngx_http_p2pfs_put_leave_queue(put);
    }

    while (ch->puts.root != ch->puts.sentinel) {
        node = ngx_rbtree_min(ch->puts.root, ch->puts.sentinel);
        put = (ngx_http_p2pfs_put_t *) node;

        if (put->request != NULL) {
            ngx_http_p2pfs_put_detach(put);
        }

        ngx_http_p2pfs_put_end(put);
    }
}


static void
ngx_http_p2pfs_put_leave_queue(ngx_http_p2pfs_put_t *put)
{
    ngx_queue_remove(&put->queue);
    put->queued = 0;

    p2pfs_upload_fini(&put->upload);
    ngx_memzero(&put->upload, sizeof(struct p2pfs_upload));

    if (put->id == 0) {
        put->channel->notices--;
    }

    if (!put->pending) {
        ngx_free(put);
    }
}


static void
ngx_http_p2pfs_put_end(ngx_http_p2pfs_put_t *put)
{
    ngx_http_p2pfs_channel_t  *ch;

    ch = put->channel;

    if (put->timer.timer_set) {
        ngx_del_timer(&put->timer);
    }

    ngx_rbtree_delete(&ch->puts, &put->node);
    put->pending = 0;

    ch->requests--;
    ch->bytes -= put->bytes;

    if (!put->queued) {
        ngx_free(put);
    }
}


static void
ngx_http_p2pfs_put_answer(ngx_http_p2pfs_put_t *put,
    const struct p2pfs_result *result)
{
    ngx_http_request_t  *r;

    r = put->request;

    if (r != NULL) {
        ngx_http_p2pfs_put_detach(put);
    }

    ngx_http_p2pfs_put_end(put);

    if (r != NULL) {
        ngx_http_p2pfs_post_done(r, result);
    }
}


static void
ngx_http_p2pfs_put_give_up(ngx_http_p2pfs_put_t *put)
{
    struct p2pfs_result  result;

    ngx_memzero(&result, sizeof(struct p2pfs_result));

    result.request = put->id;

    if (ngx_http_p2pfs_put_handed_over(put)) {
        result.err = P2PFS_OUTCOME_UNKNOWN;

    } else {
        result.err = P2PFS_STORE_UNAVAILABLE;

        if (put->queued) {
            ngx_http_p2pfs_put_leave_queue(put);
        }
    }

    ngx_http_p2pfs_put_answer(put, &result);
}


/* One byte is enough: what gossipd has made of it cannot be known. */

static ngx_uint_t
ngx_http_p2pfs_put_handed_over(ngx_http_p2pfs_put_t *put)
{
    return put->head.pos != put->frame;
}


static ngx_http_p2pfs_put_t *
ngx_http_p2pfs_put_find(ngx_http_p2pfs_channel_t *ch, uint64_t id)
{
    ngx_rbtree_key_t       key;
    ngx_rbtree_node_t     *node;
    ngx_http_p2pfs_put_t  *put;

    key = (ngx_rbtree_key_t) id;
    node = ch->puts.root;

    while (node != ch->puts.sentinel) {

        if (key == node->key) {
            put = (ngx_http_p2pfs_put_t *) node;
            return (put->id == id) ? put : NULL;
        }

        node = (key < node->key) ? node->left : node->right;
    }

    return NULL;
}
