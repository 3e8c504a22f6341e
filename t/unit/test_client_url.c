/*
 * Guards what may be written as a server, and what it is taken for: the default
 * prefix, no other protocol than http and https, nothing secret in a URL that
 * ends up in records and messages.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/http.h"
#include "client/url.h"

static void
test_accepted(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        {"http://127.0.0.1:8081", "http://127.0.0.1:8081/api"},
        {"http://127.0.0.1:8081/", "http://127.0.0.1:8081/api"},
        {"http://h/x", "http://h/x"},
        {"http://h/x/y///", "http://h/x/y"},
        {"https://h:8443", "https://h:8443/api"},
        {"HTTP://h", "http://h/api"},
        {"http://[::1]:80", "http://[::1]:80/api"},
    };
    const char *why;
    char *out;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(client_url_parse(cases[i].in, &out, &why), P2PFS_OK);
        assert_string_equal(out, cases[i].out);
        free(out);
    }
}

static void
test_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "h",
        "h:80",
        "127.0.0.1:8081",
        "//h",
        "ftp://h",
        "file:///etc",
        "gopher://h",
        "http://",
        "http:///x",
        "http://h:99999",
        "http://h:x",
        "http://user@h",
        "http://u:p@h",
        "http://h/?q",
        "http://h/#f",
        "http://h h",
    };
    const char *why;
    char *out;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (client_url_parse(cases[i], &out, &why) != P2PFS_USAGE) {
            fail_msg("\"%s\" was taken for \"%s\"", cases[i], out);
        }
        assert_null(out);
        assert_non_null(why);
    }
}

static void
test_long(void **state)
{
    char url[2 * CLIENT_URL_MAX];
    const char *why;
    char *out;

    (void)state;
    memset(url, 'a', sizeof(url));
    memcpy(url, "http://h/", 9);
    url[CLIENT_URL_MAX - 9] = '\0';
    assert_int_equal(client_url_parse(url, &out, &why), P2PFS_OK);
    assert_true(strlen(out) < CLIENT_URL_MAX);
    free(out);
    url[CLIENT_URL_MAX - 9] = 'a';
    url[CLIENT_URL_MAX - 8] = '\0';
    assert_int_equal(client_url_parse(url, &out, &why), P2PFS_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
