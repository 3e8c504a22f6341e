
/*
 * What a worker answers from the database itself. The reads and the composing
 * of the reply happen in one turn of the event loop and inside a
 * transaction that ends with the turn: a slow client pins nothing.
 */


#include "ngx_http_p2pfs.h"

#include <ngx_sha1.h>

#include "core/hex.h"


static ngx_int_t ngx_http_p2pfs_get(ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx);
static ngx_int_t ngx_http_p2pfs_wait(ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx);
static void ngx_http_p2pfs_retry(ngx_event_t *ev);
static void ngx_http_p2pfs_get_cleanup(void *data);

static enum p2pfs_err ngx_http_p2pfs_read(ngx_http_p2pfs_ctx_t *ctx,
    ngx_http_p2pfs_reply_t *reply, struct p2pfs_problem *problem);
static enum p2pfs_err ngx_http_p2pfs_read_file(ngx_http_p2pfs_ctx_t *ctx,
    struct p2pfs_reader *reader, ngx_http_p2pfs_reply_t *reply,
    struct p2pfs_problem *problem);
static enum p2pfs_err ngx_http_p2pfs_read_candidate(ngx_http_p2pfs_ctx_t *ctx,
    struct p2pfs_reader *reader, ngx_http_p2pfs_reply_t *reply,
    struct p2pfs_problem *problem);
static enum p2pfs_err ngx_http_p2pfs_read_set(ngx_http_p2pfs_ctx_t *ctx,
    struct p2pfs_reader *reader, ngx_http_p2pfs_reply_t *reply,
    struct p2pfs_problem *problem);

static ngx_int_t ngx_http_p2pfs_etag_file(ngx_http_request_t *r,
    ngx_str_t *etag, const struct p2pfs_hash *hash,
    const struct p2pfs_hash *root);
static ngx_int_t ngx_http_p2pfs_etag_body(ngx_http_request_t *r,
    ngx_str_t *etag, ngx_buf_t *b);


static ngx_str_t  ngx_http_p2pfs_no_cache = ngx_string("no-cache");
static ngx_str_t  ngx_http_p2pfs_immutable =
    ngx_string("public, max-age=31536000, immutable");


ngx_int_t
ngx_http_p2pfs_get_file(ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx)
{
    ctx->read = ctx->has_hash ? ngx_http_p2pfs_read_candidate
                              : ngx_http_p2pfs_read_file;

    return ngx_http_p2pfs_get(r, ctx);
}


ngx_int_t
ngx_http_p2pfs_get_set(ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx)
{
    ctx->read = ngx_http_p2pfs_read_set;

    return ngx_http_p2pfs_get(r, ctx);
}


static ngx_int_t
ngx_http_p2pfs_get(ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx)
{
    enum p2pfs_err          err;
    struct p2pfs_problem    problem;
    ngx_http_p2pfs_reply_t  reply;

    ngx_memzero(&reply, sizeof(ngx_http_p2pfs_reply_t));
    ngx_memzero(&problem, sizeof(struct p2pfs_problem));

    err = ngx_http_p2pfs_read(ctx, &reply, &problem);

    if (err == P2PFS_OK) {
        reply.status = NGX_HTTP_OK;
        return ngx_http_p2pfs_send(r, &reply);
    }

    if (err == P2PFS_STORE_BUSY && ctx->tries < NGX_HTTP_P2PFS_BUSY_TRIES) {
        return ngx_http_p2pfs_wait(r, ctx);
    }

    problem.err = err;

    return ngx_http_p2pfs_fail(r, &problem);
}


/*
 * gossipd starts just now, or recovers: that takes milliseconds, and a worker
 * never waits for a lock. The request is held by its count, and let go of by
 * the cleanup where the client leaves first.
 */

static ngx_int_t
ngx_http_p2pfs_wait(ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_cleanup_t  *cln;

    if (ctx->tries++ == 0) {

        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        cln = ngx_http_cleanup_add(r, 0);
        if (cln == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        cln->handler = ngx_http_p2pfs_get_cleanup;
        cln->data = ctx;

        ctx->retry.handler = ngx_http_p2pfs_retry;
        ctx->retry.data = ctx;
        ctx->retry.log = r->connection->log;

        if (r == r->main && !r->discard_body) {
            r->read_event_handler = ngx_http_test_reading;
        }

        r->main->count++;
    }

    ngx_add_timer(&ctx->retry, NGX_HTTP_P2PFS_BUSY_DELAY);

    return NGX_DONE;
}


static void
ngx_http_p2pfs_retry(ngx_event_t *ev)
{
    ngx_int_t              rc;
    ngx_connection_t      *c;
    ngx_http_request_t    *r;
    ngx_http_p2pfs_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    rc = ngx_http_p2pfs_get(r, ctx);

    if (!ctx->retry.timer_set) {
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_p2pfs_get_cleanup(void *data)
{
    ngx_http_p2pfs_ctx_t *ctx = data;

    if (ctx->retry.timer_set) {
        ngx_del_timer(&ctx->retry);
    }
}


static enum p2pfs_err
ngx_http_p2pfs_read(ngx_http_p2pfs_ctx_t *ctx, ngx_http_p2pfs_reply_t *reply,
    struct p2pfs_problem *problem)
{
    ngx_log_t                  *log;
    enum p2pfs_err              err;
    struct p2pfs_damaged        damaged;
    ngx_http_p2pfs_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_p2pfs_module);
    log = ctx->request->connection->log;

    err = ngx_http_p2pfs_db_begin(plcf->db, log);

    if (err == P2PFS_OK) {
        err = ctx->read(ctx, plcf->db->reader, reply, problem);

        if (err == P2PFS_FILE_DAMAGED) {
            p2pfs_reader_damaged(plcf->db->reader, &damaged);
            ngx_http_p2pfs_put_damaged(plcf->channel, &damaged);
        }

        ngx_http_p2pfs_db_end(plcf->db, err, log);
    }

    return err;
}


static enum p2pfs_err
ngx_http_p2pfs_read_file(ngx_http_p2pfs_ctx_t *ctx,
    struct p2pfs_reader *reader, ngx_http_p2pfs_reply_t *reply,
    struct p2pfs_problem *problem)
{
    enum p2pfs_err         err;
    struct p2pfs_file      file;
    struct p2pfs_text      text;
    ngx_http_request_t    *r;
    struct p2pfs_version   version;

    r = ctx->request;

    err = p2pfs_reader_find(reader, (char *) ctx->id.data, ctx->id.len,
                            ctx->index, ctx->has_root ? &ctx->root : NULL,
                            &version);

    if (err == P2PFS_SET_INCOMPLETE) {
        problem->has_progress = 1;
        problem->received = version.received;
        problem->set_count = version.n;
    }

    if (err != P2PFS_OK) {
        return err;
    }

    err = p2pfs_reader_file(reader, &version, (uint32_t) ctx->index, &file);

    if (err != P2PFS_OK) {
        return err;
    }

    reply->body = ngx_http_p2pfs_text(r, p2pfs_reply_file_max(&file), &text);

    if (reply->body == NULL
        || ngx_http_p2pfs_etag_file(r, &reply->etag, &file.entry,
                                    &version.root)
           != NGX_OK)
    {
        return P2PFS_INTERNAL;
    }

    p2pfs_reply_file(&text, &file, &version.root);

    reply->cache_control = ctx->has_root ? ngx_http_p2pfs_immutable
                                         : ngx_http_p2pfs_no_cache;

    return ngx_http_p2pfs_text_end(r, reply->body, &text) == NGX_OK
           ? P2PFS_OK : P2PFS_INTERNAL;
}


static enum p2pfs_err
ngx_http_p2pfs_read_candidate(ngx_http_p2pfs_ctx_t *ctx,
    struct p2pfs_reader *reader, ngx_http_p2pfs_reply_t *reply,
    struct p2pfs_problem *problem)
{
    enum p2pfs_err       err;
    struct p2pfs_file    file;
    struct p2pfs_text    text;
    ngx_http_request_t  *r;

    r = ctx->request;

    err = p2pfs_reader_by_hash(reader, (char *) ctx->id.data, ctx->id.len,
                               ctx->index, &ctx->hash, &file);

    if (err != P2PFS_OK) {
        return err;
    }

    reply->body = ngx_http_p2pfs_text(r, p2pfs_reply_file_max(&file), &text);

    if (reply->body == NULL) {
        return P2PFS_INTERNAL;
    }

    p2pfs_reply_candidate(&text, &file);

    if (ngx_http_p2pfs_text_end(r, reply->body, &text) != NGX_OK
        || ngx_http_p2pfs_etag_body(r, &reply->etag, reply->body) != NGX_OK)
    {
        return P2PFS_INTERNAL;
    }

    /* not immutable: setCount is of the first record that is found */

    reply->cache_control = ngx_http_p2pfs_no_cache;

    return P2PFS_OK;
}


static enum p2pfs_err
ngx_http_p2pfs_read_set(ngx_http_p2pfs_ctx_t *ctx,
    struct p2pfs_reader *reader, ngx_http_p2pfs_reply_t *reply,
    struct p2pfs_problem *problem)
{
    enum p2pfs_err       err;
    struct p2pfs_set    *set;
    struct p2pfs_text    text;
    ngx_http_request_t  *r;

    r = ctx->request;

    set = ngx_palloc(r->pool, sizeof(struct p2pfs_set));
    if (set == NULL) {
        return P2PFS_INTERNAL;
    }

    err = p2pfs_reader_set(reader, (char *) ctx->id.data, ctx->id.len, set);

    if (err != P2PFS_OK) {
        return err;
    }

    reply->body = ngx_http_p2pfs_text(r, p2pfs_reply_set_max(set), &text);
    if (reply->body == NULL) {
        return P2PFS_INTERNAL;
    }

    p2pfs_reply_set(&text, (char *) ctx->id.data, ctx->id.len, set);
    ngx_pfree(r->pool, set);

    if (ngx_http_p2pfs_text_end(r, reply->body, &text) != NGX_OK
        || ngx_http_p2pfs_etag_body(r, &reply->etag, reply->body) != NGX_OK)
    {
        return P2PFS_INTERNAL;
    }

    reply->cache_control = ngx_http_p2pfs_no_cache;

    return P2PFS_OK;
}


/*
 * "<hash>-<root, 16 digits>.json": the proof changes with the root, and the
 * same file in another form, should there be one, must not share the tag.
 */

static ngx_int_t
ngx_http_p2pfs_etag_file(ngx_http_request_t *r, ngx_str_t *etag,
    const struct p2pfs_hash *hash, const struct p2pfs_hash *root)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, P2PFS_HASH_HEX + sizeof("\"-.json\"") - 1 + 16);
    if (p == NULL) {
        return NGX_ERROR;
    }

    etag->data = p;

    *p++ = '"';
    p2pfs_hex_encode((char *) p, hash->b, P2PFS_HASH_BYTES);
    p += P2PFS_HASH_HEX;

    *p++ = '-';
    p2pfs_hex_encode((char *) p, root->b, 8);
    p += 16;
    p = ngx_cpymem(p, ".json\"", sizeof(".json\"") - 1);

    etag->len = p - etag->data;

    return NGX_OK;
}


/* What depends on many rows: the tag is a hash of the reply. */

static ngx_int_t
ngx_http_p2pfs_etag_body(ngx_http_request_t *r, ngx_str_t *etag, ngx_buf_t *b)
{
    u_char      *p, digest[20];
    ngx_sha1_t   sha1;

    p = ngx_pnalloc(r->pool, 2 * sizeof(digest) + sizeof("\".json\"") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, b->pos, b->last - b->pos);
    ngx_sha1_final(digest, &sha1);

    etag->data = p;

    *p++ = '"';
    p = ngx_hex_dump(p, digest, sizeof(digest));
    p = ngx_cpymem(p, ".json\"", sizeof(".json\"") - 1);

    etag->len = p - etag->data;

    return NGX_OK;
}
