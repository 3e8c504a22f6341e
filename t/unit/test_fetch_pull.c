/*
 * Guards the bytes of a want: ranges that are exact, a window of four, caps per
 * peer, timeouts, busy peers, every shape of a wrong answer. A slip here asks
 * for ever, or stores what was not announced.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "t/unit/fetch_rig.h"

static void
test_ranges_and_window(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1);
    struct fetch_action get[8];
    const struct fetch_action *s;
    uint64_t size = 5 * FETCH_RANGE_BYTES + 17;
    size_t i;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_offer(&r, 1, &file, size);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 4);
    for (i = 0; i < 4; i++) {
        get[i] = *rig_nth(&r, FETCH_SEND_GET, i);
        assert_int_equal(get[i].offset, i * FETCH_RANGE_BYTES);
        assert_int_equal(get[i].length, FETCH_RANGE_BYTES);
    }
    rig_data(&r, &get[2], size); /* out of order is fine */
    get[4] = *rig_only(&r, FETCH_SEND_GET);
    rig_data(&r, &get[0], size);
    get[5] = *rig_only(&r, FETCH_SEND_GET);
    assert_int_equal(get[5].offset, 5 * FETCH_RANGE_BYTES);
    assert_int_equal(get[5].length, 17);
    rig_data(&r, &get[0], size); /* twice: not taken twice */
    assert_int_equal(r.n, 0);
    rig_data(&r, &get[5], size);
    rig_data(&r, &get[1], size);
    rig_data(&r, &get[3], size);
    assert_int_equal(rig_count(&r, FETCH_STORE), 0);
    rig_data(&r, &get[4], size);

    s = rig_only(&r, FETCH_STORE);
    assert_int_equal(s->len, size);
    assert_int_equal(s->from_log, 0);
    for (i = 0; i < size; i++) {
        assert_int_equal(s->data[i], (uint8_t)(i * 3 >> 4));
    }
    assert_int_equal(rig_stats(&r).bytes, size); /* until it is stored */
    rig_stored(&r, s, P2PFS_OK);
    assert_int_equal(rig_stats(&r).active, 0);
    assert_int_equal(rig_stats(&r).bytes, 0);
    assert_int_equal(rig_stats(&r).stored, 1);
    rig_fini(&r);
}

static void
test_no_bytes(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1);
    struct fetch_action get;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_offer(&r, 1, &file, 0);
    get = *rig_only(&r, FETCH_SEND_GET);
    assert_int_equal(get.length, 0);
    rig_data(&r, &get, 0);
    assert_int_equal(rig_only(&r, FETCH_STORE)->len, 0);
    assert_non_null(rig_only(&r, FETCH_STORE)->data);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_OK);
    rig_fini(&r);
}

static void
test_caps_of_a_peer(void **state)
{
    struct rig r;
    struct p2pfs_record file;
    struct fetch_action first = {0};
    unsigned i, asked = 0;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    for (i = 0; i < 100; i++) {
        file = rig_file(i);
        rig_offer(&r, 1, &file, 100);
        if (i == 0) {
            first = *rig_only(&r, FETCH_SEND_GET);
        }
        asked += rig_count(&r, FETCH_SEND_GET);
    }
    assert_int_equal(asked, 64);
    rig_data(&r, &first, 100); /* one comes, one more is asked for */
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 1);
    free(rig_only(&r, FETCH_STORE)->data);
    rig_fini(&r);

    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    for (i = 0, asked = 0; i < 5; i++) {
        file = rig_file(i);
        rig_offer(&r, 1, &file, 1u << 20);
        asked += rig_count(&r, FETCH_SEND_GET);
    }
    assert_int_equal(asked, 8); /* 1 MiB in ranges */
    rig_fini(&r);
}

static void
test_bytes_of_all(void **state)
{
    struct fetch_params p;
    struct rig r;
    struct p2pfs_record list = rig_version(20000), file = rig_file(1),
                        next = rig_file(2);
    struct fetch_action get;

    (void)state;
    fetch_params_default(&p);
    p.bytes_max = 500000; /* less than the list alone */
    rig_init(&r, &p);
    rig_up(&r, 1, rig_epoch, 0);
    rig_offer(&r, 1, &file, 1000);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_offer(&r, 1, &list, 0);
    assert_int_equal(r.n, 0);
    rig_offer(&r, 1, &next, 1000); /* does not overtake */
    assert_int_equal(r.n, 0);
    rig_data(&r, &get, 1000);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_OK);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 4);
    assert_int_equal(rig_nth(&r, FETCH_SEND_GET, 0)->record->kind,
        P2PFS_RECORD_VERSION);
    rig_fini(&r);
}

static void
test_timeout_and_progress(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1);
    struct fetch_action get[4];
    size_t i;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    rig_offer(&r, 1, &file, 4 * FETCH_RANGE_BYTES);
    for (i = 0; i < 4; i++) {
        get[i] = *rig_nth(&r, FETCH_SEND_GET, i);
    }
    for (i = 0; i < 2; i++) { /* slow, but it comes */
        r.now += 3900;
        rig_data(&r, &get[i], 4 * FETCH_RANGE_BYTES);
        assert_int_equal(rig_count(&r, FETCH_SEND_GET), 0);
    }
    rig_offer(&r, 2, &file, 4 * FETCH_RANGE_BYTES);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 0); /* one at a time */
    while (rig_count(&r, FETCH_SEND_GET) == 0) {
        rig_tick(&r, 4000);
    }
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 4); /* from the start */
    assert_int_equal(rig_nth(&r, FETCH_SEND_GET, 0)->peer, 2);
    assert_int_equal(rig_nth(&r, FETCH_SEND_GET, 0)->offset, 0);
    assert_int_equal(rig_stats(&r).restarts, 1);

    rig_data(&r, &get[2], 4 * FETCH_RANGE_BYTES); /* too late: no blame */
    assert_int_equal(r.n, 0);
    rig_fini(&r);
}

/* One lost answer among many that come does not hold the want for ever. */
static void
test_timeout_in_spite_of_traffic(void **state)
{
    struct rig r;
    struct p2pfs_record file;
    unsigned i;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    file = rig_file(0);
    rig_offer(&r, 1, &file, 10);
    for (i = 1; i <= 17; i++) {
        r.now += 1000;
        file = rig_file(i);
        rig_offer(&r, 1, &file, 10);
        if (rig_count(&r, FETCH_SEND_GET) == 1) {
            struct fetch_action get = *rig_only(&r, FETCH_SEND_GET);

            rig_data(&r, &get, 10);
            rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_OK);
        }
    }
    assert_true(rig_stats(&r).timeouts >= 1);
    rig_fini(&r);
}

static void
wrong_shape(const struct p2pfs_record *record,
    void (*bend)(struct fetch_event *))
{
    static uint8_t bytes[FETCH_RANGE_BYTES];
    struct rig r;
    struct fetch_action get;
    struct fetch_event e = {.kind = FETCH_DATA, .data = bytes};

    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    rig_offer(&r, 1, record, 200000);
    get = *rig_nth(&r, FETCH_SEND_GET, 1);
    rig_offer(&r, 2, record, 200000);
    e.peer = 1;
    e.request = get.request;
    e.offset = get.offset;
    e.len = get.length;
    e.total = 200000;
    bend(&e);
    rig_step(&r, &e);
    assert_int_equal(rig_only(&r, FETCH_BLAME)->peer, 1);
    assert_non_null(rig_only(&r, FETCH_BLAME)->reason);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 2);
    assert_int_equal(rig_nth(&r, FETCH_SEND_GET, 0)->peer, 2);
    rig_fini(&r);
}

static void
bend_total(struct fetch_event *e)
{
    e->total--;
}

static void
bend_offset(struct fetch_event *e)
{
    e->offset = 0;
}

static void
bend_short(struct fetch_event *e)
{
    e->len--;
}

static void
bend_long(struct fetch_event *e)
{
    e->len++;
}

static const struct p2pfs_proof one_hash = {.len = 1};

static void
bend_proof(struct fetch_event *e)
{
    e->proof = &one_hash;
}

static void
test_wrong_shapes(void **state)
{
    struct p2pfs_record file = rig_file(1), rooted = rig_file(1);

    (void)state;
    rooted.root.b[0] = 1;
    wrong_shape(&file, bend_total);
    wrong_shape(&file, bend_offset);
    wrong_shape(&file, bend_short);
    wrong_shape(&file, bend_long);
    wrong_shape(&file, bend_proof);
    wrong_shape(&rooted, bend_proof); /* not at offset 0 */
}

static void
test_proof_goes_to_the_store(void **state)
{
    struct rig r;
    struct p2pfs_record rooted = rig_file(1);
    struct p2pfs_proof proof = {.len = 3};
    struct fetch_event e = {.kind = FETCH_DATA, .peer = 1, .total = 4};

    (void)state;
    rooted.root.b[0] = 1;
    proof.hash[2].b[31] = 9;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_offer(&r, 1, &rooted, 4);
    e.request = rig_only(&r, FETCH_SEND_GET)->request;
    e.proof = &proof;
    e.data = (const uint8_t *)"four";
    e.len = 4;
    rig_step(&r, &e);
    assert_int_equal(rig_only(&r, FETCH_STORE)->proof->len, 3);
    assert_int_equal(rig_only(&r, FETCH_STORE)->proof->hash[2].b[31], 9);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_OK);
    rig_fini(&r);
}

static void
test_busy_peer(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1), other = rig_file(2);
    struct fetch_action get, again;
    uint64_t size = 2 * FETCH_RANGE_BYTES;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_page(&r, 1, 0, 0, 0);
    rig_offer(&r, 1, &file, size);
    get = *rig_nth(&r, FETCH_SEND_GET, 0);
    again = *rig_nth(&r, FETCH_SEND_GET, 1);
    rig_data(&r, &get, size);
    rig_status(&r, &again, FETCH_STATUS_BUSY);
    rig_offer(&r, 1, &other, 10); /* is left alone for a moment */
    assert_int_equal(r.n, 0);
    rig_tick(&r, 500);
    assert_int_equal(rig_count(&r, FETCH_SEND_GET), 2);
    assert_int_equal(rig_nth(&r, FETCH_SEND_GET, 0)->offset,
        FETCH_RANGE_BYTES); /* this range only, what came is kept */
    again = *rig_nth(&r, FETCH_SEND_GET, 0);
    rig_data(&r, &again, size);
    rig_stored(&r, rig_only(&r, FETCH_STORE), P2PFS_OK);
    rig_fini(&r);
}

static void
test_busy_peer_is_replaced(void **state)
{
    struct rig r;
    struct p2pfs_record file = rig_file(1);
    struct fetch_action get;

    (void)state;
    rig_init(&r, NULL);
    rig_up(&r, 1, rig_epoch, 0);
    rig_up(&r, 2, rig_epoch, 0);
    rig_offer(&r, 1, &file, 10);
    get = *rig_only(&r, FETCH_SEND_GET);
    rig_offer(&r, 2, &file, 10);
    rig_status(&r, &get, FETCH_STATUS_BUSY);
    assert_int_equal(rig_only(&r, FETCH_SEND_GET)->peer, 2);
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_and_window),
        cmocka_unit_test(test_no_bytes),
        cmocka_unit_test(test_caps_of_a_peer),
        cmocka_unit_test(test_bytes_of_all),
        cmocka_unit_test(test_timeout_and_progress),
        cmocka_unit_test(test_timeout_in_spite_of_traffic),
        cmocka_unit_test(test_wrong_shapes),
        cmocka_unit_test(test_proof_goes_to_the_store),
        cmocka_unit_test(test_busy_peer),
        cmocka_unit_test(test_busy_peer_is_replaced),
    };

    return cmocka_run_group_tests_name("fetch_pull", tests, NULL, NULL);
}
