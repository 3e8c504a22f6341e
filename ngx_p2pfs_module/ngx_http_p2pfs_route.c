
/*
 * From a URI to a handler: segments, table of routes, query.
 *
 * nginx decodes %2F before it hands out r->uri, and merges slashes and dots.
 * So the path is read from what the client sent: cut at every "/" first, each
 * segment decoded once, then checked against the grammar.
 */


#include "ngx_http_p2pfs.h"

#include "core/name.h"


typedef struct {
    u_char      *pos;      /* at the "/" before the next segment */
    u_char      *last;
    unsigned     escaped:1;
} ngx_http_p2pfs_path_t;


static ngx_int_t ngx_http_p2pfs_path(ngx_http_request_t *r,
    ngx_http_p2pfs_path_t *path);
static ngx_int_t ngx_http_p2pfs_segment(ngx_http_p2pfs_path_t *path,
    ngx_str_t *segment);
static ngx_int_t ngx_http_p2pfs_strip(ngx_http_p2pfs_path_t *path,
    ngx_str_t *prefix);
static ngx_uint_t ngx_http_p2pfs_shape(const ngx_http_p2pfs_route_t *route,
    ngx_str_t *segment, ngx_uint_t n);
static ngx_int_t ngx_http_p2pfs_match(ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx, ngx_uint_t *allowed);
static enum p2pfs_err ngx_http_p2pfs_names(ngx_http_p2pfs_ctx_t *ctx);
static enum p2pfs_err ngx_http_p2pfs_query(ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx);


#define NGX_HTTP_P2PFS_SEGMENTS_MAX  4


static const ngx_http_p2pfs_route_t  ngx_http_p2pfs_routes[] = {

    { NGX_HTTP_GET|NGX_HTTP_HEAD,
      4, { ngx_string("sets"), ngx_null_string,
           ngx_string("files"), ngx_null_string },
      ngx_http_p2pfs_get_file, 0, 1 },

    { NGX_HTTP_POST,
      4, { ngx_string("sets"), ngx_null_string,
           ngx_string("files"), ngx_null_string },
      ngx_http_p2pfs_post_file, 1, 0 },

    { NGX_HTTP_GET|NGX_HTTP_HEAD,
      2, { ngx_string("sets"), ngx_null_string,
           ngx_null_string, ngx_null_string },
      ngx_http_p2pfs_get_set, 0, 0 },

    { 0, 0, { ngx_null_string, ngx_null_string,
              ngx_null_string, ngx_null_string }, NULL, 0, 0 }
};


ngx_int_t
ngx_http_p2pfs_handler(ngx_http_request_t *r)
{
    ngx_int_t              rc;
    ngx_uint_t             allowed;
    enum p2pfs_err         err;
    ngx_http_p2pfs_ctx_t  *ctx;

    if (r->err_status && r->internal) {
        rc = ngx_http_p2pfs_fail_nginx(r);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_p2pfs_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->request = r;
    ngx_http_set_ctx(r, ctx, ngx_http_p2pfs_module);

    allowed = 0;

    switch (ngx_http_p2pfs_match(r, ctx, &allowed)) {

    case NGX_OK:
        break;

    case NGX_ERROR:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default: /* NGX_DECLINED */

        if (allowed) {
            return ngx_http_p2pfs_fail_method(r, allowed);
        }

        return ngx_http_p2pfs_fail_err(r, P2PFS_ROUTE_NOT_FOUND, NULL);
    }

    err = ngx_http_p2pfs_names(ctx);

    if (err == P2PFS_OK && ctx->route->takes_query) {
        err = ngx_http_p2pfs_query(r, ctx);
    }

    if (err != P2PFS_OK) {
        return ngx_http_p2pfs_fail_err(r, err, NULL);
    }

    return ctx->route->handler(r, ctx);
}


/* A copy of the path to decode in. */

static ngx_int_t
ngx_http_p2pfs_path(ngx_http_request_t *r, ngx_http_p2pfs_path_t *path)
{
    u_char     *p;
    ngx_str_t   uri;

    /* not valid after a rewrite, an internal redirect, in most subrequests */

    path->escaped = r->valid_unparsed_uri;
    uri = path->escaped ? r->unparsed_uri : r->uri;

    path->pos = ngx_pstrdup(r->pool, &uri);
    if (path->pos == NULL) {
        return NGX_ERROR;
    }

    path->last = path->pos + uri.len;

    if (path->escaped) {
        p = ngx_strlchr(path->pos, path->last, '?');

        if (p != NULL) {
            path->last = p;
        }
    }

    return NGX_OK;
}


/* NGX_DONE: no segment is left. */

static ngx_int_t
ngx_http_p2pfs_segment(ngx_http_p2pfs_path_t *path, ngx_str_t *segment)
{
    u_char     *p, *dst;
    ngx_int_t   n;

    if (path->pos == path->last) {
        return NGX_DONE;
    }

    if (*path->pos != '/') {
        return NGX_DECLINED;
    }

    segment->data = ++path->pos;

    p = ngx_strlchr(path->pos, path->last, '/');
    path->pos = (p != NULL) ? p : path->last;

    if (!path->escaped) {
        segment->len = path->pos - segment->data;
        return NGX_OK;
    }

    dst = segment->data;

    for (p = segment->data; p < path->pos; p++) {

        if (*p == '%' && path->pos - p > 2) {
            n = ngx_hextoi(p + 1, 2);

            if (n != NGX_ERROR) {
                *dst++ = (u_char) n;
                p += 2;
                continue;
            }
        }

        *dst++ = *p;
    }

    segment->len = dst - segment->data;

    return NGX_OK;
}


/* Takes the location's prefix off the front, segment by segment. */

static ngx_int_t
ngx_http_p2pfs_strip(ngx_http_p2pfs_path_t *path, ngx_str_t *prefix)
{
    ngx_str_t              want, have;
    ngx_http_p2pfs_path_t  location;

    location.pos = prefix->data;
    location.last = prefix->data + prefix->len;
    location.escaped = 0;

    while (ngx_http_p2pfs_segment(&location, &want) == NGX_OK) {

        if (ngx_http_p2pfs_segment(path, &have) != NGX_OK
            || have.len != want.len
            || ngx_memcmp(have.data, want.data, want.len) != 0)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_p2pfs_shape(const ngx_http_p2pfs_route_t *route, ngx_str_t *segment,
    ngx_uint_t n)
{
    ngx_uint_t        i;
    const ngx_str_t  *word;

    if (n != route->nshape) {
        return 0;
    }

    for (i = 0; i < n; i++) {
        word = &route->shape[i];

        if (word->len
            && (word->len != segment[i].len
                || ngx_memcmp(word->data, segment[i].data, word->len) != 0))
        {
            return 0;
        }
    }

    return 1;
}


/* NGX_DECLINED: no route, or one with other methods (`allowed`). */

static ngx_int_t
ngx_http_p2pfs_match(ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx,
    ngx_uint_t *allowed)
{
    ngx_int_t                      rc;
    ngx_str_t                      segment[NGX_HTTP_P2PFS_SEGMENTS_MAX + 1];
    ngx_uint_t                     n;
    ngx_http_p2pfs_path_t          path;
    const ngx_http_p2pfs_route_t  *route;
    ngx_http_p2pfs_loc_conf_t     *plcf;

    plcf = ngx_http_get_module_loc_conf(r, ngx_http_p2pfs_module);

    if (ngx_http_p2pfs_path(r, &path) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_p2pfs_strip(&path, &plcf->prefix) != NGX_OK) {
        return NGX_DECLINED;
    }

    for (n = 0; n <= NGX_HTTP_P2PFS_SEGMENTS_MAX; n++) {
        rc = ngx_http_p2pfs_segment(&path, &segment[n]);

        if (rc != NGX_OK) {
            break;
        }
    }

    /* "sets/" and "sets/a/files/" are no names of anything */

    if (n == 0 || segment[n - 1].len == 0) {
        return NGX_DECLINED;
    }

    for (route = ngx_http_p2pfs_routes; route->handler; route++) {

        if (!ngx_http_p2pfs_shape(route, segment, n)) {
            continue;
        }

        /* a subrequest has no body of its own to upload */

        if (route->takes_body && r != r->main) {
            continue;
        }

        *allowed |= route->methods;

        if (!(r->method & route->methods)) {
            continue;
        }

        ctx->route = route;
        ctx->id = segment[1];

        if (n > 3) {
            ctx->index_text = segment[3];
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


static enum p2pfs_err
ngx_http_p2pfs_names(ngx_http_p2pfs_ctx_t *ctx)
{
    enum p2pfs_err  err;

    err = p2pfs_set_id_check((char *) ctx->id.data, ctx->id.len);

    if (err != P2PFS_OK || ctx->route->nshape < 4) {
        return err;
    }

    return p2pfs_index_parse((char *) ctx->index_text.data,
                             ctx->index_text.len, &ctx->index);
}


/*
 * ?root= and ?hash=, each once and not both; names that are not known are left
 * alone. What stands behind them is read as it came: hex needs no escaping.
 */

static enum p2pfs_err
ngx_http_p2pfs_query(ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx)
{
    u_char  *p, *end, *last, *value;

    last = r->args.data + r->args.len;

    for (p = r->args.data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');
        if (end == NULL) {
            end = last;
        }

        value = p + 5;

        if (end - p >= 4 && ngx_strncmp(p, "root", 4) == 0
            && (end - p == 4 || p[4] == '='))
        {
            if (ctx->has_root || end - p == 4
                || p2pfs_hash_parse(&ctx->root, (char *) value, end - value)
                   != P2PFS_OK)
            {
                return P2PFS_BAD_ROOT;
            }

            ctx->has_root = 1;

        } else if (end - p >= 4 && ngx_strncmp(p, "hash", 4) == 0
                   && (end - p == 4 || p[4] == '='))
        {
            if (ctx->has_hash || end - p == 4
                || p2pfs_hash_parse(&ctx->hash, (char *) value, end - value)
                   != P2PFS_OK)
            {
                return P2PFS_BAD_HASH;
            }

            ctx->has_hash = 1;
        }
    }

    return (ctx->has_root && ctx->has_hash) ? P2PFS_BAD_REQUEST : P2PFS_OK;
}
