/*
 * client/save.c: verified bytes onto disk. A name that a user sees appears by
 * rename, when what stands behind it is verified and synced.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/internal.h"

#define INDEX_DIGITS_MIN 6
#define TEMP_NAME_MAX 40

static enum p2pfs_err
fail_errno(struct p2pfs_client *c, const char *act, const char *path)
{
    int e = errno;

    return client_fail(c,
        e == ENOSPC || e == EDQUOT ? P2PFS_STORE_FULL : P2PFS_IO,
        "cannot %s \"%s\": %s", act, path, strerror(e));
}

/* The directory that holds `path`; slashes at the end do not count. */
static enum p2pfs_err
parent_of(struct p2pfs_client *c, const char *path, char out[PATH_MAX])
{
    size_t len = strlen(path);

    if (len == 0 || len >= PATH_MAX - TEMP_NAME_MAX) {
        return client_fail(c, P2PFS_USAGE, "\"%.100s\" cannot be a file name",
            path);
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    while (len > 0 && path[len - 1] != '/') {
        len--;
    }
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    if (len == 0) {
        path = ".";
        len = 1;
    }
    memcpy(out, path, len);
    out[len] = '\0';
    return P2PFS_OK;
}

static void
temp_name(struct p2pfs_client *c, char *out, size_t cap)
{
    (void)snprintf(out, cap, ".p2pfs-%016" PRIx64 ".tmp", client_random(c));
}

/* Writes and syncs a new file below dirfd. */
static int
write_new(int dirfd, const char *name, const uint8_t *data, size_t len)
{
    int saved = 0;
    int fd;

    fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return -1;
    }
    while (len > 0 && saved == 0) {
        ssize_t n = write(fd, data, len);

        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno != EINTR) {
            saved = errno;
        }
    }
    if (saved == 0 && fsync(fd) != 0) {
        saved = errno;
    }
    if (close(fd) != 0 && saved == 0) {
        saved = errno;
    }
    if (saved != 0) {
        (void)unlinkat(dirfd, name, 0);
        errno = saved;
    }
    return saved == 0 ? 0 : -1;
}

static int
open_dir(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* -o /dev/null as root must not replace the device by a file. */
static enum p2pfs_err
check_target(struct p2pfs_client *c, const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        return errno == ENOENT ? P2PFS_OK : fail_errno(c, "look at", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return client_fail(c, P2PFS_USAGE,
            "\"%s\" is there and is not a regular file; write to standard"
            " output instead",
            path);
    }
    return P2PFS_OK;
}

static enum p2pfs_err
place(struct p2pfs_client *c, const struct p2pfs_client_file *f,
    const char *path)
{
    enum p2pfs_err err = P2PFS_OK;
    char parent[PATH_MAX];
    char temp[TEMP_NAME_MAX];
    int dirfd;

    err = parent_of(c, path, parent);
    if (err != P2PFS_OK) {
        return err;
    }
    dirfd = open_dir(parent);
    if (dirfd < 0) {
        return fail_errno(c, "open directory", parent);
    }
    temp_name(c, temp, sizeof(temp));
    if (write_new(dirfd, temp, f->content, f->len) != 0) {
        err = fail_errno(c, "write a file in", parent);
    } else if (renameat(dirfd, temp, AT_FDCWD, path) != 0) {
        err = fail_errno(c, "rename the file to", path);
        (void)unlinkat(dirfd, temp, 0);
    } else if (fsync(dirfd) != 0) {
        err = fail_errno(c, "sync directory", parent);
    }
    (void)close(dirfd);
    return err;
}

enum p2pfs_outcome
p2pfs_client_save(struct p2pfs_client *c, const char *id, uint64_t index,
    const struct p2pfs_client_trust *trust, const char *path,
    struct p2pfs_client_file *out)
{
    struct p2pfs_client_file own = {0};
    struct p2pfs_client_file *f = out != NULL ? out : &own;
    struct client_trust t;
    enum p2pfs_err err;

    err = client_resolve_trust(c, id, trust, &t);
    if (err == P2PFS_OK) {
        err = check_target(c, path);
    }
    if (err == P2PFS_OK) {
        err = client_fetch(c, id, index, &t, f);
    }
    if (err == P2PFS_OK) {
        err = place(c, f, path);
    }
    return client_outcome(err);
}

/* --- a whole set ------------------------------------------------------- */

struct save_all {
    struct p2pfs_client *c;
    char temp[PATH_MAX]; /* the directory while it is being filled */
    int dirfd;
    int width;
    uint64_t written;
    enum p2pfs_err err; /* of writing */
};

static void
index_name(const struct save_all *s, uint64_t index, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%0*" PRIu64, s->width, index);
}

static int
write_file(void *ctx, const struct p2pfs_client_file *f)
{
    struct save_all *s = ctx;
    char name[32];

    index_name(s, f->index, name, sizeof(name));
    if (write_new(s->dirfd, name, f->content, f->len) != 0) {
        s->err = fail_errno(s->c, "write a file in", s->temp);
        return 1;
    }
    s->written = f->index + 1;
    return 0;
}

static void
discard(struct save_all *s)
{
    char name[32];
    uint64_t i;

    for (i = 0; i < s->written; i++) {
        index_name(s, i, name, sizeof(name));
        (void)unlinkat(s->dirfd, name, 0);
    }
    (void)rmdir(s->temp);
}

static enum p2pfs_err
check_dir(struct p2pfs_client *c, const char *dir)
{
    const struct dirent *e;
    int others = 0;
    DIR *d;

    d = opendir(dir);
    if (d == NULL) {
        return errno == ENOENT ? P2PFS_OK
                               : fail_errno(c, "open directory", dir);
    }
    for (e = readdir(d); e != NULL; e = readdir(d)) {
        others += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    (void)closedir(d);
    return others == 0
        ? P2PFS_OK
        : client_fail(c, P2PFS_USAGE,
            "directory \"%s\" is not empty; name one that is empty or new",
            dir);
}

static int
digits(uint64_t v)
{
    int n = 1;

    for (; v >= 10; v /= 10) {
        n++;
    }
    return n < INDEX_DIGITS_MIN ? INDEX_DIGITS_MIN : n;
}

/* The temporary directory takes the final name. */
static enum p2pfs_err
settle(struct save_all *s, const char *parent, const char *dir)
{
    enum p2pfs_err err = P2PFS_OK;
    int fd;

    if (fsync(s->dirfd) != 0) {
        return fail_errno(s->c, "sync directory", s->temp);
    }
    if (rename(s->temp, dir) != 0) {
        return fail_errno(s->c, "rename the directory to", dir);
    }
    s->written = 0;
    fd = open_dir(parent);
    if (fd < 0 || fsync(fd) != 0) {
        err = fail_errno(s->c, "sync directory", parent);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return err;
}

static enum p2pfs_err
begin(struct save_all *s, const char *parent)
{
    char name[TEMP_NAME_MAX];
    size_t room = sizeof(s->temp);

    temp_name(s->c, name, sizeof(name));
    if ((size_t)snprintf(s->temp, room, "%s/%s", parent, name) >= room) {
        return client_fail(s->c, P2PFS_USAGE, "\"%.100s\" is too long", parent);
    }
    if (mkdir(s->temp, 0777) != 0) {
        return fail_errno(s->c, "make a directory in", parent);
    }
    s->dirfd = open_dir(s->temp);
    return s->dirfd < 0 ? fail_errno(s->c, "open directory", s->temp)
                        : P2PFS_OK;
}

enum p2pfs_outcome
p2pfs_client_save_all(struct p2pfs_client *c, const char *id,
    const struct p2pfs_client_trust *trust, const char *dir)
{
    struct save_all s = {.c = c, .dirfd = -1, .err = P2PFS_OK};
    struct client_trust t;
    enum p2pfs_outcome outcome;
    char parent[PATH_MAX];
    enum p2pfs_err err;

    err = client_resolve_trust(c, id, trust, &t);
    if (err == P2PFS_OK) {
        err = check_dir(c, dir);
    }
    if (err == P2PFS_OK) {
        err = parent_of(c, dir, parent);
    }
    if (err != P2PFS_OK) {
        return client_outcome(err);
    }
    s.width = digits(t.in.count - 1);
    outcome = client_outcome(begin(&s, parent));
    if (outcome == P2PFS_OUTCOME_OK) {
        outcome = p2pfs_client_get_all(c, id, trust, write_file, &s);
    }
    if (s.err != P2PFS_OK) {
        outcome = client_outcome(s.err);
    } else if (outcome == P2PFS_OUTCOME_OK) {
        outcome = client_outcome(settle(&s, parent, dir));
    }
    if (outcome != P2PFS_OUTCOME_OK && s.temp[0] != '\0') {
        discard(&s);
    }
    if (s.dirfd >= 0) {
        (void)close(s.dirfd);
    }
    return outcome;
}
