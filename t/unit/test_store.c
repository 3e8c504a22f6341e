/*
 * Guards that sets of every shape of tree, uploaded in any order, with and
 * without roots, come out with proofs that verify; that what was committed is
 * there after a restart; and how the files of the database are kept.
 */

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/schema.h"
#include "t/unit/store_fixture.h"

static const uint32_t sizes[] = {1, 2, 3, 7, 8, 127, 128, 129, 257, 1000};
#define N_SIZES (sizeof(sizes) / sizeof(*sizes))

static void
one_set(struct fixture *f, uint32_t n, int rooted, unsigned *seed)
{
    uint32_t *order = calloc(n, sizeof(*order));
    struct store_result res;
    struct set set;
    char id[32];
    uint32_t i;

    assert_non_null(order);
    snprintf(id, sizeof(id), "set-%u-%d", n, rooted);
    set_init(&set, f, n, (unsigned)rooted);
    shuffle(order, n, seed);
    for (i = 0; i < n; i++) {
        res = rooted ? put_rooted(f, id, &set, order[i], STORE_LOCAL)
                     : put_plain(f, id, n, order[i], 0, STORE_LOCAL);
        assert_int_equal(res.err, P2PFS_OK);
        assert_true(res.created);
        assert_int_equal(res.received, i + 1);
        assert_int_equal(res.set_count, n);
        assert_memory_equal(&res.entry, &set.entries[order[i]],
            sizeof(res.entry));
    }
    check_set(f, id, &set, 0);
    check_set(f, id, &set, 1);

    res = rooted ? put_rooted(f, id, &set, n / 2, STORE_LOCAL)
                 : put_plain(f, id, n, n / 2, 0, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_OK);
    assert_false(res.created);
    set_fini(&set);
    free(order);
}

static void
test_every_shape(void **state)
{
    unsigned seed = new_seed();
    struct fixture f;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    for (i = 0; i < N_SIZES; i++) {
        one_set(&f, sizes[i], 0, &seed);
        one_set(&f, sizes[i], 1, &seed);
    }
    assert_int_equal(ask(&f, "SELECT count(*) FROM part"), 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM pick"), 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM log WHERE kind = 3"),
        2 * N_SIZES);
    fixture_fini(&f);
}

/* What was committed is there after a restart, and goes on. */
static void
test_restart(void **state)
{
    uint8_t before[STORE_EPOCH_BYTES], after[STORE_EPOCH_BYTES];
    static const uint8_t node_id[32] = {7};
    struct fixture f;
    struct set set;
    uint64_t seq = 0;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 200, 0);
    for (i = 0; i < 150; i++) {
        put_rooted(&f, "s", &set, i, STORE_LOCAL);
    }
    assert_int_equal(store_published(f.s, &seq), P2PFS_OK);
    assert_int_equal(seq, 0);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_set_published(f.s, 99), P2PFS_OK);
    assert_int_equal(store_set_peer(f.s, node_id, before, 5), P2PFS_OK);
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    store_epoch(f.s, before);
    assert_int_equal(store_log_head(f.s), 150);

    fixture_close(&f);
    fixture_open(&f);
    store_epoch(f.s, after);
    assert_memory_equal(before, after, sizeof(before));
    assert_int_equal(store_log_head(f.s), 150);
    assert_int_equal(store_published(f.s, &seq), P2PFS_OK);
    assert_int_equal(seq, 99);
    assert_int_equal(ask(&f, "SELECT seq FROM peer"), 5);
    for (i = 150; i < 200; i++) {
        put_rooted(&f, "s", &set, i, STORE_LOCAL);
    }
    check_set(&f, "s", &set, 1);
    set_fini(&set);
    fixture_fini(&f);
}

static void
test_rollback(void **state)
{
    struct bytes b = file_bytes(0, 0);
    struct store_file file = {.id = "s",
        .id_len = 1,
        .n = 1,
        .content = b.data,
        .len = b.len};
    struct store_result out;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_put_file(f.s, &file, &out), P2PFS_OK);
    assert_int_equal(out.err, P2PFS_OK);
    assert_int_equal(store_log_head(f.s), 0);
    store_rollback(f.s);
    assert_int_equal(ask(&f, "SELECT count(*) FROM label"), 0);
    assert_true(put_plain(&f, "s", 1, 0, 0, STORE_LOCAL).created);
    assert_int_equal(store_log_head(f.s), 2);
    fixture_fini(&f);
}

/* A child that stores files until it is killed, telling each commit. */
static void
store_until_killed(struct fixture *f, int to)
{
    struct bytes b;
    struct store_file file = {.id = "s", .id_len = 1, .n = 5000};
    struct store_result out;
    struct store_config c = {.path = f->path,
        .file_max = 1024 * 1024,
        .count_max = 1000000};
    char detail[256];
    uint32_t i;

    if (store_open(&f->s, &c, detail, sizeof(detail)) != P2PFS_OK) {
        _exit(1);
    }
    for (i = 0; i < 5000; i++) {
        b = file_bytes(i, 0);
        file.content = b.data;
        file.len = b.len;
        file.index = i;
        if (store_begin(f->s) != P2PFS_OK
            || store_put_file(f->s, &file, &out) != P2PFS_OK
            || store_commit(f->s) != P2PFS_OK
            || write(to, &i, sizeof(i)) != sizeof(i)) {
            _exit(1);
        }
        store_checkpoint(f->s, STORE_CHECKPOINT_COMMIT);
    }
    _exit(0);
}

/* Files that were told as committed are there after kill -9. */
static void
test_kill(void **state)
{
    struct fixture f;
    struct p2pfs_file file;
    struct p2pfs_hash entry;
    struct bytes b;
    uint32_t i, last = 0;
    int fds[2], status;
    pid_t pid;

    (void)state;
    fixture_init(&f, 0);
    fixture_close(&f);
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        store_until_killed(&f, fds[1]);
    }
    close(fds[1]);
    while (last < 700) {
        assert_int_equal(read(fds[0], &last, sizeof(last)), sizeof(last));
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    while (read(fds[0], &i, sizeof(i)) == sizeof(i)) {
        last = i;
    }
    close(fds[0]);
    fixture_open(&f);
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    for (i = 0; i <= last; i++) {
        b = file_bytes(i, 0);
        entry = entry_of(&f, &b);
        assert_int_equal(p2pfs_reader_by_hash(f.r, "s", 1, i, &entry, &file),
            P2PFS_OK);
    }
    p2pfs_reader_end(f.r);
    assert_int_equal(ask(&f,
                         "SELECT have - (SELECT count(*) FROM content)"
                         " FROM version"),
        0);
    assert_int_equal(ask(&f,
                         "SELECT count(*) - (SELECT count(*) FROM log)"
                         " FROM content"),
        0);
    fixture_fini(&f);
}

/* A version with all its files that nobody completed is, at the next start. */
static void
test_finish(void **state)
{
    struct fixture f;
    struct set set;
    sqlite3 *db;
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    set_init(&set, &f, 3, 0);
    for (i = 0; i < 3; i++) {
        put_plain(&f, "s", 3, i, 0, STORE_LOCAL);
    }
    fixture_close(&f);
    assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                         "UPDATE version SET state = 0, root = NULL;"
                         "UPDATE label SET served = NULL;"
                         "DELETE FROM tile; DELETE FROM log WHERE kind = 3;"
                         "INSERT INTO part(pk, bits) SELECT vk << 32,"
                         " x'07000000000000000000000000000000' FROM version",
                         NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    fixture_open(&f);
    check_set(&f, "s", &set, 1);
    assert_int_equal(ask(&f, "SELECT kind FROM log WHERE seq = 4"), 3);
    set_fini(&set);
    fixture_fini(&f);
}

static unsigned
mode_of(const struct fixture *f, const char *suffix)
{
    struct stat st;
    char name[96];

    snprintf(name, sizeof(name), "%s%s", f->path, suffix);
    assert_int_equal(stat(name, &st), 0);
    return st.st_mode & 07777;
}

static void
test_modes(void **state)
{
    mode_t before = umask(0077);
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 1, 0, 0, STORE_LOCAL);
    assert_int_equal(mode_of(&f, ""), 0640);
    assert_int_equal(mode_of(&f, "-wal"), 0640);
    assert_int_equal(mode_of(&f, "-shm"), 0640);
    fixture_close(&f);
    /* A clean stop leaves -wal and -shm, else a reader makes them its own. */
    assert_int_equal(mode_of(&f, "-wal"), 0640);
    assert_int_equal(mode_of(&f, "-shm"), 0640);
    assert_int_equal(ask(&f, "PRAGMA page_size"), 8192);
    fixture_open(&f);
    fixture_fini(&f);
    umask(before);
}

static void
refuse(const char *path, const char *words)
{
    struct store_config c = {.path = path, .file_max = 1, .count_max = 1};
    struct store *s;
    char detail[256];

    assert_int_not_equal(store_open(&s, &c, detail, sizeof(detail)), P2PFS_OK);
    assert_null(s);
    if (strstr(detail, words) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", words, detail);
    }
}

static void
test_refused(void **state)
{
    struct fixture f;
    char wal[96];

    (void)state;
    refuse("/nonexistent/store.db", "No such file");
    fixture_init(&f, 0);
    fixture_close(&f);
    snprintf(wal, sizeof(wal), "%s-wal", f.path);
    assert_int_equal(chmod(f.path, 0646), 0);
    refuse(f.path, "can be written by other users");
    assert_int_equal(chmod(f.path, 0660), 0);
    refuse(f.path, "can be written by other users");
    assert_int_equal(chmod(f.path, 0640), 0);
    refuse(f.dir, "is not a regular file");
    if (geteuid() == 0) {
        assert_int_equal(chown(wal, 1, -1), 0);
        refuse(f.path, "belongs to another user");
        assert_int_equal(chown(wal, 0, -1), 0);
        assert_int_equal(chown(f.path, 1, -1), 0);
        refuse(f.path, "belongs to another user");
        assert_int_equal(chown(f.path, 0, -1), 0);
    }
    fixture_open(&f);
    fixture_fini(&f);
}

/* In a child that can write no further: 0, or the line that was wrong. */
static int
fail_to_write(struct fixture *f)
{
    struct rlimit limit = {.rlim_cur = 256 * 1024, .rlim_max = 256 * 1024};
    static uint8_t content[512 * 1024];
    struct store_file file = {.id = "s",
        .id_len = 1,
        .n = 2,
        .index = 1,
        .content = content,
        .len = sizeof(content)};
    struct store_config c = {.path = f->path,
        .file_max = 1024 * 1024,
        .count_max = 1000000};
    struct store_result out;
    char detail[256];
    enum p2pfs_err err;

    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0
        || store_open(&f->s, &c, detail, sizeof(detail)) != P2PFS_OK
        || store_begin(f->s) != P2PFS_OK) {
        return __LINE__;
    }
    err = store_put_file(f->s, &file, &out);
    if (err == P2PFS_OK) {
        err = store_commit(f->s);
    } else {
        store_rollback(f->s);
    }
    if (err != P2PFS_STORE_ERROR || store_detail(f->s)[0] == '\0') {
        return __LINE__;
    }
    /* The disk is not to be trusted any more, even for what would fit. */
    return store_begin(f->s) == P2PFS_STORE_ERROR ? 0 : __LINE__;
}

static void
test_disk_error(void **state)
{
    struct fixture f;
    int status;
    pid_t pid;

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    fixture_close(&f);
    pid = fork();
    if (pid == 0) {
        _exit(fail_to_write(&f) % 256);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fixture_open(&f);
    assert_int_equal(ask(&f, "SELECT count(*) FROM content"), 1);
    assert_true(put_plain(&f, "s", 2, 1, 0, STORE_LOCAL).created);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shape),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_disk_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
