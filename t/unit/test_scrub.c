/*
 * The scrub marks what is damaged without being asked, at once where a read
 * reported it, takes marks back that do not hold, keeps to its speed, and
 * believes no report.
 */

#include "t/unit/store_fixture.h"

#include "core/schema.h"
#include "gossipd/scrub.h"
#include "gossipd/thread.h"

#define DEADLINE_US 10000000

struct rig {
    struct fixture f;
    struct writer *w;
    struct scrub *s;
};

static void
rig_start(struct rig *r, uint64_t bytes_per_second, unsigned pause_s)
{
    struct writer_limits limits = {.jobs_max = 100, .bytes_max = 1 << 20};
    struct scrub_config c = {.db_path = r->f.path,
        .bytes_per_second = bytes_per_second,
        .pause_s = pause_s};

    assert_int_equal(writer_start(&r->w, r->f.s, &limits, NULL, NULL, NULL),
        P2PFS_OK);
    assert_int_equal(scrub_start(&r->s, &c, r->w, NULL), P2PFS_OK);
}

static void
rig_stop(struct rig *r)
{
    scrub_stop(r->s);
    writer_stop(r->w);
    scrub_free(r->s);
}

static void
fill(struct rig *r, uint32_t n)
{
    uint32_t i;

    fixture_init(&r->f, 0);
    for (i = 0; i < n; i++) {
        put_plain(&r->f, "s", n, i, 0, STORE_LOCAL);
    }
}

static void
change(struct rig *r, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(r->f.path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void
wait_for_marks(struct rig *r, uint64_t want)
{
    uint64_t deadline = thread_now_us() + DEADLINE_US;
    struct scrub_stats st;

    do {
        scrub_read_stats(r->s, &st);
        if (st.damaged == want
            && ask(&r->f, "SELECT count(*) FROM damaged") == (int64_t)want) {
            return;
        }
        usleep(2000);
    } while (thread_now_us() < deadline);
    fail_msg("%llu marks counted, %llu wanted", (unsigned long long)st.damaged,
        (unsigned long long)want);
}

static void
wait_for_pass(struct rig *r, uint64_t passes)
{
    uint64_t deadline = thread_now_us() + DEADLINE_US;
    struct scrub_stats st;

    do {
        scrub_read_stats(r->s, &st);
        if (st.passes >= passes) {
            return;
        }
        usleep(2000);
    } while (thread_now_us() < deadline);
    fail_msg("%llu passes", (unsigned long long)st.passes);
}

static void
test_pass(void **state)
{
    struct scrub_stats st;
    struct rig r;

    (void)state;
    fill(&r, 200);
    change(&r,
        "UPDATE content SET body = x'00' WHERE k & 255 IN (3, 150);"
        "UPDATE tile SET h = zeroblob(length(h)) WHERE tk & 127 = 1");
    rig_start(&r, 1 << 30, 0);
    wait_for_marks(&r, 3);
    assert_int_equal(ask(&r.f, "SELECT count(*) FROM damaged WHERE kind = 3"),
        1);
    assert_true(ask(&r.f, "SELECT min(since) FROM damaged") > 1500000000);
    wait_for_pass(&r, 2);
    assert_int_equal(ask(&r.f, "SELECT count(*) FROM damaged"), 3);
    scrub_read_stats(r.s, &st);
    assert_true(st.read > 10000);
    assert_int_equal(st.wrong, 0);
    rig_stop(&r);
    fixture_fini(&r.f);
}

static void
test_mark_taken_back(void **state)
{
    struct rig r;

    (void)state;
    fill(&r, 20);
    assert_int_equal(store_begin(r.f.s), P2PFS_OK);
    assert_int_equal(store_set_damaged(r.f.s, P2PFS_DAMAGED_CONTENT,
                         (int64_t)1 << 32, 1),
        P2PFS_OK);
    assert_int_equal(store_commit(r.f.s), P2PFS_OK);
    rig_start(&r, 1 << 30, 3600);
    wait_for_marks(&r, 0);
    rig_stop(&r);
    fixture_fini(&r.f);
}

static void
test_report(void **state)
{
    struct p2pfs_damaged sound = {.gk = 1, .vk = 1, .index = 4};
    struct p2pfs_damaged nothing = {.gk = INT64_MAX, .vk = -1, .index = 7};
    struct p2pfs_damaged rotten = {.gk = 1, .vk = 1, .index = 5};
    struct scrub_stats st;
    unsigned i;
    struct rig r;

    (void)state;
    fill(&r, 20);
    rig_start(&r, 0, 3600); /* no passes */
    change(&r, "UPDATE content SET body = x'00' WHERE k & 255 = 5");
    for (i = 0; i < 2 * SCRUB_REPORTS_MAX; i++) {
        sound.index = i;
        scrub_report(r.s, &sound);
        scrub_report(r.s, &nothing);
    }
    do { /* one that comes when the queue is full is dropped */
        scrub_report(r.s, &rotten);
        usleep(2000);
    } while (ask(&r.f, "SELECT count(*) FROM damaged") == 0);
    wait_for_marks(&r, 1);
    assert_int_equal(ask(&r.f, "SELECT key & 255 FROM damaged"), 5);
    scrub_read_stats(r.s, &st);
    assert_int_equal(st.passes, 0);
    rig_stop(&r);
    scrub_free(NULL);
    fixture_fini(&r.f);
}

/* 64 KiB/s: a pass over more than that has to take a while. */
static void
test_speed(void **state)
{
    uint64_t begin;
    struct scrub_stats st;
    struct rig r;

    (void)state;
    fill(&r, 500);
    begin = thread_now_us();
    rig_start(&r, 64 * 1024, 3600);
    wait_for_pass(&r, 1);
    scrub_read_stats(r.s, &st);
    assert_true(st.read > 64 * 1024);
    /* the last step is not paid for */
    assert_true(thread_now_us() - begin > 300000);
    begin = thread_now_us();
    rig_stop(&r); /* does not wait for the next pass */
    assert_true(thread_now_us() - begin < 1000000);
    fixture_fini(&r.f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pass),
        cmocka_unit_test(test_mark_taken_back),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_speed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
