
/*
 * The worker's connection to gossipd: connect, HELLO and WELCOME, bytes out,
 * frames in. Which uploads they belong to is ngx_http_p2pfs_put.c's business.
 */


#include "ngx_http_p2pfs.h"


static ngx_int_t ngx_http_p2pfs_channel_hello(ngx_http_p2pfs_channel_t *ch);
static void ngx_http_p2pfs_channel_write(ngx_event_t *wev);
static void ngx_http_p2pfs_channel_read(ngx_event_t *rev);
static ngx_int_t ngx_http_p2pfs_channel_recv(ngx_http_p2pfs_channel_t *ch);
static ngx_int_t ngx_http_p2pfs_channel_parse(ngx_http_p2pfs_channel_t *ch);
static ngx_int_t ngx_http_p2pfs_channel_frame(ngx_http_p2pfs_channel_t *ch,
    const u_char *frame, size_t len, enum p2pfs_frame_type type);
static ngx_int_t ngx_http_p2pfs_channel_welcome(ngx_http_p2pfs_channel_t *ch,
    const u_char *frame, size_t len);
static void ngx_http_p2pfs_channel_drop(ngx_http_p2pfs_channel_t *ch);
static void ngx_http_p2pfs_channel_fail(ngx_http_p2pfs_channel_t *ch);


void
ngx_http_p2pfs_channel_init(ngx_http_p2pfs_channel_t *ch, ngx_log_t *log)
{
    ch->log = log;

    ngx_rbtree_init(&ch->puts, &ch->sentinel, ngx_rbtree_insert_value);
    ngx_queue_init(&ch->out);
}


enum p2pfs_err
ngx_http_p2pfs_channel_connect(ngx_http_p2pfs_channel_t *ch)
{
    ngx_int_t              rc;
    ngx_connection_t      *c;
    ngx_peer_connection_t  peer;

    if (ch->connection != NULL) {
        return P2PFS_OK;
    }

    ngx_memzero(&peer, sizeof(ngx_peer_connection_t));

    peer.sockaddr = (struct sockaddr *) &ch->sockaddr;
    peer.socklen = ch->socklen;
    peer.name = &ch->name;
    peer.get = ngx_event_get_peer;
    peer.log = ch->log;
    peer.log_error = NGX_ERROR_ERR;

    /* of a Unix socket: connected, or refused, never in between */

    rc = ngx_event_connect_peer(&peer);

    if (rc != NGX_OK) {

        if (peer.connection != NULL) {
            ngx_close_connection(peer.connection);
        }

        return P2PFS_STORE_UNAVAILABLE;
    }

    c = peer.connection;

    c->data = ch;
    c->read->handler = ngx_http_p2pfs_channel_read;
    c->write->handler = ngx_http_p2pfs_channel_write;

    ch->connection = c;
    ch->welcome = 0;
    ch->in_len = 0;
    ch->limits.file_max = P2PFS_FILE_BYTES_MAX;
    ch->limits.requests_max = NGX_HTTP_P2PFS_REQUESTS_MAX;
    ch->limits.bytes_max = NGX_HTTP_P2PFS_BYTES_MAX;

    if (ngx_http_p2pfs_channel_hello(ch) != NGX_OK) {
        ngx_http_p2pfs_channel_drop(ch);
        return P2PFS_STORE_UNAVAILABLE;
    }

    /* a worker that stops does not wait for this one */

    c->read->cancelable = 1;
    ngx_add_timer(c->read, NGX_HTTP_P2PFS_WELCOME_TIME);

    return P2PFS_OK;
}


/* Into a socket buffer that is still empty: it fits, or something is wrong. */

static ngx_int_t
ngx_http_p2pfs_channel_hello(ngx_http_p2pfs_channel_t *ch)
{
    size_t   len;
    u_char   hello[P2PFS_FRAME_SMALL_MAX];
    ssize_t  n;

    len = p2pfs_frame_hello(hello);
    n = ngx_send(ch->connection, hello, len);

    return (n == (ssize_t) len) ? NGX_OK : NGX_ERROR;
}


void
ngx_http_p2pfs_channel_flush(ngx_http_p2pfs_channel_t *ch)
{
    if (ch->connection != NULL && ch->connection->write->ready) {
        ngx_post_event(ch->connection->write, &ngx_posted_events);
    }
}


static void
ngx_http_p2pfs_channel_write(ngx_event_t *wev)
{
    ngx_chain_t               *out, *rest;
    ngx_connection_t          *c;
    ngx_http_p2pfs_channel_t  *ch;

    c = wev->data;
    ch = c->data;

    if (!ch->welcome) {
        return;
    }

    out = ngx_http_p2pfs_put_chain(ch);

    if (out != NULL && wev->ready) {
        rest = c->send_chain(c, out, 0);

        if (rest == NGX_CHAIN_ERROR) {
            ngx_http_p2pfs_channel_fail(ch);
            return;
        }

        ngx_http_p2pfs_put_written(ch);
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_p2pfs_channel_fail(ch);
    }
}


static void
ngx_http_p2pfs_channel_read(ngx_event_t *rev)
{
    ngx_connection_t          *c;
    ngx_http_p2pfs_channel_t  *ch;

    c = rev->data;
    ch = c->data;

    if (rev->timedout) {
        ngx_log_error(NGX_LOG_ERR, c->log, NGX_ETIMEDOUT,
                      "p2pfs: no welcome from gossipd at \"%V\"", &ch->name);
        ngx_http_p2pfs_channel_fail(ch);
        return;
    }

    if (ngx_http_p2pfs_channel_recv(ch) != NGX_OK
        || ngx_handle_read_event(rev, 0) != NGX_OK)
    {
        ngx_http_p2pfs_channel_fail(ch);
    }
}


static ngx_int_t
ngx_http_p2pfs_channel_recv(ngx_http_p2pfs_channel_t *ch)
{
    ssize_t            n;
    ngx_uint_t         level;
    ngx_connection_t  *c;

    c = ch->connection;

    for ( ;; ) {
        n = c->recv(c, ch->in + ch->in_len, sizeof(ch->in) - ch->in_len);

        if (n == NGX_AGAIN) {
            return NGX_OK;
        }

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == 0) {
            level = ch->requests ? NGX_LOG_ERR : NGX_LOG_INFO;
            ngx_log_error(level, c->log, 0,
                          "p2pfs: gossipd at \"%V\" closed the channel",
                          &ch->name);
            return NGX_ERROR;
        }

        ch->in_len += n;

        if (ngx_http_p2pfs_channel_parse(ch) != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, c->log, 0,
                          "p2pfs: malformed frame from gossipd at \"%V\"",
                          &ch->name);
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_http_p2pfs_channel_parse(ngx_http_p2pfs_channel_t *ch)
{
    int                    rc;
    size_t                 len;
    u_char                *p, *last;
    enum p2pfs_frame_type  type;

    p = ch->in;
    last = ch->in + ch->in_len;

    for ( ;; ) {
        rc = p2pfs_frame_next(p, last - p, &len, &type);

        if (rc < 0) {
            return NGX_ERROR;
        }

        if (rc == 0) {
            break;
        }

        if (ngx_http_p2pfs_channel_frame(ch, p, len, type) != NGX_OK) {
            return NGX_ERROR;
        }

        p += len;
    }

    ch->in_len = last - p;

    /* no frame for a worker is as long as the buffer */

    if (ch->in_len == sizeof(ch->in)) {
        return NGX_ERROR;
    }

    ngx_memmove(ch->in, p, ch->in_len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_p2pfs_channel_frame(ngx_http_p2pfs_channel_t *ch, const u_char *frame,
    size_t len, enum p2pfs_frame_type type)
{
    struct p2pfs_result  result;

    if (!ch->welcome) {
        return (type == P2PFS_FRAME_WELCOME)
               ? ngx_http_p2pfs_channel_welcome(ch, frame, len) : NGX_ERROR;
    }

    if (type != P2PFS_FRAME_RESULT
        || p2pfs_frame_read_result(frame, len, &result) != P2PFS_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_p2pfs_put_result(ch, &result);
}


static ngx_int_t
ngx_http_p2pfs_channel_welcome(ngx_http_p2pfs_channel_t *ch,
    const u_char *frame, size_t len)
{
    struct p2pfs_welcome  w;

    if (p2pfs_frame_read_welcome(frame, len, &w) != P2PFS_OK
        || w.magic != P2PFS_FRAME_MAGIC
        || w.version != P2PFS_FRAME_VERSION)
    {
        return NGX_ERROR;
    }

    ch->limits.count_max = w.count_max;
    ch->limits.file_max = ngx_min(ch->limits.file_max, w.file_max);
    ch->limits.requests_max = ngx_min(ch->limits.requests_max,
                                      w.requests_max);
    ch->limits.bytes_max = ngx_min(ch->limits.bytes_max, w.bytes_max);
    ch->welcome = 1;

    ngx_del_timer(ch->connection->read);
    ngx_http_p2pfs_channel_flush(ch);

    return NGX_OK;
}


static void
ngx_http_p2pfs_channel_drop(ngx_http_p2pfs_channel_t *ch)
{
    if (ch->connection != NULL) {
        ngx_close_connection(ch->connection);
        ch->connection = NULL;
    }
}


/* First the connection, then those who wait: what they do next, connects. */

static void
ngx_http_p2pfs_channel_fail(ngx_http_p2pfs_channel_t *ch)
{
    ngx_http_p2pfs_channel_drop(ch);
    ngx_http_p2pfs_put_fail_all(ch);
}


void
ngx_http_p2pfs_channel_close(ngx_http_p2pfs_channel_t *ch)
{
    ngx_http_p2pfs_channel_drop(ch);

    /* init_process is not called in every process that exits */

    if (ch->log != NULL) {
        ngx_http_p2pfs_put_drop_all(ch);
    }
}
