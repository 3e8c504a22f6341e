/* The workers' listening socket: its file, its mode, what a crash left. */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gossipd/ingest_impl.h"

/* 1: a socket that nobody listens on any more; it may be removed. */
static int
is_stale(const struct sockaddr_un *sa)
{
    struct stat st;
    int fd, rc, error;

    if (lstat(sa->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
        return 0;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return 0;
    }
    rc = connect(fd, (const struct sockaddr *)sa, sizeof(*sa));
    error = errno;
    close(fd);
    return rc != 0 && error == ECONNREFUSED;
}

int
ingest_listen(const char *path, unsigned mode)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc;

    if (fd < 0) {
        return -1;
    }
    if (strlen(path) >= sizeof(sa.sun_path)) {
        errno = ENAMETOOLONG;
        goto failed;
    }
    memcpy(sa.sun_path, path, strlen(path) + 1);
    /* Linux gives the file the socket's own mode, so there is no moment in
     * which everybody may connect. */
    if (fchmod(fd, mode) != 0) {
        goto failed;
    }
    rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
    if (rc != 0 && errno == EADDRINUSE && is_stale(&sa)) {
        unlink(path);
        rc = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
    }
    if (rc != 0) {
        goto failed;
    }
    if (chmod(path, mode) != 0 || listen(fd, 128) != 0) {
        unlink(path);
        goto failed;
    }
    return fd;

failed:
    rc = errno;
    close(fd);
    errno = rc;
    return -1;
}
