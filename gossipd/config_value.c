/*
 * gossipd/config_value.c: the names of the configuration and what their values
 * may be.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "gossipd/config_int.h"

enum type {
    TYPE_STRING,
    TYPE_NUMBER, /* unsigned */
    TYPE_SIZE,   /* uint64_t, with k, m, g */
    TYPE_LEVEL,
    TYPE_LISTEN,
    TYPE_PEER,
    TYPE_NODE
};

struct option {
    const char *name;
    enum type type;
    size_t offset;
    uint64_t min;
    uint64_t max;
    const char *value; /* what stands behind the name in --help */
    const char *help;
};

#define AT(member) offsetof(struct config, member)
#define MESH(member) offsetof(struct config, mesh.member)

static const struct option options[] = {
    {"dir", TYPE_STRING, AT(dir), 0, 0, "PATH",
        "directory of the node's files (.)"},
    {"db", TYPE_STRING, AT(db), 0, 0, "PATH", "database (DIR/store.db)"},
    {"socket", TYPE_STRING, AT(socket), 0, 0, "PATH",
        "socket for nginx's workers (DIR/gossipd.sock)"},
    {"node_key", TYPE_STRING, AT(node_key), 0, 0, "PATH",
        "key of this node, made on the first start (DIR/node.key)"},
    {"network_key", TYPE_STRING, AT(network_key), 0, 0, "PATH",
        "key of the network, the same on all nodes (DIR/network.key)"},
    {"open_network", TYPE_STRING, AT(open_network), 0, 0, "NAME",
        "no network key: whoever knows the name may join; needs store_max"},
    {"status", TYPE_STRING, AT(status), 0, 0, "PATH",
        "file that tells the state (DIR/gossipd.status)"},
    {"pid", TYPE_STRING, AT(pid), 0, 0, "PATH",
        "file with the process id (DIR/gossipd.pid)"},
    {"log", TYPE_STRING, AT(log), 0, 0, "PATH", "log file (stderr)"},
    {"log_level", TYPE_LEVEL, AT(log_level), 0, 0, "LEVEL",
        "error, warn, info or debug (info)"},
    {"listen", TYPE_LISTEN, AT(listen_host), 0, 0, "ADDR:PORT",
        "where other nodes connect (*:9081)"},
    {"peer", TYPE_PEER, AT(peers), 0, 0, "HOST:PORT",
        "a node to connect to; repeatable"},
    {"allow", TYPE_NODE, AT(allow), 0, 0, "NODEID",
        "only nodes named so may link; repeatable (all of the network)"},
    {"store_max", TYPE_SIZE, AT(store_max), 0, UINT64_MAX, "SIZE",
        "largest database, with k, m or g; 0: the disk (0)"},
    {"free_min", TYPE_SIZE, AT(free_min), 0, UINT64_MAX, "SIZE",
        "no upload is taken where the disk has less room left (64m)"},
    {"ballast", TYPE_SIZE, AT(ballast), 0, 1u << 30, "SIZE",
        "file that is given up when the disk is full after all (32m)"},
    {"scrub_bytes_per_second", TYPE_SIZE, AT(scrub_bytes_per_second), 0,
        1u << 30, "SIZE", "how fast stored files are checked; 0: never (4m)"},
    {"links_max", TYPE_SIZE, AT(links_max), 1, 1024, "NUMBER",
        "most links at a time (64)"},
    {"channel_requests_max", TYPE_SIZE, AT(channel_requests_max), 1, 65536,
        "NUMBER", "uploads in flight from one nginx worker (1024)"},
    {"channel_bytes_max", TYPE_SIZE, AT(channel_bytes_max), 2u << 20, 1u << 30,
        "SIZE", "bytes of them (32m)"},
    {"queue_bytes_max", TYPE_SIZE, AT(queue_bytes_max), 4u << 20, 1u << 30,
        "SIZE", "bytes that wait to be written (64m)"},
    {"mesh_d", TYPE_NUMBER, MESH(d), 0, 64, "NUMBER",
        "mesh links that a node wants (6)"},
    {"mesh_d_lo", TYPE_NUMBER, MESH(d_lo), 0, 64, "NUMBER",
        "below this it grafts more (5)"},
    {"mesh_d_hi", TYPE_NUMBER, MESH(d_hi), 0, 128, "NUMBER",
        "above this it prunes some (12)"},
    {"mesh_d_lazy", TYPE_NUMBER, MESH(d_lazy), 0, 128, "NUMBER",
        "peers outside the mesh told of ids by each heartbeat (6)"},
    {"mesh_d_out", TYPE_NUMBER, MESH(d_out), 0, 64, "NUMBER",
        "mesh links that this node dialled, at least (2)"},
    {"heartbeat_ms", TYPE_NUMBER, MESH(heartbeat_ms), 50, 60000, "MILLISECONDS",
        "time between heartbeats (1000)"},
    {"prune_backoff_ms", TYPE_NUMBER, MESH(prune_backoff_ms), 0, 3600000,
        "MILLISECONDS", "no new GRAFT so long after a PRUNE (10000)"},
    {"seen_ttl_ms", TYPE_NUMBER, MESH(seen_ttl_ms), 1000, 3600000,
        "MILLISECONDS", "ids are remembered so long (120000)"},
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

_Static_assert(N_OPTIONS < CONFIG_NAMES_MAX, "room for all names");

static enum p2pfs_err
read_number(const char *text, int suffix, uint64_t *out)
{
    char *end;
    uint64_t v, unit;

    if (!isdigit((unsigned char)text[0])) {
        return P2PFS_USAGE;
    }
    errno = 0;
    v = strtoull(text, &end, 10);
    if (errno != 0) {
        return P2PFS_USAGE;
    }

    unit = 1;
    if (suffix && *end != '\0') {
        switch (*end++) {
        case 'k':
        case 'K': unit = 1024; break;
        case 'm':
        case 'M': unit = 1024 * 1024; break;
        case 'g':
        case 'G': unit = 1024 * 1024 * 1024; break;
        default: return P2PFS_USAGE;
        }
    }
    if (*end != '\0' || v > UINT64_MAX / unit) {
        return P2PFS_USAGE;
    }
    *out = v * unit;
    return P2PFS_OK;
}

/* "host:port", "[::1]:port"; host is malloc'ed. */
static enum p2pfs_err
read_address(const char *text, char **host, uint16_t *port)
{
    const char *colon, *first, *last;
    uint64_t v;

    colon = strrchr(text, ':');
    if (colon == NULL || colon == text
        || read_number(colon + 1, 0, &v) != P2PFS_OK || v == 0 || v > 65535) {
        return P2PFS_USAGE;
    }

    first = text;
    last = colon;
    if (*first == '[') {
        first++;
        last--;
        if (last <= first || *last != ']') {
            return P2PFS_USAGE;
        }
    } else if (memchr(first, ':', (size_t)(last - first)) != NULL) {
        return P2PFS_USAGE; /* an IPv6 address, perhaps without a port */
    }
    if (last - first > 253) {
        return P2PFS_USAGE;
    }

    free(*host);
    *host = strndup(first, (size_t)(last - first));
    *port = (uint16_t)v;
    return *host == NULL ? P2PFS_NO_MEMORY : P2PFS_OK;
}

static void
drop_peers(struct config *c)
{
    size_t i;

    for (i = 0; i < c->n_peers; i++) {
        free((char *)(uintptr_t)c->peers[i].host);
    }
    free(c->peers);
    c->peers = NULL;
    c->n_peers = 0;
}

static enum p2pfs_err
add_peer(struct config *c, const char *text)
{
    struct link_peer *p;
    char *host;
    uint16_t port;
    enum p2pfs_err err;

    if (c->n_peers == CONFIG_PEERS_MAX) {
        return P2PFS_LIMIT;
    }
    host = NULL;
    err = read_address(text, &host, &port);
    if (err != P2PFS_OK) {
        return err;
    }
    p = realloc(c->peers, (c->n_peers + 1) * sizeof(*p));
    if (p == NULL) {
        free(host);
        return P2PFS_NO_MEMORY;
    }
    p[c->n_peers].host = host;
    p[c->n_peers].port = port;
    c->peers = p;
    c->n_peers++;
    return P2PFS_OK;
}

static enum p2pfs_err
add_node(struct config *c, const char *text)
{
    struct p2pfs_hash id;
    uint8_t(*p)[NODE_ID_BYTES];

    if (c->n_allow == CONFIG_ALLOW_MAX) {
        return P2PFS_LIMIT;
    }
    if (p2pfs_hash_parse(&id, text, strlen(text)) != P2PFS_OK) {
        return P2PFS_USAGE;
    }
    p = realloc(c->allow, (c->n_allow + 1) * sizeof(*p));
    if (p == NULL) {
        return P2PFS_NO_MEMORY;
    }
    memcpy(p[c->n_allow], id.b, NODE_ID_BYTES);
    c->allow = p;
    c->n_allow++;
    return P2PFS_OK;
}

static enum p2pfs_err
set_string(char **at, const char *text)
{
    char *copy;

    if (text[0] == '\0') {
        return P2PFS_USAGE;
    }
    copy = strdup(text);
    if (copy == NULL) {
        return P2PFS_NO_MEMORY;
    }
    free(*at);
    *at = copy;
    return P2PFS_OK;
}

static enum p2pfs_err
set_level(enum log_level *at, const char *text)
{
    static const char *const name[] = {"error", "warn", "info", "debug"};
    unsigned i;

    for (i = 0; i < 4; i++) {
        if (strcmp(text, name[i]) == 0) {
            *at = (enum log_level)i;
            return P2PFS_OK;
        }
    }
    return P2PFS_USAGE;
}

enum p2pfs_err
config_set(struct config *c, size_t i, const char *text)
{
    const struct option *o = &options[i];
    void *at = (char *)c + o->offset;
    enum p2pfs_err err;
    uint64_t v;

    switch (o->type) {
    case TYPE_STRING: return set_string(at, text);
    case TYPE_LEVEL: return set_level(at, text);
    case TYPE_LISTEN:
        return read_address(text, &c->listen_host, &c->listen_port);
    case TYPE_PEER: return add_peer(c, text);
    case TYPE_NODE: return add_node(c, text);
    case TYPE_NUMBER:
    case TYPE_SIZE:
        err = read_number(text, o->type == TYPE_SIZE, &v);
        if (err != P2PFS_OK || v < o->min || v > o->max) {
            return P2PFS_USAGE;
        }
        if (o->type == TYPE_SIZE) {
            *(uint64_t *)at = v;
        } else {
            *(unsigned *)at = (unsigned)v;
        }
        return P2PFS_OK;
    }
    return P2PFS_USAGE;
}

size_t
config_find(const char *name, size_t len)
{
    size_t i, j;

    for (i = 0; i < N_OPTIONS; i++) {
        if (strlen(options[i].name) != len) {
            continue;
        }
        for (j = 0; j < len; j++) {
            if (options[i].name[j] != (name[j] == '-' ? '_' : name[j])) {
                break;
            }
        }
        if (j == len) {
            return i;
        }
    }
    return CONFIG_NAMES_MAX;
}

int
config_is_list(size_t i)
{
    const struct option *o = &options[i];

    return o->type == TYPE_PEER || o->type == TYPE_NODE;
}

void
config_clear_list(struct config *c, size_t i)
{
    if (options[i].type == TYPE_PEER) {
        drop_peers(c);
    } else {
        free(c->allow);
        c->allow = NULL;
        c->n_allow = 0;
    }
}

void
config_numbers(struct config *c)
{
    c->log_level = LOG_INFO;
    c->free_min = 64u << 20;
    c->ballast = 32u << 20;
    c->scrub_bytes_per_second = 4u << 20;
    c->links_max = 64;
    c->channel_requests_max = 1024;
    c->channel_bytes_max = 32u << 20;
    c->queue_bytes_max = 64u << 20;
    mesh_params_default(&c->mesh);
    c->mesh.prune_backoff_ms = 10000;
    c->mesh.unsubscribe_backoff_ms = 2000;
}

static enum p2pfs_err
default_path(char **at, const char *dir, const char *name)
{
    if (*at == NULL && asprintf(at, "%s/%s", dir, name) == -1) {
        *at = NULL;
        return P2PFS_NO_MEMORY;
    }
    return P2PFS_OK;
}

enum p2pfs_err
config_fill(struct config *c)
{
    if ((c->dir == NULL && set_string(&c->dir, ".") != P2PFS_OK)
        || (c->listen_host == NULL
            && read_address("*:9081", &c->listen_host, &c->listen_port)
                != P2PFS_OK)
        || default_path(&c->db, c->dir, "store.db") != P2PFS_OK
        || default_path(&c->socket, c->dir, "gossipd.sock") != P2PFS_OK
        || default_path(&c->node_key, c->dir, "node.key") != P2PFS_OK
        || default_path(&c->network_key, c->dir, "network.key") != P2PFS_OK
        || default_path(&c->status, c->dir, "gossipd.status") != P2PFS_OK
        || default_path(&c->pid, c->dir, "gossipd.pid") != P2PFS_OK) {
        return P2PFS_NO_MEMORY;
    }
    return P2PFS_OK;
}

void
config_fini(struct config *c)
{
    free(c->dir);
    free(c->db);
    free(c->socket);
    free(c->node_key);
    free(c->network_key);
    free(c->open_network);
    free(c->status);
    free(c->pid);
    free(c->log);
    free(c->listen_host);
    drop_peers(c);
    free(c->allow);
    memset(c, 0, sizeof(*c));
}

const char *
config_name(size_t i, const char **value, const char **help)
{
    if (i >= N_OPTIONS) {
        return NULL;
    }
    *value = options[i].value;
    *help = options[i].help;
    return options[i].name;
}
