/*
 * client/cli/status.c: p2pfs status: a line for each server.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"

/* {"server":".." */
static void
print_server(const char *server)
{
    (void)printf("{\"server\":");
    cli_json_string(server);
}

static void
print_failure(const struct cli *cli, const char *server)
{
    const char *code = p2pfs_client_errcode(cli->client);

    if (cli->json) {
        print_server(server);
        (void)printf(",\"error\":\"%s\"}\n", code);
    } else {
        (void)printf("%s %s\n", server, code);
    }
}

static void
print_set(const struct cli *cli, const char *server, const char *id,
    const struct p2pfs_client_status *s)
{
    char root[CLI_HEX_MAX] = "-";

    if (s->has_root) {
        (void)cli_hex(s->root, root);
    }
    if (!cli->json) {
        (void)printf("%s %s %" PRIu64 "/%" PRIu64 " %s\n", server,
            s->complete ? "complete" : "incomplete", s->received, s->count,
            root);
        return;
    }
    print_server(server);
    (void)printf(",\"id\":\"%s\",\"complete\":%s,\"received\":%" PRIu64
                 ",\"count\":%" PRIu64 ",\"root\":",
        id, s->complete ? "true" : "false", s->received, s->count);
    if (s->has_root) {
        (void)printf("\"%s\"}\n", root);
    } else {
        (void)printf("null}\n");
    }
}

static void
print_up(const struct cli *cli, const char *server)
{
    if (cli->json) {
        print_server(server);
        (void)printf(",\"ok\":true}\n");
    } else {
        (void)printf("%s ok\n", server);
    }
}

/* Asks for the recorded version where there is a record. */
static const struct p2pfs_client_trust *
choose_trust(struct cli *cli, const char *id, struct p2pfs_client_trust *own)
{
    struct p2pfs_client_record r;

    if (cli->has_root) {
        return &cli->trust;
    }
    if (id == NULL
        || p2pfs_client_find(cli->client, id, &r) != P2PFS_OUTCOME_OK) {
        return NULL;
    }
    memcpy(own->root, r.root, sizeof(own->root));
    own->count = r.count;
    return own;
}

int
cli_status(struct cli *cli, int argc, char **argv)
{
    const char *id = argc > 0 ? argv[0] : NULL;
    const struct p2pfs_client_trust *trust;
    struct p2pfs_client_trust own;
    struct p2pfs_client_status s;
    enum p2pfs_outcome worst = P2PFS_OUTCOME_OK;
    int incomplete = 0;
    size_t i = 0;

    trust = choose_trust(cli, id, &own);
    do {
        const char *server = p2pfs_client_server(cli->client, i);
        enum p2pfs_outcome outcome;

        outcome = p2pfs_client_status(cli->client, i, id, trust, &s);
        if (outcome != P2PFS_OUTCOME_OK) {
            worst = outcome;
            if (server != NULL) {
                print_failure(cli, server);
            }
            (void)cli_failed(cli, outcome);
        } else if (id == NULL) {
            print_up(cli, server);
        } else {
            print_set(cli, server, id, &s);
            incomplete |= !s.complete;
        }
        i++;
    } while (p2pfs_client_server(cli->client, i) != NULL);
    if (worst == P2PFS_OUTCOME_OK && incomplete) {
        worst = P2PFS_OUTCOME_TEMPORARY;
    }
    return (int)worst;
}
