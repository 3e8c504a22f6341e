/*
 * Guards the composer: answers are written straight into buffers of a computed
 * size, so it must never write beyond, and strings must stay valid JSON.
 */

#include "t/unit/testing.h"

#include <cjson/cJSON.h>

#include "core/text.h"
#include "core/utf8.h"

static void
assert_text(const struct p2pfs_text *t, const char *want)
{
    assert_false(t->bad);
    assert_int_equal(t->len, strlen(want));
    assert_memory_equal(t->p, want, t->len);
}

static void
pieces(void **state)
{
    char buf[256];
    struct p2pfs_text t;
    struct p2pfs_hash h;

    (void)state;

    memset(&h, 0xab, sizeof(h));
    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_text_str(&t, "a");
    p2pfs_text_str(&t, "");
    p2pfs_text_bytes(&t, "bc", 1);
    p2pfs_text_bytes(&t, NULL, 0);
    p2pfs_text_u64(&t, 0);
    p2pfs_text_str(&t, " ");
    p2pfs_text_u64(&t, 1234567890);
    p2pfs_text_str(&t, " ");
    p2pfs_text_u64(&t, UINT64_MAX);
    p2pfs_text_str(&t, " ");
    p2pfs_text_hex(&t, (const uint8_t *)"\x00\xff\x1a", 3);
    p2pfs_text_hex(&t, NULL, 0);
    p2pfs_text_str(&t, " ");
    p2pfs_text_hash(&t, &h);
    assert_text(&t,
        "ab0 1234567890 18446744073709551615 00ff1a "
        "abababababababababababababababab"
        "abababababababababababababababab");
}

static void
json_strings(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } row[] = {
        {"", "\"\""},
        {"abc", "\"abc\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\n\x01\x1f\x7f", "\"\\u000a\\u0001\\u001f\x7f\""},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
            "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"a\xff"
         "b\xc3",
            "\"a\xef\xbf\xbd"
            "b\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    char buf[64];
    struct p2pfs_text t;
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(row); i++) {
        p2pfs_text_init(&t, buf, sizeof(buf));
        p2pfs_text_json(&t, row[i].in, strlen(row[i].in));
        assert_text(&t, row[i].out);
    }

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_text_json(&t, "a\0b", 3);
    assert_text(&t, "\"a\\u0000b\"");
}

static void
any_bytes_become_a_json_string(void **state)
{
    uint64_t rng = rng_seed();
    char in[40], out[256];
    struct p2pfs_text t;
    cJSON *json;
    int round, valid;
    size_t i, n;

    (void)state;

    for (round = 0; round < 20000; round++) {
        size_t len = (size_t)rng_below(&rng, sizeof(in));

        rng_fill(&rng, in, len);
        for (i = 0; i < len; i++) {
            in[i] = (char)(in[i] == '\0' ? 1 : in[i]); /* cJSON stops at it */
        }

        p2pfs_text_init(&t, out, sizeof(out) - 1);
        p2pfs_text_json(&t, in, len);
        assert_false(t.bad);
        out[t.len] = '\0';

        json = cJSON_ParseWithLengthOpts(out, t.len + 1, NULL, 1);
        assert_true(cJSON_IsString(json));

        for (i = 0; i < t.len; i += n) {
            n = p2pfs_utf8_length(out + i, t.len - i);
            assert_int_not_equal(n, 0);
        }

        for (i = 0, valid = 1; i < len && valid; i += n) {
            n = p2pfs_utf8_length(in + i, len - i);
            valid = n > 0;
        }
        if (valid) {
            assert_int_equal(strlen(json->valuestring), len);
            assert_memory_equal(json->valuestring, in, len);
        }
        cJSON_Delete(json);
    }
}

static void
compose(struct p2pfs_text *t)
{
    struct p2pfs_hash h;

    memset(&h, 1, sizeof(h));
    p2pfs_text_str(t, "abc");
    p2pfs_text_u64(t, 1000);
    p2pfs_text_json(t, "x\ny\xc3\xa4", 5);
    p2pfs_text_hex(t, h.b, 3);
    p2pfs_text_hash(t, &h);
}

/* What fitted is there, nothing stands behind, and bad stays bad. */
static void
every_capacity_that_is_too_small(void **state)
{
    char whole[256], buf[256];
    struct p2pfs_text all, t;
    size_t cap, i;

    (void)state;

    p2pfs_text_init(&all, whole, sizeof(whole));
    compose(&all);
    assert_false(all.bad);

    for (cap = 0; cap <= all.len; cap++) {
        memset(buf, '!', sizeof(buf));
        p2pfs_text_init(&t, buf, cap);
        compose(&t);
        assert_int_equal(t.bad, cap < all.len);
        assert_true(t.len <= cap);
        assert_memory_equal(buf, whole, t.len);
        for (i = cap; i < sizeof(buf); i++) {
            assert_int_equal(buf[i], '!');
        }
    }
}

static void
lengths_that_would_wrap(void **state)
{
    char buf[8];
    struct p2pfs_text t;

    (void)state;

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_text_bytes(&t, buf, SIZE_MAX);
    assert_true(t.bad);

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_text_hex(&t, (const uint8_t *)buf, SIZE_MAX / 2 + 1);
    assert_true(t.bad);
    assert_int_equal(t.len, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(json_strings),
        cmocka_unit_test(any_bytes_become_a_json_string),
        cmocka_unit_test(every_capacity_that_is_too_small),
        cmocka_unit_test(lengths_that_would_wrap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
