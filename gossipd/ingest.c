/* The workers' socket and the thread that serves it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gossipd/ingest_impl.h"
#include "gossipd/thread.h"

#define EVENTS 64
#define ACCEPT_PAUSE_MS 100
#define LAST_ANSWERS_US 1000000

struct ingest {
    struct ingest_config conf;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct writer *writer;
    struct log *log;
    pthread_t thread;
    int epoll;
    int wake;
    int listener; /* -1: draining */

    /* the thread's own */
    struct ingest_conn *conns;
    int n_conns; /* open ones */
    int paused;  /* not accepting, out of descriptors */

    /* under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t drained;
    struct writer_job *done;
    struct writer_job **done_last;
    int drain;
    int is_drained;
    int stop;
};

const struct ingest_config *
ingest_settings(const struct ingest *in)
{
    return &in->conf;
}

static void
wake(struct ingest *in)
{
    uint64_t one = 1;

    /* Fails only when the counter is at its end, and then it is awake. */
    if (write(in->wake, &one, sizeof(one)) < 0) {
        return;
    }
}

/* On the writer thread. */
static void
on_done(struct writer_job *job, void *ctx)
{
    struct ingest *in = ctx;
    int first;

    job->next = NULL;
    pthread_mutex_lock(&in->mutex);
    first = in->done == NULL;
    *in->done_last = job;
    in->done_last = &job->next;
    pthread_mutex_unlock(&in->mutex);
    if (first) {
        wake(in);
    }
}

int
ingest_submit(struct ingest *in, struct ingest_request *r)
{
    if (in->listener < 0) {
        return -1;
    }
    r->job.done = on_done;
    r->job.ctx = in;
    return writer_submit(in->writer, &r->job);
}

static void
close_conn(struct ingest *in, struct ingest_conn *c, const char *why)
{
    if (c->fd < 0) {
        return;
    }
    log_info(in->log, "ingest: worker fd=%d closed: %s (%u in flight)", c->fd,
        why, c->requests);
    close(c->fd); /* leaves epoll with it */
    c->fd = -1;
    in->n_conns--;
}

/* Registers for writing exactly while something waits to be written. */
static void
update_events(struct ingest *in, struct ingest_conn *c)
{
    int wants = c->ofirst < c->olen;
    struct epoll_event e = {.events = EPOLLIN | (wants ? EPOLLOUT : 0),
        .data.ptr = c};

    if (c->fd < 0 || wants == c->wants_write) {
        return;
    }
    if (epoll_ctl(in->epoll, EPOLL_CTL_MOD, c->fd, &e) != 0) {
        close_conn(in, c, "epoll failed");
        return;
    }
    c->wants_write = wants;
}

static void
flush_conn(struct ingest *in, struct ingest_conn *c)
{
    const char *wrong;

    if (c->fd < 0) {
        return;
    }
    wrong = ingest_conn_flush(c);
    if (wrong != NULL) {
        close_conn(in, c, wrong);
        return;
    }
    update_events(in, c);
}

static void
add_conn(struct ingest *in, int fd)
{
    struct ingest_conn *c = NULL;
    struct epoll_event e = {.events = EPOLLIN};

    if (in->n_conns >= in->conf.connections_max) {
        log_warn(in->log, "ingest: connection refused, %d are open",
            in->n_conns);
        close(fd);
        return;
    }
    c = calloc(1, sizeof(*c));
    e.data.ptr = c;
    if (c == NULL || epoll_ctl(in->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        log_error(in->log, "ingest: connection refused: %s", strerror(errno));
        free(c);
        close(fd);
        return;
    }
    c->in = in;
    c->fd = fd;
    c->next = in->conns;
    in->conns = c;
    in->n_conns++;
    log_info(in->log, "ingest: worker fd=%d connected", fd);
}

static void
set_accepting(struct ingest *in, int on)
{
    struct epoll_event e = {.events = on ? EPOLLIN : 0, .data.ptr = in};

    if (in->listener >= 0
        && epoll_ctl(in->epoll, EPOLL_CTL_MOD, in->listener, &e) == 0) {
        in->paused = !on;
    }
}

static void
accept_all(struct ingest *in)
{
    int fd;

    for (;;) {
        fd = accept4(in->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            add_conn(in, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS
            || errno == ENOMEM) {
            log_error(in->log, "ingest: accept: %s", strerror(errno));
            set_accepting(in, 0);
            return;
        }
        if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static void
serve_conn(struct ingest *in, struct ingest_conn *c, uint32_t events)
{
    const char *wrong = NULL;

    if (c->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        wrong = ingest_conn_read(c);
    }
    if (wrong != NULL) {
        close_conn(in, c, wrong);
        return;
    }
    flush_conn(in, c);
}

/* Answers what the writer gave back, then sends: one send for each worker. */
static void
answer_done(struct ingest *in)
{
    struct writer_job *job, *next;
    struct ingest_request *r;
    struct ingest_conn *c;
    const char *wrong;

    pthread_mutex_lock(&in->mutex);
    job = in->done;
    in->done = NULL;
    in->done_last = &in->done;
    pthread_mutex_unlock(&in->mutex);

    for (; job != NULL; job = next) {
        next = job->next;
        r = (struct ingest_request *)job;
        wrong = ingest_conn_answer(r->conn, r);
        if (wrong != NULL) {
            close_conn(in, r->conn, wrong);
        }
        free(job->data);
        free(r);
    }
    for (c = in->conns; c != NULL; c = c->next) {
        flush_conn(in, c);
    }
}

static void
free_closed(struct ingest *in)
{
    struct ingest_conn **at = &in->conns;
    struct ingest_conn *c;

    while ((c = *at) != NULL) {
        if (c->fd < 0 && c->requests == 0) {
            *at = c->next;
            ingest_conn_free(c);
        } else {
            at = &c->next;
        }
    }
}

static void
begin_drain(struct ingest *in)
{
    if (in->listener >= 0) {
        unlink(in->path);
        close(in->listener);
        in->listener = -1;
    }
    pthread_mutex_lock(&in->mutex);
    in->is_drained = 1;
    pthread_cond_signal(&in->drained);
    pthread_mutex_unlock(&in->mutex);
}

/* 1: stop. */
static int
take_orders(struct ingest *in)
{
    uint64_t count;
    int drain, stop;

    if (read(in->wake, &count, sizeof(count)) < 0) {
        return 0;
    }
    pthread_mutex_lock(&in->mutex);
    drain = in->drain && !in->is_drained;
    stop = in->stop;
    pthread_mutex_unlock(&in->mutex);
    if (drain) {
        begin_drain(in);
    }
    return stop;
}

/* 1: stop. */
static int
serve(struct ingest *in, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int i, n, stop = 0;

    n = epoll_wait(in->epoll, events, EVENTS, timeout_ms);
    for (i = 0; i < n; i++) {
        if (events[i].data.ptr == NULL) {
            stop = take_orders(in);

        } else if (events[i].data.ptr == in) {
            if (in->listener >= 0) {
                accept_all(in);
            }
        } else {
            serve_conn(in, events[i].data.ptr, events[i].events);
        }
    }
    answer_done(in);
    free_closed(in);
    if (n == 0 && in->paused) {
        set_accepting(in, 1);
    }
    return stop;
}

static int
has_output(const struct ingest *in)
{
    const struct ingest_conn *c;

    for (c = in->conns; c != NULL; c = c->next) {
        if (c->fd >= 0 && c->ofirst < c->olen) {
            return 1;
        }
    }
    return 0;
}

static void *
run(void *arg)
{
    struct ingest *in = arg;
    uint64_t deadline;

    while (!serve(in, in->paused ? ACCEPT_PAUSE_MS : -1)) {
        continue;
    }
    deadline = thread_now_us() + LAST_ANSWERS_US;
    while (has_output(in) && thread_now_us() < deadline) {
        serve(in, 20);
    }
    return NULL;
}

static int
watch(struct ingest *in, int fd, void *ptr)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = ptr};

    return epoll_ctl(in->epoll, EPOLL_CTL_ADD, fd, &e);
}

static void
release(struct ingest *in)
{
    struct ingest_conn *c, *next;

    for (c = in->conns; c != NULL; c = next) {
        next = c->next;
        ingest_conn_free(c);
    }
    if (in->listener >= 0) {
        unlink(in->path);
        close(in->listener);
    }
    if (in->wake >= 0) {
        close(in->wake);
    }
    if (in->epoll >= 0) {
        close(in->epoll);
    }
    pthread_cond_destroy(&in->drained);
    pthread_mutex_destroy(&in->mutex);
    free(in);
}

static struct ingest *
new_ingest(const struct ingest_config *c, struct writer *w, struct log *log)
{
    struct ingest *in = calloc(1, sizeof(*in));

    if (in == NULL) {
        return NULL;
    }
    in->conf = *c;
    in->writer = w;
    in->log = log;
    in->epoll = -1;
    in->wake = -1;
    in->listener = -1;
    in->done_last = &in->done;
    if (pthread_mutex_init(&in->mutex, NULL) != 0) {
        free(in);
        return NULL;
    }
    if (thread_cond_init(&in->drained) != 0) {
        pthread_mutex_destroy(&in->mutex);
        free(in);
        return NULL;
    }
    memcpy(in->path, c->path, strlen(c->path) + 1);
    in->conf.path = in->path;
    return in;
}

enum p2pfs_err
ingest_start(struct ingest **out, const struct ingest_config *c,
    struct writer *w, struct log *log, char *detail, size_t room)
{
    struct ingest *in;
    int rc;

    *out = NULL;
    if (strlen(c->path) >= sizeof(in->path)) {
        snprintf(detail, room, "socket path \"%s\" is longer than %zu bytes",
            c->path, sizeof(in->path) - 1);
        return P2PFS_IO;
    }
    in = new_ingest(c, w, log);
    if (in == NULL) {
        snprintf(detail, room, "out of memory");
        return P2PFS_NO_MEMORY;
    }
    in->epoll = epoll_create1(EPOLL_CLOEXEC);
    in->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (in->epoll < 0 || in->wake < 0) {
        goto failed;
    }
    in->listener = ingest_listen(in->path, in->conf.mode);
    if (in->listener < 0 || watch(in, in->listener, in) != 0
        || watch(in, in->wake, NULL) != 0) {
        goto failed;
    }
    rc = thread_start(&in->thread, run, in);
    if (rc != 0) {
        errno = rc;
        goto failed;
    }
    *out = in;
    return P2PFS_OK;

failed:
    snprintf(detail, room, "listen on \"%s\": %s", c->path, strerror(errno));
    release(in);
    return P2PFS_IO;
}

void
ingest_drain(struct ingest *in)
{
    pthread_mutex_lock(&in->mutex);
    in->drain = 1;
    wake(in);
    while (!in->is_drained) {
        pthread_cond_wait(&in->drained, &in->mutex);
    }
    pthread_mutex_unlock(&in->mutex);
}

void
ingest_stop(struct ingest *in)
{
    if (in == NULL) {
        return;
    }
    ingest_drain(in);
    pthread_mutex_lock(&in->mutex);
    in->stop = 1;
    pthread_mutex_unlock(&in->mutex);
    wake(in);
    pthread_join(in->thread, NULL);
    release(in);
}
