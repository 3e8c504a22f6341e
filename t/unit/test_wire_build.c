/*
 * Guards the builders: what they make is what the other side reads, up to the
 * largest page and the most ids there are.
 */

#include "t/unit/wire_rig.h"

static const P2pfs__Rpc *
back(const struct wire_buf *b)
{
    const P2pfs__Rpc *rpc = wire_unpack(arena, b->p, b->len);

    assert_non_null(rpc);
    return rpc;
}

static void
test_gossip_comes_back(void **state)
{
    const char *topics[2] = {"one", "two"};
    struct p2pfs_hash ids[3], out[2];
    const P2pfs__Rpc *rpc;
    struct wire_buf b = {0};

    (void)state;
    memset(ids, 5, sizeof(ids));
    assert_int_equal(wire_subscriptions(&b, topics, 2, 1), 0);
    rpc = back(&b);
    assert_int_equal(rpc->n_subscriptions, 2);
    assert_string_equal(rpc->subscriptions[1]->topicid, "two");
    assert_true(rpc->subscriptions[1]->subscribe);
    assert_int_equal(wire_graft(&b, "one"), 0);
    assert_string_equal(back(&b)->control->graft[0]->topicid, "one");
    assert_int_equal(wire_prune(&b, "one", 1001), 0);
    assert_int_equal(back(&b)->control->prune[0]->backoff, 2);
    assert_int_equal(wire_ihave(&b, "one", ids, 3), 0);
    rpc = back(&b);
    assert_int_equal(rpc->control->ihave[0]->n_messageids, 3);
    assert_int_equal(wire_ids(rpc->control->ihave[0]->messageids, 3, out, 2),
        2);
    assert_memory_equal(out, ids, sizeof(out));
    assert_int_equal(wire_iwant(&b, ids, 3), 0);
    assert_int_equal(back(&b)->control->iwant[0]->n_messageids, 3);
    wire_buf_fini(&b);
}

static void
test_bulk_heads_come_back(void **state)
{
    struct p2pfs_proof proof = {.len = 2}, out;
    struct p2pfs_record r = a_record(), got;
    const P2pfs__Rpc *rpc;
    struct wire_buf b = {0};

    (void)state;
    memset(proof.hash, 3, sizeof(proof.hash));
    assert_int_equal(wire_publish(&b, "files", &r, 77, &proof), 0);
    rpc = back(&b);
    assert_int_equal(rpc->n_publish, 1);
    assert_int_equal(rpc->publish[0]->size, 77);
    assert_int_equal(p2pfs_record_decode(&got, rpc->publish[0]->data.data,
                         rpc->publish[0]->data.len),
        P2PFS_OK);
    assert_memory_equal(got.entry.b, r.entry.b, P2PFS_HASH_BYTES);
    wire_proof(rpc->publish[0]->has_proof, &rpc->publish[0]->proof, &out);
    assert_int_equal(out.len, 2);
    assert_memory_equal(out.hash, proof.hash, 64);
    assert_int_equal(wire_data(&b, 8, WIRE_DATA_BUSY, 1, 2, NULL), 0);
    rpc = back(&b);
    assert_int_equal(rpc->data->status, WIRE_DATA_BUSY);
    assert_int_equal(rpc->data->total, 2);
    wire_proof(rpc->data->has_proof, &rpc->data->proof, &out);
    assert_int_equal(out.len, 0);
    wire_buf_fini(&b);
}

/* The largest page there is must fit into a frame and into the budget. */
static void
test_the_largest_page_comes_back(void **state)
{
    static struct peerread_row rows[PEERREAD_PAGE_MAX];
    static struct fetch_row out[PEERREAD_PAGE_MAX];
    uint8_t epoch[STORE_EPOCH_BYTES] = {9};
    struct wire_buf b = {0};
    size_t i, n;

    (void)state;
    for (i = 0; i < PEERREAD_PAGE_MAX; i++) {
        rows[i].seq = UINT64_MAX - i;
        rows[i].size = UINT32_MAX;
        rows[i].record = a_record();
        rows[i].record.id_len = P2PFS_SET_ID_MAX;
        memset(rows[i].record.id, 'x', P2PFS_SET_ID_MAX);
        rows[i].record.n = UINT32_MAX;
    }
    assert_int_equal(wire_log_page(&b, epoch, UINT64_MAX, UINT64_MAX, rows,
                         PEERREAD_PAGE_MAX),
        0);
    assert_true(b.len <= WIRE_CONTROL_MAX);
    assert_int_equal(wire_log_rows(back(&b)->log_page, out, PEERREAD_PAGE_MAX,
                         &n),
        P2PFS_OK);
    assert_int_equal(n, PEERREAD_PAGE_MAX);
    assert_true(out[7].seq == UINT64_MAX - 7);
    assert_int_equal(out[7].record.id_len, P2PFS_SET_ID_MAX);
    assert_int_equal(wire_log_rows(back(&b)->log_page, out, 10, &n),
        P2PFS_BAD_FRAME);
    wire_buf_fini(&b);
}

static void
test_the_most_ids_come_back(void **state)
{
    static struct p2pfs_hash ids[WIRE_IDS_MAX + 1];
    struct wire_buf b = {0};

    (void)state;
    assert_int_equal(wire_ihave(&b, "files", ids, WIRE_IDS_MAX), 0);
    assert_true(b.len <= WIRE_CONTROL_MAX);
    assert_int_equal(back(&b)->control->ihave[0]->n_messageids, WIRE_IDS_MAX);
    assert_int_equal(wire_ihave(&b, "files", ids, WIRE_IDS_MAX + 1), -1);
    assert_int_equal(wire_iwant(&b, ids, WIRE_IDS_MAX + 1), -1);
    wire_buf_fini(&b);
}

static void
test_requests_come_back(void **state)
{
    uint8_t epoch[STORE_EPOCH_BYTES] = {1, 2};
    struct p2pfs_record r = a_record();
    const P2pfs__Rpc *rpc;
    struct wire_buf b = {0};

    (void)state;
    assert_int_equal(wire_log_get(&b, NULL, 5, 128), 0);
    rpc = back(&b);
    assert_false(rpc->log_get->has_log_epoch);
    assert_int_equal(rpc->log_get->after, 5);
    assert_int_equal(wire_log_get(&b, epoch, 5, 128), 0);
    assert_memory_equal(back(&b)->log_get->log_epoch.data, epoch, 16);
    assert_int_equal(wire_get(&b, 6, &r, 1 << 20, 131072), 0);
    rpc = back(&b);
    assert_int_equal(rpc->get->request, 6);
    assert_int_equal(rpc->get->offset, 1 << 20);
    assert_int_equal(wire_ping(&b, 0, 3, epoch, 4), 0);
    assert_int_equal(back(&b)->ping->log_head, 4);
    assert_int_equal(wire_ping(&b, 1, 3, NULL, 4), 0);
    assert_int_equal(back(&b)->pong->cookie, 3);
    assert_int_equal(wire_goodbye(&b, 2, "duplicate"), 0);
    assert_string_equal(back(&b)->goodbye->text, "duplicate");
    wire_buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gossip_comes_back),
        cmocka_unit_test(test_bulk_heads_come_back),
        cmocka_unit_test(test_the_largest_page_comes_back),
        cmocka_unit_test(test_the_most_ids_come_back),
        cmocka_unit_test(test_requests_come_back),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
