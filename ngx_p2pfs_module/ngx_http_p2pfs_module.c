
/*
 * Directives, configuration and process hooks.
 */


#include "ngx_http_p2pfs.h"


static void *ngx_http_p2pfs_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_p2pfs_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_p2pfs_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_p2pfs_init_process(ngx_cycle_t *cycle);
static void ngx_http_p2pfs_exit_process(ngx_cycle_t *cycle);


static ngx_conf_post_t  ngx_http_p2pfs_file_size_post = {
    ngx_http_p2pfs_check_file_size
};


static ngx_command_t  ngx_http_p2pfs_commands[] = {

    { ngx_string("p2pfs"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_p2pfs_set_enable,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_p2pfs_loc_conf_t, enable),
      NULL },

    { ngx_string("p2pfs_db"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_p2pfs_set_db,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("p2pfs_gossipd"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_p2pfs_set_gossipd,
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

    if (conf->enable == NGX_CONF_UNSET) {
        conf->prefix = prev->prefix;
    }

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_ptr_value(conf->db, prev->db, NULL);
    ngx_conf_merge_ptr_value(conf->channel, prev->channel, NULL);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 5000);
    ngx_conf_merge_size_value(conf->max_file_size, prev->max_file_size,
                              P2PFS_FILE_BYTES_MAX);

    return conf->enable ? ngx_http_p2pfs_install(cf, conf) : NGX_CONF_OK;
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
