
/*
 * The worker's reader of a database: opened by the first request that needs
 * it, so never before the fork, and closed when the worker exits.
 */


#include "ngx_http_p2pfs.h"


static enum p2pfs_err ngx_http_p2pfs_db_open(ngx_http_p2pfs_db_t *db,
    ngx_log_t *log);
static void ngx_http_p2pfs_db_follow(ngx_http_p2pfs_db_t *db, ngx_log_t *log);
static void ngx_http_p2pfs_db_log(ngx_http_p2pfs_db_t *db, enum p2pfs_err err,
    ngx_log_t *log);


enum p2pfs_err
ngx_http_p2pfs_db_begin(ngx_http_p2pfs_db_t *db, ngx_log_t *log)
{
    enum p2pfs_err  err;

    if (db->reader != NULL) {
        ngx_http_p2pfs_db_follow(db, log);
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
    enum p2pfs_err   err;
    ngx_file_info_t  fi;

    err = p2pfs_reader_open(&db->reader, (char *) db->path.data);

    if (err != P2PFS_OK) {

        if (err != P2PFS_STORE_BUSY) {
            ngx_http_p2pfs_db_log(db, err, log);
        }

        ngx_http_p2pfs_db_close(db);
        return err;
    }

    /* no match with any file where it cannot be told: then it reopens */

    db->inode = 0;
    db->device = 0;
    db->checked = ngx_time();

    if (ngx_file_info(db->path.data, &fi) != NGX_FILE_ERROR) {
        db->inode = ngx_file_uniq(&fi);
        db->device = fi.st_dev;
    }

    return P2PFS_OK;
}


/*
 * A database that was replaced by another file (a wiped node, a restored
 * backup) is noticed within a second. Only stat(): to open and close the file
 * by hand would drop the locks that SQLite holds on it in this process.
 */

static void
ngx_http_p2pfs_db_follow(ngx_http_p2pfs_db_t *db, ngx_log_t *log)
{
    ngx_file_info_t  fi;

    if (db->checked == ngx_time()) {
        return;
    }

    db->checked = ngx_time();

    if (ngx_file_info(db->path.data, &fi) != NGX_FILE_ERROR
        && ngx_file_uniq(&fi) == db->inode
        && fi.st_dev == db->device)
    {
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "p2pfs: \"%V\" is another file now, it is opened anew",
                  &db->path);

    ngx_http_p2pfs_db_close(db);
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
