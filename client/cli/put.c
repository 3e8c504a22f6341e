/*
 * client/cli/put.c: p2pfs put.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"

struct source {
    const struct cli_files *files;
    struct cli *cli;
};

static int
read_all(int fd, uint8_t *buf, size_t cap, size_t *len)
{
    *len = 0;
    while (*len < cap) {
        ssize_t n = read(fd, buf + *len, cap - *len);

        if (n == 0) {
            return 0;
        }
        if (n < 0 && errno != EINTR) {
            return -1;
        }
        if (n > 0) {
            *len += (size_t)n;
        }
    }
    return 0;
}

/* The library knows a file by its index only. */
static void
name_culprit(struct cli *cli, const char *act, const char *path,
    const char *why)
{
    cli_end_progress(cli);
    if (!cli->json) {
        (void)cli_error(0, "%s \"%s\": %s", act, path, why);
    }
}

static int
read_file(void *ctx, uint64_t index, uint8_t *buf, size_t cap, size_t *len)
{
    const struct source *s = ctx;
    const char *path = s->files->path[index];
    int rc = -1;
    int fd;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        rc = read_all(fd, buf, cap, len);
    }
    if (rc != 0) {
        name_culprit(s->cli, "cannot read", path, strerror(errno));
    } else if (*len > P2PFS_CLIENT_FILE_MAX) {
        name_culprit(s->cli, "cannot put", path, "it is above 1 MiB");
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

static void
print(const struct cli *cli, const struct p2pfs_client_record *r)
{
    char root[CLI_HEX_MAX];

    (void)cli_hex(r->root, root);
    if (cli->json) {
        (void)printf("{\"id\":\"%s\",\"root\":\"%s\",\"count\":%" PRIu64
                     ",\"complete\":%s}\n",
            r->id, root, r->count, r->complete ? "true" : "false");
    } else {
        (void)printf("id %s\nroot %s\ncount %" PRIu64 "\n", r->id, root,
            r->count);
    }
}

static int
put(struct cli *cli, const struct cli_files *files)
{
    struct source s = {files, cli};
    struct p2pfs_client_source src = {files->n, &s, read_file};
    struct p2pfs_client_record r;
    enum p2pfs_outcome outcome;

    outcome = p2pfs_client_put(cli->client, cli->id, &src, &r);
    if (outcome == P2PFS_OUTCOME_OK) {
        cli_end_progress(cli);
        print(cli, &r);
        return 0;
    }
    (void)cli_failed(cli, outcome);
    if (outcome == P2PFS_OUTCOME_TEMPORARY && r.count > 0 && !cli->json) {
        (void)cli_error(0, "to go on: put the same files again with --id %s",
            r.id);
    }
    return (int)outcome;
}

int
cli_put(struct cli *cli, int argc, char **argv)
{
    struct cli_files files = {NULL, 0, 0};
    int code = P2PFS_OUTCOME_OTHER;
    int i;

    for (i = 0; i < argc; i++) {
        if (!cli_files_add(&files, argv[i])) {
            goto done;
        }
    }
    if (files.n == 0) {
        code = cli_error(P2PFS_OUTCOME_USAGE,
            "there is no file below what is named: a set has at least one");
        goto done;
    }
    if (cli_make_store_dir(cli)) {
        code = put(cli, &files);
    }

done:
    cli_files_fini(&files);
    return code;
}
