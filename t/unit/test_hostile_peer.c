/*
 * A peer of the network that does not behave: every malformed or lying message
 * on a real link to a running node. After each the node must store nothing of
 * it, still take a good file from the next peer, and have counted or closed.
 */

#include "t/unit/hostile_world.h"

static void
test_lies_about_a_file(void **state)
{
    struct world *w = *state;
    struct p2pfs_proof proof = {.len = 1};
    struct p2pfs_record r;
    struct attacker a;
    struct wire_buf b;

    memset(&b, 0, sizeof(b));
    link_up(w, &a);

    /* other bytes than the record names */
    file_record(w, &r, "lie-entry", 1, 0, "told");
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 4, NULL), 0);
    send_bulk(&a, &b, "sent", 4);

    /* a proof that does not lead to the root */
    file_record(w, &r, "lie-proof", 2, 0, "told");
    memset(r.root.b, 7, sizeof(r.root.b));
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 4, &proof), 0);
    send_bulk(&a, &b, "told", 4);

    /* a root without any proof, of more than one file */
    file_record(w, &r, "lie-bare", 3, 0, "told");
    memset(r.root.b, 7, sizeof(r.root.b));
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 4, NULL), 0);
    send_bulk(&a, &b, "told", 4);

    /* fewer and more bytes than told, and a size beyond the network's */
    file_record(w, &r, "lie-size", 1, 0, "told");
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 4, NULL), 0);
    send_bulk(&a, &b, "tol", 3);
    send_bulk(&a, &b, "told!", 5);
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &r, 0xffffffffu, NULL), 0);
    send_bulk(&a, &b, "", 0);

    settle(w, &a);
    still_good(w);
    assert_int_equal(look_up(w, "lie-entry"), P2PFS_SET_NOT_FOUND);
    assert_int_equal(look_up(w, "lie-proof"), P2PFS_SET_NOT_FOUND);
    assert_int_equal(look_up(w, "lie-bare"), P2PFS_SET_NOT_FOUND);
    assert_int_equal(look_up(w, "lie-size"), P2PFS_SET_NOT_FOUND);
    link_close(&a);
    wire_buf_fini(&b);
}

/* Records that the encoder of a good node cannot make. */
static void
test_malformed_records(void **state)
{
    struct world *w = *state;
    P2pfs__Message m = P2PFS__MESSAGE__INIT;
    P2pfs__Message *list[1] = {&m};
    P2pfs__Rpc rpc = P2PFS__RPC__INIT;
    uint8_t bytes[P2PFS_RECORD_BYTES_MAX];
    struct p2pfs_record good;
    struct attacker a;
    struct wire_buf b;
    size_t len, i;

    memset(&b, 0, sizeof(b));
    rpc.publish = list;
    rpc.n_publish = 1;
    m.topic = (char *)(uintptr_t)ROUTER_TOPIC;
    m.has_size = 1;
    m.size = 4;
    m.has_data = 1;
    m.data.data = bytes;

    file_record(w, &good, "bad", 2, 1, "told");
    for (i = 0; i < 6; i++) {
        len = p2pfs_record_encode(&good, bytes);
        switch (i) {
        case 0: len--; break;
        case 1: bytes[0] = 'X'; break;
        case 2: bytes[1] = 9; break;
        case 3: bytes[2] = 0; break;
        case 4:
            bytes[4] = '/'; /* b/d */
            break;
        case 5:
            bytes[13] = 2; /* index 2 of 2 */
            break;
        }
        m.data.len = len;
        link_up(w, &a);
        assert_int_equal(wire_pack(&b, &rpc), 0);
        send_bulk(&a, &b, "told", 4);
        settle(w, &a);
        link_close(&a);
    }
    still_good(w);
    assert_int_equal(look_up(w, "bad"), P2PFS_SET_NOT_FOUND);
    assert_int_equal(look_up(w, "b/d"), P2PFS_SET_NOT_FOUND);
    wire_buf_fini(&b);
}

static void
test_floods_and_nonsense(void **state)
{
    struct world *w = *state;
    static struct p2pfs_hash ids[WIRE_IDS_MAX];
    struct peerread_row row;
    struct p2pfs_record r;
    struct attacker a;
    struct wire_buf b;
    uint8_t epoch[STORE_EPOCH_BYTES];
    unsigned i, k;

    memset(&b, 0, sizeof(b));
    memset(epoch, 3, sizeof(epoch));
    link_up(w, &a);
    for (k = 0; k < 20; k++) {
        for (i = 0; i < WIRE_IDS_MAX; i++) {
            ids[i].b[0] = (uint8_t)k;
            memcpy(ids[i].b + 4, &i, sizeof(i));
        }
        assert_int_equal(wire_ihave(&b, ROUTER_TOPIC, ids, WIRE_IDS_MAX), 0);
        send_control(&a, &b);
        assert_int_equal(wire_iwant(&b, ids, WIRE_IDS_MAX), 0);
        send_control(&a, &b);
        assert_int_equal(wire_graft(&b, "no-such-topic"), 0);
        send_control(&a, &b);
        assert_int_equal(wire_graft(&b, ROUTER_TOPIC), 0);
        send_control(&a, &b);
        assert_int_equal(wire_prune(&b, ROUTER_TOPIC, 0xffffffffu), 0);
        send_control(&a, &b);
    }
    settle(w, &a);

    /* answers to what was never asked */
    memset(&row, 0, sizeof(row));
    file_record(w, &row.record, "unasked", 1, 0, "told");
    row.seq = 5;
    row.size = 4;
    assert_int_equal(wire_log_page(&b, epoch, 0, 5, &row, 1), 0);
    send_control(&a, &b);
    assert_int_equal(wire_data(&b, 12345, WIRE_DATA_OK, 0, 4, NULL), 0);
    send_bulk(&a, &b, "told", 4);

    /* requests for what is not there, at impossible places */
    file_record(w, &r, "nothing", 3, 2, "told");
    assert_int_equal(wire_get(&b, 1, &r, UINT64_MAX, FETCH_RANGE_BYTES), 0);
    send_control(&a, &b);
    assert_int_equal(wire_get(&b, 2, &r, 0, UINT32_MAX), 0);
    send_control(&a, &b);
    assert_int_equal(wire_log_get(&b, epoch, UINT64_MAX, UINT32_MAX), 0);
    send_control(&a, &b);

    settle(w, &a);
    still_good(w);
    assert_int_equal(look_up(w, "unasked"), P2PFS_SET_NOT_FOUND);
    link_close(&a);
    wire_buf_fini(&b);
}

static void
test_garbage_ends_the_link(void **state)
{
    struct world *w = *state;
    struct attacker a;
    uint8_t junk[512];
    uint64_t until;
    size_t i;

    for (i = 0; i < sizeof(junk); i++) {
        junk[i] = (uint8_t)(rand() | 0x80);
    }
    link_up(w, &a);
    (void)links_send(a.links, a.peer, LINK_REQUEST, junk, sizeof(junk), NULL,
        0);
    until = now_ms() + WAIT_MS;
    while (a.peer != 0 && now_ms() < until) {
        turn(w, &a);
    }
    assert_true(a.peer == 0);
    still_good(w);
    link_close(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lies_about_a_file),
        cmocka_unit_test(test_malformed_records),
        cmocka_unit_test(test_floods_and_nonsense),
        cmocka_unit_test(test_garbage_ends_the_link),
    };
    unsigned seed = (unsigned)time(NULL);

    srand(seed);
    print_message("# seed %u\n", seed);
    return cmocka_run_group_tests(tests, start, stop);
}
