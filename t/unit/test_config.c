/*
 * The configuration: which source wins, and that every mistake is an error
 * that says where it is. A name that is silently ignored would run a node in
 * another network or with another limit than its operator believes.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gossipd/config.h"

#define FILE_NAME "/tmp/p2pfs-test-config-XXXXXX"

struct fixture {
    struct config c;
    struct config_call call;
    char detail[CONFIG_DETAIL_ROOM];
};

static char *
word(const char *s)
{
    return (char *)(uintptr_t)s;
}

static enum p2pfs_err
run(struct fixture *f, const char *file, char *const env[], const char *a,
    const char *b)
{
    char path[] = FILE_NAME;
    char *argv[8];
    enum p2pfs_err err;
    int argc, fd;

    argc = 0;
    argv[argc++] = word("gossipd");
    fd = -1;
    if (file != NULL) {
        fd = mkstemp(path);
        assert_true(fd != -1);
        assert_int_equal(write(fd, file, strlen(file)), strlen(file));
        argv[argc++] = word("-c");
        argv[argc++] = path;
    }
    if (a != NULL) {
        argv[argc++] = word(a);
    }
    if (b != NULL) {
        argv[argc++] = word(b);
    }
    err = config_read(&f->c, &f->call, argc, argv, env, f->detail);
    if (fd != -1) {
        (void)close(fd);
        (void)unlink(path);
    }
    return err;
}

static void
test_defaults(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(run(&f, NULL, NULL, NULL, NULL), P2PFS_OK);
    assert_string_equal(f.c.db, "./store.db");
    assert_string_equal(f.c.socket, "./gossipd.sock");
    assert_string_equal(f.c.listen_host, "*");
    assert_int_equal(f.c.listen_port, 9081);
    assert_null(f.c.log);
    assert_int_equal(f.c.mesh.d, 6);
    assert_int_equal(f.call.action, CONFIG_RUN);
    config_fini(&f.c);
}

static void
test_sources(void **state)
{
    char *env[] = {word("P2PFS_LOG_LEVEL=debug"), word("P2PFS_PEER=x:1, y:2"),
        word("P2PFS_DIR=/from/env"), word("P2PFS_SERVER=not-of-gossipd"), NULL};
    struct fixture f;

    (void)state;
    assert_int_equal(run(&f,
                         "# comment\n"
                         "dir \"/from/the file\"; log_level error;\n"
                         "peer a:9; peer b:8;peer [::1]:7;\n"
                         "store_max 3g;\n"
                         "mesh_d_lazy 9;",
                         env, "--dir=/from/flag", "--mesh-d-hi=13"),
        P2PFS_OK);
    assert_string_equal(f.c.dir, "/from/flag");
    assert_string_equal(f.c.db, "/from/flag/store.db");
    assert_int_equal(f.c.log_level, LOG_DEBUG);
    assert_int_equal(f.c.n_peers, 2);
    assert_string_equal(f.c.peers[1].host, "y");
    assert_int_equal(f.c.peers[1].port, 2);
    assert_true(f.c.store_max == (uint64_t)3 << 30);
    assert_int_equal(f.c.mesh.d_lazy, 9);
    assert_int_equal(f.c.mesh.d_hi, 13);
    config_fini(&f.c);

    assert_int_equal(run(&f, "peer a:9;\npeer [::1]:7;\n", NULL, "-t", NULL),
        P2PFS_OK);
    assert_int_equal(f.call.action, CONFIG_TEST);
    assert_int_equal(f.c.n_peers, 2);
    assert_string_equal(f.c.peers[1].host, "::1");
    config_fini(&f.c);
}

static void
test_mistakes(void **state)
{
    static const struct {
        const char *file;
        const char *words;
    } row[] = {
        {"dir /x;\nlogg y;\n", ":2: unknown name \"logg\""},
        {"dir /x;\ndir /y;\n", ":2: \"dir\" is set twice"},
        {"dir /x", "expected ; behind"},
        {"dir;", "expected a value for \"dir\""},
        {"dir \"x\ny\";", "expected a value for \"dir\""},
        {"dir \"\";", "bad value"},
        {"listen 80;", "bad value \"80\" for \"listen\""},
        {"listen a:0;", "bad value"},
        {"listen a:65536;", "bad value"},
        {"peer :5;", "bad value"},
        {"peer [::1:5;", "bad value"},
        {"store_max -1;", "bad value"},
        {"store_max 1t;", "bad value"},
        {"store_max 99999999999999999999;", "bad value"},
        {"store_max 17179869184g;", "bad value"},
        {"log_level loud;", "bad value"},
        {"allow 1234;", "bad value"},
        {"heartbeat_ms 1;", "bad value"},
        {"mesh_d 100;", "bad value"},
        {"mesh_d_lo 7;", "mesh_d_lo"},
        {"open_network x;", "needs \"store_max\""},
        {"{ ", ": unknown name"},
        {";", ": expected a name"},
    };
    struct fixture f;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        assert_int_equal(run(&f, row[i].file, NULL, NULL, NULL), P2PFS_USAGE);
        if (strstr(f.detail, row[i].words) == NULL) {
            print_message("# %s -> %s\n", row[i].file, f.detail);
            fail();
        }
        config_fini(&f.c);
    }
}

static void
test_bad_flags(void **state)
{
    struct fixture f;

    (void)state;
    assert_int_equal(run(&f, NULL, NULL, "--nonsense", "1"), P2PFS_USAGE);
    config_fini(&f.c);
    assert_int_equal(run(&f, NULL, NULL, "--dir", NULL), P2PFS_USAGE);
    config_fini(&f.c);
    assert_int_equal(run(&f, NULL, NULL, "-c", "/nowhere/at/all"), P2PFS_USAGE);
    assert_non_null(strstr(f.detail, "cannot open \"/nowhere/at/all\""));
    config_fini(&f.c);
    assert_int_equal(run(&f, NULL, NULL, "word", NULL), P2PFS_USAGE);
    config_fini(&f.c);
    assert_int_equal(run(&f, NULL, NULL, "--dir=x", "--dir=y"), P2PFS_USAGE);
    config_fini(&f.c);
}

static void
test_long_socket_path(void **state)
{
    struct fixture f;
    char path[128];

    (void)state;
    memset(path, 'x', sizeof(path));
    path[107] = '\0';
    assert_int_equal(run(&f, NULL, NULL, "--socket", path), P2PFS_OK);
    config_fini(&f.c);
    path[107] = 'x';
    path[108] = '\0';
    assert_int_equal(run(&f, NULL, NULL, "--socket", path), P2PFS_USAGE);
    config_fini(&f.c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_bad_flags),
        cmocka_unit_test(test_long_socket_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
