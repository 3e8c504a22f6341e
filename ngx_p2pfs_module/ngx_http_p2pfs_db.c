
/*
 * The worker's reader of a database: opened by the first request that needs
 * it, so never before the fork, and closed when the worker exits.
 */


#include "ngx_http_p2pfs.h"


static enum p2pfs_err ngx_http_p2pfs_db_open(ngx_http_p2pfs_db_t *db,
    ngx_log_t *log);
static void ngx_http_p2pfs_db_log(ngx_http_p2pfs_db_t *db, enum p2pfs_err err,
    ngx_log_t *log);


enum p2pfs_err
ngx_http_p2pfs_db_begin(ngx_http_p2pfs_db_t *db, ngx_log_t *log)
{
    enum p2pfs_err  err;

    if (db->reader == NULL) {
        err = ngx_http_p2pfs_db_open(db, log);

        if (err != P2PFS_OK) {
            return err;
        }
    }

    err = p2pfs_reader_begin(db->reader);

    if (err != P2PFS_OK) {
        ngx_http_p2pfs_db_end(db, err, log);
    }

    return err;
}


void
ngx_http_p2pfs_db_end(ngx_http_p2pfs_db_t *db, enum p2pfs_err err,
    ngx_log_t *log)
{
    p2pfs_reader_end(db->reader);

    if (err == P2PFS_STORE_ERROR || err == P2PFS_STORE_SCHEMA
        || err == P2PFS_STORE_UNAVAILABLE || err == P2PFS_NO_MEMORY)
    {
        ngx_http_p2pfs_db_log(db, err, log);
        ngx_http_p2pfs_db_close(db);
    }
}


void
ngx_http_p2pfs_db_close(ngx_http_p2pfs_db_t *db)
{
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
