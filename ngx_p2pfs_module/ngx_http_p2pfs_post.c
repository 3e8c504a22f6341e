
/*
 * An upload: the body in whatever pieces nginx holds it, the JSON in it, a PUT
 * to gossipd, and gossipd's word as the answer.
 */


#include "ngx_http_p2pfs.h"


static ngx_int_t ngx_http_p2pfs_is_json(ngx_http_request_t *r);
static void ngx_http_p2pfs_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_p2pfs_upload(ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx);
static enum p2pfs_err ngx_http_p2pfs_collect(ngx_http_request_t *r, off_t max,
    ngx_str_t *body, u_char **copy);
static u_char *ngx_http_p2pfs_copy(ngx_http_request_t *r, ngx_chain_t *in,
    size_t len);
static ngx_int_t ngx_http_p2pfs_stored(ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx, const struct p2pfs_result *result);
static void ngx_http_p2pfs_post_cleanup(void *data);


static off_t
ngx_http_p2pfs_body_max(ngx_http_p2pfs_loc_conf_t *plcf)
{
    return 2 * (off_t) plcf->max_file_size + NGX_HTTP_P2PFS_JSON_MAX;
}


ngx_int_t
ngx_http_p2pfs_post_file(ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_http_p2pfs_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_p2pfs_module);

    if (!ngx_http_p2pfs_is_json(r)) {
        return ngx_http_p2pfs_fail_err(r, P2PFS_UNSUPPORTED_MEDIA_TYPE, NULL);
    }

    if (r->headers_in.content_length_n > ngx_http_p2pfs_body_max(plcf)) {
        return ngx_http_p2pfs_fail_err(r, P2PFS_BODY_TOO_LARGE, NULL);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_p2pfs_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* application/json, with or without parameters: JSON is always UTF-8. */

static ngx_int_t
ngx_http_p2pfs_is_json(ngx_http_request_t *r)
{
    u_char      *p;
    ngx_str_t    type;

    static ngx_str_t  json = ngx_string("application/json");

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = r->headers_in.content_type->value;

    if (type.len < json.len
        || ngx_strncasecmp(type.data, json.data, json.len) != 0)
    {
        return 0;
    }

    if (type.len == json.len) {
        return 1;
    }

    p = type.data + json.len;

    return *p == ';' || *p == ' ' || *p == '\t';
}


static void
ngx_http_p2pfs_body(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_http_p2pfs_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_p2pfs_module);

    rc = ngx_http_p2pfs_upload(r, ctx);

    /* NGX_DONE: post_done() finalizes, once gossipd has answered */

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_int_t
ngx_http_p2pfs_upload(ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx)
{
    u_char                     *copy;
    ngx_str_t                   body;
    enum p2pfs_err              err;
    ngx_http_cleanup_t         *cln;
    struct p2pfs_upload         upload;
    ngx_http_p2pfs_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_p2pfs_module);

    err = ngx_http_p2pfs_collect(r, ngx_http_p2pfs_body_max(plcf), &body,
                                 &copy);
    if (err != P2PFS_OK) {
        return ngx_http_p2pfs_fail_err(r, err, NULL);
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_p2pfs_post_cleanup;
    cln->data = ctx;

    err = p2pfs_upload_parse(&upload, (char *) body.data, body.len,
                             plcf->max_file_size);

    /* up to 2 MiB of hex, of no use while gossipd is at work */

    if (copy != NULL) {
        ngx_pfree(r->pool, copy);
    }

    if (err != P2PFS_OK) {
        const char  *detail = upload.detail;

        p2pfs_upload_fini(&upload);
        return ngx_http_p2pfs_fail_err(r, err, detail);
    }

    ctx->set_count = upload.set_count;

    err = ngx_http_p2pfs_put_new(plcf->channel, r, ctx, &upload,
                                 plcf->timeout);
    if (err != P2PFS_OK) {
        return ngx_http_p2pfs_fail_err(r, err, NULL);
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    return NGX_DONE;
}


/*
 * The body in one piece: as it lies in its only buffer, or copied (*copy) from
 * several and from the temporary file. No body at all is an empty one.
 */

static enum p2pfs_err
ngx_http_p2pfs_collect(ngx_http_request_t *r, off_t max, ngx_str_t *body,
    u_char **copy)
{
    off_t         len;
    ngx_buf_t    *b;
    ngx_chain_t  *in, *cl;

    ngx_str_set(body, "");
    *copy = NULL;

    in = (r->request_body != NULL) ? r->request_body->bufs : NULL;
    len = 0;

    for (cl = in; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    if (len > max) {
        return P2PFS_BODY_TOO_LARGE;
    }

    if (len == 0) {
        return P2PFS_OK;
    }

    body->len = (size_t) len;
    b = in->buf;

    if (in->next == NULL && ngx_buf_in_memory(b)) {
        body->data = b->pos;
        return P2PFS_OK;
    }

    *copy = ngx_http_p2pfs_copy(r, in, body->len);
    body->data = *copy;

    return (*copy != NULL) ? P2PFS_OK : P2PFS_INTERNAL;
}


static u_char *
ngx_http_p2pfs_copy(ngx_http_request_t *r, ngx_chain_t *in, size_t len)
{
    u_char     *p, *data;
    size_t      size;
    ssize_t     n;
    ngx_buf_t  *b;

    data = ngx_palloc(r->pool, len);
    if (data == NULL) {
        return NULL;
    }

    p = data;

    for ( /* void */ ; in; in = in->next) {
        b = in->buf;
        size = (size_t) ngx_buf_size(b);

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, size);
            continue;
        }

        if (size == 0) {
            continue;
        }

        n = ngx_read_file(b->file, p, size, b->file_pos);

        if (n != (ssize_t) size) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "p2pfs: read %z bytes of %uz from \"%V\"", n, size,
                          &b->file->name);
            return NULL;
        }

        p += size;
    }

    return data;
}


/* Called by the channel, exactly once for each request that waits on it. */

void
ngx_http_p2pfs_post_done(ngx_http_request_t *r,
    const struct p2pfs_result *result)
{
    ngx_int_t                   rc;
    ngx_connection_t           *c;
    ngx_http_p2pfs_ctx_t       *ctx;
    ngx_http_p2pfs_loc_conf_t  *plcf;

    c = r->connection;
    ctx = ngx_http_get_module_ctx(r, ngx_http_p2pfs_module);
    plcf = ngx_http_get_module_loc_conf(r, ngx_http_p2pfs_module);

    ngx_http_set_log_request(c->log, r);

    /* the client's next request may come in this turn of the event loop */

    ngx_http_p2pfs_db_release(plcf->db);

    rc = ngx_http_p2pfs_stored(r, ctx, result);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_http_p2pfs_stored(ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx,
    const struct p2pfs_result *result)
{
    struct p2pfs_text       text;
    struct p2pfs_problem    problem;
    ngx_http_p2pfs_reply_t  reply;

    if (result->err == P2PFS_OK) {
        ngx_memzero(&reply, sizeof(ngx_http_p2pfs_reply_t));

        reply.status = result->created ? NGX_HTTP_CREATED : NGX_HTTP_OK;
        reply.cache_control.data = (u_char *) "no-store";
        reply.cache_control.len = sizeof("no-store") - 1;
        reply.body = ngx_http_p2pfs_text(r, P2PFS_REPLY_STORED_MAX, &text);

        if (reply.body == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p2pfs_reply_stored(&text, &result->entry, ctx->index, ctx->set_count);

        if (ngx_http_p2pfs_text_end(r, reply.body, &text) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_p2pfs_send(r, &reply);
    }

    ngx_memzero(&problem, sizeof(struct p2pfs_problem));

    /* some errors are not for clients: gossipd has logged them */

    problem.err = p2pfs_err_row(result->err)->http_status ? result->err
                                                          : P2PFS_INTERNAL;

    if (problem.err == P2PFS_FILE_CONFLICT) {
        problem.hash = &result->entry;
    }

    if (problem.err == P2PFS_FILE_CONFLICT
        || problem.err == P2PFS_SET_EXISTS)
    {
        if (!p2pfs_hash_is_zero(&result->root)) {
            problem.root = &result->root;
        }
    }

    if (problem.err == P2PFS_SET_COUNT_CONFLICT) {
        problem.has_progress = 1;
        problem.received = result->received;
        problem.set_count = result->set_count;
    }

    return ngx_http_p2pfs_fail(r, &problem);
}


/* The request ends, answered or not. */

static void
ngx_http_p2pfs_post_cleanup(void *data)
{
    ngx_http_p2pfs_ctx_t *ctx = data;

    if (ctx->put != NULL) {
        ngx_http_p2pfs_put_detach(ctx->put);
    }
}
