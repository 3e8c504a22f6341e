/*
 * Guards the grammar of set ids and indices: they come from URIs and peers and
 * end up in keys, paths and JSON, and one index must have one spelling.
 */

#include "t/unit/testing.h"

#include "core/name.h"

static void
set_id_characters(void **state)
{
    static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789._~-";
    unsigned c;

    (void)state;

    for (c = 0; c < 256; c++) {
        int is_good = c != 0 && strchr(good, (int)c) != NULL;
        char id[3] = {'x', (char)c, 'y'};

        assert_int_equal(p2pfs_set_id_check(id, 3),
            is_good ? P2PFS_OK : P2PFS_BAD_SET_ID);
    }
}

static void
set_id_lengths_and_dot_segments(void **state)
{
    char id[130];

    (void)state;

    memset(id, 'a', sizeof(id));
    assert_int_equal(p2pfs_set_id_check(id, 0), P2PFS_BAD_SET_ID);
    assert_int_equal(p2pfs_set_id_check(id, 1), P2PFS_OK);
    assert_int_equal(p2pfs_set_id_check(id, 127), P2PFS_OK);
    assert_int_equal(p2pfs_set_id_check(id, 128), P2PFS_OK);
    assert_int_equal(p2pfs_set_id_check(id, 129), P2PFS_BAD_SET_ID);

    assert_int_equal(p2pfs_set_id_check(".", 1), P2PFS_BAD_SET_ID);
    assert_int_equal(p2pfs_set_id_check("..", 2), P2PFS_BAD_SET_ID);
    assert_int_equal(p2pfs_set_id_check("...", 3), P2PFS_OK);
    assert_int_equal(p2pfs_set_id_check(".a", 2), P2PFS_OK);
    assert_int_equal(p2pfs_set_id_check("a.", 2), P2PFS_OK);
}

static void
indices(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},
        {"1", 1},
        {"10", 10},
        {"2147483648", 2147483648u},
        {"4294967295", 4294967295u},
        {"9007199254740993", 9007199254740993u},
        {"9223372036854775808", 9223372036854775808u},
        {"18446744073709551614", UINT64_MAX - 1},
        {"18446744073709551615", UINT64_MAX},
        {"18446744073709551616", UINT64_MAX},
        {"18446744073709551620", UINT64_MAX},
        {"99999999999999999999", UINT64_MAX},
        {"184467440737095516150", UINT64_MAX},
        {"1000000000000000000000000000000000000000", UINT64_MAX},
    };
    static const char *const bad[] = {"", "-0", "-1", "+1", "00", "01", "1e3",
        "1.0", " 1", "1 ", "0x1", "a", "1a", "1/", "1:", "\xef\xbc\x91"};
    uint64_t got;
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(good); i++) {
        got = 77;
        assert_int_equal(p2pfs_index_parse(good[i].text, strlen(good[i].text),
                             &got),
            P2PFS_OK);
        assert_true(got == good[i].value);
    }

    for (i = 0; i < COUNT(bad); i++) {
        assert_int_equal(p2pfs_index_parse(bad[i], strlen(bad[i]), &got),
            P2PFS_BAD_INDEX);
    }
}

static void
index_lengths(void **state)
{
    char text[129];
    uint64_t got;

    (void)state;

    memset(text, '7', sizeof(text));
    assert_int_equal(p2pfs_index_parse(text, 128, &got), P2PFS_OK);
    assert_true(got == UINT64_MAX);
    assert_int_equal(p2pfs_index_parse(text, 129, &got), P2PFS_BAD_INDEX);

    /* an embedded NUL is no end */
    assert_int_equal(p2pfs_index_parse("1\0", 2, &got), P2PFS_BAD_INDEX);

    /* a bad character behind what does not fit */
    text[100] = 'x';
    assert_int_equal(p2pfs_index_parse(text, 128, &got), P2PFS_BAD_INDEX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_id_characters),
        cmocka_unit_test(set_id_lengths_and_dot_segments),
        cmocka_unit_test(indices),
        cmocka_unit_test(index_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
