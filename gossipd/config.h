/*
 * gossipd/config.h: the configuration, from a file, the environment and flags.
 *
 * The file has lines `name value;`, comments from # to the end of the line and
 * values with blanks or ; in double quotes. Every name is also a flag
 * (--name value, --name=value; - and _ are the same in it) and an environment
 * variable (P2PFS_NAME). A flag wins over the environment, the environment over
 * the file. Names that may be repeated (peer, allow) take a list with commas or
 * blanks in the environment, and one source replaces the others whole. An
 * unknown name, a second value or a bad one is an error that says where.
 *
 * docs/configuration.md has the table of names.
 */

#ifndef P2PFS_GOSSIPD_CONFIG_H
#define P2PFS_GOSSIPD_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "gossipd/link.h"
#include "gossipd/log.h"
#include "gossipd/mesh.h"

#define CONFIG_PEERS_MAX 256
#define CONFIG_ALLOW_MAX 4096
#define CONFIG_DETAIL_ROOM 512

struct config {
    char *dir;
    char *db;           /* where the file is silent: DIR/store.db */
    char *socket;       /* DIR/gossipd.sock */
    char *node_key;     /* DIR/node.key */
    char *network_key;  /* DIR/network.key */
    char *open_network; /* NULL: closed */
    char *status;       /* DIR/gossipd.status */
    char *pid;          /* DIR/gossipd.pid */
    char *log;          /* NULL: stderr */
    char *listen_host;
    uint16_t listen_port;
    enum log_level log_level;
    uint64_t store_max; /* bytes, 0: no limit but the disk */
    uint64_t free_min;  /* bytes of the disk that stay free */
    uint64_t ballast;   /* bytes kept for the checkpoint on a full disk */
    uint64_t scrub_bytes_per_second;
    uint64_t links_max;
    uint64_t channel_requests_max; /* of one worker in flight */
    uint64_t channel_bytes_max;
    uint64_t queue_bytes_max; /* of the writer */

    struct link_peer *peers;
    size_t n_peers;
    uint8_t (*allow)[NODE_ID_BYTES];
    size_t n_allow;

    struct mesh_params mesh;
};

/* What the command line asks for besides options. */
enum config_action {
    CONFIG_RUN,
    CONFIG_TEST,            /* -t */
    CONFIG_HELP,            /* --help */
    CONFIG_VERSION,         /* --version */
    CONFIG_NODE_ID,         /* --node-id */
    CONFIG_CHECK_STORE,     /* --check-store */
    CONFIG_BACKUP,          /* --backup PATH */
    CONFIG_MAKE_NETWORK_KEY /* --make-network-key PATH */
};

struct config_call {
    enum config_action action;
    const char *file;   /* -c FILE, or NULL */
    const char *target; /* --make-network-key PATH, --backup PATH */
};

/*
 * Reads all sources into c. USAGE with words in detail. c is always safe for
 * config_fini. env: as in main's third argument, or NULL.
 */
enum p2pfs_err config_read(struct config *c, struct config_call *call, int argc,
    char *const argv[], char *const env[], char detail[CONFIG_DETAIL_ROOM])
    P2PFS_MUST_CHECK;

void config_fini(struct config *c);

/*
 * The names, for --help and for the test that compares them with
 * docs/configuration.md: NULL past the last one.
 */
const char *config_name(size_t i, const char **value, const char **help);

#endif
