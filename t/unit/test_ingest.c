/*
 * Guards the workers' channel as core/frame.h and ingest.h describe it: hello
 * first, pipelining, limits answered at once, what is malformed closed, and the
 * order of draining.
 */

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "core/frame.h"
#include "gossipd/ingest.h"
#include "t/unit/store_fixture.h"

#define WAIT_MS 10000

struct node {
    struct fixture f;
    struct writer *w;
    struct ingest *in;
    char path[100];
};

static enum p2pfs_err
listen_on(struct node *n, struct ingest **in, char *detail, size_t room)
{
    struct ingest_config c = {.path = n->path,
        .mode = 0660,
        .connections_max = 3,
        .requests_max = 8,
        .bytes_max = 64 * 1024,
        .file_max = 1024 * 1024,
        .count_max = 1000000};

    return ingest_start(in, &c, n->w, NULL, detail, room);
}

static void
node_init(struct node *n)
{
    struct writer_limits limits = {.jobs_max = 100, .bytes_max = 8 << 20};
    char detail[256] = "";

    fixture_init(&n->f, 0);
    snprintf(n->path, sizeof(n->path), "%s/sock", n->f.dir);
    assert_int_equal(writer_start(&n->w, n->f.s, &limits, NULL, NULL, NULL),
        P2PFS_OK);
    if (listen_on(n, &n->in, detail, sizeof(detail)) != P2PFS_OK) {
        fail_msg("%s", detail);
    }
}

static void
node_fini(struct node *n)
{
    if (n->in != NULL) {
        ingest_drain(n->in);
    }
    writer_stop(n->w);
    ingest_stop(n->in);
    assert_int_not_equal(access(n->path, F_OK), 0);
    fixture_fini(&n->f);
}

static int
dial(struct node *n)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", n->path);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

/* Exactly len bytes; 0 where the other end closed. */
static int
take(int fd, uint8_t *out, size_t len)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t got;

    while (len > 0) {
        assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        got = read(fd, out, len);
        if (got <= 0) {
            return 0;
        }
        out += got;
        len -= (size_t)got;
    }
    return 1;
}

/* The next frame; its length, 0 where the other end closed. */
static size_t
take_frame(int fd, uint8_t out[P2PFS_FRAME_SMALL_MAX],
    enum p2pfs_frame_type *type)
{
    size_t len;

    if (!take(fd, out, P2PFS_FRAME_HEAD_BYTES)) {
        return 0;
    }
    len = 4 + ((size_t)out[2] << 8 | out[3]);
    assert_true(len <= P2PFS_FRAME_SMALL_MAX);
    assert_true(
        take(fd, out + P2PFS_FRAME_HEAD_BYTES, len - P2PFS_FRAME_HEAD_BYTES));
    *type = (enum p2pfs_frame_type)out[4];
    return len;
}

static void
give(int fd, const void *data, size_t len)
{
    const uint8_t *p = data;
    ssize_t n;

    while (len > 0) {
        n = send(fd, p, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        p += n;
        len -= (size_t)n;
    }
}

static int
is_closed(int fd)
{
    uint8_t byte;

    return !take(fd, &byte, 1);
}

static int
dial_and_greet(struct node *n)
{
    uint8_t frame[P2PFS_FRAME_SMALL_MAX];
    enum p2pfs_frame_type type;
    struct p2pfs_welcome w;
    int fd = dial(n);
    size_t len;

    give(fd, frame, p2pfs_frame_hello(frame));
    len = take_frame(fd, frame, &type);
    assert_int_equal(type, P2PFS_FRAME_WELCOME);
    assert_int_equal(p2pfs_frame_read_welcome(frame, len, &w), P2PFS_OK);
    assert_int_equal(w.requests_max, 8);
    assert_int_equal(w.file_max, 1024 * 1024);
    return fd;
}

static void
give_put(int fd, uint64_t request, uint64_t n, uint64_t index,
    const void *content, uint32_t len)
{
    uint8_t head[P2PFS_FRAME_PUT_HEAD_MAX];
    struct p2pfs_put put = {.request = request,
        .id_len = 1,
        .id = "s",
        .n = n,
        .index = index,
        .len = len,
        .content = content};

    give(fd, head, p2pfs_frame_put_head(head, &put));
    give(fd, content, len);
}

static struct p2pfs_result
take_result(int fd)
{
    uint8_t frame[P2PFS_FRAME_SMALL_MAX];
    enum p2pfs_frame_type type;
    struct p2pfs_result r;
    size_t len = take_frame(fd, frame, &type);

    assert_true(len > 0);
    assert_int_equal(type, P2PFS_FRAME_RESULT);
    assert_int_equal(p2pfs_frame_read_result(frame, len, &r), P2PFS_OK);
    return r;
}

static void
test_put(void **state)
{
    struct p2pfs_result r;
    struct node n;
    struct bytes b;
    struct p2pfs_hash entry;
    unsigned i, seen = 0;
    int fd;

    (void)state;
    node_init(&n);
    fd = dial_and_greet(&n);
    for (i = 0; i < 8; i++) { /* all in flight at once */
        b = file_bytes(i, 0);
        give_put(fd, 100 + i, 8, i, b.data, (uint32_t)b.len);
    }
    for (i = 0; i < 8; i++) {
        r = take_result(fd);
        assert_int_equal(r.err, P2PFS_OK);
        assert_true(r.created);
        assert_int_equal(r.set_count, 8);
        b = file_bytes((uint32_t)r.request - 100, 0);
        entry = entry_of(&n.f, &b);
        assert_memory_equal(&entry, &r.entry, sizeof(entry));
        seen |= 1u << (r.request - 100);
    }
    assert_int_equal(seen, 0xff);
    give_put(fd, 1, 8, 9, "x", 1);
    assert_int_equal(take_result(fd).err, P2PFS_INDEX_OUT_OF_RANGE);
    close(fd);
    node_fini(&n);
}

/* The largest file, more than the limit of bytes in flight, goes alone; what
 * follows it at once is stored or refused, never lost. */
static void
test_large(void **state)
{
    uint32_t len = 1024 * 1024;
    uint8_t *content = calloc(1, len);
    struct p2pfs_result r;
    struct node n;
    int fd, i;

    (void)state;
    assert_non_null(content);
    node_init(&n);
    fd = dial_and_greet(&n);
    give_put(fd, 1, 2, 0, content, len);
    give_put(fd, 2, 2, 1, "x", 1);
    for (i = 0; i < 2; i++) {
        r = take_result(fd);
        if (r.request == 1 || r.err != P2PFS_STORE_UNAVAILABLE) {
            assert_int_equal(r.err, P2PFS_OK);
        }
    }
    assert_int_equal(ask(&n.f, "SELECT max(length(body)) FROM content"), len);
    close(fd);
    node_fini(&n);
    free(content);
}

/* Over the limit in flight: told at once, not left in the socket. */
static void
test_limits(void **state)
{
    struct node n;
    sqlite3 *db;
    unsigned i, ok = 0;
    struct p2pfs_result r;
    int fd;

    (void)state;
    node_init(&n);
    assert_int_equal(sqlite3_open(n.f.path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
        SQLITE_OK);
    fd = dial_and_greet(&n);
    for (i = 0; i < 10; i++) {
        give_put(fd, i, 10, i, "x", 1);
    }
    for (i = 0; i < 2; i++) {
        r = take_result(fd);
        assert_int_equal(r.err, P2PFS_STORE_UNAVAILABLE);
        assert_true(r.request >= 8);
    }
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(db);
    for (i = 0; i < 8; i++) {
        ok += take_result(fd).err == P2PFS_OK;
    }
    assert_int_equal(ok, 8);
    close(fd);
    node_fini(&n);
}

/* A root of 32 zero bytes is a root, and no proof leads to it. */
static void
test_zero_root(void **state)
{
    uint8_t head[P2PFS_FRAME_PUT_HEAD_MAX];
    struct p2pfs_put put = {.request = 1,
        .id_len = 1,
        .id = "s",
        .n = 1,
        .has_root = 1,
        .len = 1,
        .content = (const uint8_t *)"x"};
    struct node n;
    int fd;

    (void)state;
    node_init(&n);
    fd = dial_and_greet(&n);
    give(fd, head, p2pfs_frame_put_head(head, &put));
    give(fd, "x", 1);
    assert_int_equal(take_result(fd).err, P2PFS_NOT_IN_ROOT);
    assert_int_equal(ask(&n.f, "SELECT count(*) FROM label"), 0);
    close(fd);
    node_fini(&n);
}

static void
check_closed(struct node *n, int greeted, const void *data, size_t len)
{
    int fd = greeted ? dial_and_greet(n) : dial(n);

    give(fd, data, len);
    assert_true(is_closed(fd));
    close(fd);
}

static void
test_malformed(void **state)
{
    static const uint8_t zero[] = {0, 0, 0, 0, 1};
    static const uint8_t huge[] = {255, 255, 255, 255, 3};
    static const uint8_t unknown[] = {0, 0, 0, 1, 9};
    static const uint8_t short_put[] = {0, 0, 0, 2, 3, 0};
    uint8_t hello[P2PFS_FRAME_SMALL_MAX];
    uint8_t result[P2PFS_FRAME_SMALL_MAX];
    struct p2pfs_result r = {.request = 1};
    struct node n;
    size_t len;
    int fd;

    (void)state;
    node_init(&n);
    check_closed(&n, 0, zero, sizeof(zero));
    check_closed(&n, 0, huge, sizeof(huge));
    check_closed(&n, 1, unknown, sizeof(unknown));
    check_closed(&n, 1, short_put, sizeof(short_put));
    check_closed(&n, 0, short_put, sizeof(short_put));
    len = p2pfs_frame_hello(hello);
    check_closed(&n, 1, hello, len); /* twice */
    hello[len - 1] ^= 0x40;
    check_closed(&n, 0, hello, len); /* another version */
    check_closed(&n, 1, result, p2pfs_frame_result(result, &r));
    fd = dial_and_greet(&n); /* and it still serves */
    give_put(fd, 1, 1, 0, "x", 1);
    assert_int_equal(take_result(fd).err, P2PFS_OK);
    close(fd);
    node_fini(&n);
}

static void
test_connections(void **state)
{
    struct node n;
    int fd[4], i;

    (void)state;
    node_init(&n);
    for (i = 0; i < 3; i++) {
        fd[i] = dial_and_greet(&n);
    }
    fd[3] = dial(&n);
    assert_true(is_closed(fd[3]));
    for (i = 0; i < 4; i++) {
        close(fd[i]);
    }
    node_fini(&n);
}

/* A worker that goes away with a request in flight. */
static void
test_left_behind(void **state)
{
    struct node n;
    int fd, i;

    (void)state;
    node_init(&n);
    for (i = 0; i < 20; i++) {
        fd = dial_and_greet(&n);
        give_put(fd, 1, 20, (uint64_t)i, "x", 1);
        close(fd);
    }
    node_fini(&n);
}

static void
test_drain(void **state)
{
    struct p2pfs_result r;
    struct node n;
    int fd;

    (void)state;
    node_init(&n);
    fd = dial_and_greet(&n);
    give_put(fd, 1, 2, 0, "x", 1);
    assert_int_equal(take_result(fd).err, P2PFS_OK);
    ingest_drain(n.in);
    assert_int_not_equal(access(n.path, F_OK), 0);
    give_put(fd, 2, 2, 1, "x", 1);
    r = take_result(fd);
    assert_int_equal(r.err, P2PFS_STORE_UNAVAILABLE);
    node_fini(&n);
    assert_true(is_closed(fd));
    close(fd);
}

static void
test_socket(void **state)
{
    char detail[256] = "";
    struct ingest *second;
    struct node n, m;
    struct stat st;
    int fd;

    (void)state;
    node_init(&n);
    assert_int_equal(stat(n.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(listen_on(&n, &second, detail, sizeof(detail)), P2PFS_IO);
    assert_non_null(strstr(detail, "in use"));

    /* What a killed daemon leaves is replaced, a file is not. */
    m = n;
    snprintf(m.path, sizeof(m.path), "%s/stale", n.f.dir);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    {
        struct sockaddr_un sa = {.sun_family = AF_UNIX};

        snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", m.path);
        assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    }
    close(fd);
    assert_int_equal(listen_on(&m, &second, detail, sizeof(detail)), P2PFS_OK);
    ingest_stop(second);
    snprintf(m.path, sizeof(m.path), "%s", n.f.path);
    assert_int_equal(listen_on(&m, &second, detail, sizeof(detail)), P2PFS_IO);
    assert_int_equal(access(n.f.path, F_OK), 0);
    node_fini(&n);
}

static void
test_long_path(void **state)
{
    char path[200];
    struct ingest_config c = {.path = path};
    struct ingest *in;
    char detail[256];

    (void)state;
    memset(path, 'a', sizeof(path));
    path[108] = '\0';
    assert_int_equal(ingest_start(&in, &c, NULL, NULL, detail, sizeof(detail)),
        P2PFS_IO);
    assert_non_null(strstr(detail, "longer than 107 bytes"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_zero_root),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_socket),
        cmocka_unit_test(test_long_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
