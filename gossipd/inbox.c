/*
 * gossipd/inbox.c: what other threads have for the router.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gossipd/inbox.h"

struct inbox {
    pthread_mutex_t lock;
    struct inbox_mail mail;
    struct writer_job **written_end;
    struct peerread_job **read_end;
    int fd;
    int rung; /* the descriptor is readable already */
};

static void
reset(struct inbox *in)
{
    memset(&in->mail, 0, sizeof(in->mail));
    in->written_end = &in->mail.written;
    in->read_end = &in->mail.read;
    in->rung = 0;
}

enum p2pfs_err
inbox_new(struct inbox **out)
{
    struct inbox *in;

    *out = NULL;
    in = calloc(1, sizeof(*in));
    if (in == NULL) {
        return P2PFS_NO_MEMORY;
    }
    in->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (in->fd == -1) {
        free(in);
        return P2PFS_IO;
    }
    (void)pthread_mutex_init(&in->lock, NULL);
    reset(in);
    *out = in;
    return P2PFS_OK;
}

void
inbox_free(struct inbox *in)
{
    struct writer_job *w;
    struct peerread_job *r;

    if (in == NULL) {
        return;
    }
    while (in->mail.written != NULL) {
        w = in->mail.written;
        in->mail.written = w->next;
        writer_job_free(w);
    }
    while (in->mail.read != NULL) {
        r = in->mail.read;
        in->mail.read = r->next;
        peerread_job_free(r);
    }
    (void)close(in->fd);
    (void)pthread_mutex_destroy(&in->lock);
    free(in);
}

int
inbox_fd(const struct inbox *in)
{
    return in->fd;
}

/* With the lock held. A counter of 2^64 - 2 rings cannot be reached. */
static void
ring(struct inbox *in)
{
    const uint64_t one = 1;

    if (!in->rung) {
        in->rung = write(in->fd, &one, sizeof(one)) == (ssize_t)sizeof(one);
    }
}

void
inbox_put_written(struct writer_job *job, void *ctx)
{
    struct inbox *in = ctx;

    (void)pthread_mutex_lock(&in->lock);
    job->next = NULL;
    *in->written_end = job;
    in->written_end = &job->next;
    ring(in);
    (void)pthread_mutex_unlock(&in->lock);
}

void
inbox_put_read(struct peerread_job *job, void *ctx)
{
    struct inbox *in = ctx;

    (void)pthread_mutex_lock(&in->lock);
    job->next = NULL;
    *in->read_end = job;
    in->read_end = &job->next;
    ring(in);
    (void)pthread_mutex_unlock(&in->lock);
}

void
inbox_put_log(void *ctx, uint64_t head)
{
    struct inbox *in = ctx;

    (void)pthread_mutex_lock(&in->lock);
    if (head > in->mail.log_head) {
        in->mail.log_head = head;
    }
    ring(in);
    (void)pthread_mutex_unlock(&in->lock);
}

void
inbox_take(struct inbox *in, struct inbox_mail *mail)
{
    uint64_t count;

    (void)pthread_mutex_lock(&in->lock);
    *mail = in->mail;
    if (in->rung && read(in->fd, &count, sizeof(count)) == -1) {
        count = 0; /* nothing to clear: EAGAIN */
    }
    reset(in);
    (void)pthread_mutex_unlock(&in->lock);
}

void
writer_job_free(struct writer_job *job)
{
    if (job == NULL) {
        return;
    }
    free(job->data);
    free(job);
}
