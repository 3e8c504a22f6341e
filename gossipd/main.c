/*
 * gossipd/main.c: the command line, signals and the process: one gossipd for
 * each node's directory, in the foreground.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hex.h"
#include "core/version.h"
#include "gossipd/check.h"
#include "gossipd/config.h"
#include "gossipd/identity.h"
#include "gossipd/log.h"
#include "gossipd/node.h"

#define TURN_MS 1000
#define REOPEN_MS 1000
#define FILES_BESIDE_LINKS 1024
#define FILES_PER_LINK 8

static void
print_help(void)
{
    const char *name, *value, *help;
    size_t i;

    (void)printf("usage: gossipd [-c FILE] [-t] [--NAME VALUE]...\n"
                 "       gossipd --make-network-key PATH\n"
                 "       gossipd [-c FILE] --node-id | --check-store |"
                 " --backup PATH\n\n"
                 "  -c FILE  configuration, lines of `name value;`\n"
                 "  -t       check the configuration and exit\n"
                 "  --make-network-key PATH\n"
                 "           make a network's key where there is none\n"
                 "  --node-id  print this node's id (its key is made where "
                 "there is none)\n"
                 "  --check-store  reads and hashes everything that is "
                 "stored\n"
                 "  --backup PATH  makes a checked copy of the database\n"
                 "  --help, --version\n\n"
                 "names, in the file, as flags and as P2PFS_NAME in the "
                 "environment:\n");
    for (i = 0; (name = config_name(i, &value, &help)) != NULL; i++) {
        (void)printf("  %-20s %-12s %s\n", name, value, help);
    }
}

static int
make_network_key(const char *path)
{
    uint8_t key[KEY_BYTES];
    char detail[CONFIG_DETAIL_ROOM];
    enum p2pfs_err err;

    err = network_key_load(key, path, KEY_CREATE, detail, sizeof(detail));
    if (err != P2PFS_OK) {
        (void)fprintf(stderr, "gossipd: %s\n", detail);
    }
    explicit_bzero(key, sizeof(key));
    return p2pfs_err_row(err)->exit_code;
}

static int
print_node_id(const struct config *c)
{
    char detail[CONFIG_DETAIL_ROOM], hex[2 * KEY_BYTES];
    struct identity id;
    enum p2pfs_err err;

    err = identity_load(&id, c->node_key, KEY_CREATE, detail, sizeof(detail));
    if (err != P2PFS_OK) {
        (void)fprintf(stderr, "gossipd: %s\n", detail);
        return p2pfs_err_row(err)->exit_code;
    }
    p2pfs_hex_encode(hex, id.node_id, KEY_BYTES);
    (void)printf("%.*s\n", (int)sizeof(hex), hex);
    identity_wipe(&id);
    return 0;
}

/* A link that this node dialled has two connections of four descriptors. */
static void
raise_file_limit(const struct config *c, struct log *log)
{
    rlim_t want = FILES_BESIDE_LINKS + FILES_PER_LINK * (rlim_t)c->links_max;
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= want) {
        return;
    }
    lim.rlim_cur = lim.rlim_max < want ? lim.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur < want) {
        log_warn(log, "limit of open files is %llu, \"links_max\" wants %llu",
            (unsigned long long)lim.rlim_cur, (unsigned long long)want);
    }
}

/* The lock that keeps a second gossipd off the store is on its directory: any
 * descriptor of the database itself, once closed, would drop SQLite's locks. */
static int
lock_store(const struct config *c, struct log *log)
{
    char *path, *slash;
    int fd;

    path = strdup(c->db);
    if (path == NULL) {
        return -1;
    }
    slash = strrchr(path, '/');
    if (slash != NULL) {
        slash[slash == path] = '\0';
    }
    fd = open(slash == NULL ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1) {
        log_error(log, "cannot open the directory of \"%s\": %s", c->db,
            strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        log_error(log, "another gossipd has \"%s\"", c->db);
        (void)close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

static int
write_pid_file(const struct config *c, struct log *log)
{
    FILE *f;
    int bad;

    f = fopen(c->pid, "we");
    bad = f == NULL;
    if (f != NULL) {
        bad = fprintf(f, "%ld\n", (long)getpid()) < 0;
        bad = fclose(f) != 0 || bad;
    }
    if (bad) {
        log_error(log, "cannot write \"%s\": %s", c->pid, strerror(errno));
        return -1;
    }
    return 0;
}

/* All threads inherit the mask; the router's wait ends when one comes. */
static int
open_signals(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

struct process {
    int argc;
    char *const *argv;
    char *const *env;
    struct log *log;
    struct node *node;
    int signals;
};

/* SIGHUP: peers, store_max and log level; the rest waits for a restart. */
static void
reread(struct process *p)
{
    char detail[CONFIG_DETAIL_ROOM];
    struct config_call call;
    struct config c;

    if (config_read(&c, &call, p->argc, p->argv, p->env, detail) != P2PFS_OK) {
        log_error(p->log, "configuration stays as it was: %s", detail);
    } else if (p->node == NULL) {
        log_warn(p->log, "configuration: not read again, the database is lost");
    } else {
        log_set_level(p->log, c.log_level);
        node_reread(p->node, &c);
        log_info(p->log, "configuration: read again, peers=%zu", c.n_peers);
    }
    config_fini(&c);
}

/* 1: stop. */
static int
take_signals(struct process *p)
{
    struct signalfd_siginfo info;

    while (read(p->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        switch (info.ssi_signo) {
        case SIGHUP: reread(p); break;
        case SIGUSR1:
            if (log_reopen(p->log) != 0) {
                log_error(p->log, "cannot open the log again: %s",
                    strerror(errno));
            }
            break;
        default:
            log_info(p->log, "node: stopping on signal %u", info.ssi_signo);
            return 1;
        }
    }
    return 0;
}

/*
 * A database that is lost is waited for, with the socket closed, so that
 * workers answer 503. Never does this make a new one: that is for the first
 * start alone. 0: told to stop.
 */
static int
find_store(struct process *p, const struct config *c)
{
    struct pollfd pfd = {.fd = p->signals, .events = POLLIN};

    node_stop(p->node);
    p->node = NULL;
    (void)unlink(c->status);
    log_warn(p->log, "node: waits for the database \"%s\"", c->db);
    for (;;) {
        (void)poll(&pfd, 1, REOPEN_MS);
        if (take_signals(p)) {
            return 0;
        }
        if (access(c->db, F_OK) == 0
            && node_start(&p->node, c, p->log) == P2PFS_OK) {
            node_watch(p->node, p->signals);
            reread(p); /* the peers of the last SIGHUP, not of the start */
            return 1;
        }
    }
}

static void
serve(struct process *p, const struct config *c)
{
    node_watch(p->node, p->signals);
    while (!take_signals(p)) {
        node_turn(p->node, TURN_MS);
        if (node_lost(p->node) && !find_store(p, c)) {
            return;
        }
    }
}

static int
run(struct process *p, const struct config *c)
{
    enum p2pfs_err err;
    int lock;

    (void)umask(0027);
    raise_file_limit(c, p->log);
    p->signals = open_signals();
    if (p->signals == -1) {
        log_error(p->log, "cannot take signals: %s", strerror(errno));
        return P2PFS_EXIT_OTHER;
    }
    lock = lock_store(c, p->log);
    if (lock == -1 || write_pid_file(c, p->log) != 0) {
        (void)close(p->signals);
        return P2PFS_EXIT_OTHER;
    }
    err = node_start(&p->node, c, p->log);
    if (err == P2PFS_OK) {
        serve(p, c);
        node_stop(p->node);
        (void)unlink(c->status);
        log_info(p->log, "node: stopped");
    }
    (void)unlink(c->pid);
    (void)close(lock);
    (void)close(p->signals);
    return p2pfs_err_row(err)->exit_code;
}

static int
act(struct process *p, const struct config *c, const struct config_call *call)
{
    int rc;

    switch (call->action) {
    case CONFIG_HELP: print_help(); return 0;
    case CONFIG_VERSION: (void)printf("gossipd %s\n", P2PFS_VERSION); return 0;
    case CONFIG_TEST:
        (void)fprintf(stderr, "gossipd: configuration is good\n");
        return 0;
    case CONFIG_NODE_ID: return print_node_id(c);
    case CONFIG_CHECK_STORE: return check_store(c->db);
    case CONFIG_BACKUP: return backup_store(c->db, call->target);
    case CONFIG_MAKE_NETWORK_KEY: return make_network_key(call->target);
    case CONFIG_RUN: break;
    }
    if (log_open(&p->log, c->log, c->log_level) != 0) {
        (void)fprintf(stderr, "gossipd: cannot open log \"%s\": %s\n", c->log,
            strerror(errno));
        return P2PFS_EXIT_OTHER;
    }
    rc = run(p, c);
    log_close(p->log);
    return rc;
}

int
main(int argc, char *argv[], char *envp[])
{
    struct process p = {.argc = argc, .argv = argv, .env = envp};
    char detail[CONFIG_DETAIL_ROOM];
    struct config_call call;
    struct config c;
    enum p2pfs_err err;
    int rc;

    err = config_read(&c, &call, argc, argv, envp, detail);
    if (err != P2PFS_OK) {
        (void)fprintf(stderr, "gossipd: %s\n", detail);
        rc = p2pfs_err_row(err)->exit_code;
    } else {
        rc = act(&p, &c, &call);
    }
    config_fini(&c);
    return rc;
}
