
/*
 * What the files of the module share. core/ is included for the types that
 * cross: errors, hashes, frames, reads.
 *
 *     ngx_http_p2pfs_module.c   directives, configuration, process hooks
 *     ngx_http_p2pfs_conf.c     what the directives' words mean
 *     ngx_http_p2pfs_route.c    URI, query, table of routes, content handler
 *     ngx_http_p2pfs_get.c      what the worker reads from the database itself
 *     ngx_http_p2pfs_post.c     an upload: body, JSON, PUT, answer
 *     ngx_http_p2pfs_db.c       the worker's reader of a database
 *     ngx_http_p2pfs_channel.c  the worker's connection to gossipd
 *     ngx_http_p2pfs_put.c      the PUTs that wait on a channel
 *     ngx_http_p2pfs_reply.c    the only place that sends
 */


#ifndef _NGX_HTTP_P2PFS_H_INCLUDED_
#define _NGX_HTTP_P2PFS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include <ngx_http.h>

#include "core/error.h"
#include "core/frame.h"
#include "core/hash.h"
#include "core/reader.h"
#include "core/reply.h"
#include "core/text.h"
#include "core/upload.h"


/* A database read again after STORE_BUSY: 20 times, 5 ms apart. */
#define NGX_HTTP_P2PFS_BUSY_DELAY    5
#define NGX_HTTP_P2PFS_BUSY_TRIES    20

/* What a channel holds at most, also where gossipd's WELCOME allows more. */
#define NGX_HTTP_P2PFS_REQUESTS_MAX  1024
#define NGX_HTTP_P2PFS_BYTES_MAX     (32 * 1024 * 1024)
#define NGX_HTTP_P2PFS_NOTICES_MAX   64

/* gossipd answers a HELLO within this time, or the connection is closed. */
#define NGX_HTTP_P2PFS_WELCOME_TIME  2000

/* The JSON around an upload's hex digits: names, root, proof, white space. */
#define NGX_HTTP_P2PFS_JSON_MAX      8192


typedef struct ngx_http_p2pfs_channel_s  ngx_http_p2pfs_channel_t;
typedef struct ngx_http_p2pfs_put_s      ngx_http_p2pfs_put_t;
typedef struct ngx_http_p2pfs_route_s    ngx_http_p2pfs_route_t;
typedef struct ngx_http_p2pfs_ctx_s      ngx_http_p2pfs_ctx_t;


/* One for each distinct p2pfs_db; the reader is opened in the worker. */

typedef struct {
    ngx_str_t                     path;
    struct p2pfs_reader          *reader;
    ngx_event_t                   turn;      /* posted: reads are open */
} ngx_http_p2pfs_db_t;


/*
 * One for each distinct p2pfs_gossipd. Connected by the first upload that needs
 * it; a failure is that upload's 503, and the next one tries again.
 */

struct ngx_http_p2pfs_channel_s {
    ngx_str_t                     name;      /* unix:PATH */
    struct sockaddr_un            sockaddr;
    socklen_t                     socklen;
    ngx_log_t                    *log;       /* the worker's */

    ngx_connection_t             *connection;
    unsigned                      welcome:1; /* limits are gossipd's */
    struct p2pfs_welcome          limits;

    ngx_rbtree_t                  puts;      /* by request number */
    ngx_rbtree_node_t             sentinel;
    ngx_queue_t                   out;       /* not wholly written yet */
    uint64_t                      last;      /* request number */
    ngx_uint_t                    requests;  /* in flight */
    size_t                        bytes;
    ngx_uint_t                    notices;   /* DAMAGED not written yet */

    size_t                        in_len;
    u_char                        in[4096];
};


/* The worker's state hangs here: an array of pointers each. */

typedef struct {
    ngx_array_t                   dbs;
    ngx_array_t                   channels;
} ngx_http_p2pfs_main_conf_t;


typedef struct {
    ngx_flag_t                    enable;
    ngx_str_t                     prefix;    /* "/api", of the location that
                                                says "p2pfs on" */
    ngx_http_p2pfs_db_t          *db;
    ngx_http_p2pfs_channel_t     *channel;
    ngx_msec_t                    timeout;
    size_t                        max_file_size;
} ngx_http_p2pfs_loc_conf_t;


struct ngx_http_p2pfs_route_s {
    ngx_uint_t                    methods;
    ngx_uint_t                    nshape;
    ngx_str_t                     shape[4];  /* empty: set id or index */
    ngx_int_t                   (*handler)(ngx_http_request_t *r,
                                    ngx_http_p2pfs_ctx_t *ctx);
    ngx_uint_t                    takes_body;
    ngx_uint_t                    takes_query;
};


/* An answer of 2xx; what is empty is not sent. */

typedef struct {
    ngx_uint_t                    status;
    ngx_str_t                     etag;
    ngx_str_t                     cache_control;
    ngx_buf_t                    *body;
} ngx_http_p2pfs_reply_t;


/*
 * Reads and composes: OK and *reply, or an error with what is known of it in
 * *problem. NO_MEMORY of a pool too.
 */

typedef enum p2pfs_err (*ngx_http_p2pfs_read_pt)(ngx_http_p2pfs_ctx_t *ctx,
    struct p2pfs_reader *reader, ngx_http_p2pfs_reply_t *reply,
    struct p2pfs_problem *problem);


struct ngx_http_p2pfs_ctx_s {
    ngx_http_request_t           *request;
    const ngx_http_p2pfs_route_t *route;

    ngx_str_t                     id;
    ngx_str_t                     index_text;
    uint64_t                      index;
    struct p2pfs_hash             root;      /* ?root= */
    struct p2pfs_hash             hash;      /* ?hash= */
    unsigned                      has_root:1;
    unsigned                      has_hash:1;

    ngx_http_p2pfs_read_pt        read;      /* GET */
    ngx_uint_t                    tries;     /* the database is busy */
    ngx_event_t                   retry;

    uint64_t                      set_count; /* POST */
    ngx_http_p2pfs_put_t         *put;       /* it waits for gossipd */
};


/* conf: setters of directives, a check, and what "p2pfs on" does at merge */

char *ngx_http_p2pfs_set_enable(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_p2pfs_set_db(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_p2pfs_set_gossipd(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_p2pfs_check_file_size(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_p2pfs_install(ngx_conf_t *cf, ngx_http_p2pfs_loc_conf_t *conf);


/* reply: each returns what a content handler returns. */

ngx_int_t ngx_http_p2pfs_send(ngx_http_request_t *r,
    const ngx_http_p2pfs_reply_t *reply);
ngx_int_t ngx_http_p2pfs_fail(ngx_http_request_t *r,
    const struct p2pfs_problem *problem);
ngx_int_t ngx_http_p2pfs_fail_err(ngx_http_request_t *r, enum p2pfs_err err,
    const char *detail);
ngx_int_t ngx_http_p2pfs_fail_method(ngx_http_request_t *r,
    ngx_uint_t allowed);
ngx_int_t ngx_http_p2pfs_fail_nginx(ngx_http_request_t *r);

/* An empty buffer and a text that composes into it; NULL: no memory. */
ngx_buf_t *ngx_http_p2pfs_text(ngx_http_request_t *r, size_t max,
    struct p2pfs_text *text);
ngx_int_t ngx_http_p2pfs_text_end(ngx_http_request_t *r, ngx_buf_t *b,
    const struct p2pfs_text *text);


/* route */

ngx_int_t ngx_http_p2pfs_handler(ngx_http_request_t *r);


/* get, post */

ngx_int_t ngx_http_p2pfs_get_file(ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx);
ngx_int_t ngx_http_p2pfs_get_set(ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx);
ngx_int_t ngx_http_p2pfs_post_file(ngx_http_request_t *r,
    ngx_http_p2pfs_ctx_t *ctx);
void ngx_http_p2pfs_post_done(ngx_http_request_t *r,
    const struct p2pfs_result *result);


/*
 * db: reads happen between begin and end, without a return to the event loop.
 * begin opens the reader where it is not open; OK, STORE_BUSY,
 * STORE_UNAVAILABLE, or another error that is already logged. end is told how
 * the reads went: after an error of the database itself it closes the reader,
 * so that the next request opens it anew.
 *
 * All reads of a turn of the event loop see the database as it was at the first
 * of them; release has the next one see it as it is. Where an upload is
 * acknowledged, that is due before the client hears of it.
 */

enum p2pfs_err ngx_http_p2pfs_db_begin(ngx_http_p2pfs_db_t *db,
    ngx_log_t *log);
void ngx_http_p2pfs_db_end(ngx_http_p2pfs_db_t *db, enum p2pfs_err err,
    ngx_log_t *log);
void ngx_http_p2pfs_db_release(ngx_http_p2pfs_db_t *db);
void ngx_http_p2pfs_db_close(ngx_http_p2pfs_db_t *db);


/* channel */

void ngx_http_p2pfs_channel_init(ngx_http_p2pfs_channel_t *ch, ngx_log_t *log);

/* OK, or STORE_UNAVAILABLE at once: nobody listens, or its backlog is full. */
enum p2pfs_err ngx_http_p2pfs_channel_connect(ngx_http_p2pfs_channel_t *ch);

/* Has what is queued written at the end of this turn of the event loop. */
void ngx_http_p2pfs_channel_flush(ngx_http_p2pfs_channel_t *ch);

/* The worker exits: nobody is answered. */
void ngx_http_p2pfs_channel_close(ngx_http_p2pfs_channel_t *ch);


/*
 * put: an upload that waits for gossipd's word. It outlives its request where
 * the client leaves, because half a frame cannot be taken back.
 *
 * new takes over the upload's content also where it fails. OK: the request
 * gets exactly one ngx_http_p2pfs_post_done(), in a later turn of the event
 * loop, unless it is detached before.
 */

enum p2pfs_err ngx_http_p2pfs_put_new(ngx_http_p2pfs_channel_t *ch,
    ngx_http_request_t *r, ngx_http_p2pfs_ctx_t *ctx,
    struct p2pfs_upload *upload, ngx_msec_t timeout);

/* Tells gossipd of a place that a read found damaged; nothing is answered, and
 * where it cannot be told now the next read tries again. */
void ngx_http_p2pfs_put_damaged(ngx_http_p2pfs_channel_t *ch,
    const struct p2pfs_damaged *damaged);
void ngx_http_p2pfs_put_detach(ngx_http_p2pfs_put_t *put);

/* What is to be written, NULL for nothing; then what was written is let go. */
ngx_chain_t *ngx_http_p2pfs_put_chain(ngx_http_p2pfs_channel_t *ch);
void ngx_http_p2pfs_put_written(ngx_http_p2pfs_channel_t *ch);

/* NGX_ERROR: an answer to what was not wholly sent. */
ngx_int_t ngx_http_p2pfs_put_result(ngx_http_p2pfs_channel_t *ch,
    const struct p2pfs_result *result);

/* The connection is gone: all are answered 503, or dropped (exit). */
void ngx_http_p2pfs_put_fail_all(ngx_http_p2pfs_channel_t *ch);
void ngx_http_p2pfs_put_drop_all(ngx_http_p2pfs_channel_t *ch);


extern ngx_module_t  ngx_http_p2pfs_module;


#endif /* _NGX_HTTP_P2PFS_H_INCLUDED_ */
