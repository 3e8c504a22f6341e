
/*
 * The only place that sends: status line, type, headers, HEAD, subrequests and
 * last_buf are right here or nowhere.
 */


#include "ngx_http_p2pfs.h"


static ngx_int_t ngx_http_p2pfs_output(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *cache_control, ngx_str_t *etag,
    ngx_buf_t *b);
static ngx_table_elt_t *ngx_http_p2pfs_header(ngx_http_request_t *r,
    const char *key, size_t len, ngx_str_t *value);
static ngx_int_t ngx_http_p2pfs_cache_control(ngx_http_request_t *r,
    ngx_str_t *value);


static ngx_str_t  ngx_http_p2pfs_no_store = ngx_string("no-store");
static ngx_str_t  ngx_http_p2pfs_one_second = ngx_string("1");


ngx_int_t
ngx_http_p2pfs_send(ngx_http_request_t *r,
    const ngx_http_p2pfs_reply_t *reply)
{
    ngx_str_t  cache_control, etag;

    cache_control = reply->cache_control;
    etag = reply->etag;

    ngx_str_set(&r->headers_out.content_type, "application/json");

    return ngx_http_p2pfs_output(r, reply->status, &cache_control, &etag,
                                 reply->body);
}


ngx_int_t
ngx_http_p2pfs_fail(ngx_http_request_t *r, const struct p2pfs_problem *problem)
{
    ngx_str_t                   none;
    ngx_buf_t                  *b;
    struct p2pfs_text           text;
    const struct p2pfs_err_row *row;

    row = p2pfs_err_row(problem->err);

    if (row->http_status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "p2pfs: %s: %s", row->code, row->text);

    } else {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "p2pfs: client error: %s", row->code);
    }

    b = ngx_http_p2pfs_text(r, P2PFS_REPLY_PROBLEM_MAX, &text);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p2pfs_reply_problem(&text, problem);

    if (ngx_http_p2pfs_text_end(r, b, &text) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (row->http_status == NGX_HTTP_SERVICE_UNAVAILABLE
        || problem->err == P2PFS_SET_INCOMPLETE)
    {
        if (ngx_http_p2pfs_header(r, "Retry-After", sizeof("Retry-After") - 1,
                                  &ngx_http_p2pfs_one_second)
            == NULL)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    ngx_str_null(&none);

    return ngx_http_p2pfs_output(r, row->http_status,
                                 &ngx_http_p2pfs_no_store, &none, b);
}


ngx_int_t
ngx_http_p2pfs_fail_err(ngx_http_request_t *r, enum p2pfs_err err,
    const char *detail)
{
    struct p2pfs_problem  problem;

    ngx_memzero(&problem, sizeof(struct p2pfs_problem));

    problem.err = err;
    problem.detail = detail;

    return ngx_http_p2pfs_fail(r, &problem);
}


ngx_int_t
ngx_http_p2pfs_fail_method(ngx_http_request_t *r, ngx_uint_t allowed)
{
    ngx_str_t  allow;

    if (allowed & NGX_HTTP_POST) {
        ngx_str_set(&allow, "GET, HEAD, POST");

    } else {
        ngx_str_set(&allow, "GET, HEAD");
    }

    if (ngx_http_p2pfs_header(r, "Allow", sizeof("Allow") - 1, &allow)
        == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_p2pfs_fail_err(r, P2PFS_METHOD_NOT_ALLOWED, NULL);
}


/*
 * After an internal redirect from nginx's own error (see
 * ngx_http_p2pfs_error_pages()). NGX_DECLINED: none that has a code of ours, or
 * an error_page elsewhere that names a file or a set as its page.
 */

ngx_int_t
ngx_http_p2pfs_fail_nginx(ngx_http_request_t *r)
{
    ngx_str_t                  *prefix;
    enum p2pfs_err              err;
    ngx_http_p2pfs_loc_conf_t  *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_p2pfs_module);
    prefix = &plcf->prefix;

    if (r->uri.len != prefix->len + 1
        || ngx_strncmp(r->uri.data, prefix->data, prefix->len) != 0
        || r->uri.data[prefix->len] != '/')
    {
        return NGX_DECLINED;
    }

    switch (r->err_status) {

    case NGX_HTTP_BAD_REQUEST:
        err = P2PFS_BAD_REQUEST;
        break;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        err = P2PFS_BODY_TOO_LARGE;
        break;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        err = P2PFS_INTERNAL;
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        err = P2PFS_STORE_UNAVAILABLE;
        break;

    default:
        return NGX_DECLINED;
    }

    return ngx_http_p2pfs_fail_err(r, err, NULL);
}


ngx_buf_t *
ngx_http_p2pfs_text(ngx_http_request_t *r, size_t max, struct p2pfs_text *text)
{
    ngx_buf_t  *b;

    b = ngx_create_temp_buf(r->pool, max);

    if (b != NULL) {
        p2pfs_text_init(text, (char *) b->pos, max);
    }

    return b;
}


ngx_int_t
ngx_http_p2pfs_text_end(ngx_http_request_t *r, ngx_buf_t *b,
    const struct p2pfs_text *text)
{
    if (text->bad) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "p2pfs: a reply does not fit into %uz bytes", text->cap);
        return NGX_ERROR;
    }

    b->last = b->pos + text->len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_p2pfs_output(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *cache_control, ngx_str_t *etag, ngx_buf_t *b)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    /* the client that waits for "100 Continue" gets the answer instead */

    if (r->request_body == NULL) {
        r->expect_tested = 1;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = b->last - b->pos;
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    /* not in the table of nginx */

    if (status == 422) {
        ngx_str_set(&r->headers_out.status_line, "422 Unprocessable Content");
    }

    if (ngx_http_p2pfs_cache_control(r, cache_control) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (etag->len) {
        r->headers_out.etag = ngx_http_p2pfs_header(r, "ETag",
                                                    sizeof("ETag") - 1, etag);
        if (r->headers_out.etag == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_table_elt_t *
ngx_http_p2pfs_header(ngx_http_request_t *r, const char *key, size_t len,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    h->key.len = len;
    h->key.data = (u_char *) key;
    h->value = *value;
    h->lowcase_key = NULL;

#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return h;
}


/* Where "expires" and "add_header" look for it: a list since nginx 1.23.0. */

static ngx_int_t
ngx_http_p2pfs_cache_control(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    if (value->len == 0) {
        return NGX_OK;
    }

    h = ngx_http_p2pfs_header(r, "Cache-Control", sizeof("Cache-Control") - 1,
                              value);
    if (h == NULL) {
        return NGX_ERROR;
    }

#if (nginx_version >= 1023000)

    r->headers_out.cache_control = h;

#else

    {
    ngx_table_elt_t  **ph;

    if (r->headers_out.cache_control.elts == NULL) {
        if (ngx_array_init(&r->headers_out.cache_control, r->pool, 1,
                           sizeof(ngx_table_elt_t *))
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ph = ngx_array_push(&r->headers_out.cache_control);
    if (ph == NULL) {
        return NGX_ERROR;
    }

    *ph = h;
    }

#endif

    return NGX_OK;
}
