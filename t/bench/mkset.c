/*
 * t/bench/mkset.c: the data that the benchmark reads.
 *
 *     mkset db PATH SET N BYTES       a set of N files in a new database
 *     mkset db PATH SET N BYTES open  the same without its last file
 *     mkset files PATH SET N DIR      DIR/0 .. DIR/N-1: what a GET of each file
 *                                     answers, byte for byte
 *
 * File i is BYTES pseudo-random bytes that depend on i alone.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/reader.h"
#include "core/reply.h"
#include "gossipd/store.h"
#include "t/bench/content.h"

#define BATCH 4096

static void
must(enum p2pfs_err err, const char *what)
{
    if (err != P2PFS_OK) {
        fprintf(stderr, "mkset: %s: %s\n", what, p2pfs_err_row(err)->text);
        exit(1);
    }
}

static void
must_system(int failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "mkset: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void
put(struct store *s, const char *id, uint64_t n, uint64_t i, uint8_t *body,
    size_t len)
{
    struct store_file f = {.id = id,
        .id_len = strlen(id),
        .n = n,
        .index = i,
        .content = body,
        .len = len,
        .origin = STORE_LOCAL};
    struct store_result r;

    bench_content(body, len, i);
    must(store_put_file(s, &f, &r), store_detail(s));
    must(r.err, "store a file");
}

static void
make_db(const char *path, const char *id, uint64_t n, size_t len, int open_end)
{
    struct store_config c = {.path = path,
        .file_max = 1 << 20,
        .count_max = P2PFS_SET_COUNT_MAX};
    uint8_t *body = malloc(len + 8);
    uint64_t i, last = n - (open_end ? 1 : 0);
    char detail[256];
    struct store *s;

    must_system(body == NULL, "malloc");
    if (store_open(&s, &c, detail, sizeof(detail)) != P2PFS_OK) {
        fprintf(stderr, "mkset: %s\n", detail);
        exit(1);
    }
    for (i = 0; i < last; i++) {
        if (i % BATCH == 0) {
            must(store_begin(s), "begin");
        }
        put(s, id, n, i, body, len);
        if (i % BATCH == BATCH - 1 || i == last - 1) {
            must(store_commit(s), store_detail(s));
            store_checkpoint(s, STORE_CHECKPOINT_COMMIT);
        }
    }
    /* or gossipd would have all of it to publish when it starts */
    must(store_begin(s), "begin");
    must(store_set_published(s, store_log_head(s)), store_detail(s));
    must(store_commit(s), store_detail(s));
    store_close(s);
    free(body);
}

static void
write_file(int dir, uint64_t i, const struct p2pfs_text *t)
{
    struct timespec later[2] = {{.tv_sec = time(NULL) + 3600},
        {.tv_nsec = UTIME_OMIT}};
    char name[24];
    int fd;

    snprintf(name, sizeof(name), "%llu", (unsigned long long)i);
    fd = openat(dir, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    must_system(fd == -1, "create a file");
    must_system(write(fd, t->p, t->len) != (ssize_t)t->len, "write a file");
    /* relatime: or the first read of each file would write its inode */
    must_system(futimens(fd, later) != 0, "set the time of a file");
    must_system(close(fd) != 0, "close a file");
}

static void
read_one(struct p2pfs_reader *r, const char *id, uint64_t i, int dir)
{
    struct p2pfs_version v;
    struct p2pfs_file f;
    struct p2pfs_text t;
    char *buf;

    must(p2pfs_reader_find(r, id, strlen(id), i, NULL, &v), "find");
    must(p2pfs_reader_file(r, &v, (uint32_t)i, &f), p2pfs_reader_detail(r));
    buf = malloc(p2pfs_reply_file_max(&f));
    must_system(buf == NULL, "malloc");
    p2pfs_text_init(&t, buf, p2pfs_reply_file_max(&f));
    p2pfs_reply_file(&t, &f, &v.root);
    must(t.bad ? P2PFS_INTERNAL : P2PFS_OK, "compose an answer");
    write_file(dir, i, &t);
    free(buf);
}

static void
make_files(const char *path, const char *id, uint64_t n, const char *to)
{
    struct p2pfs_reader *r;
    uint64_t i;
    int dir;

    dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must_system(dir == -1, to);
    must(p2pfs_reader_open(&r, path), path);
    for (i = 0; i < n; i++) {
        if (i % BATCH == 0) {
            must(p2pfs_reader_begin(r), p2pfs_reader_detail(r));
        }
        read_one(r, id, i, dir);
    }
    p2pfs_reader_end(r);
    p2pfs_reader_close(r);
    must_system(close(dir) != 0, to);
}

int
main(int argc, char **argv)
{
    uint64_t n = argc > 4 ? strtoull(argv[4], NULL, 10) : 0;

    if (argc >= 6 && argc <= 7 && n > 0 && strcmp(argv[1], "db") == 0) {
        make_db(argv[2], argv[3], n, strtoul(argv[5], NULL, 10), argc == 7);

    } else if (argc == 6 && n > 0 && strcmp(argv[1], "files") == 0) {
        make_files(argv[2], argv[3], n, argv[5]);

    } else {
        fprintf(stderr, "usage: see the head of t/bench/mkset.c\n");
        return 2;
    }
    return 0;
}
