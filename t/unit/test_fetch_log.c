/*
 * Guards the reading of a peer's log: cursors that stay before what is not
 * here, pages asked ahead, versions behind their files, other databases, and
 * pages that lie. A cursor that moves too far loses records silently.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "t/unit/fetch_rig.h"

static uint64_t
log_get_seq(const struct rig *r)
{
    return rig_only(r, FETCH_SEND_LOG_GET)->seq;
}

/* Brings number i of the SEND_GETs of a step to its FETCH_STORED. */
static void
bring(struct rig *r, const struct fetch_action *get, uint64_t size)
{
    struct fetch_action copy = *get;

    rig_data(r, &copy, size);
    rig_stored(r, rig_only(r, FETCH_STORE), P2PFS_OK);
}

static void
head(struct rig *r, uint64_t peer, const uint8_t *epoch, uint64_t seq)
{
    struct fetch_event e = {.kind = FETCH_HEAD,
        .peer = peer,
        .epoch = epoch,
        .seq = seq};

    rig_step(r, &e);
}

static void
checked(struct rig *r, int (*missing)(const struct fetch_row *))
{
    struct fetch_action check = *rig_only(r, FETCH_CHECK);

    rig_checked(r, &check, missing);
}

static void
test_starts_at_the_cursor(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 500);
    assert_int_equal(log_get_seq(&r), 500);
    assert_memory_equal(rig_only(&r, FETCH_SEND_LOG_GET)->epoch, rig_epoch,
        STORE_EPOCH_BYTES);
    assert_int_equal(rig_only(&r, FETCH_SEND_LOG_GET)->max, 128);
    rig_up(&r, 2, NULL, 0);
    assert_int_equal(log_get_seq(&r), 0);
    assert_null(rig_only(&r, FETCH_SEND_LOG_GET)->epoch);
    rig_fini(&r);
}

static void
test_page_to_cursor(void **state)
{
    struct rig r;
    struct fetch_action get[3];
    int i;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, NULL, 0);
    rig_page(&r, 1, 0, 3, 3);
    assert_int_equal(rig_only(&r, FETCH_CHECK)->n_rows, 3);
    assert_int_equal(rig_count(&r, FETCH_SEND_LOG_GET), 0); /* read to head */
    checked(&r, rig_all);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 3); /* at once */
    for (i = 0; i < 3; i++) {
        get[i] = *rig_nth(&r, FETCH_SEND_GET, (size_t)i);
    }
    assert_int_equal(rig_stats(&r).caught_up, 0);
    for (i = 2; i >= 0; i--) {
        assert_int_equal(rig_count(&r, FETCH_SAVE_CURSOR), 0);
        bring(&r, &get[i], 1000);
    }
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 3);
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->node_id[0], 1);
    assert_memory_equal(rig_only(&r, FETCH_SAVE_CURSOR)->epoch, rig_epoch,
        STORE_EPOCH_BYTES);
    assert_int_equal(rig_stats(&r).caught_up, 1);
    assert_true(fetch_deadline(r.f) == UINT64_MAX);
    rig_fini(&r);
}

static void
test_from_log_is_told(void **state)
{
    struct rig r;
    struct fetch_action get;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, NULL, 0);
    rig_page(&r, 1, 0, 1, 1);
    checked(&r, rig_all);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_data(&r, &get, 1000);
    assert_int_equal(rig_only(&r, FETCH_STORE)->from_log, 1);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_OK);
    rig_fini(&r);
}

static void
test_one_page_ahead(void **state)
{
    struct rig r;
    struct fetch_action check;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 128, 1000);
    check = *rig_only(&r, FETCH_CHECK);
    assert_int_equal(log_get_seq(&r), 128);
    rig_page(&r, 1, 128, 128, 1000);
    assert_int_equal(rig_count(&r, FETCH_SEND_LOG_GET), 0); /* not a third */
    checked(&r, rig_none);
    assert_int_equal(rig_count(&r, FETCH_SAVE_CURSOR), 0); /* first the first */
    assert_int_equal(log_get_seq(&r), 256);
    rig_checked(&r, &check, rig_none);
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 256);
    rig_fini(&r);
}

static void
test_head_moves(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 5);
    rig_page(&r, 1, 5, 0, 5);
    assert_int_equal(rig_stats(&r).caught_up, 1);
    head(&r, 1, rig_epoch, 5);
    assert_true(fetch_deadline(r.f) == UINT64_MAX);
    head(&r, 1, rig_epoch, 6);
    assert_int_equal(r.n, 0);
    head(&r, 1, rig_epoch, 7); /* does not push it out */
    assert_int_equal(fetch_deadline(r.f), r.now + 300);
    rig_tick(&r, 300);
    assert_int_equal(log_get_seq(&r), 5);
    rig_fini(&r);
}

static void
test_another_database(void **state)
{
    struct rig r;
    struct fetch_event e = {.kind = FETCH_PAGE, .peer = 1, .epoch = rig_epoch2};

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 500);
    rig_step(&r, &e); /* as a server answers another epoch: from 0 on */
    assert_int_equal(rig_stats(&r).caught_up, 1);
    head(&r, 1, rig_epoch2, 3);
    rig_tick(&r, 300);
    assert_int_equal(log_get_seq(&r), 0);
    assert_memory_equal(rig_only(&r, FETCH_SEND_LOG_GET)->epoch, rig_epoch2,
        STORE_EPOCH_BYTES);

    head(&r, 1, rig_epoch, 9); /* and told by a Ping */
    assert_int_equal(log_get_seq(&r), 0);
    assert_memory_equal(rig_only(&r, FETCH_SEND_LOG_GET)->epoch, rig_epoch,
        STORE_EPOCH_BYTES);
    rig_fini(&r);
}

static void
test_shorter_log(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 500);
    rig_page(&r, 1, 500, 0, 20);
    rig_tick(&r, 1000);
    assert_int_equal(log_get_seq(&r), 0);
    rig_fini(&r);
}

/* A Ping's head is told from memory and may lag behind the page's. */
static void
test_late_head_does_not_restart(void **state)
{
    struct rig r;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 500);
    rig_page(&r, 1, 500, 0, 500);
    head(&r, 1, rig_epoch, 498);
    rig_tick(&r, 300);
    assert_int_equal(log_get_seq(&r), 500);
    rig_page(&r, 1, 500, 0, 500);
    assert_true(fetch_deadline(r.f) == UINT64_MAX);
    rig_fini(&r);
}

static void
lying_page(const struct fetch_row *rows, size_t n)
{
    struct rig r;
    struct fetch_event e = {.kind = FETCH_PAGE,
        .peer = 1,
        .epoch = rig_epoch,
        .after = 10,
        .head = 1000,
        .rows = rows,
        .n_rows = n};

    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 10);
    rig_step(&r, &e);
    assert_int_equal(rig_only(&r, FETCH_BLAME)->peer, 1);
    assert_int_equal(r.n, 1);
    rig_tick(&r, 1000);
    assert_int_equal(log_get_seq(&r), 10);
    rig_fini(&r);
}

static void
test_lying_pages(void **state)
{
    struct fetch_row rows[129];
    size_t i;

    (void)state;
    memset(rows, 0, sizeof(rows));
    for (i = 0; i < 129; i++) {
        rows[i].seq = 11 + i;
        rows[i].record = rig_file((unsigned)i);
    }
    lying_page(rows, 129); /* more than asked */
    rows[1].seq = 11;
    lying_page(rows, 3); /* out of order */
    rows[0].seq = 10;
    lying_page(rows, 1); /* not behind the cursor */
}

static void
test_page_that_never_comes(void **state)
{
    struct rig r;
    uint64_t start;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 10);
    start = r.now;
    rig_tick(&r, 4000);
    assert_int_equal(r.now, start + 4000);
    assert_int_equal(rig_stats(&r).timeouts, 1);
    rig_tick(&r, 1000);
    assert_int_equal(log_get_seq(&r), 10);
    rig_fini(&r);
}

static void
test_check_is_asked_again(void **state)
{
    struct rig r;
    struct fetch_action check;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 2, 2);
    rig_tick(&r, 4000);
    check = *rig_only(&r, FETCH_CHECK);
    assert_int_equal(check.n_rows, 2);
    rig_checked(&r, &check, rig_none);
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 2);
    rig_fini(&r);
}

static int
is_version(const struct fetch_row *row)
{
    return row->record.kind == P2PFS_RECORD_VERSION;
}

/* A file, its version, another file. Returns with the check at hand. */
static void
page_with_version(struct rig *r)
{
    struct fetch_row rows[3] = {{.seq = 1, .record = rig_file(1), .size = 9},
        {.seq = 2, .record = rig_version(1)},
        {.seq = 3, .record = rig_file(3), .size = 9}};
    struct fetch_event e = {.kind = FETCH_PAGE,
        .peer = 1,
        .epoch = rig_epoch,
        .head = 3,
        .rows = rows,
        .n_rows = 3};

    rig_init(r, NULL);
    rig_up(r, 1, rig_epoch, 0);
    rig_step(r, &e);
}

static void
test_versions_wait_for_files(void **state)
{
    struct rig r;
    struct fetch_action get[2];

    (void)state;
    page_with_version(&r);
    checked(&r, rig_all);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 2);
    get[0] = *rig_nth(&r, FETCH_SEND_GET, 0);
    get[1] = *rig_nth(&r, FETCH_SEND_GET, 1);
    bring(&r, &get[0], 9);
    assert_int_equal(r.n, 0);
    bring(&r, &get[1], 9);
    assert_int_equal(rig_only(&r, FETCH_CHECK)->n_rows, 1); /* once more */
    checked(&r, rig_all);
    get[0] = *rig_only(&r, FETCH_SEND_GET);
    assert_int_equal(get[0].length, 32);
    bring(&r, &get[0], 32);
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 3);
    rig_fini(&r);

    page_with_version(&r); /* its last file completed it */
    checked(&r, rig_all);
    get[0] = *rig_nth(&r, FETCH_SEND_GET, 0);
    get[1] = *rig_nth(&r, FETCH_SEND_GET, 1);
    bring(&r, &get[0], 9);
    bring(&r, &get[1], 9);
    checked(&r, rig_none);
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 3);
    assert_int_equal(r.n, 1);
    rig_fini(&r);

    page_with_version(&r); /* the files were here */
    checked(&r, is_version);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 1);
    rig_fini(&r);
}

/* The list comes before the files are all here: it is asked for again. */
static void
test_version_too_early(void **state)
{
    struct rig r;
    struct fetch_action get;

    (void)state;
    page_with_version(&r);
    checked(&r, is_version);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_data(&r, &get, 32);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_FILE_NOT_FOUND);
    assert_int_equal(r.n, 0);
    rig_tick(&r, 1000);
    get = *rig_only(&r, FETCH_SEND_GET);
    bring(&r, &get, 32);
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 3);
    assert_int_equal(rig_stats(&r).blamed, 0);
    rig_fini(&r);
}

static int
is_third(const struct fetch_row *row)
{
    return row->seq == 3;
}

/*
 * The peer lists a record and never has it: the reading goes on, the cursor
 * stays before it, and moves at once when the record comes after all.
 */
static void
test_reading_goes_on_behind(void **state)
{
    struct rig r;
    struct fetch_action get, check;
    int i;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 128, 300);
    check = *rig_only(&r, FETCH_CHECK);
    rig_page(&r, 1, 128, 128, 300);
    checked(&r, rig_none);
    rig_checked(&r, &check, is_third);
    assert_int_equal(rig_count(&r, FETCH_SAVE_CURSOR), 0);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_page(&r, 1, 256, 44, 300);
    checked(&r, rig_none);

    for (i = 0; i < 4; i++) {
        rig_status(&r, &get, FETCH_STATUS_NOT_HERE);
        if (i == 3) {
            break;
        }
        rig_tick(&r, 40000);
        get = *rig_only(&r, FETCH_SEND_GET);
    }
    assert_int_equal(rig_stats(&r).passed, 1);
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 2);
    head(&r, 1, rig_epoch, 301);
    rig_tick(&r, 300);
    assert_int_equal(log_get_seq(&r), 300);
    rig_page(&r, 1, 300, 1, 301);
    checked(&r, rig_none);
    assert_int_equal(rig_count(&r, FETCH_SAVE_CURSOR), 0);

    for (i = 0; i < 10; i++) { /* never given up while the peer is there */
        rig_tick(&r, 40000);
        get = *rig_only(&r, FETCH_SEND_GET);
        if (i < 9) {
            rig_status(&r, &get, FETCH_STATUS_NOT_HERE);
        }
    }
    bring(&r, &get, 1000);
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 301);
    assert_int_equal(rig_stats(&r).caught_up, 1);
    rig_fini(&r);
}

static void
test_above_a_limit_is_refused(void **state)
{
    struct fetch_params p;
    struct rig r;
    struct fetch_row rows[2] = {{.seq = 1, .record = rig_file(1), .size = 2000},
        {.seq = 2, .record = rig_version(1000)}};
    struct fetch_event e = {.kind = FETCH_PAGE,
        .peer = 1,
        .epoch = rig_epoch,
        .head = 2,
        .rows = rows,
        .n_rows = 2};

    (void)state;
    fetch_params_default(&p);
    p.file_max = 1999;
    p.list_max = 31999;
    rig_init(&r, &p);
    rig_up(&r, 1, rig_epoch, 0);
    rig_step(&r, &e);
    checked(&r, rig_all);
    assert_int_equal(rig_stats(&r).refused, 2);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 0);
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 2);
    rig_fini(&r);
}

/* More is missing than the table holds: the rest waits, and nothing is lost. */
static void
test_table_smaller_than_a_page(void **state)
{
    struct fetch_params p;
    struct rig r;
    struct fetch_action get, store;
    int i;

    (void)state;
    fetch_params_default(&p);
    p.wants_max = 8;
    p.peer_requests_max = 1;
    rig_init(&r, &p);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 20, 300);
    checked(&r, rig_all);
    assert_int_equal(rig_stats(&r).active, 8);
    get = *rig_only(&r, FETCH_SEND_GET);
    for (i = 0; i < 20; i++) {
        rig_data(&r, &get, 1000);
        store = *rig_only(&r, FETCH_STORE);
        assert_int_equal(rig_count(&r, FETCH_SEND_GET), i < 19);
        if (i < 19) {
            get = *rig_only(&r, FETCH_SEND_GET);
        }
        rig_stored(&r, &store, P2PFS_OK);
        assert_int_equal(rig_count(&r, FETCH_SAVE_CURSOR), i == 19);
    }
    assert_int_equal(rig_only(&r, FETCH_SAVE_CURSOR)->seq, 20);
    rig_fini(&r);
}

static void
test_two_logs_one_want(void **state)
{
    struct rig r;
    struct fetch_action get;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    rig_page(&r, 1, 0, 1, 1);
    checked(&r, rig_all);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_page(&r, 2, 0, 1, 1);
    checked(&r, rig_all);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 0);
    bring(&r, &get, 1000);
    assert_int_equal(rig_count(&r, FETCH_SAVE_CURSOR), 2);
    rig_fini(&r);
}

static void
test_full_store_stops_the_reading(void **state)
{
    struct rig r;
    struct fetch_action get;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 1, 1);
    checked(&r, rig_all);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_data(&r, &get, 1000);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_STORE_FULL);
    rig_up(&r, 2, rig_epoch, 0);
    assert_int_equal(r.n, 0);
    rig_tick(&r, 1000);
    assert_int_equal(rig_count(&r, FETCH_SEND_LOG_GET), 1);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 1);
    assert_int_equal(rig_count(&r, FETCH_SAVE_CURSOR), 0);
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_at_the_cursor),
        cmocka_unit_test(test_page_to_cursor),
        cmocka_unit_test(test_from_log_is_told),
        cmocka_unit_test(test_one_page_ahead),
        cmocka_unit_test(test_head_moves),
        cmocka_unit_test(test_another_database),
        cmocka_unit_test(test_shorter_log),
        cmocka_unit_test(test_late_head_does_not_restart),
        cmocka_unit_test(test_lying_pages),
        cmocka_unit_test(test_page_that_never_comes),
        cmocka_unit_test(test_check_is_asked_again),
        cmocka_unit_test(test_versions_wait_for_files),
        cmocka_unit_test(test_version_too_early),
        cmocka_unit_test(test_reading_goes_on_behind),
        cmocka_unit_test(test_above_a_limit_is_refused),
        cmocka_unit_test(test_table_smaller_than_a_page),
        cmocka_unit_test(test_two_logs_one_want),
        cmocka_unit_test(test_full_store_stops_the_reading),
    };

    return cmocka_run_group_tests_name("fetch_log", tests, NULL, NULL);
}
