/*
 * Guards the UTF-8 rules: exactly the characters of RFC 3629, each in its one
 * spelling, and no byte read behind the end.
 */

#include "t/unit/testing.h"

#include "core/utf8.h"

static size_t
encode(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }

    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }

    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));

    return 4;
}

static void
every_character_and_every_cut(void **state)
{
    uint32_t c;
    char s[4];
    size_t cut, n;

    (void)state;

    for (c = 0; c < 0x200000; c++) {
        int good = c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);

        n = encode(s, c);
        for (cut = 0; cut < n; cut++) {
            if (p2pfs_utf8_length(s, cut) != 0) {
                fail_msg("U+%X cut to %zu bytes", c, cut);
            }
        }
        if (p2pfs_utf8_length(s, n) != (good ? n : 0)) {
            fail_msg("U+%X", c);
        }
    }
}

static void
what_is_no_character(void **state)
{
    static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf",
        "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80", "\xfe", "\xff", "\xc3(", "\xc3\xff", "\xe2\x82(",
        "\xf0\x9f\x98("};
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(bad); i++) {
        assert_int_equal(p2pfs_utf8_length(bad[i], strlen(bad[i])), 0);
    }
}

static void
only_the_first_character_counts(void **state)
{
    (void)state;

    assert_int_equal(p2pfs_utf8_length("a\xff", 2), 1);
    assert_int_equal(p2pfs_utf8_length("\xc3\xa4\xff", 3), 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_and_every_cut),
        cmocka_unit_test(what_is_no_character),
        cmocka_unit_test(only_the_first_character_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
