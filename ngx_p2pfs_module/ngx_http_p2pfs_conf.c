
/*
 * What the words of the configuration mean. Nothing is opened or created here:
 * nginx -t only looks.
 */


#include "ngx_http_p2pfs.h"


static ngx_http_p2pfs_db_t *ngx_http_p2pfs_add_db(ngx_conf_t *cf,
    ngx_str_t *path);
static ngx_http_p2pfs_channel_t *ngx_http_p2pfs_add_channel(ngx_conf_t *cf,
    ngx_str_t *path);
static ngx_int_t ngx_http_p2pfs_error_pages(ngx_conf_t *cf,
    ngx_http_p2pfs_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf);
static char *ngx_http_p2pfs_check_loc_conf(ngx_conf_t *cf,
    ngx_http_p2pfs_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf);


char *
ngx_http_p2pfs_set_enable(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_p2pfs_loc_conf_t  *plcf = conf;

    char                      *rv;
    ngx_http_core_loc_conf_t  *clcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK || !plcf->enable) {
        return rv;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named
#if (NGX_PCRE)
        || clcf->regex
#endif
        || clcf->name.len == 0
        || clcf->name.data[0] != '/')
    {
        return "needs a location with a prefix, it strips that from the URI";
    }

    plcf->prefix = clcf->name;

    if (plcf->prefix.data[plcf->prefix.len - 1] == '/') {
        plcf->prefix.len--;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_p2pfs_set_db(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_p2pfs_loc_conf_t  *plcf = conf;

    ngx_str_t  *value, path;

    if (plcf->db != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;
    path = value[1];

    if (path.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    plcf->db = ngx_http_p2pfs_add_db(cf, &path);

    return (plcf->db != NULL) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* One of each path: locations that name the same one share it. */

static ngx_http_p2pfs_db_t *
ngx_http_p2pfs_add_db(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_uint_t                   i;
    ngx_http_p2pfs_db_t         *db, **dbs;
    ngx_http_p2pfs_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_p2pfs_module);
    dbs = mcf->dbs.elts;

    for (i = 0; i < mcf->dbs.nelts; i++) {
        if (ngx_strcmp(dbs[i]->path.data, path->data) == 0) {
            return dbs[i];
        }
    }

    db = ngx_pcalloc(cf->pool, sizeof(ngx_http_p2pfs_db_t));
    dbs = ngx_array_push(&mcf->dbs);

    if (db == NULL || dbs == NULL) {
        return NULL;
    }

    db->path = *path;
    *dbs = db;

    return db;
}


char *
ngx_http_p2pfs_set_gossipd(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_p2pfs_loc_conf_t  *plcf = conf;

    size_t      max;
    ngx_str_t  *value, path;

    if (plcf->channel != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len <= 5 || ngx_strncmp(value[1].data, "unix:", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", \"unix:PATH\" is expected",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    path.data = value[1].data + 5;
    path.len = value[1].len - 5;

    if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    max = sizeof(plcf->channel->sockaddr.sun_path) - 1;

    if (path.len > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too long path \"%V\" in \"%V\", it has %uz bytes "
                           "of at most %uz", &path, &value[0], path.len,
                           max);
        return NGX_CONF_ERROR;
    }

    plcf->channel = ngx_http_p2pfs_add_channel(cf, &path);

    return (plcf->channel != NULL) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_http_p2pfs_channel_t *
ngx_http_p2pfs_add_channel(ngx_conf_t *cf, ngx_str_t *path)
{
    ngx_uint_t                   i;
    ngx_http_p2pfs_channel_t    *ch, **channels;
    ngx_http_p2pfs_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_p2pfs_module);
    channels = mcf->channels.elts;

    for (i = 0; i < mcf->channels.nelts; i++) {
        if (ngx_strcmp(channels[i]->sockaddr.sun_path, path->data) == 0) {
            return channels[i];
        }
    }

    ch = ngx_pcalloc(cf->pool, sizeof(ngx_http_p2pfs_channel_t));
    if (ch == NULL) {
        return NULL;
    }

    ch->sockaddr.sun_family = AF_UNIX;
    ngx_memcpy(ch->sockaddr.sun_path, path->data, path->len);
    ch->socklen = sizeof(struct sockaddr_un);

    ch->name.len = sizeof("unix:") - 1 + path->len;
    ch->name.data = ngx_pnalloc(cf->pool, ch->name.len);
    if (ch->name.data == NULL) {
        return NULL;
    }

    ngx_sprintf(ch->name.data, "unix:%V", path);

    channels = ngx_array_push(&mcf->channels);
    if (channels == NULL) {
        return NULL;
    }

    *channels = ch;

    return ch;
}


char *
ngx_http_p2pfs_check_file_size(ngx_conf_t *cf, void *post, void *data)
{
    size_t  *size = data;

    if (*size == 0 || *size > P2PFS_FILE_BYTES_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value %uz, it must be between 1 and %uz",
                           *size, (size_t) P2PFS_FILE_BYTES_MAX);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_p2pfs_install(ngx_conf_t *cf, ngx_http_p2pfs_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* another content handler, proxy_pass say, is the location's own word */

    if (clcf->handler != NULL && clcf->handler != ngx_http_p2pfs_handler) {
        return NGX_CONF_OK;
    }

    clcf->handler = ngx_http_p2pfs_handler;

    if (ngx_http_p2pfs_error_pages(cf, conf, clcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_p2pfs_check_loc_conf(cf, conf, clcf);
}


/*
 * What nginx itself refuses in the location (a body above client_max_body_size,
 * a broken chunk, limit_req) comes back by an internal redirect, and gets the
 * same form as our own errors; unless error_page is set by hand.
 */

static ngx_int_t
ngx_http_p2pfs_error_pages(ngx_conf_t *cf, ngx_http_p2pfs_loc_conf_t *conf,
    ngx_http_core_loc_conf_t *clcf)
{
    ngx_str_t             uri;
    ngx_uint_t            i;
    ngx_http_err_page_t  *page;

    static ngx_uint_t  status[] = {
        NGX_HTTP_BAD_REQUEST,
        NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
        NGX_HTTP_INTERNAL_SERVER_ERROR,
        NGX_HTTP_SERVICE_UNAVAILABLE
    };

    if (clcf->error_pages != NULL) {
        return NGX_OK;
    }

    uri.len = conf->prefix.len + 1;
    uri.data = ngx_pnalloc(cf->pool, uri.len);
    if (uri.data == NULL) {
        return NGX_ERROR;
    }

    *ngx_cpymem(uri.data, conf->prefix.data, conf->prefix.len) = '/';

    clcf->error_pages = ngx_array_create(cf->pool,
                                         sizeof(status) / sizeof(status[0]),
                                         sizeof(ngx_http_err_page_t));
    if (clcf->error_pages == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
        page = ngx_array_push(clcf->error_pages);
        if (page == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(page, sizeof(ngx_http_err_page_t));

        page->status = status[i];
        page->overwrite = -1;
        page->value.value = uri;
    }

    return NGX_OK;
}


static char *
ngx_http_p2pfs_check_loc_conf(ngx_conf_t *cf, ngx_http_p2pfs_loc_conf_t *conf,
    ngx_http_core_loc_conf_t *clcf)
{
    off_t  body;

    if (conf->db == NULL || conf->channel == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"p2pfs on\" in location \"%V\" requires \"%s\"",
                      &clcf->name,
                      conf->db == NULL ? "p2pfs_db" : "p2pfs_gossipd");
        return NGX_CONF_ERROR;
    }

    body = 2 * (off_t) conf->max_file_size + NGX_HTTP_P2PFS_JSON_MAX;

    if (clcf->client_max_body_size != 0 && clcf->client_max_body_size < body) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "\"client_max_body_size\" in location \"%V\" is too "
                      "small for a file of \"p2pfs_max_file_size\" %uz bytes, "
                      "which takes %O bytes of JSON",
                      &clcf->name, conf->max_file_size, body);
    }

    return NGX_CONF_OK;
}
