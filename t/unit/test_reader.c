/*
 * Guards what a GET answers: which version, how far an incomplete one is, and
 * that a process without any write permission reads while the writer writes,
 * restarts or is away.
 */

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "t/unit/store_fixture.h"

static enum p2pfs_err
find(struct fixture *f, const char *id, uint64_t index,
    const struct p2pfs_hash *root, struct p2pfs_version *v)
{
    enum p2pfs_err err;

    assert_int_equal(p2pfs_reader_begin(f->r), P2PFS_OK);
    err = p2pfs_reader_find(f->r, id, strlen(id), index, root, v);
    p2pfs_reader_end(f->r);
    return err;
}

static void
test_find(void **state)
{
    struct p2pfs_hash unknown = {{1}};
    struct p2pfs_version v;
    struct fixture f;
    struct set set;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 3, 1);
    assert_int_equal(find(&f, "s", 0, NULL, &v), P2PFS_SET_NOT_FOUND);
    put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    put_rooted(&f, "s", &set, 0, STORE_LOCAL);
    put_rooted(&f, "s", &set, 2, STORE_LOCAL);

    assert_int_equal(find(&f, "s", 2, NULL, &v), P2PFS_SET_INCOMPLETE);
    assert_int_equal(v.received, 2); /* the fullest */
    assert_int_equal(v.n, 3);
    assert_int_equal(find(&f, "s", 3, NULL, &v), P2PFS_FILE_NOT_FOUND);
    assert_int_equal(find(&f, "s", 0, &unknown, &v), P2PFS_VERSION_NOT_FOUND);
    assert_int_equal(find(&f, "s", 1, &set.root, &v), P2PFS_SET_INCOMPLETE);
    assert_int_equal(find(&f, "s", UINT64_MAX, &set.root, &v),
        P2PFS_FILE_NOT_FOUND);

    put_plain(&f, "s", 2, 1, 0, STORE_LOCAL);
    assert_int_equal(find(&f, "s", 1, NULL, &v), P2PFS_OK);
    assert_int_equal(v.n, 2);
    assert_int_equal(find(&f, "s", 2, NULL, &v), P2PFS_FILE_NOT_FOUND);
    assert_int_equal(find(&f, "S", 1, NULL, &v), P2PFS_SET_NOT_FOUND);
    set_fini(&set);
    fixture_fini(&f);
}

/* A reader that was open before the database was removed and made anew. */
static void
test_replaced(void **state)
{
    struct p2pfs_reader *old;
    struct p2pfs_version v;
    struct fixture f;
    char name[96];

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 1, 0, 0, STORE_LOCAL);
    old = f.r;
    f.r = NULL;
    store_close(f.s);
    unlink(f.path);
    snprintf(name, sizeof(name), "%s-wal", f.path);
    unlink(name);
    snprintf(name, sizeof(name), "%s-shm", f.path);
    unlink(name);
    /* deleted: nobody else finds that file any more */
    assert_int_equal(p2pfs_reader_begin(old), P2PFS_STORE_UNAVAILABLE);
    fixture_open(&f);
    assert_int_equal(p2pfs_reader_begin(old), P2PFS_OK);
    assert_int_equal(p2pfs_reader_find(old, "s", 1, 0, NULL, &v),
        P2PFS_SET_NOT_FOUND);
    p2pfs_reader_end(old);
    p2pfs_reader_close(old);
    fixture_fini(&f);
}

static void
test_no_database(void **state)
{
    struct p2pfs_reader *r;
    char path[] = "/tmp/p2pfs-unit-XXXXXX";
    int fd;

    (void)state;
    assert_int_equal(p2pfs_reader_open(&r, "/nonexistent/store.db"),
        P2PFS_STORE_UNAVAILABLE);
    assert_null(r);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(p2pfs_reader_open(&r, path), P2PFS_STORE_UNAVAILABLE);
    assert_int_equal(write(fd, "this is no database, is it?", 27), 27);
    assert_int_equal(p2pfs_reader_open(&r, path), P2PFS_STORE_SCHEMA);
    close(fd);
    unlink(path);
}

/* As a worker: another user, of the directory's group. 0 or the line that
 * failed. Reads in three situations, told by the pipe. */
static int
read_as_worker(struct fixture *f, const struct passwd *pw, int from, int to)
{
    struct p2pfs_reader *r = NULL;
    struct p2pfs_version v;
    struct p2pfs_file file;
    char go;

    if (setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0
        || setuid(pw->pw_uid) != 0) {
        return __LINE__;
    }
    if (access(f->dir, W_OK) == 0 || access(f->path, W_OK) == 0) {
        return __LINE__;
    }
    while (read(from, &go, 1) == 1) {
        if (r == NULL && p2pfs_reader_open(&r, f->path) != P2PFS_OK) {
            return __LINE__;
        }
        if (p2pfs_reader_begin(r) != P2PFS_OK
            || p2pfs_reader_find(r, "s", 1, 0, NULL, &v) != P2PFS_OK
            || p2pfs_reader_file(r, &v, 0, &file) != P2PFS_OK) {
            return __LINE__;
        }
        p2pfs_reader_end(r);
        if (go == 'c') {
            p2pfs_reader_close(r);
            r = NULL;
        }
        if (write(to, "k", 1) != 1) {
            return __LINE__;
        }
    }
    p2pfs_reader_close(r);
    return 0;
}

static void
let_read(int to, int from, char how)
{
    char answer = 0;

    assert_int_equal(write(to, &how, 1), 1);
    assert_int_equal(read(from, &answer, 1), 1);
}

static void
test_without_permission(void **state)
{
    const struct passwd *pw = getpwnam("nobody");
    int down[2], up[2], status;
    struct fixture f;
    uint32_t i;
    pid_t pid;

    (void)state;
    if (geteuid() != 0 || pw == NULL) {
        print_message("# needs root and the user nobody\n");
        skip();
    }
    fixture_init(&f, 0);
    put_plain(&f, "s", 1, 0, 0, STORE_LOCAL);
    fixture_close(&f);
    assert_int_equal(chown(f.dir, 0, pw->pw_gid), 0);
    assert_int_equal(chmod(f.dir, 02750), 0);
    for (i = 0; i < 3; i++) {
        static const char *const names[] = {"", "-wal", "-shm"};
        char name[96];

        snprintf(name, sizeof(name), "%s%s", f.path, names[i]);
        assert_int_equal(chown(name, 0, pw->pw_gid), 0);
    }
    assert_int_equal(pipe(down), 0);
    assert_int_equal(pipe(up), 0);
    pid = fork();
    if (pid == 0) {
        close(down[1]);
        close(up[0]);
        _exit(read_as_worker(&f, pw, down[0], up[1]) % 256);
    }
    close(down[0]);
    close(up[1]);
    let_read(down[1], up[0], 'c'); /* opened without a writer */
    fixture_open(&f);
    let_read(down[1], up[0], 'r'); /* opened beside it */
    for (i = 0; i < 300; i++) {
        put_plain(&f, "more", 300, i, 0, STORE_LOCAL);
        let_read(down[1], up[0], i % 50 == 0 ? 'c' : 'r');
        if (i == 100) {
            store_checkpoint(f.s, STORE_CHECKPOINT_IDLE);
        }
        if (i == 200) { /* stays open while the writer restarts */
            fixture_close(&f);
            let_read(down[1], up[0], 'r');
            fixture_open(&f);
        }
    }
    close(down[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(up[0]);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_no_database),
        cmocka_unit_test(test_without_permission),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
