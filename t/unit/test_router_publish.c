/*
 * From the log to the mesh: everything once and in commit order, with what
 * cannot be read left out alone, and nothing lost by a stop at any moment.
 */

#include "t/unit/router_rig.h"

static void
start(struct rig *r, struct watcher *w)
{
    rig_init(r, 1, 0);
    rig_start(r, 0);
    watch_join(w, 2, r);
}

static void
stop(struct rig *r, struct watcher *w)
{
    watch_close(w);
    rig_stop(r, 1);
    rig_fini(r);
}

/* F records of index `index` in the order in which they came. */
static void
assert_index(const struct watcher *w, size_t at, uint32_t index)
{
    assert_int_equal(w->got[at].record.kind, P2PFS_RECORD_FILE);
    assert_int_equal(w->got[at].record.index, index);
    assert_true(w->got[at].body_good || w->got[at].size > EAGER_MAX_BYTES);
}

/* Contents are read by another thread, large files and versions need no read:
 * none of them may overtake another. */
static void
test_commit_order(void **state)
{
    static const size_t sizes[] = {0, 40000, 10, 32768, 32769, 5000};
    struct watcher w;
    struct rig r;
    uint8_t *data;
    uint32_t i;

    (void)state;
    start(&r, &w);
    for (i = 0; i < 150; i++) { /* several pages of the log */
        data = rig_bytes(sizes[i % 6], i);
        rig_put(&r, "order", 200, i, data, sizes[i % 6], STORE_LOCAL);
        free(data);
    }
    TURN_UNTIL(&r, 1, &w, w.n == 150);
    for (i = 0; i < 150; i++) {
        assert_index(&w, i, i);
        assert_int_equal(w.got[i].size, sizes[i % 6]);
        assert_int_equal(w.got[i].body_len,
            sizes[i % 6] > EAGER_MAX_BYTES ? 0 : sizes[i % 6]);
    }
    assert_int_equal(r.router->published, r.router->log_head);
    stop(&r, &w);
}

/* A damaged or lost content costs its own record only. */
static void
test_an_unreadable_row_is_skipped(void **state)
{
    struct watcher w;
    struct rig r;
    uint32_t i;

    (void)state;
    start(&r, &w);
    for (i = 0; i < 6; i++) {
        rig_put(&r, "damage", 9, i, &i, sizeof(i), STORE_LOCAL);
    }
    rig_tamper(&r,
        "UPDATE content SET body = x'00' WHERE k = (SELECT min(k) + 1"
        " FROM content)");
    rig_tamper(&r,
        "DELETE FROM content WHERE k = (SELECT min(k) + 3 FROM content)");
    TURN_UNTIL(&r, 1, &w, r.router->published == r.router->log_head);
    TURN_UNTIL(&r, 1, &w, w.n == 4);
    assert_index(&w, 0, 0);
    assert_index(&w, 1, 2);
    assert_index(&w, 2, 4);
    assert_index(&w, 3, 5);
    stop(&r, &w);
}

/* The same at the end of the log: nothing comes to pass it by, and the
 * log would be read again each second for ever. */
static void
test_unreadable_rows_at_the_end(void **state)
{
    struct watcher w;
    struct rig r;

    (void)state;
    start(&r, &w);
    rig_put(&r, "tail", 9, 0, "a", 1, STORE_LOCAL);
    rig_put(&r, "tail", 9, 1, "b", 1, STORE_LOCAL);
    rig_tamper(&r,
        "DELETE FROM content WHERE k = (SELECT max(k) FROM content)");
    TURN_UNTIL(&r, 1, &w, w.n == 1);
    TURN_UNTIL(&r, 1, &w, r.router->published == r.router->log_head);
    rig_put(&r, "tail", 9, 2, "c", 1, STORE_LOCAL);
    TURN_UNTIL(&r, 1, &w, w.n == 2);
    assert_index(&w, 1, 2);
    stop(&r, &w);
}

/* What cannot be read now is read a moment later, and waits in its place. */
static void
test_a_full_queue_delays(void **state)
{
    struct watcher w;
    struct rig r;
    uint32_t i;

    (void)state;
    rig_init(&r, 1, 0);
    r.reads_max = 3;
    rig_start(&r, 0);
    watch_join(&w, 2, &r);
    for (i = 0; i < 5; i++) {
        rig_put(&r, "queue", 9, i, &i, sizeof(i), STORE_LOCAL);
    }
    TURN_UNTIL(&r, 1, &w, w.n == 5);
    for (i = 0; i < 5; i++) {
        assert_index(&w, i, i);
    }
    stop(&r, &w);
}

/* Whoever sent a record by its log has it, and others read it from this one. */
static void
test_catch_up_is_not_pushed(void **state)
{
    struct watcher w;
    struct rig r;

    (void)state;
    start(&r, &w);
    rig_put(&r, "origin", 5, 0, "a", 1, STORE_CATCHUP);
    rig_put(&r, "origin", 5, 1, "b", 1, STORE_LOCAL);
    rig_put(&r, "origin", 5, 2, "c", 1, STORE_CATCHUP);
    rig_put(&r, "origin", 5, 3, "d", 1, STORE_GOSSIP);
    TURN_UNTIL(&r, 1, &w, w.n == 2);
    assert_index(&w, 0, 1);
    assert_index(&w, 1, 3);
    assert_int_equal(r.router->published, r.router->log_head);
    stop(&r, &w);
}

static void
assert_one_of(const struct p2pfs_hash *got, const struct p2pfs_hash id[2])
{
    assert_true(
        p2pfs_hash_cmp(got, &id[0]) == 0 || p2pfs_hash_cmp(got, &id[1]) == 0);
}

/* Killed between commit and publication: published after the restart. */
static void
test_a_kill_before_publication(void **state)
{
    struct p2pfs_record rec;
    struct p2pfs_hash id[2];
    struct watcher w;
    struct rig r;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    rig_put(&r, "kill", 3, 0, "one", 3, STORE_LOCAL);
    rig_put(&r, "kill", 3, 1, "two", 3, STORE_LOCAL);
    rig_stop(&r, 0);

    rig_start(&r, 0);
    assert_int_equal(r.router->published, 0);
    assert_int_equal(r.router->log_head, 2);
    watch_join(&w, 2, &r);
    TURN_UNTIL(&r, 1, &w, w.n_offered + w.n >= 2);
    rec = rig_record(&r, "kill", 3, 0, "one", 3);
    p2pfs_record_id(r.hasher, &rec, &id[0]);
    rec = rig_record(&r, "kill", 3, 1, "two", 3);
    p2pfs_record_id(r.hasher, &rec, &id[1]);
    if (w.n == 0) { /* it was published before the watcher was there */
        assert_one_of(&w.offered[0], id);
        assert_one_of(&w.offered[1], id);
    }
    TURN_UNTIL(&r, 1, &w, r.router->saved == 2);
    stop(&r, &w);
}

/* The cursor is saved while it runs, not only at the end, and a restart begins
 * behind it. */
static void
test_the_cursor_is_saved(void **state)
{
    struct watcher w;
    struct rig r;

    (void)state;
    start(&r, &w);
    rig_put(&r, "cursor", 3, 0, "one", 3, STORE_LOCAL);
    rig_put(&r, "cursor", 3, 1, "two", 3, STORE_LOCAL);
    TURN_UNTIL(&r, 1, &w, w.n == 2 && r.router->saved == 2);
    watch_close(&w);
    rig_stop(&r, 0);

    rig_start(&r, 0);
    assert_int_equal(r.router->published, 2);
    rig_put(&r, "cursor", 3, 2, "three", 5, STORE_LOCAL);
    watch_join(&w, 2, &r);
    TURN_UNTIL(&r, 1, &w, r.router->published == r.router->log_head);
    TURN_UNTIL(&r, 1, &w, w.n + w.n_offered > 0);
    assert_true(w.n + w.n_offered <= 2); /* the file and the version */
    stop(&r, &w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit_order),
        cmocka_unit_test(test_an_unreadable_row_is_skipped),
        cmocka_unit_test(test_unreadable_rows_at_the_end),
        cmocka_unit_test(test_a_full_queue_delays),
        cmocka_unit_test(test_catch_up_is_not_pushed),
        cmocka_unit_test(test_a_kill_before_publication),
        cmocka_unit_test(test_the_cursor_is_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
