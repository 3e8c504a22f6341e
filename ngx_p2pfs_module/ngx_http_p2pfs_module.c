
/*
 * Directives, configuration and process hooks. Nothing here opens or creates
 * anything: nginx -t only looks at the words.
 */


#include "ngx_http_p2pfs.h"


static void *ngx_http_p2pfs_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_p2pfs_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_p2pfs_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_p2pfs_check_loc_conf(ngx_conf_t *cf,
    ngx_http_p2pfs_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf);
static ngx_int_t ngx_http_p2pfs_error_pages(ngx_conf_t *cf,
    ngx_http_p2pfs_loc_conf_t *conf, ngx_http_core_loc_conf_t *clcf);
static char *ngx_http_p2pfs_enable(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_p2pfs_db(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_http_p2pfs_gossipd(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_p2pfs_check_file_size(ngx_conf_t *cf, void *post,
    void *data);
static ngx_int_t ngx_http_p2pfs_init_process(ngx_cycle_t *cycle);
static void ngx_http_p2pfs_exit_process(ngx_cycle_t *cycle);


static ngx_conf_post_t  ngx_http_p2pfs_file_size_post = {
    ngx_http_p2pfs_check_file_size
};


static ngx_command_t  ngx_http_p2pfs_commands[] = {

    { ngx_string("p2pfs"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_p2pfs_enable,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_p2pfs_loc_conf_t, enable),
      NULL },

    { ngx_string("p2pfs_db"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_p2pfs_db,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("p2pfs_gossipd"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_p2pfs_gossipd,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("p2pfs_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_p2pfs_loc_conf_t, timeout),
      NULL },

    { ngx_string("p2pfs_max_file_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_p2pfs_loc_conf_t, max_file_size),
      &ngx_http_p2pfs_file_size_post },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_p2pfs_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_p2pfs_create_main_conf,       /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_p2pfs_create_loc_conf,        /* create location configuration */
    ngx_http_p2pfs_merge_loc_conf          /* merge location configuration */
};


ngx_module_t  ngx_http_p2pfs_module = {
    NGX_MODULE_V1,
    &ngx_http_p2pfs_module_ctx,            /* module context */
    ngx_http_p2pfs_commands,               /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_p2pfs_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_p2pfs_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_p2pfs_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_p2pfs_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_p2pfs_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&mcf->dbs, cf->pool, 1, sizeof(ngx_http_p2pfs_db_t *))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&mcf->channels, cf->pool, 1,
                       sizeof(ngx_http_p2pfs_channel_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return mcf;
}


static void *
ngx_http_p2pfs_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_p2pfs_loc_conf_t  *conf;

    /* set by ngx_pcalloc(): conf->prefix = { 0, NULL } */

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_p2pfs_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->enable = NGX_CONF_UNSET;
    conf->db = NGX_CONF_UNSET_PTR;
    conf->channel = NGX_CONF_UNSET_PTR;
    conf->timeout = NGX_CONF_UNSET_MSEC;
    conf->max_file_size = NGX_CONF_UNSET_SIZE;

    return conf;
}


static char *
ngx_http_p2pfs_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_p2pfs_loc_conf_t  *prev = parent;
    ngx_http_p2pfs_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    if (conf->enable == NGX_CONF_UNSET) {
        conf->prefix = prev->prefix;
    }

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_ptr_value(conf->db, prev->db, NULL);
    ngx_conf_merge_ptr_value(conf->channel, prev->channel, NULL);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 5000);
    ngx_conf_merge_size_value(conf->max_file_size, prev->max_file_size,
                              P2PFS_FILE_BYTES_MAX);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* another content handler, proxy_pass say, is the location's own word */

    if (!conf->enable
        || (clcf->handler != NULL && clcf->handler != ngx_http_p2pfs_handler))
    {
        return NGX_CONF_OK;
    }

    clcf->handler = ngx_http_p2pfs_handler;

    if (ngx_http_p2pfs_error_pages(cf, conf, clcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_p2pfs_check_loc_conf(cf, conf, clcf);
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
ngx_http_p2pfs_enable(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
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


static char *
ngx_http_p2pfs_db(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_p2pfs_loc_conf_t  *plcf = conf;

    ngx_str_t                   *value, path;
    ngx_uint_t                   i;
    ngx_http_p2pfs_db_t         *db, **dbs;
    ngx_http_p2pfs_main_conf_t  *mcf;

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

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_p2pfs_module);
    dbs = mcf->dbs.elts;

    for (i = 0; i < mcf->dbs.nelts; i++) {
        if (dbs[i]->path.len == path.len
            && ngx_strncmp(dbs[i]->path.data, path.data, path.len) == 0)
        {
            plcf->db = dbs[i];
            return NGX_CONF_OK;
        }
    }

    db = ngx_pcalloc(cf->pool, sizeof(ngx_http_p2pfs_db_t));
    dbs = ngx_array_push(&mcf->dbs);

    if (db == NULL || dbs == NULL) {
        return NGX_CONF_ERROR;
    }

    db->path = path;
    *dbs = db;
    plcf->db = db;

    return NGX_CONF_OK;
}


static char *
ngx_http_p2pfs_gossipd(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_p2pfs_loc_conf_t  *plcf = conf;

    ngx_str_t                   *value, path;
    ngx_uint_t                   i;
    ngx_http_p2pfs_channel_t    *ch, **channels;
    ngx_http_p2pfs_main_conf_t  *mcf;

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

    if (path.len > sizeof(ch->sockaddr.sun_path) - 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too long path \"%V\" in \"%V\", it has %uz bytes "
                           "of at most %uz", &path, &value[0], path.len,
                           sizeof(ch->sockaddr.sun_path) - 1);
        return NGX_CONF_ERROR;
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_p2pfs_module);
    channels = mcf->channels.elts;

    for (i = 0; i < mcf->channels.nelts; i++) {
        if (ngx_strcmp(channels[i]->sockaddr.sun_path, path.data) == 0) {
            plcf->channel = channels[i];
            return NGX_CONF_OK;
        }
    }

    ch = ngx_pcalloc(cf->pool, sizeof(ngx_http_p2pfs_channel_t));
    channels = ngx_array_push(&mcf->channels);

    if (ch == NULL || channels == NULL) {
        return NGX_CONF_ERROR;
    }

    ch->sockaddr.sun_family = AF_UNIX;
    ngx_memcpy(ch->sockaddr.sun_path, path.data, path.len);
    ch->socklen = sizeof(struct sockaddr_un);

    ch->name.len = sizeof("unix:") - 1 + path.len;
    ch->name.data = ngx_pnalloc(cf->pool, ch->name.len);
    if (ch->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_sprintf(ch->name.data, "unix:%V", &path);

    *channels = ch;
    plcf->channel = ch;

    return NGX_CONF_OK;
}


static char *
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


static ngx_int_t
ngx_http_p2pfs_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                    i;
    ngx_http_p2pfs_channel_t    **channels;
    ngx_http_p2pfs_main_conf_t   *mcf;

    /* NULL where the configuration has no http block */

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_p2pfs_module);
    if (mcf == NULL) {
        return NGX_OK;
    }

    channels = mcf->channels.elts;

    for (i = 0; i < mcf->channels.nelts; i++) {
        ngx_http_p2pfs_channel_init(channels[i], cycle->log);
    }

    return NGX_OK;
}


static void
ngx_http_p2pfs_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                    i;
    ngx_http_p2pfs_db_t         **dbs;
    ngx_http_p2pfs_channel_t    **channels;
    ngx_http_p2pfs_main_conf_t   *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_p2pfs_module);
    if (mcf == NULL) {
        return;
    }

    dbs = mcf->dbs.elts;

    for (i = 0; i < mcf->dbs.nelts; i++) {
        ngx_http_p2pfs_db_close(dbs[i]);
    }

    channels = mcf->channels.elts;

    for (i = 0; i < mcf->channels.nelts; i++) {
        ngx_http_p2pfs_channel_close(channels[i]);
    }
}
