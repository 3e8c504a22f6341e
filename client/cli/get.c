/*
 * client/cli/get.c: p2pfs get, p2pfs verify.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "core/error.h"
#include "core/name.h"

#define NAME_MAX_CHARS (P2PFS_CLIENT_ID_MAX + 32)

static int
is_stdout(const struct cli *cli)
{
    return cli->output != NULL && strcmp(cli->output, "-") == 0;
}

static void
print_file(const struct cli *cli, const char *id,
    const struct p2pfs_client_file *f, const char *path)
{
    char hash[CLI_HEX_MAX];

    if (!cli->json) {
        (void)printf("%s\n", path);
        return;
    }
    (void)printf("{\"id\":\"%s\",\"index\":%" PRIu64 ",\"size\":%zu,"
                 "\"hash\":\"%s\",\"path\":",
        id, f->index, f->len, cli_hex(f->hash, hash) + 2);
    cli_json_string(path);
    (void)printf("}\n");
}

static int
get_one(struct cli *cli, const char *id, const char *index_text)
{
    struct p2pfs_client_file f;
    enum p2pfs_outcome outcome;
    char name[NAME_MAX_CHARS];
    const char *path = cli->output;
    uint64_t index;

    if (p2pfs_index_parse(index_text, strlen(index_text), &index) != P2PFS_OK) {
        return cli_error(P2PFS_OUTCOME_USAGE,
            "index \"%s\" is not a decimal number", index_text);
    }
    if (is_stdout(cli)) {
        outcome = p2pfs_client_get(cli->client, id, index, cli_trust(cli), &f);
        if (outcome == P2PFS_OUTCOME_OK) {
            cli_end_progress(cli);
            (void)fwrite(f.content, 1, f.len, stdout);
        }
        return outcome == P2PFS_OUTCOME_OK ? 0 : cli_failed(cli, outcome);
    }
    if (path == NULL) {
        (void)snprintf(name, sizeof(name), "%s.%06" PRIu64, id, index);
        path = name;
    }
    outcome =
        p2pfs_client_save(cli->client, id, index, cli_trust(cli), path, &f);
    if (outcome != P2PFS_OUTCOME_OK) {
        return cli_failed(cli, outcome);
    }
    print_file(cli, id, &f, path);
    return 0;
}

static int
get_all(struct cli *cli, const char *id)
{
    const char *dir = cli->output != NULL ? cli->output : id;
    enum p2pfs_outcome outcome;

    if (is_stdout(cli)) {
        return cli_error(P2PFS_OUTCOME_USAGE,
            "a whole set goes into a directory: name it with -o, or give an"
            " INDEX");
    }
    outcome = p2pfs_client_save_all(cli->client, id, cli_trust(cli), dir);
    if (outcome != P2PFS_OUTCOME_OK) {
        return cli_failed(cli, outcome);
    }
    cli_end_progress(cli);
    if (cli->json) {
        (void)printf("{\"id\":\"%s\",\"path\":", id);
        cli_json_string(dir);
        (void)printf("}\n");
    } else {
        (void)printf("%s\n", dir);
    }
    return 0;
}

int
cli_get(struct cli *cli, int argc, char **argv)
{
    if (is_stdout(cli) && cli->json) {
        return cli_error(P2PFS_OUTCOME_USAGE,
            "-o - writes the file itself: --json has no place beside it");
    }
    /* The id becomes a file name below: nothing but an id may. */
    if (p2pfs_set_id_check(argv[0], strlen(argv[0])) != P2PFS_OK) {
        return cli_error(P2PFS_OUTCOME_USAGE, "\"%s\" is no set id: %s",
            argv[0], p2pfs_err_row(P2PFS_BAD_SET_ID)->text);
    }
    return argc == 2 ? get_one(cli, argv[0], argv[1]) : get_all(cli, argv[0]);
}

struct seen {
    char root[CLI_HEX_MAX];
    uint64_t count;
    uint64_t bytes;
};

static int
note(void *ctx, const struct p2pfs_client_file *f)
{
    struct seen *s = ctx;

    (void)cli_hex(f->root, s->root);
    s->count = f->count;
    s->bytes += f->len;
    return 0;
}

int
cli_verify(struct cli *cli, int argc, char **argv)
{
    struct seen s = {"", 0, 0};
    enum p2pfs_outcome outcome;

    (void)argc;
    outcome =
        p2pfs_client_get_all(cli->client, argv[0], cli_trust(cli), note, &s);
    if (outcome != P2PFS_OUTCOME_OK) {
        return cli_failed(cli, outcome);
    }
    cli_end_progress(cli);
    if (cli->json) {
        (void)printf("{\"id\":\"%s\",\"root\":\"%s\",\"count\":%" PRIu64
                     ",\"bytes\":%" PRIu64 ",\"verified\":true}\n",
            argv[0], s.root, s.count, s.bytes);
    } else {
        (void)printf("verified %s: %" PRIu64 " files, %" PRIu64
                     " bytes, root %s\n",
            argv[0], s.count, s.bytes, s.root);
    }
    return 0;
}
