/*
 * Guards when the WAL moves into the database: how large it grows beside
 * readers that come and go, or stay, and that nothing but a reader keeps it.
 */

#include <sys/stat.h>

#include "gossipd/store_impl.h"
#include "t/unit/store_fixture.h"

/* The WAL stays within the policy while a reader comes and goes. */
static void
test_checkpoint(void **state)
{
    struct fixture f;
    struct stat st;
    char wal[96];
    uint32_t i;

    (void)state;
    fixture_init(&f, 0);
    snprintf(wal, sizeof(wal), "%s-wal", f.path);
    for (i = 0; i < 2000; i++) {
        assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
        put_plain(&f, "s", 2000, i, 0, STORE_LOCAL);
        p2pfs_reader_end(f.r);
        store_checkpoint(f.s, STORE_CHECKPOINT_COMMIT);
    }
    assert_int_equal(stat(wal, &st), 0);
    assert_true(st.st_size < (off_t)6000 * (P2PFS_SCHEMA_PAGE_BYTES + 24));
    store_checkpoint(f.s, STORE_CHECKPOINT_IDLE);
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(st.st_size, 0);
    fixture_fini(&f);
}

static uint64_t
wal_bytes(const struct fixture *f)
{
    char wal[96];
    struct stat st;

    snprintf(wal, sizeof(wal), "%s-wal", f->path);
    assert_int_equal(stat(wal, &st), 0);
    assert_true(store_wal_bytes(f->s) == (uint64_t)st.st_size);
    return (uint64_t)st.st_size;
}

/* A reader that stays keeps its WAL, for as long as it reads and no longer. */
static void
test_a_reader_that_stays(void **state)
{
    struct p2pfs_version v;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_find(f.r, "s", 1, 0, NULL, &v),
        P2PFS_SET_INCOMPLETE);
    put_plain(&f, "s", 2, 1, 0, STORE_LOCAL);
    assert_int_equal(store_move_wal(f.s), P2PFS_STORE_BUSY);
    assert_true(wal_bytes(&f) > 0);
    assert_int_equal(store_health(f.s), P2PFS_OK); /* no failure of the disk */
    assert_int_equal(p2pfs_reader_find(f.r, "s", 1, 0, NULL, &v),
        P2PFS_SET_INCOMPLETE); /* and still sees what it saw */
    p2pfs_reader_end(f.r);
    assert_int_equal(store_move_wal(f.s), P2PFS_OK);
    assert_int_equal(wal_bytes(&f), 0);
    fixture_fini(&f);
}

/* Nothing to do costs nothing; each that is done is counted. */
static void
test_counted(void **state)
{
    struct store_stats s;
    struct fixture f;
    uint64_t before;

    (void)state;
    fixture_init(&f, 0);
    store_checkpoint(f.s, STORE_CHECKPOINT_IDLE);
    store_read_stats(f.s, &s);
    before = s.checkpoints;
    store_checkpoint(f.s, STORE_CHECKPOINT_IDLE); /* empty already */
    store_checkpoint(f.s, STORE_CHECKPOINT_COMMIT);
    store_read_stats(f.s, &s);
    assert_int_equal(s.checkpoints, before);

    put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    store_checkpoint(f.s, STORE_CHECKPOINT_COMMIT); /* too little */
    store_read_stats(f.s, &s);
    assert_int_equal(s.checkpoints, before);
    assert_true(wal_bytes(&f) > 0);
    store_checkpoint(f.s, STORE_CHECKPOINT_IDLE);
    store_read_stats(f.s, &s);
    assert_int_equal(s.checkpoints, before + 1);
    assert_true(s.checkpoint_max_us <= s.checkpoint_us);
    assert_true(s.wal_max_bytes >= P2PFS_SCHEMA_PAGE_BYTES);
    assert_int_equal(wal_bytes(&f), 0);
    fixture_fini(&f);
}

/* After an I/O error what is in the WAL is not moved: it may be lost. */
static void
test_a_failed_disk(void **state)
{
    struct fixture f;
    uint64_t bytes;

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 2, 0, 0, STORE_LOCAL);
    bytes = wal_bytes(&f);
    f.s->disk_failed = 1;
    store_checkpoint(f.s, STORE_CHECKPOINT_IDLE);
    store_checkpoint(f.s, STORE_CHECKPOINT_STOP);
    assert_true(wal_bytes(&f) == bytes);
    f.s->disk_failed = 0;
    store_checkpoint(f.s, STORE_CHECKPOINT_STOP);
    assert_int_equal(wal_bytes(&f), 0);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_a_reader_that_stays),
        cmocka_unit_test(test_counted),
        cmocka_unit_test(test_a_failed_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
