/*
 * client/cli/ls.c: p2pfs ls, the records on this machine.
 */

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "client/cli/cli.h"

#define TIME_MAX_CHARS 32

static const char *
format_time(int64_t seconds, char out[TIME_MAX_CHARS])
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL
        || strftime(out, TIME_MAX_CHARS, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        (void)snprintf(out, TIME_MAX_CHARS, "-");
    }
    return out;
}

static int
print(void *ctx, const struct p2pfs_client_record *r)
{
    const struct cli *cli = ctx;
    char when[TIME_MAX_CHARS];
    char root[CLI_HEX_MAX];

    (void)cli_hex(r->root, root);
    (void)format_time(r->created, when);
    if (!cli->json) {
        (void)printf("%s %s %" PRIu64 " %s %s %s\n", r->id, root, r->count,
            r->complete ? "complete" : "uploading", when, r->server);
        return 0;
    }
    (void)printf("{\"id\":\"%s\",\"root\":\"%s\",\"count\":%" PRIu64
                 ",\"state\":\"%s\",\"created\":\"%s\",\"updated\":\"",
        r->id, root, r->count, r->complete ? "complete" : "uploading", when);
    (void)printf("%s\",\"server\":", format_time(r->updated, when));
    cli_json_string(r->server);
    (void)printf("}\n");
    return 0;
}

int
cli_ls(struct cli *cli, int argc, char **argv)
{
    enum p2pfs_outcome outcome;

    (void)argc;
    (void)argv;
    outcome = p2pfs_client_list(cli->client, print, cli);
    return outcome == P2PFS_OUTCOME_OK ? 0 : cli_failed(cli, outcome);
}
