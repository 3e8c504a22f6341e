/*
 * Guards the strict JSON check: whatever it lets pass, cJSON must read as RFC
 * 8259 does. The refused cases are those that cJSON 1.7.15 would take.
 */

#include "t/unit/testing.h"

#include <cjson/cJSON.h>

#include "core/json.h"

static int
good(const char *text)
{
    return p2pfs_json_fault(text, strlen(text)) == NULL;
}

static void
what_is_json(void **state)
{
    static const char *const text[] = {"{}", " \t\r\n{ } \t\r\n", "{\"\":0}",
        "{\"a\":[],\"b\":{},\"a\":null}", "{\"a\":true,\"b\":false}",
        "{ \"a\" : [ 1 , 2 ] , \"b\" : { \"c\" : \"d\" } }",
        "{\"a\":[-0,0,1,-1,10,0.5,-0.5e1,1E+2,1e-2,1.5E5,1e400]}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\uABcd\\ud83d\\ude00\"}",
        "{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"}",
        "{\"\\u0061\":\"'\"}"};
    cJSON *json;
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(text); i++) {
        if (!good(text[i])) {
            fail_msg("refused: %s", text[i]);
        }

        json = cJSON_ParseWithLengthOpts(text[i], strlen(text[i]) + 1, NULL, 1);
        assert_non_null(json);
        cJSON_Delete(json);
    }
}

static void
what_is_not(void **state)
{
    static const char *const text[] = {/* not one object */
        "", " ", "[]", "1", "\"a\"", "null", "{", "}", "{}{}", "{}x", "{},",
        "{} 1", "\xef\xbb\xbf{}", "{}\xef\xbb\xbf", "\v{}", "{}\f",
        "\xc2\xa0{}",
        /* structure */
        "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}",
        "{a:1}", "{'a':1}", "{\"a\":[1,]}", "{\"a\":[,1]}", "{\"a\":[1}",
        "{\"a\":[1 2]}", "{\"a\":{]}", "{\"a\":1]", "{1:2}", "{\"a\"=1}",
        "{\"a\"::1}", "{\"a\":1,,\"b\":2}", "/**/{}", "{\"a\":1//\n}",
        /* words */
        "{\"a\":tru}", "{\"a\":True}", "{\"a\":nul}", "{\"a\":nullx}",
        "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":undefined}", "{\"a\":t",
        /* numbers */
        "{\"a\":007}", "{\"a\":00}", "{\"a\":-01}", "{\"a\":1.}", "{\"a\":.5}",
        "{\"a\":+1}", "{\"a\":-}", "{\"a\":--1}", "{\"a\":1e}", "{\"a\":1e+}",
        "{\"a\":1e+-1}", "{\"a\":1.e1}", "{\"a\":0x10}", "{\"a\":1_0}",
        "{\"a\":1.2.3}", "{\"a\":-Infinity}", "{\"a\":1",
        /* strings */
        "{\"a", "{\"a\":\"", "{\"a\":\"\\\"}", "{\"a\":\"\\", "{\"a\":\"\n\"}",
        "{\"a\":\"\t\"}", "{\"a\":\"\x1f\"}", "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\'\"}", "{\"a\":\"\\U0041\"}", "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\u\"}", "{\"a\":\"\\u+123\"}",
        "{\"a\":\"\\u0000\"}", "{\"\\u0000\":1}", "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud800\\ud800\"}",
        "{\"a\":\"\\udc00\\udc00\"}", "{\"a\":\"\\ud800\\ue000\"}",
        "{\"a\":\"\\ud800x\"}", "{\"a\":\"\\ud800\\n\"}",
        "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\udc00\\ud800\"}",
        "{\"a\":\"\x80\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xff\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\xf4\x90\x80\x80\"}",
        "{\"\xff\":1}"};
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(text); i++) {
        if (good(text[i])) {
            fail_msg("accepted: %s", text[i]);
        }
    }
}

static void
no_nul_byte_anywhere(void **state)
{
    static const char text[] = "{ \"a\" : [ 1 , \"b\" , true ] }";
    char copy[sizeof(text)];
    size_t i;

    (void)state;

    for (i = 0; i < sizeof(text) - 1; i++) {
        memcpy(copy, text, sizeof(text));
        copy[i] = '\0';
        assert_non_null(p2pfs_json_fault(copy, sizeof(text) - 1));
    }

    /* the terminator is not part of the text */
    assert_non_null(p2pfs_json_fault(text, sizeof(text)));
    assert_null(p2pfs_json_fault(text, sizeof(text) - 1));
}

static void
every_truncation_is_refused(void **state)
{
    static const char text[] = "{\"a\":[1.5e+3,\"\\ud83d\\ude00\xe2\x82\xac\","
                               "true,null,{\"b\":false}]}";
    size_t len;
    char *exact;

    (void)state;

    for (len = 0; len < sizeof(text) - 1; len++) {
        exact = malloc(len + (len == 0)); /* for the sanitizer to see */
        assert_non_null(exact);
        memcpy(exact, text, len);
        assert_non_null(p2pfs_json_fault(exact, len));
        free(exact);
    }
}

static void
depth(void **state)
{
    (void)state;

    assert_true(good("{\"a\":[[[[[[[1]]]]]]]}"));
    assert_false(good("{\"a\":[[[[[[[[1]]]]]]]]}"));
    assert_true(good("{\"a\":[[[[[[{}]]]]]]}"));
    assert_false(good("{\"a\":[[[[[[[{}]]]]]]]}"));
    assert_false(good("{\"a\":[[[[[[[[]]]]]]]]}"));
    /* depth, not brackets */
    assert_true(good("{\"a\":[[],[],[],[],[],[],[],[],[],[]]}"));
}

/* The object and the array are values too. */
static void
number_of_values(void **state)
{
    char text[4 * P2PFS_JSON_VALUES_MAX];
    unsigned n, i;
    size_t len;

    (void)state;

    for (n = P2PFS_JSON_VALUES_MAX - 1; n <= P2PFS_JSON_VALUES_MAX + 1; n++) {
        len = (size_t)snprintf(text, sizeof(text), "{\"a\":[");
        for (i = 0; i < n - 2; i++) {
            text[len++] = '7';
            text[len++] = i + 1 < n - 2 ? ',' : ']';
        }
        text[len++] = '}';
        assert_int_equal(p2pfs_json_fault(text, len) == NULL,
            n <= P2PFS_JSON_VALUES_MAX);
    }
}

static void
length_of_numbers(void **state)
{
    char text[128];
    int n;

    (void)state;

    for (n = P2PFS_JSON_NUMBER_MAX - 1; n <= P2PFS_JSON_NUMBER_MAX + 1; n++) {
        snprintf(text, sizeof(text), "{\"a\":-1.%0*d}", n - 3, 0);
        assert_int_equal(good(text), n <= P2PFS_JSON_NUMBER_MAX);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json),
        cmocka_unit_test(what_is_not),
        cmocka_unit_test(no_nul_byte_anywhere),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(depth),
        cmocka_unit_test(number_of_values),
        cmocka_unit_test(length_of_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
