/*
 * gossipd/link_resolve.c: the resolver thread.
 */

#include "gossipd/link_resolve.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gossipd/link_sock.h"

struct job {
    struct job *next;
    char host[RESOLVE_HOST_MAX];
    struct resolved result;
};

struct list {
    struct job *first;
    struct job **end;
    size_t n;
};

struct link_resolve {
    pthread_mutex_t lock;
    pthread_cond_t asked;
    struct list in;
    struct list out;
    int wake_fd;
    int stop; /* whoever comes second frees */
};

static void
list_init(struct list *l)
{
    l->first = NULL;
    l->end = &l->first;
    l->n = 0;
}

static void
list_add(struct list *l, struct job *job)
{
    job->next = NULL;
    *l->end = job;
    l->end = &job->next;
    l->n++;
}

static struct job *
list_take(struct list *l)
{
    struct job *job = l->first;

    if (job != NULL) {
        l->first = job->next;
        l->n--;
        if (l->first == NULL) {
            l->end = &l->first;
        }
    }
    return job;
}

static void
destroy(struct link_resolve *r)
{
    struct job *job;

    while ((job = list_take(&r->in)) != NULL) {
        free(job);
    }
    while ((job = list_take(&r->out)) != NULL) {
        free(job);
    }
    pthread_cond_destroy(&r->asked);
    pthread_mutex_destroy(&r->lock);
    close(r->wake_fd);
    free(r);
}

static void
look_up(struct job *job)
{
    struct addrinfo hints, *list = NULL, *a;
    struct resolved *out = &job->result;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(job->host, NULL, &hints, &list) != 0) {
        return;
    }
    for (a = list; a != NULL && out->n < RESOLVE_ADDRESSES_MAX;
         a = a->ai_next) {
        if (getnameinfo(a->ai_addr, a->ai_addrlen, out->address[out->n],
                RESOLVE_TEXT_MAX, NULL, 0, NI_NUMERICHOST)
            == 0) {
            out->n++;
        }
    }
    freeaddrinfo(list);
}

static void *
run(void *ctx)
{
    static const uint64_t one = 1;
    struct link_resolve *r = ctx;
    struct job *job;

    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        job = list_take(&r->in);
        if (job == NULL) {
            pthread_cond_wait(&r->asked, &r->lock);
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        look_up(job);
        pthread_mutex_lock(&r->lock);
        list_add(&r->out, job);
        /* an eventfd that is readable already wakes as well */
        (void)!write(r->wake_fd, &one, sizeof(one));
    }
    pthread_mutex_unlock(&r->lock);
    destroy(r);
    return NULL;
}

struct link_resolve *
link_resolve_start(int wake_fd)
{
    struct link_resolve *r = calloc(1, sizeof(*r));
    pthread_t thread;

    if (r == NULL) {
        return NULL;
    }
    list_init(&r->in);
    list_init(&r->out);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->asked, NULL);
    r->wake_fd = fcntl(wake_fd, F_DUPFD_CLOEXEC, 0);
    if (r->wake_fd < 0 || link_thread_start(&thread, run, r) != 0) {
        destroy(r);
        return NULL;
    }
    pthread_detach(thread);
    return r;
}

void
link_resolve_stop(struct link_resolve *r)
{
    if (r != NULL) {
        pthread_mutex_lock(&r->lock);
        r->stop = 1;
        pthread_cond_signal(&r->asked);
        pthread_mutex_unlock(&r->lock);
    }
}

int
link_resolve_ask(struct link_resolve *r, uint64_t tag, const char *host)
{
    size_t len = strlen(host);
    struct job *job = NULL;
    int rc = -1;

    if (len >= RESOLVE_HOST_MAX) {
        return -1;
    }
    job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return -1;
    }
    memcpy(job->host, host, len);
    job->result.tag = tag;
    pthread_mutex_lock(&r->lock);
    if (r->in.n + r->out.n < RESOLVE_QUEUE_MAX) {
        list_add(&r->in, job);
        pthread_cond_signal(&r->asked);
        job = NULL;
        rc = 0;
    }
    pthread_mutex_unlock(&r->lock);
    free(job);
    return rc;
}

int
link_resolve_answer(struct link_resolve *r, struct resolved *out)
{
    struct job *job;

    pthread_mutex_lock(&r->lock);
    job = list_take(&r->out);
    pthread_mutex_unlock(&r->lock);
    if (job == NULL) {
        return 0;
    }
    *out = job->result;
    free(job);
    return 1;
}
