/*
 * client/cli/output.c: how the command speaks: errors and progress on stderr,
 * hex and JSON on stdout.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "core/hex.h"
#include "core/text.h"

int
cli_error(int code, const char *fmt, ...)
{
    char text[CLI_ERROR_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)fprintf(stderr, "p2pfs: %s\n", text);
    return code;
}

static void
print_json(FILE *to, const char *s)
{
    char buf[8 * CLI_ERROR_MAX];
    struct p2pfs_text t;

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_text_json(&t, s, strlen(s));
    (void)fwrite(t.p, 1, t.len, to);
}

void
cli_json_string(const char *s)
{
    print_json(stdout, s);
}

/* How to go on, where the failure alone does not say it. */
static const char *
hint(const char *code)
{
    if (strcmp(code, "no-record") == 0) {
        return "; to go on without one give --root HEX and --count N, both"
               " from someone you trust (\"p2pfs ls\" where the set was put"
               " shows them)";
    }
    if (strcmp(code, "not-verified") == 0) {
        return ". Nothing of it was kept. Do not use what this server sends;"
               " ask another one (-s URL)";
    }
    if (strcmp(code, "set-exists") == 0
        || strcmp(code, "set-count-conflict") == 0
        || strcmp(code, "file-conflict") == 0) {
        return "; put these files under another --id";
    }
    return "";
}

int
cli_failed(struct cli *cli, enum p2pfs_outcome outcome)
{
    const char *code = p2pfs_client_errcode(cli->client);
    char text[CLI_ERROR_MAX];

    cli_end_progress(cli);
    (void)snprintf(text, sizeof(text), "%s%s", p2pfs_client_errmsg(cli->client),
        hint(code));
    if (!cli->json) {
        return cli_error((int)outcome, "%s", text);
    }
    (void)fprintf(stderr, "{\"error\":\"%s\",\"exit\":%d,\"message\":", code,
        (int)outcome);
    print_json(stderr, text);
    (void)fprintf(stderr, "}\n");
    return (int)outcome;
}

void
cli_end_progress(struct cli *cli)
{
    if (cli->progress_shown) {
        (void)fprintf(stderr, "\r\033[K");
        cli->progress_shown = 0;
    }
}

void
cli_progress(void *ctx, enum p2pfs_client_phase phase, uint64_t done,
    uint64_t total)
{
    static const char *const names[] = {"hashing", "uploading", "fetching"};
    struct cli *cli = ctx;
    int percent = (int)(done * 100 / total);

    if (cli->quiet || cli->json || !isatty(STDERR_FILENO)
        || (phase == cli->phase && percent == cli->percent)) {
        return;
    }
    cli->phase = phase;
    cli->percent = percent;
    cli->progress_shown = 1;
    (void)fprintf(stderr, "\r%s %llu/%llu (%d%%)\033[K", names[phase],
        (unsigned long long)done, (unsigned long long)total, percent);
}

void
cli_notice(void *ctx, const char *text)
{
    struct cli *cli = ctx;

    cli_end_progress(cli);
    if (!cli->quiet && !cli->json) {
        (void)fprintf(stderr, "p2pfs: %s\n", text);
    }
}

const char *
cli_hex(const uint8_t *hash, char out[CLI_HEX_MAX])
{
    out[0] = '0';
    out[1] = 'x';
    p2pfs_hex_encode(out + 2, hash, P2PFS_CLIENT_HASH_BYTES);
    out[CLI_HEX_MAX - 1] = '\0';
    return out;
}

const struct p2pfs_client_trust *
cli_trust(const struct cli *cli)
{
    return cli->has_root ? &cli->trust : NULL;
}
