
/*
 * The longest time that a worker's event loop was away, for the benchmark: a
 * timer of 1 ms that looks how late it is.
 *
 *     bench_stall  PATH;    four uint64 in the machine's order, nanoseconds:
 *                           ticks, longest gap, longest gap without the time
 *                           spent waiting for a CPU, sum of that waiting
 *
 * Whoever measures writes zeros into the file to start anew. On a machine with
 * fewer CPUs than busy processes a worker is late because others run; the
 * kernel counts that time (schedstat) and it is no fault of the worker's.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <sys/mman.h>


#define NGX_BENCH_STALL_TICK  1


typedef struct {
    uint64_t                 ticks;
    uint64_t                 gap;
    uint64_t                 own;
    uint64_t                 waited;
} ngx_bench_stall_shm_t;


typedef struct {
    ngx_str_t                path;
    ngx_bench_stall_shm_t   *shm;
    ngx_fd_t                 schedstat;
    uint64_t                 last;
    uint64_t                 waited;
    ngx_event_t              event;
} ngx_bench_stall_conf_t;


static void *ngx_bench_stall_create_conf(ngx_cycle_t *cycle);
static ngx_int_t ngx_bench_stall_init_process(ngx_cycle_t *cycle);
static void ngx_bench_stall_handler(ngx_event_t *ev);
static uint64_t ngx_bench_stall_now(void);
static uint64_t ngx_bench_stall_waited(ngx_bench_stall_conf_t *bcf);


static ngx_command_t  ngx_bench_stall_commands[] = {

    { ngx_string("bench_stall"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      0,
      offsetof(ngx_bench_stall_conf_t, path),
      NULL },

      ngx_null_command
};


static ngx_core_module_t  ngx_bench_stall_module_ctx = {
    ngx_string("bench_stall"),
    ngx_bench_stall_create_conf,
    NULL
};


ngx_module_t  ngx_bench_stall_module = {
    NGX_MODULE_V1,
    &ngx_bench_stall_module_ctx,           /* module context */
    ngx_bench_stall_commands,              /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_bench_stall_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_bench_stall_create_conf(ngx_cycle_t *cycle)
{
    return ngx_pcalloc(cycle->pool, sizeof(ngx_bench_stall_conf_t));
}


static ngx_int_t
ngx_bench_stall_init_process(ngx_cycle_t *cycle)
{
    void                    *p;
    ngx_fd_t                 fd;
    ngx_bench_stall_conf_t  *bcf;

    bcf = (ngx_bench_stall_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                                  ngx_bench_stall_module);

    if (bcf->path.len == 0 || ngx_process != NGX_PROCESS_WORKER) {
        return NGX_OK;
    }

    fd = ngx_open_file(bcf->path.data, NGX_FILE_RDWR, 0, 0);
    bcf->schedstat = ngx_open_file("/proc/self/schedstat", NGX_FILE_RDONLY,
                                   0, 0);

    if (fd == NGX_INVALID_FILE || bcf->schedstat == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "cannot open \"%V\" or schedstat", &bcf->path);
        return NGX_ERROR;
    }

    p = mmap(NULL, sizeof(ngx_bench_stall_shm_t), PROT_READ|PROT_WRITE,
             MAP_SHARED, fd, 0);
    (void) ngx_close_file(fd);

    if (p == MAP_FAILED) {
        return NGX_ERROR;
    }

    bcf->shm = p;
    bcf->last = ngx_bench_stall_now();
    bcf->waited = ngx_bench_stall_waited(bcf);

    bcf->event.handler = ngx_bench_stall_handler;
    bcf->event.data = bcf;
    bcf->event.log = cycle->log;
    bcf->event.cancelable = 1;

    ngx_add_timer(&bcf->event, NGX_BENCH_STALL_TICK);

    return NGX_OK;
}


static void
ngx_bench_stall_handler(ngx_event_t *ev)
{
    uint64_t                 now, gap, waited, own;
    ngx_bench_stall_conf_t  *bcf;

    bcf = ev->data;

    now = ngx_bench_stall_now();
    waited = ngx_bench_stall_waited(bcf);

    gap = now - bcf->last;
    own = gap - ngx_min(gap, waited - bcf->waited);

    bcf->shm->ticks++;
    bcf->shm->gap = ngx_max(bcf->shm->gap, gap);
    bcf->shm->own = ngx_max(bcf->shm->own, own);
    bcf->shm->waited += waited - bcf->waited;

    bcf->last = now;
    bcf->waited = waited;

    ngx_add_timer(ev, NGX_BENCH_STALL_TICK);
}


static uint64_t
ngx_bench_stall_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/* "<on the CPU> <waiting for one> <slices>" */

static uint64_t
ngx_bench_stall_waited(ngx_bench_stall_conf_t *bcf)
{
    char      text[128], *p;
    ssize_t   n;

    n = pread(bcf->schedstat, text, sizeof(text) - 1, 0);
    if (n <= 0) {
        return bcf->waited;
    }

    text[n] = '\0';
    (void) strtoull(text, &p, 10);

    return strtoull(p, NULL, 10);
}
