/*
 * t/bench/paced.c: GETs at a given rate, whatever the server does (open loop).
 *
 *     paced PORT PREFIX N RATE CONNECTIONS SECONDS SEED
 *
 * Request i is due at i / RATE and goes out on a connection that is free; where
 * none is, it waits, and the wait counts: latency runs from when it was due.
 * Files are drawn uniformly from PREFIX0 .. PREFIX<N-1>. The first 0.5 s do not
 * count. RATE 0 reads every file once, in order, as fast as they come.
 *
 * Prints: sent done p50 p90 p99 p99.9 max, in microseconds.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "t/bench/content.h"

#define NS UINT64_C(1000000000)
#define CONNECTIONS_MAX 1024
#define WARM_NS (NS / 2)
#define IN_BYTES 65536

struct conn {
    int fd;
    uint64_t due;
    size_t left;   /* body bytes that are still to come */
    size_t in_len; /* of a header that is not whole yet */
    char in[4096];
};

struct run {
    const char *prefix;
    uint64_t n;
    uint64_t rate;
    uint64_t begin;
    uint64_t end;
    uint64_t next; /* number of the next request */
    uint64_t random;
    int epoll;
    unsigned n_free;
    struct conn *free[CONNECTIONS_MAX];
    uint32_t *latency; /* us */
    size_t done;
    size_t room;
};

static void
fail(const char *what)
{
    fprintf(stderr, "paced: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static struct conn *
connect_to(struct run *r, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct conn *c = calloc(1, sizeof(*c));
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;

    if (c == NULL) {
        fail("calloc");
    }
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd == -1 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0
        || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0
        || epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
        fail("connect");
    }
    return c;
}

static uint64_t
due_at(const struct run *r, uint64_t i)
{
    if (r->rate == 0) {
        return i < r->n ? r->begin : r->end;
    }
    return r->begin + i * NS / r->rate;
}

static void
send_due(struct run *r, uint64_t now)
{
    char text[512];
    struct conn *c;
    int len;

    while (r->n_free > 0 && due_at(r, r->next) <= now
        && due_at(r, r->next) < r->end) {
        c = r->free[--r->n_free];
        c->due = due_at(r, r->next++);
        len = snprintf(text, sizeof(text),
            "GET %s%llu HTTP/1.1\r\nHost: x\r\n\r\n", r->prefix,
            (unsigned long long)(r->rate == 0
                    ? r->next - 1
                    : bench_random(&r->random) % r->n));
        if (send(c->fd, text, (size_t)len, MSG_NOSIGNAL) != len) {
            fail("send");
        }
    }
}

/* Body bytes behind a whole header of status 200, or -1: not whole yet. */
static long
body_length(const char *in, size_t len, size_t *header)
{
    const char *end = memmem(in, len, "\r\n\r\n", 4);
    const char *p;

    if (end == NULL) {
        return -1;
    }
    p = memmem(in, len, "Content-Length: ", 16);
    if (memcmp(in, "HTTP/1.1 200", 12) != 0 || p == NULL || p > end) {
        errno = EPROTO;
        fail("an answer that is no 200");
    }
    *header = (size_t)(end + 4 - in);
    return strtol(p + 16, NULL, 10);
}

static void
answered(struct run *r, struct conn *c, uint64_t now)
{
    if ((r->rate == 0 || c->due >= r->begin + WARM_NS) && r->done < r->room) {
        r->latency[r->done++] = (uint32_t)((now - c->due) / 1000);
    }
    r->free[r->n_free++] = c;
}

static void
take_header(struct run *r, struct conn *c, const char *in, size_t len,
    uint64_t now)
{
    size_t header, total = c->in_len + len;
    long body;

    if (c->in_len > 0) {
        if (len > sizeof(c->in) - c->in_len) {
            len = sizeof(c->in) - c->in_len; /* the header is in there */
        }
        memcpy(c->in + c->in_len, in, len);
        len += c->in_len;
        in = c->in;
    }
    body = body_length(in, len, &header);
    if (body < 0) {
        if (total > sizeof(c->in)) {
            errno = EMSGSIZE;
            fail("header too long");
        }
        memmove(c->in, in, len);
        c->in_len = len;
        return;
    }
    c->in_len = 0;
    c->left = (size_t)body - (total - header);
    if (c->left == 0) {
        answered(r, c, now);
    }
}

static void
receive(struct run *r, struct conn *c)
{
    char in[IN_BYTES];
    ssize_t n = recv(c->fd, in, sizeof(in), 0);
    uint64_t now = now_ns();

    if (n <= 0) {
        fail("connection lost");
    }
    if (c->left == 0) {
        take_header(r, c, in, (size_t)n, now);
        return;
    }
    c->left -= (size_t)n < c->left ? (size_t)n : c->left;
    if (c->left == 0) {
        answered(r, c, now);
    }
}

static void
run(struct run *r, unsigned connections)
{
    struct epoll_event ev[64];
    struct timespec wait;
    uint64_t now, due;
    int i, n;

    for (;;) {
        now = now_ns();
        send_due(r, now);
        due = due_at(r, r->next);
        if (due >= r->end) {
            if (r->n_free == connections) {
                return;
            }
            due = now + NS;
        }
        now = now_ns();
        wait = (struct timespec){0};
        if (r->n_free == 0) {
            wait.tv_sec = 10;
        } else if (due > now) {
            wait.tv_nsec = (long)((due - now) % NS);
        }
        n = epoll_pwait2(r->epoll, ev, 64, &wait, NULL);
        if (n == -1 && errno != EINTR) {
            fail("epoll_pwait2");
        }
        for (i = 0; i < n; i++) {
            receive(r, ev[i].data.ptr);
        }
    }
}

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void
report(struct run *r)
{
    static const double at[] = {0.5, 0.9, 0.99, 0.999, 1};
    size_t i;

    if (r->done == 0) {
        errno = ETIME;
        fail("no answer");
    }
    qsort(r->latency, r->done, sizeof(*r->latency), compare);
    printf("%llu %zu", (unsigned long long)r->next, r->done);
    for (i = 0; i < sizeof(at) / sizeof(*at); i++) {
        printf(" %u", r->latency[(size_t)(at[i] * (double)(r->done - 1))]);
    }
    putchar('\n');
}

int
main(int argc, char **argv)
{
    static struct run r;
    unsigned connections, i;
    uint64_t seconds;

    if (argc != 8) {
        fprintf(stderr, "usage: see the head of t/bench/paced.c\n");
        return 2;
    }
    r.prefix = argv[2];
    r.n = strtoull(argv[3], NULL, 10);
    r.rate = strtoull(argv[4], NULL, 10);
    connections = (unsigned)strtoul(argv[5], NULL, 10);
    seconds = strtoull(argv[6], NULL, 10);
    r.random = strtoull(argv[7], NULL, 10);
    if (r.n == 0 || connections == 0 || connections > CONNECTIONS_MAX
        || strlen(r.prefix) > 256) {
        fprintf(stderr, "paced: out of range\n");
        return 2;
    }
    r.room = r.rate * (seconds + 1) + r.n * (r.rate == 0);
    r.latency = calloc(r.room, sizeof(*r.latency));
    r.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (r.latency == NULL || r.epoll == -1) {
        fail("start");
    }
    for (i = 0; i < connections; i++) {
        r.free[r.n_free++] =
            connect_to(&r, (uint16_t)strtoul(argv[1], NULL, 10));
    }
    r.begin = now_ns();
    r.end = r.rate == 0 ? UINT64_MAX : r.begin + seconds * NS;
    run(&r, connections);
    report(&r);
    return 0;
}
