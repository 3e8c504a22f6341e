
/*
 * The worker's reader of a database: opened by the first request that needs
 * it, so never before the fork, and closed when the worker exits.
 *
 * The first read of a turn of the event loop begins a transaction, the others
 * of that turn share it, a posted event ends it before the loop waits again.
 * For each request alone SQLite would lock and unlock, which costs more than
 * the read itself.
 */


#include "ngx_http_p2pfs.h"


static void ngx_http_p2pfs_db_turn(ngx_event_t *ev);
static enum p2pfs_err ngx_http_p2pfs_db_open(ngx_http_p2pfs_db_t *db,
    ngx_log_t *log);
static void ngx_http_p2pfs_db_log(ngx_http_p2pfs_db_t *db, enum p2pfs_err err,
    ngx_log_t *log);


enum p2pfs_err
ngx_http_p2pfs_db_begin(ngx_http_p2pfs_db_t *db, ngx_log_t *log)
{
    enum p2pfs_err  err;

    if (db->turn.posted) {
        return P2PFS_OK;
    }

    if (db->reader == NULL) {
        err = ngx_http_p2pfs_db_open(db, log);

        if (err != P2PFS_OK) {
            return err;
        }
    }

    err = p2pfs_reader_begin(db->reader);

    if (err != P2PFS_OK) {
        ngx_http_p2pfs_db_end(db, err, log);
        return err;
    }

    db->turn.handler = ngx_http_p2pfs_db_turn;
    db->turn.data = db;
    db->turn.log = ngx_cycle->log;

    ngx_post_event(&db->turn, &ngx_posted_events);

    return P2PFS_OK;
}


static void
ngx_http_p2pfs_db_turn(ngx_event_t *ev)
{
    ngx_http_p2pfs_db_release(ev->data);
}


void
ngx_http_p2pfs_db_release(ngx_http_p2pfs_db_t *db)
{
    if (db->turn.posted) {
        ngx_delete_posted_event(&db->turn);
    }

    if (db->reader != NULL) {
        p2pfs_reader_end(db->reader);
    }
}


void
ngx_http_p2pfs_db_end(ngx_http_p2pfs_db_t *db, enum p2pfs_err err,
    ngx_log_t *log)
{
    if (err == P2PFS_STORE_ERROR || err == P2PFS_STORE_SCHEMA
        || err == P2PFS_STORE_UNAVAILABLE || err == P2PFS_NO_MEMORY)
    {
        ngx_http_p2pfs_db_log(db, err, log);
        ngx_http_p2pfs_db_close(db);
    }

    if (err == P2PFS_STORE_BUSY) {
        ngx_http_p2pfs_db_release(db);
    }
}


void
ngx_http_p2pfs_db_close(ngx_http_p2pfs_db_t *db)
{
    ngx_http_p2pfs_db_release(db);
    p2pfs_reader_close(db->reader);
    db->reader = NULL;
}


static enum p2pfs_err
ngx_http_p2pfs_db_open(ngx_http_p2pfs_db_t *db, ngx_log_t *log)
{
    enum p2pfs_err  err;

    err = p2pfs_reader_open(&db->reader, (char *) db->path.data);

    if (err != P2PFS_OK && err != P2PFS_STORE_BUSY) {
        ngx_http_p2pfs_db_log(db, err, log);
    }

    return err;
}


static void
ngx_http_p2pfs_db_log(ngx_http_p2pfs_db_t *db, enum p2pfs_err err,
    ngx_log_t *log)
{
    const char  *detail;

    detail = (db->reader != NULL) ? p2pfs_reader_detail(db->reader) : "";

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "p2pfs: cannot read \"%V\": %s%s%s", &db->path,
                  p2pfs_err_row(err)->text, *detail ? ": " : "", detail);
}
