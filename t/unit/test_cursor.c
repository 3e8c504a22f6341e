/*
 * Guards the cursor and the writer: everything that comes off a wire goes
 * through them, so they must stop at the last byte and stay stopped.
 */

#include "t/unit/testing.h"

#include "core/cursor.h"

static void
integers_are_big_endian(void **state)
{
    static const uint8_t in[] = {0xf1, 0x01, 0xf2, 0x01, 0x02, 0x03, 0xf4, 0x01,
        0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xf8};
    struct p2pfs_cursor c;

    (void)state;

    p2pfs_cursor_init(&c, in, sizeof(in));
    assert_int_equal(p2pfs_cursor_u8(&c), 0xf1);
    assert_int_equal(p2pfs_cursor_u16(&c), 0x01f2);
    assert_int_equal(p2pfs_cursor_u32(&c), 0x010203f4);
    assert_false(p2pfs_cursor_done(&c));
    assert_true(p2pfs_cursor_u64(&c) == 0x01020304050607f8u);
    assert_true(p2pfs_cursor_done(&c));
}

static void
asking_too_much_turns_it_bad_for_good(void **state)
{
    static const uint8_t in[] = {1, 2, 3};
    struct p2pfs_cursor c;

    (void)state;

    p2pfs_cursor_init(&c, in, sizeof(in));
    assert_int_equal(p2pfs_cursor_u32(&c), 0);
    assert_int_equal(c.bad, 1);
    assert_false(p2pfs_cursor_done(&c));

    /* three bytes are there, and yet */
    assert_int_equal(p2pfs_cursor_u8(&c), 0);
    assert_null(p2pfs_cursor_bytes(&c, 1));
    assert_null(p2pfs_cursor_bytes(&c, 0));

    p2pfs_cursor_init(&c, in, sizeof(in));
    assert_null(p2pfs_cursor_bytes(&c, SIZE_MAX));
    assert_int_equal(c.bad, 1);

    p2pfs_cursor_init(&c, NULL, 0);
    assert_true(p2pfs_cursor_done(&c));
    assert_int_equal(p2pfs_cursor_u64(&c), 0);
    assert_int_equal(c.bad, 1);
}

static void
bytes_are_of_the_input_itself(void **state)
{
    static const uint8_t in[] = {1, 2, 3};
    struct p2pfs_cursor c;

    (void)state;

    p2pfs_cursor_init(&c, in, sizeof(in));
    assert_ptr_equal(p2pfs_cursor_bytes(&c, 2), in);
    assert_ptr_equal(p2pfs_cursor_bytes(&c, 0), in + 2);
    assert_ptr_equal(p2pfs_cursor_bytes(&c, 1), in + 2);
    assert_true(p2pfs_cursor_done(&c));
    assert_non_null(p2pfs_cursor_bytes(&c, 0));
    assert_true(p2pfs_cursor_done(&c));
}

static void
what_is_written_is_read(void **state)
{
    static const uint64_t value[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff,
        0x10000, 0xffffffff, 0x100000000, UINT64_MAX};
    uint8_t buf[15 + 3];
    struct p2pfs_writer w;
    struct p2pfs_cursor c;
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(value); i++) {
        p2pfs_writer_init(&w, buf, sizeof(buf));
        p2pfs_writer_u8(&w, (uint8_t)value[i]);
        p2pfs_writer_u16(&w, (uint16_t)value[i]);
        p2pfs_writer_u32(&w, (uint32_t)value[i]);
        p2pfs_writer_u64(&w, value[i]);
        p2pfs_writer_bytes(&w, "abc", 3);
        p2pfs_writer_bytes(&w, NULL, 0);
        assert_false(w.bad);
        assert_int_equal(w.left, 0);
        assert_ptr_equal(w.p, buf + sizeof(buf));

        p2pfs_cursor_init(&c, buf, sizeof(buf));
        assert_int_equal(p2pfs_cursor_u8(&c), (uint8_t)value[i]);
        assert_int_equal(p2pfs_cursor_u16(&c), (uint16_t)value[i]);
        assert_int_equal(p2pfs_cursor_u32(&c), (uint32_t)value[i]);
        assert_true(p2pfs_cursor_u64(&c) == value[i]);
        assert_memory_equal(p2pfs_cursor_bytes(&c, 3), "abc", 3);
        assert_true(p2pfs_cursor_done(&c));
    }
}

static void
a_full_writer_is_bad_and_writes_nothing_more(void **state)
{
    uint8_t buf[8];
    struct p2pfs_writer w;

    (void)state;

    memset(buf, 0x5a, sizeof(buf));
    p2pfs_writer_init(&w, buf, 5);
    p2pfs_writer_u32(&w, 0x01020304);
    p2pfs_writer_u16(&w, 0x0506);
    assert_true(w.bad);
    assert_memory_equal(buf, "\1\2\3\4\x5a\x5a\x5a\x5a", 8);

    /* one byte would fit, and yet */
    p2pfs_writer_u8(&w, 9);
    p2pfs_writer_bytes(&w, "x", 1);
    assert_true(w.bad);
    assert_int_equal(buf[4], 0x5a);

    p2pfs_writer_init(&w, buf, sizeof(buf));
    p2pfs_writer_bytes(&w, buf, SIZE_MAX);
    assert_true(w.bad);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(asking_too_much_turns_it_bad_for_good),
        cmocka_unit_test(bytes_are_of_the_input_itself),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_full_writer_is_bad_and_writes_nothing_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
