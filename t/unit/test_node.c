/*
 * Guards the start and the stop of a node: each part that cannot start says so
 * in the log, by the name of what is wrong, and what had started is gone
 * afterwards, so that the next start finds everything free.
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gossipd/config.h"
#include "gossipd/identity.h"
#include "gossipd/node.h"
#include "gossipd/store.h"
#include "t/unit/testing.h"

struct world {
    char dir[64];
    char log_path[96];
    char key[96];
    char db[96];
    char listen[32];
    struct config config;
    struct log *log;
};

/* Bound, so that nobody else gets it; not listening. */
static int
hold_port(struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(w->listen, sizeof(w->listen), "127.0.0.1:%u",
        ntohs(a.sin_port));
    return fd;
}

static void
configure(struct world *w)
{
    char *argv[] = {(char *)(uintptr_t) "gossipd", (char *)(uintptr_t) "--dir",
        w->dir, (char *)(uintptr_t) "--listen", w->listen,
        (char *)(uintptr_t) "--ballast", (char *)(uintptr_t) "0"};
    char detail[CONFIG_DETAIL_ROOM];
    struct config_call call;

    assert_int_equal(config_read(&w->config, &call, COUNT(argv), argv, NULL,
                         detail),
        P2PFS_OK);
}

static int
start(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    uint8_t key[KEY_BYTES];
    char detail[512];

    assert_non_null(w);
    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/p2pfs-node-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    (void)snprintf(w->log_path, sizeof(w->log_path), "%.63s/log", w->dir);
    (void)snprintf(w->key, sizeof(w->key), "%.63s/network.key", w->dir);
    (void)snprintf(w->db, sizeof(w->db), "%.63s/store.db", w->dir);
    assert_int_equal(network_key_load(key, w->key, KEY_CREATE, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_int_equal(close(hold_port(w)), 0);
    configure(w);
    assert_int_equal(log_open(&w->log, w->log_path, LOG_INFO), 0);
    *state = w;
    return 0;
}

static int
stop(void **state)
{
    struct world *w = *state;
    char command[128];

    log_close(w->log);
    config_fini(&w->config);
    (void)snprintf(command, sizeof(command), "rm -rf %.63s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

/* Of this process, from /proc: those of libraries too. */
static unsigned
entries(const char *path)
{
    DIR *d = opendir(path);
    unsigned n = 0;

    assert_non_null(d);
    while (readdir(d) != NULL) {
        n++;
    }
    (void)closedir(d);
    return n;
}

static void
wait_for_threads(unsigned n)
{
    unsigned i;

    /* the resolver's ends by itself */
    for (i = 0; i < 500 && entries("/proc/self/task") > n; i++) {
        usleep(10000);
    }
    assert_int_equal(entries("/proc/self/task"), n);
}

static int
log_has(struct world *w, const char *word)
{
    static char text[65536];
    FILE *f = fopen(w->log_path, "r");
    size_t n;

    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    assert_int_equal(fclose(f), 0);
    return strstr(text, word) != NULL;
}

/* Does not start, says the words, keeps nothing. */
static void
assert_fails(struct world *w, enum p2pfs_err expected, const char *words)
{
    struct node *n = (struct node *)(uintptr_t)1;
    unsigned threads = entries("/proc/self/task");
    unsigned files = entries("/proc/self/fd");

    assert_int_equal(node_start(&n, &w->config, w->log), expected);
    assert_null(n);
    if (!log_has(w, words)) {
        fail_msg("the log has no \"%s\"", words);
    }
    wait_for_threads(threads);
    assert_int_equal(entries("/proc/self/fd"), files);
    assert_int_equal(access(w->config.socket, F_OK), -1);
}

static void
assert_starts(struct world *w)
{
    unsigned threads = entries("/proc/self/task");
    unsigned files = entries("/proc/self/fd");
    struct node *n;

    assert_int_equal(node_start(&n, &w->config, w->log), P2PFS_OK);
    assert_int_equal(access(w->config.socket, F_OK), 0);
    node_turn(n, 0);
    assert_false(node_lost(n));
    node_stop(n);
    assert_int_equal(access(w->config.socket, F_OK), -1);
    wait_for_threads(threads);
    assert_int_equal(entries("/proc/self/fd"), files);
}

/* Twice, with the same key and the same database. */
static void
test_start_and_stop(void **state)
{
    struct world *w = *state;
    char detail[512];
    struct identity a, b;

    assert_starts(w);
    assert_true(log_has(w, "node: started id="));
    assert_int_equal(identity_load(&a, w->config.node_key, KEY_REFUSE, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_starts(w);
    assert_int_equal(identity_load(&b, w->config.node_key, KEY_REFUSE, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_memory_equal(a.node_id, b.node_id, KEY_BYTES);
    node_stop(NULL);
}

static void
test_network_key(void **state)
{
    struct world *w = *state;
    FILE *f;

    assert_int_equal(chmod(w->key, 0644), 0);
    assert_fails(w, P2PFS_IO, "network.key");
    assert_int_equal(chmod(w->key, 0600), 0);
    f = fopen(w->key, "w");
    assert_non_null(f);
    assert_true(fputs("not a key\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_fails(w, P2PFS_IO, "network.key");
    assert_int_equal(unlink(w->key), 0);
    assert_fails(w, P2PFS_IO, "network.key"); /* never made by a start */
    assert_int_equal(access(w->key, F_OK), -1);
}

static void
test_node_key(void **state)
{
    struct world *w = *state;

    assert_starts(w);
    assert_int_equal(chmod(w->config.node_key, 0640), 0);
    assert_fails(w, P2PFS_IO, "node.key");
    assert_int_equal(chmod(w->config.node_key, 0600), 0);
    assert_starts(w);
}

static void
test_store(void **state)
{
    struct world *w = *state;
    FILE *f;

    f = fopen(w->db, "w");
    assert_non_null(f);
    assert_true(fputs("this is no database, whatever its name is\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_fails(w, P2PFS_STORE_SCHEMA, "cannot open store");
    assert_int_equal(unlink(w->db), 0);

    free(w->config.db);
    w->config.db = strdup("/nonexistent/p2pfs/store.db");
    assert_fails(w, P2PFS_STORE_UNAVAILABLE,
        "cannot open store \"/nonexistent/p2pfs/store.db\"");
}

/* Started last: all the others are stopped again. */
static void
test_port_in_use(void **state)
{
    struct world *w = *state;
    int fd = hold_port(w);

    assert_int_equal(listen(fd, 1), 0);
    config_fini(&w->config);
    configure(w);
    assert_fails(w, P2PFS_IO, "cannot open links on 127.0.0.1");
    assert_int_equal(close(fd), 0);
    assert_starts(w);
}

static void
test_socket(void **state)
{
    struct world *w = *state;
    FILE *f;

    free(w->config.socket);
    w->config.socket = strdup("/nonexistent/gossipd.sock");
    assert_fails(w, P2PFS_IO, "cannot listen on \"/nonexistent/gossipd.sock\"");

    /* a file that is no socket is somebody's: it stays */
    free(w->config.socket);
    assert_true(asprintf(&w->config.socket, "%s/plain", w->dir) > 0);
    f = fopen(w->config.socket, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    {
        struct node *n;

        assert_int_not_equal(node_start(&n, &w->config, w->log), P2PFS_OK);
        assert_null(n);
    }
    assert_true(log_has(w, "/plain\": "));
    assert_int_equal(access(w->config.socket, F_OK), 0);
}

/* Uploads would be acknowledged into a file that nobody finds. */
static void
test_lost_database(void **state)
{
    struct world *w = *state;
    char moved[128];
    struct node *n;
    unsigned i;

    assert_int_equal(node_start(&n, &w->config, w->log), P2PFS_OK);
    (void)snprintf(moved, sizeof(moved), "%.63s/moved.db", w->dir);
    assert_int_equal(rename(w->db, moved), 0);
    for (i = 0; i < 500 && !node_lost(n); i++) {
        node_turn(n, 10);
    }
    assert_true(node_lost(n));
    node_stop(n);
}

static void
test_open_network(void **state)
{
    struct world *w = *state;

    assert_int_equal(unlink(w->key), 0);
    w->config.open_network = strdup("a name");
    assert_starts(w);
    assert_true(log_has(w, "whoever knows the name \"a name\" may join"));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_start_and_stop),
        EACH(test_network_key),
        EACH(test_node_key),
        EACH(test_store),
        EACH(test_port_in_use),
        EACH(test_socket),
        EACH(test_lost_database),
        EACH(test_open_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
