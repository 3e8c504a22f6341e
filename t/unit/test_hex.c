/*
 * Guards the hex tables: one wrong cell would corrupt files silently, and a
 * digit taken too generously would give one file two spellings.
 */

#include "t/unit/testing.h"

#include "core/hex.h"

/* -1: no digit. By searching, as the code under test does not. */
static int
digit_value(int c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *p = c != 0 ? strchr(digits, c) : NULL;
    int v = p != NULL ? (int)(p - digits) : -1;

    return v > 15 ? v - 6 : v;
}

static void
all_pairs_decode_as_the_reference(void **state)
{
    unsigned i, good = 0;

    (void)state;

    for (i = 0; i < 65536; i++) {
        char pair[2] = {(char)(i >> 8), (char)i};
        int hi = digit_value((int)(i >> 8));
        int lo = digit_value((int)(i & 0xff));
        uint8_t out;
        enum p2pfs_err err = p2pfs_hex_decode(&out, pair, 2);

        if (hi < 0 || lo < 0) {
            assert_int_equal(err, P2PFS_BAD_HEX);
        } else {
            assert_int_equal(err, P2PFS_OK);
            assert_int_equal(out, hi * 16 + lo);
            good++;
        }
    }

    assert_int_equal(good, 22 * 22);
}

static void
all_bytes_encode_in_lower_case(void **state)
{
    uint8_t in[256];
    char out[513], want[3];
    unsigned i;

    (void)state;

    for (i = 0; i < 256; i++) {
        in[i] = (uint8_t)i;
    }

    out[512] = '!';
    p2pfs_hex_encode(out, in, 256);
    assert_int_equal(out[512], '!');

    for (i = 0; i < 256; i++) {
        snprintf(want, sizeof(want), "%02x", i);
        assert_memory_equal(out + 2 * i, want, 2);
    }
}

static void
a_bad_character_anywhere_is_refused(void **state)
{
    static const char bad[] = {'g', 'G', ' ', '/', ':', '@', '`', 'x', '\0',
        (char)0x80, (char)0xb0, (char)0xff};
    uint8_t out[32];
    char hex[64];
    size_t i, k;

    (void)state;

    memset(hex, '7', sizeof(hex));
    assert_int_equal(p2pfs_hex_decode(out, hex, sizeof(hex)), P2PFS_OK);

    for (i = 0; i < sizeof(hex); i++) {
        for (k = 0; k < sizeof(bad); k++) {
            hex[i] = bad[k];
            assert_int_equal(p2pfs_hex_decode(out, hex, sizeof(hex)),
                P2PFS_BAD_HEX);
        }
        hex[i] = '7';
    }
}

static void
lengths(void **state)
{
    uint8_t out[2] = {1, 1};

    (void)state;

    assert_int_equal(p2pfs_hex_decode(out, "", 0), P2PFS_OK);
    assert_int_equal(p2pfs_hex_decode(out, "a", 1), P2PFS_BAD_HEX);
    assert_int_equal(p2pfs_hex_decode(out, "abc", 3), P2PFS_BAD_HEX);
    assert_int_equal(p2pfs_hex_decode(out, "ab", 2), P2PFS_OK);
    assert_int_equal(out[0], 0xab);
    assert_int_equal(out[1], 1);
}

static void
random_bytes_come_back_also_in_place(void **state)
{
    uint64_t rng = rng_seed();
    uint8_t in[300], out[300];
    char hex[600];
    int round;

    (void)state;

    for (round = 0; round < 1000; round++) {
        size_t len = (size_t)rng_below(&rng, sizeof(in) + 1);

        rng_fill(&rng, in, len);
        p2pfs_hex_encode(hex, in, len);

        assert_int_equal(p2pfs_hex_decode(out, hex, 2 * len), P2PFS_OK);
        assert_memory_equal(out, in, len);

        assert_int_equal(p2pfs_hex_decode((uint8_t *)hex, hex, 2 * len),
            P2PFS_OK);
        assert_memory_equal(hex, in, len);
    }
}

static void
prefix(void **state)
{
    static const char *const without[] = {"", "0", "x0", "0X12", "1x12", "00"};
    const char *text;
    size_t i, len;

    (void)state;

    for (i = 0; i < COUNT(without); i++) {
        text = without[i];
        len = strlen(text);
        assert_false(p2pfs_hex_skip_0x(&text, &len));
        assert_ptr_equal(text, without[i]);
        assert_int_equal(len, strlen(text));
    }

    text = "0x12";
    len = 4;
    assert_true(p2pfs_hex_skip_0x(&text, &len));
    assert_string_equal(text, "12");
    assert_int_equal(len, 2);

    /* the length counts, not what lies behind it */
    text = "0x";
    len = 1;
    assert_false(p2pfs_hex_skip_0x(&text, &len));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pairs_decode_as_the_reference),
        cmocka_unit_test(all_bytes_encode_in_lower_case),
        cmocka_unit_test(a_bad_character_anywhere_is_refused),
        cmocka_unit_test(lengths),
        cmocka_unit_test(random_bytes_come_back_also_in_place),
        cmocka_unit_test(prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
