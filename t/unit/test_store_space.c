/*
 * Guards the room of the store: a full one takes no file and forgets none, its
 * limits are those of the disk too, and the ballast is laid when there is room.
 */

#include <sys/stat.h>

#include "gossipd/store_impl.h"
#include "t/unit/store_rules_rig.h"

/* Rule 8: a full store refuses what is new and answers for what is here. */
static void
test_full(void **state)
{
    struct fixture f;
    struct store_result res;
    uint32_t i;

    (void)state;
    fixture_init(&f, 1024 * 1024);
    for (i = 0; i < 1000; i++) {
        res = put_plain(&f, "s", 1000, i, 0, STORE_LOCAL);
        if (res.err != P2PFS_OK) {
            break;
        }
    }
    assert_int_equal(res.err, P2PFS_STORE_FULL);
    assert_true(i > 3);
    res = put_plain(&f, "s", 1000, i - 1, 0, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_OK);
    assert_false(res.created);
    assert_int_equal(put_plain(&f, "t", 1, 0, 0, STORE_CATCHUP).err,
        P2PFS_STORE_FULL);

    /* a larger limit is enough to go on */
    store_set_size_max(f.s, 0);
    assert_int_equal(put_plain(&f, "s", 1000, i, 0, STORE_LOCAL).err, P2PFS_OK);
    fixture_fini(&f);
}

/* A disk with less room than is to stay free takes nothing, and is no failed
 * disk: the next start with another limit goes on. */
static void
test_free_min(void **state)
{
    struct store_config c = {.file_max = 1024,
        .count_max = 10,
        .free_min = UINT64_MAX};
    struct fixture f;
    char detail[256];

    (void)state;
    fixture_init(&f, 0);
    put_plain(&f, "s", 3, 0, 0, STORE_LOCAL);
    fixture_close(&f);
    c.path = f.path;
    assert_int_equal(store_open(&f.s, &c, detail, sizeof(detail)), P2PFS_OK);
    assert_int_equal(put_plain(&f, "s", 3, 1, 0, STORE_LOCAL).err,
        P2PFS_STORE_FULL);
    assert_int_equal(put_plain(&f, "s", 3, 0, 0, STORE_LOCAL).err, P2PFS_OK);
    assert_int_equal(store_health(f.s), P2PFS_OK);
    store_close(f.s);
    fixture_open(&f);
    assert_true(put_plain(&f, "s", 3, 1, 0, STORE_LOCAL).created);
    fixture_fini(&f);
}

/* What a batch takes is gone for the rest of it, and measured anew after. */
static void
test_room_of_a_batch(void **state)
{
    const uint64_t file = 4 * P2PFS_SCHEMA_PAGE_BYTES;
    struct fixture f;

    (void)state;
    fixture_init(&f, 1024 * 1024);
    f.s->room = 2 * file + 100;
    assert_true(store_take_room(f.s, 100));
    assert_false(store_take_room(f.s, 1));
    assert_true(store_take_room(f.s, 0));
    assert_false(store_take_room(f.s, 0));
    assert_int_equal(f.s->room, 0);
    store_measure(f.s);
    assert_true(f.s->room > 0 && f.s->room < 1024 * 1024);
    f.s->disk_full = 1;
    store_measure(f.s);
    assert_int_equal(f.s->room, 0);
    store_keep_space(f.s); /* there is room: it goes on by itself */
    assert_false(f.s->disk_full);
    store_measure(f.s);
    assert_true(f.s->room > 0);
    fixture_fini(&f);
}

static void
name_of(const struct fixture *f, const char *suffix, char name[128])
{
    snprintf(name, 128, "%s%s", f->path, suffix);
}

static int
is_there(const struct fixture *f, const char *suffix)
{
    char name[128];

    name_of(f, suffix, name);
    return access(name, F_OK) == 0;
}

static void
open_with(struct fixture *f, const struct store_config *like)
{
    struct store_config c = *like;
    char detail[256];

    store_close(f->s);
    c.path = f->path;
    c.file_max = 1024 * 1024;
    c.count_max = 1000000;
    assert_int_equal(store_open(&f->s, &c, detail, sizeof(detail)), P2PFS_OK);
}

static void
test_ballast(void **state)
{
    struct store_config none = {0};
    struct store_config some = {.ballast = 1024 * 1024};
    struct store_config never = {.free_min = UINT64_MAX / 2,
        .ballast = 1024 * 1024};
    struct fixture f;
    char name[128];
    struct stat st;

    (void)state;
    fixture_init(&f, 0);
    name_of(&f, "-ballast", name);
    open_with(&f, &none);
    assert_false(is_there(&f, "-ballast"));
    open_with(&f, &never);
    assert_false(is_there(&f, "-ballast"));
    assert_int_equal(put_plain(&f, "s", 2, 0, 0, STORE_LOCAL).err,
        P2PFS_STORE_FULL);
    open_with(&f, &some);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_size, some.ballast);
    assert_true(st.st_blocks * 512 >= st.st_size); /* blocks, not a hole */
    assert_int_equal(put_plain(&f, "s", 2, 0, 0, STORE_LOCAL).err, P2PFS_OK);
    assert_int_equal(unlink(name), 0);
    store_keep_space(f.s);
    assert_true(is_there(&f, "-ballast"));
    assert_int_equal(unlink(name), 0);
    fixture_fini(&f);
}

/* The limit of the store counts the WAL too. */
static void
test_size_max(void **state)
{
    uint64_t size_max = 4 * 1024 * 1024;
    struct fixture f;
    struct stat db, wal;
    char name[128];
    uint32_t i;

    (void)state;
    fixture_init(&f, size_max);
    name_of(&f, "-wal", name);
    for (i = 0; i < 2000; i++) {
        if (put_plain(&f, "s", 5000, i, 0, STORE_LOCAL).err
            == P2PFS_STORE_FULL) {
            break;
        }
    }
    assert_in_range(i, 10, 1999);
    assert_int_equal(stat(f.path, &db), 0);
    assert_int_equal(stat(name, &wal), 0);
    assert_true((uint64_t)(db.st_size + wal.st_size) <= size_max);
    /* What is here is acknowledged still; a checkpoint makes room. */
    assert_int_equal(put_plain(&f, "s", 5000, 0, 0, STORE_LOCAL).err, P2PFS_OK);
    store_checkpoint(f.s, STORE_CHECKPOINT_IDLE);
    assert_int_equal(put_plain(&f, "s", 5000, i, 0, STORE_LOCAL).err, P2PFS_OK);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_free_min),
        cmocka_unit_test(test_room_of_a_batch),
        cmocka_unit_test(test_ballast),
        cmocka_unit_test(test_size_max),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
