/*
 * Log lines: one write per line, bounded, with bytes from outside made
 * printable (a peer must not be able to forge a line or a terminal escape).
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gossipd/log.h"

static size_t
slurp(const char *name, char *out, size_t room)
{
    FILE *f = fopen(name, "r");
    size_t n;

    assert_non_null(f);
    n = fread(out, 1, room - 1, f);
    out[n] = '\0';
    (void)fclose(f);
    return n;
}

static void
test_lines(void **state)
{
    char path[] = "/tmp/p2pfs-test-log-XXXXXX";
    char text[8192], moved[sizeof(path) + 4];
    struct log *l;
    int fd;

    (void)state;
    fd = mkstemp(path);
    assert_true(fd != -1);
    (void)close(fd);

    assert_int_equal(log_open(&l, path, LOG_INFO), 0);
    log_info(l, "node: started port=%d", 9081);
    log_debug(l, "not this");
    log_set_level(l, LOG_DEBUG);
    log_debug(l, "but this");
    (void)slurp(path, text, sizeof(text));
    assert_non_null(strstr(text, "Z info node: started port=9081\n"));
    assert_null(strstr(text, "not this"));
    assert_non_null(strstr(text, "Z debug but this\n"));

    (void)snprintf(moved, sizeof(moved), "%s.1", path);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(log_reopen(l), 0);
    log_error(l, "%05000d", 1);
    assert_int_equal(slurp(path, text, sizeof(text)), 2047);
    assert_int_equal(text[2046], '\n');
    log_close(l);
    (void)unlink(path);
    (void)unlink(moved);
}

static void
test_escape(void **state)
{
    char out[32];

    (void)state;
    assert_string_equal(log_escape(out, sizeof(out), "a\n\\\x1b\xff", 5),
        "a\\x0a\\x5c\\x1b\\xff");
    assert_string_equal(log_escape(out, 6, "ab\n", 3), "ab");
    assert_string_equal(log_escape(out, 4, "abcdef", 6), "abc");
}

/* Without it a peer that comes and goes writes the disk full. */
static void
test_rate(void **state)
{
    struct log_rate r = {.burst = 3, .every_ms = 100};
    unsigned held_back, i;

    (void)state;
    for (i = 0; i < 3; i++) {
        assert_int_equal(log_rate_take(&r, 5000, &held_back), 1);
        assert_int_equal(held_back, 0);
    }
    for (i = 0; i < 7; i++) {
        assert_int_equal(log_rate_take(&r, 5099, &held_back), 0);
    }
    assert_int_equal(log_rate_take(&r, 5100, &held_back), 1);
    assert_int_equal(held_back, 7);
    assert_int_equal(log_rate_take(&r, 5150, &held_back), 0);
    assert_int_equal(log_rate_take(&r, 5350, &held_back), 1);
    assert_int_equal(held_back, 1);
    assert_int_equal(log_rate_take(&r, 5350, &held_back), 1);
    assert_int_equal(log_rate_take(&r, 5399, &held_back), 0);
    /* quiet for long: all of the burst, and not more */
    for (i = 0; i < 3; i++) {
        assert_int_equal(log_rate_take(&r, 900000, &held_back), 1);
    }
    assert_int_equal(log_rate_take(&r, 900000, &held_back), 0);
}

static void
test_no_log(void **state)
{
    (void)state;
    log_error(NULL, "nobody reads this");
    assert_false(log_enabled(NULL, LOG_ERROR));
    log_close(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_no_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
