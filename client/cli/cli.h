/*
 * client/cli/cli.h: the parts of the p2pfs command.
 *
 * A verb is a row of the table in main.c and a function here. It is given the
 * options, an open client, and the arguments behind it; what it returns is the
 * exit code. Data goes to stdout, all else to stderr.
 */

#ifndef P2PFS_CLIENT_CLI_H
#define P2PFS_CLIENT_CLI_H

#include <stddef.h>
#include <stdint.h>

#include "client/p2pfs.h"

struct cli {
    /* options */
    const char *server[P2PFS_CLIENT_SERVERS_MAX];
    size_t n_servers;
    char *server_text; /* holds those of P2PFS_SERVER */
    const char *store;
    char *store_default; /* holds store, where it was not given */
    const char *id;
    const char *output;
    struct p2pfs_client_trust trust;
    int has_root;
    int has_count;
    int json;
    int quiet;
    uint32_t wait_ms;
    /* the rest */
    struct p2pfs_client *client;
    int progress_shown; /* a progress line stands on the terminal */
    enum p2pfs_client_phase phase;
    int percent;
};

/* verbs */
int cli_put(struct cli *cli, int argc, char **argv);
int cli_get(struct cli *cli, int argc, char **argv);
int cli_verify(struct cli *cli, int argc, char **argv);
int cli_ls(struct cli *cli, int argc, char **argv);
int cli_status(struct cli *cli, int argc, char **argv);

/*
 * environment.c: what the options leave open. 1, or 0 after saying what is
 * wrong.
 */
int cli_read_environment(struct cli *cli);

/* Makes the directory of the default store; 0 after saying why not. */
int cli_make_store_dir(const struct cli *cli);

/*
 * files.c: the files of a put, in order. A directory stands for the regular
 * files below it, symbolic links followed, sorted by path (bytes).
 */
struct cli_files {
    char **path;
    size_t n;
    size_t cap;
};

/* 1, or 0 after saying what is wrong. fini in both cases. */
int cli_files_add(struct cli_files *f, const char *path);
void cli_files_fini(struct cli_files *f);

#define CLI_ERROR_MAX 1400

/* output.c: words for people on stderr. cli_error returns `code`. */
int cli_error(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The client's last failure, with a hint, as text or as JSON. Its exit code. */
int cli_failed(struct cli *cli, enum p2pfs_outcome outcome);

/* Callbacks of the client; ctx is the struct cli. */
void cli_progress(void *ctx, enum p2pfs_client_phase phase, uint64_t done,
    uint64_t total);
void cli_notice(void *ctx, const char *text);
void cli_end_progress(struct cli *cli);

/* output.c: data on stdout. */
#define CLI_HEX_MAX (2 + 2 * P2PFS_CLIENT_HASH_BYTES + 1)
const char *cli_hex(const uint8_t *hash, char out[CLI_HEX_MAX]); /* with 0x */
void cli_json_string(const char *s); /* with its quotes */

/* The trust given by --root and --count, NULL: the record's. */
const struct p2pfs_client_trust *cli_trust(const struct cli *cli);

#endif
