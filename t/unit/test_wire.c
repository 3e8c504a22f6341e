/*
 * Guards gossipd/wire.h: that what a peer sends is taken only in the shape that
 * the rest relies on, that no frame makes us allocate more than the budget, and
 * that what the builders make is what the other side reads.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gossipd/wire.h"

static struct wire_arena *arena;

static int
setup(void **state)
{
    (void)state;
    arena = wire_arena_new();
    return arena == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
    (void)state;
    wire_arena_free(arena);
    return 0;
}

static const P2pfs__Rpc *
back(const struct wire_buf *b)
{
    const P2pfs__Rpc *rpc = wire_unpack(arena, b->p, b->len);

    assert_non_null(rpc);
    return rpc;
}

static struct p2pfs_record
a_record(void)
{
    struct p2pfs_record r = {.kind = P2PFS_RECORD_FILE,
        .id_len = 3,
        .n = 9,
        .index = 4};

    memcpy(r.id, "set", 4);
    memset(r.entry.b, 0xab, sizeof(r.entry.b));
    return r;
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

static int
taken(const void *frame, size_t len)
{
    return wire_unpack(arena, frame, len) != NULL;
}

/* Every field that has one length only, with another. Bytes by hand: no
 * builder makes these. */
static void
test_wrong_fields_are_refused(void **state)
{
    static const struct {
        const char *what;
        size_t len;
        uint8_t bytes[8];
    } row[] = {
        {"hello without members", 3, {0x82, 0x04, 0x00}},
        {"hello_ok without members", 3, {0x8a, 0x04, 0x00}},
        {"auth without sig", 3, {0x92, 0x04, 0x00}},
        {"auth with a short sig", 6, {0x92, 0x04, 0x03, 0x0a, 0x01, 0x07}},
        {"bind without mac", 3, {0x9a, 0x04, 0x00}},
        {"log page without epoch", 3, {0x8a, 0x05, 0x00}},
        {"ping with an epoch of 1", 6, {0xb2, 0x04, 0x03, 0x12, 0x01, 0x07}},
        {"get without members", 3, {0x92, 0x05, 0x00}},
        {"data without members", 3, {0x9a, 0x05, 0x00}},
        {"publish without members", 2, {0x12, 0x00}},
        {"graft without topic", 4, {0x1a, 0x02, 0x1a, 0x00}},
        {"prune without topic", 4, {0x1a, 0x02, 0x22, 0x00}},
        {"ihave without topic", 4, {0x1a, 0x02, 0x0a, 0x00}},
        {"iwant with a short id", 7, {0x1a, 5, 0x12, 3, 0x0a, 1, 7}},
        {"subscription without topic", 4, {0x0a, 0x02, 0x08, 0x01}},
        {"truncated", 3, {0x0a, 0x20, 0x08}},
        {"a tag of 0", 2, {0x00, 0x00}},
        {"an endless varint", 8,
            {0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        if (taken(row[i].bytes, row[i].len)) {
            fail_msg("taken: %s", row[i].what);
        }
    }
    assert_true(taken("", 0));
    assert_true(taken("\x9a\x3e\x01x", 4)); /* an unknown field */
}

static void
test_long_topics_are_refused(void **state)
{
    char topic[WIRE_TOPIC_MAX + 2];
    struct wire_buf b = {0};

    (void)state;
    memset(topic, 't', sizeof(topic));
    topic[WIRE_TOPIC_MAX] = '\0';
    assert_int_equal(wire_graft(&b, topic), 0);
    assert_true(taken(b.p, b.len));
    topic[WIRE_TOPIC_MAX] = 't';
    topic[WIRE_TOPIC_MAX + 1] = '\0';
    assert_int_equal(wire_graft(&b, topic), 0);
    assert_false(taken(b.p, b.len));
    wire_buf_fini(&b);
}

/* Two bytes each on the wire, a hundred in memory. */
static void
test_empty_submessages_break_the_budget(void **state)
{
    static uint8_t frame[WIRE_CONTROL_MAX];
    static const uint8_t tags[] = {0x0a, 0x12, 0xfa};
    size_t t, i;

    (void)state;
    for (t = 0; t < sizeof(tags); t++) {
        for (i = 0; i + 1 < sizeof(frame); i += 2) {
            frame[i] = tags[t];
            frame[i + 1] = 0;
        }
        assert_false(taken(frame, sizeof(frame)));
    }
}

/* Whatever is flipped or cut, the answer is yes or no. */
static void
test_random_damage(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    struct p2pfs_proof proof = {.len = 5};
    struct p2pfs_record r = a_record();
    struct wire_buf b = {0};
    unsigned round, yes = 0;

    (void)state;
    print_message("# seed %u\n", seed);
    srand(seed);
    for (round = 0; round < 20000; round++) {
        uint8_t *exact;
        size_t len;

        assert_int_equal(wire_publish(&b, "files", &r, round, &proof), 0);
        b.p[(size_t)rand() % b.len] ^= (uint8_t)(1 << rand() % 8);
        len = (size_t)rand() % (b.len + 1);
        len = round % 2 ? b.len : len;
        exact = malloc(len + 1); /* a read beyond the end is seen by ASan */
        assert_non_null(exact);
        memcpy(exact, b.p, len);
        yes += (unsigned)taken(exact, len);
        free(exact);
    }
    assert_in_range(yes, 1, 19999);
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
        cmocka_unit_test(test_wrong_fields_are_refused),
        cmocka_unit_test(test_long_topics_are_refused),
        cmocka_unit_test(test_empty_submessages_break_the_budget),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
