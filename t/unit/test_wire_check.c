/*
 * Guards that what a peer sends is taken only in the shape that the rest relies
 * on: lengths, and members that must be there.
 */

#include "t/unit/wire_rig.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_fields_are_refused),
        cmocka_unit_test(test_long_topics_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
