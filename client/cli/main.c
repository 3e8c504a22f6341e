/*
 * client/cli/main.c: the p2pfs command: options, the table of verbs, the client
 * that they use.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/name.h"

#define WAIT_DEFAULT_MS 10000
#define WAIT_MAX_S 3600

/* Which options a verb takes besides the common ones. */
enum { TAKES_ID = 1, TAKES_OUTPUT = 2, TAKES_TRUST = 4 };

struct verb {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
    int args_min;
    int args_max; /* -1: any number */
    unsigned takes;
    const char *usage;
    const char *help;
};

static const struct verb verbs[] = {
    {"put", cli_put, 1, -1, TAKES_ID, "[--id ID] PATH...",
        "upload files as a set and keep its record"},
    {"get", cli_get, 1, 2, TAKES_OUTPUT | TAKES_TRUST, "ID [INDEX] [-o PATH]",
        "download a file or a whole set, verified"},
    {"verify", cli_verify, 1, 1, TAKES_TRUST, "ID",
        "download a set, verify it, keep nothing"},
    {"ls", cli_ls, 0, 0, 0, "", "list the records on this machine"},
    {"status", cli_status, 0, 1, TAKES_TRUST, "[ID]",
        "what each server says, of itself or of a set"},
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char options_help[] =
    "  -s, --server URL   http://HOST:PORT[/PREFIX], /api where no path is"
    " given;\n"
    "                     repeat it to have others tried when one fails\n"
    "      --store PATH   the file of records\n"
    "      --id ID        put: the id of the set (default: made of its root)\n"
    "  -o, --output PATH  get: where to write; \"-\" is stdout\n"
    "      --root HEX     get, verify, status: the root, if there is no"
    " record\n"
    "      --count N      ... and the number of files, both from someone"
    " trusted\n"
    "      --wait SECONDS how long to try again when servers are away"
    " (10)\n"
    "      --json         one JSON object per line\n"
    "  -q, --quiet        only errors on stderr\n"
    "  -h, --help         this text\n"
    "      --version      the version\n"
    "\n"
    "environment: P2PFS_SERVER (URLs by comma or space), P2PFS_STORE\n"
    "exit codes: 0 ok, 1 other, 2 usage, 3 not found, 4 conflict,\n"
    "  5 temporary (network, 503, set not complete), 6 did NOT verify,"
    " 7 no space\n";

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
    (void)sig;
    stop = 1;
}

static int
is_stopped(void *ctx)
{
    (void)ctx;
    return stop;
}

static void
print_usage(FILE *to)
{
    size_t i;

    (void)fprintf(to, "usage: p2pfs [OPTION]... VERB [ARGUMENT]...\n\n");
    for (i = 0; i < VERBS; i++) {
        (void)fprintf(to, "  %-6s %-21s %s\n", verbs[i].name, verbs[i].usage,
            verbs[i].help);
    }
    (void)fprintf(to, "\n%s", options_help);
}

static const struct verb *
find_verb(const char *name)
{
    size_t i;

    for (i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

enum {
    OPT_STORE = 256,
    OPT_ID,
    OPT_ROOT,
    OPT_COUNT,
    OPT_WAIT,
    OPT_JSON,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"server", required_argument, NULL, 's'},
    {"store", required_argument, NULL, OPT_STORE},
    {"id", required_argument, NULL, OPT_ID},
    {"output", required_argument, NULL, 'o'},
    {"root", required_argument, NULL, OPT_ROOT},
    {"count", required_argument, NULL, OPT_COUNT},
    {"wait", required_argument, NULL, OPT_WAIT},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int
take_root(struct cli *cli, const char *text)
{
    struct p2pfs_hash h;

    if (p2pfs_hash_parse(&h, text, strlen(text)) != P2PFS_OK) {
        return cli_error(P2PFS_OUTCOME_USAGE,
            "--root \"%s\" is not 64 hex digits", text);
    }
    memcpy(cli->trust.root, h.b, sizeof(h.b));
    cli->has_root = 1;
    return 0;
}

static int
take_number(const char *name, const char *text, uint64_t min, uint64_t max,
    uint64_t *out)
{
    if (p2pfs_index_parse(text, strlen(text), out) != P2PFS_OK || *out < min
        || *out > max) {
        return cli_error(P2PFS_OUTCOME_USAGE,
            "%s \"%s\" is not a number from %llu to %llu", name, text,
            (unsigned long long)min, (unsigned long long)max);
    }
    return 0;
}

static int
take_server(struct cli *cli, const char *url)
{
    if (cli->n_servers == P2PFS_CLIENT_SERVERS_MAX) {
        return cli_error(P2PFS_OUTCOME_USAGE, "more than %d servers are given",
            P2PFS_CLIENT_SERVERS_MAX);
    }
    cli->server[cli->n_servers++] = url;
    return 0;
}

/* What the options given say about verbs that can take them. */
struct parsed {
    unsigned used;
    int help;
    int version;
};

static int
take_option(struct cli *cli, struct parsed *p, int opt, const char *arg)
{
    uint64_t number = 0;
    int rc = 0;

    switch (opt) {
    case 's': return take_server(cli, arg);
    case OPT_STORE: cli->store = arg; return 0;
    case OPT_ID:
        p->used |= TAKES_ID;
        cli->id = arg;
        return 0;
    case 'o':
        p->used |= TAKES_OUTPUT;
        cli->output = arg;
        return 0;
    case OPT_ROOT: p->used |= TAKES_TRUST; return take_root(cli, arg);
    case OPT_COUNT:
        p->used |= TAKES_TRUST;
        cli->has_count = 1;
        return take_number("--count", arg, 1, P2PFS_SET_COUNT_MAX,
            &cli->trust.count);
    case OPT_WAIT:
        rc = take_number("--wait", arg, 0, WAIT_MAX_S, &number);
        cli->wait_ms = (uint32_t)number * 1000;
        return rc;
    case OPT_JSON: cli->json = 1; return 0;
    case 'q': cli->quiet = 1; return 0;
    case 'h': p->help = 1; return 0;
    case OPT_VERSION: p->version = 1; return 0;
    default:
        return cli_error(P2PFS_OUTCOME_USAGE,
            "try \"p2pfs --help\" for the options there are");
    }
}

static int
check_arguments(const struct cli *cli, const struct verb *v, unsigned used,
    int argc)
{
    if (argc < v->args_min || (v->args_max >= 0 && argc > v->args_max)) {
        return cli_error(P2PFS_OUTCOME_USAGE, "usage: p2pfs %s %s", v->name,
            v->usage);
    }
    if (used & ~v->takes & TAKES_ID) {
        return cli_error(P2PFS_OUTCOME_USAGE,
            "--id is for put; \"%s\" takes the id as an argument", v->name);
    }
    if (used & ~v->takes & TAKES_OUTPUT) {
        return cli_error(P2PFS_OUTCOME_USAGE, "--output is for get alone");
    }
    if (used & ~v->takes & TAKES_TRUST) {
        return cli_error(P2PFS_OUTCOME_USAGE,
            "\"%s\" takes no --root and --count", v->name);
    }
    if (cli->has_root != cli->has_count) {
        return cli_error(P2PFS_OUTCOME_USAGE,
            "--root and --count go together: a root says nothing without its"
            " number of files");
    }
    return 0;
}

static int
run(struct cli *cli, const struct verb *v, int argc, char **argv)
{
    struct p2pfs_client_options o;
    char why[CLI_ERROR_MAX];
    enum p2pfs_outcome outcome;
    int code;

    if (!cli_read_environment(cli)) {
        return P2PFS_OUTCOME_USAGE;
    }
    p2pfs_client_options_init(&o);
    o.servers = cli->server;
    o.n_servers = cli->n_servers;
    o.store = cli->store;
    o.wait_ms = cli->wait_ms;
    o.ctx = cli;
    o.progress = cli_progress;
    o.notice = cli_notice;
    o.cancelled = is_stopped;
    outcome = p2pfs_client_open(&cli->client, &o, why, sizeof(why));
    if (outcome != P2PFS_OUTCOME_OK) {
        return cli_error((int)outcome, "%s", why);
    }
    code = v->run(cli, argc, argv);
    cli_end_progress(cli);
    p2pfs_client_close(cli->client);
    return code;
}

/* A full disk behind stdout is found out at the latest here. */
static int
flush(int code)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        int e = errno;

        return cli_error(e == ENOSPC ? P2PFS_OUTCOME_NO_SPACE
                                     : P2PFS_OUTCOME_OTHER,
            "cannot write to standard output: %s", strerror(e));
    }
    return code;
}

static int
dispatch(struct cli *cli, int argc, char **argv)
{
    struct parsed p = {0, 0, 0};
    const struct verb *v;
    int opt;
    int code;

    while (
        (opt = getopt_long(argc, argv, "s:o:qh", long_options, NULL)) != -1) {
        code = take_option(cli, &p, opt, optarg);
        if (code != 0) {
            return code;
        }
    }
    argc -= optind;
    argv += optind;
    if (p.help) {
        print_usage(stdout);
        return 0;
    }
    if (p.version) {
        (void)printf("p2pfs %s\n", p2pfs_client_version());
        return 0;
    }
    if (argc == 0) {
        print_usage(stderr);
        return P2PFS_OUTCOME_USAGE;
    }
    v = find_verb(argv[0]);
    if (v == NULL) {
        return cli_error(P2PFS_OUTCOME_USAGE,
            "there is no verb \"%s\"; try \"p2pfs --help\"", argv[0]);
    }
    code = check_arguments(cli, v, p.used, argc - 1);
    return code != 0 ? code : run(cli, v, argc - 1, argv + 1);
}

int
main(int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = on_signal};
    struct cli cli = {.wait_ms = WAIT_DEFAULT_MS, .percent = -1};
    int code;

    /* The first one ends the work in good order, a second one kills. */
    sa.sa_flags = (int)SA_RESETHAND;
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGTERM, &sa, NULL);
    /* A server that hangs up on TLS raises it; a reader of standard output that
     * does is seen by flush(). */
    sa.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &sa, NULL);
    code = flush(dispatch(&cli, argc, argv));
    free(cli.server_text);
    free(cli.store_default);
    return code;
}
