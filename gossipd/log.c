/*
 * gossipd/log.c: log lines with levels, to stderr or a file.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gossipd/log.h"

#define LINE_MAX_BYTES 2048

struct log {
    atomic_int fd;
    atomic_int level;
    char *path; /* NULL: stderr */
};

static const char *const level_name[] = {"error", "warn", "info", "debug"};

static int
open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

int
log_open(struct log **out, const char *path, enum log_level level)
{
    struct log *l;

    *out = NULL;
    l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return -1;
    }

    atomic_init(&l->level, (int)level);
    atomic_init(&l->fd, STDERR_FILENO);

    if (path != NULL) {
        l->path = strdup(path);
        atomic_store(&l->fd, l->path == NULL ? -1 : open_file(path));
        if (atomic_load(&l->fd) == -1) {
            free(l->path);
            free(l);
            return -1;
        }
    }

    *out = l;
    return 0;
}

void
log_close(struct log *l)
{
    if (l == NULL) {
        return;
    }
    if (l->path != NULL) {
        (void)close(atomic_load(&l->fd));
        free(l->path);
    }
    free(l);
}

void
log_set_level(struct log *l, enum log_level level)
{
    if (l != NULL) {
        atomic_store(&l->level, (int)level);
    }
}

int
log_enabled(const struct log *l, enum log_level level)
{
    return l != NULL && (int)level <= atomic_load(&l->level);
}

int
log_reopen(struct log *l)
{
    int fd, rc;

    if (l == NULL || l->path == NULL) {
        return 0;
    }

    fd = open_file(l->path);
    if (fd == -1) {
        return -1;
    }

    /* the number stays, so a thread that is writing just now loses nothing */
    rc = dup3(fd, atomic_load(&l->fd), O_CLOEXEC);
    (void)close(fd);
    return rc == -1 ? -1 : 0;
}

static size_t
write_prefix(char *line, size_t room, enum log_level level)
{
    struct timespec ts;
    struct tm tm;
    size_t n;
    int rc;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    (void)gmtime_r(&ts.tv_sec, &tm);
    n = strftime(line, room, "%Y-%m-%dT%H:%M:%S", &tm);
    rc = snprintf(line + n, room - n, ".%03ldZ %s ", ts.tv_nsec / 1000000,
        level_name[level]);
    return n + (size_t)rc;
}

void
log_write(struct log *l, enum log_level level, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    size_t n;
    va_list ap;
    int rc;

    if (!log_enabled(l, level)) {
        return;
    }

    n = write_prefix(line, sizeof(line), level);

    va_start(ap, fmt);
    rc = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
    va_end(ap);

    if (rc < 0) {
        return;
    }

    n += (size_t)rc;
    if (n > sizeof(line) - 2) {
        n = sizeof(line) - 2;
    }
    line[n++] = '\n';

    /* a log that cannot be written has nowhere to say so */
    if (write(atomic_load(&l->fd), line, n) == -1) {
        return;
    }
}

int
log_rate_take(struct log_rate *r, uint64_t now_ms, unsigned *held_back)
{
    uint64_t gained = (now_ms - r->since_ms) / r->every_ms;

    if (r->used == 0) {
        r->since_ms = now_ms;
    } else if (gained > 0) {
        r->used -= gained < r->used ? (unsigned)gained : r->used;
        r->since_ms += gained * r->every_ms;
    }
    *held_back = r->held_back;
    if (r->used == r->burst) {
        r->held_back++;
        return 0;
    }
    r->used++;
    r->held_back = 0;
    return 1;
}

const char *
log_escape(char *out, size_t room, const void *data, size_t len)
{
    static const char digit[] = "0123456789abcdef";
    const unsigned char *p = data;
    size_t i, n;

    n = 0;
    for (i = 0; i < len; i++) {
        if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\') {
            if (n + 1 >= room) {
                break;
            }
            out[n++] = (char)p[i];
            continue;
        }
        if (n + 4 >= room) {
            break;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = digit[p[i] >> 4];
        out[n++] = digit[p[i] & 15];
    }

    out[n] = '\0';
    return out;
}
