/*
 * client/cli/environment.c: what the options leave open: servers from
 * P2PFS_SERVER, the file of records from P2PFS_STORE or its default place.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cli/cli.h"

#define SEPARATORS ", \t\n"

static int
split_servers(struct cli *cli, const char *text)
{
    char *p;

    cli->server_text = strdup(text);
    if (cli->server_text == NULL) {
        return cli_error(0, "out of memory");
    }
    for (p = cli->server_text; *p != '\0';) {
        size_t len;

        p += strspn(p, SEPARATORS);
        len = strcspn(p, SEPARATORS);
        if (len == 0) {
            break;
        }
        if (cli->n_servers == P2PFS_CLIENT_SERVERS_MAX) {
            return cli_error(0, "P2PFS_SERVER has more than %d servers",
                P2PFS_CLIENT_SERVERS_MAX);
        }
        cli->server[cli->n_servers++] = p;
        p += len;
        if (*p != '\0') {
            *p++ = '\0';
        }
    }
    return 1;
}

/* XDG Base Directory Specification: state is kept below $XDG_STATE_HOME, or
 * below ~/.local/state; a relative value is to be ignored. */
static int
default_store(struct cli *cli)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int n = -1;

    if (state != NULL && state[0] == '/') {
        n = asprintf(&cli->store_default, "%s/p2pfs/records.db", state);
    } else if (home != NULL && home[0] == '/') {
        n = asprintf(&cli->store_default, "%s/.local/state/p2pfs/records.db",
            home);
    } else {
        return cli_error(0,
            "there is no place for the records: give --store"
            " PATH, or set P2PFS_STORE, XDG_STATE_HOME or HOME");
    }
    if (n < 0) {
        cli->store_default = NULL;
        return cli_error(0, "out of memory");
    }
    cli->store = cli->store_default;
    return 1;
}

int
cli_read_environment(struct cli *cli)
{
    const char *servers = getenv("P2PFS_SERVER");
    const char *store = getenv("P2PFS_STORE");

    if (cli->n_servers == 0 && servers != NULL
        && !split_servers(cli, servers)) {
        return 0;
    }
    if (cli->store == NULL && store != NULL && store[0] != '\0') {
        cli->store = store;
    }
    return cli->store != NULL ? 1 : default_store(cli);
}

/* A directory that a crash forgets takes the records with it. */
static int
make_dir(char *path)
{
    char *slash;
    int fd;

    if (mkdir(path, 0700) != 0) {
        return errno == EEXIST;
    }
    slash = strrchr(path, '/');
    *slash = '\0';
    fd = open(slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    if (fd < 0) {
        return 0;
    }
    if (fsync(fd) != 0) {
        (void)close(fd);
        return 0;
    }
    (void)close(fd);
    return 1;
}

int
cli_make_store_dir(const struct cli *cli)
{
    char path[PATH_MAX];
    char *p;

    /* The place that somebody named is theirs to make. */
    if (cli->store != cli->store_default) {
        return 1;
    }
    if ((size_t)snprintf(path, sizeof(path), "%s", cli->store)
        >= sizeof(path)) {
        return cli_error(0, "the path of the records is too long");
    }
    for (p = strchr(path + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (!make_dir(path)) {
            return cli_error(0, "cannot make directory \"%s\": %s", path,
                strerror(errno));
        }
        *p = '/';
    }
    return 1;
}
