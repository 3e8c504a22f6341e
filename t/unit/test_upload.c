/*
 * Guards the fence around cJSON: an upload is taken exactly as written or
 * refused with the code that the documentation gives for it.
 */

#include "t/unit/testing.h"

#include "core/upload.h"

#define HASH_A                                                                 \
    "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B                                                                 \
    "0xBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

/* A body with content and setCount in front of `rest`. */
#define BODY(count, rest) "{\"content\":\"0x\",\"setCount\":" count rest "}"

static enum p2pfs_err
parse(struct p2pfs_upload *u, const char *body)
{
    return p2pfs_upload_parse(u, body, strlen(body), 1024);
}

static void
check_error(const char *body, enum p2pfs_err want)
{
    struct p2pfs_upload u;
    enum p2pfs_err got = parse(&u, body);

    if (got != want) {
        fail_msg("%s: %s, not %s", body, p2pfs_err_row(got)->code,
            p2pfs_err_row(want)->code);
    }

    if (want != P2PFS_OK && want != P2PFS_BAD_SET_COUNT) {
        assert_non_null(u.detail);
    }

    p2pfs_upload_fini(&u);
}

static void
check_set_count(const char *number, uint64_t want)
{
    struct p2pfs_upload u;
    char body[256];

    snprintf(body, sizeof(body), BODY("%s", ""), number);
    assert_int_equal(parse(&u, body), P2PFS_OK);
    assert_true(u.set_count == want);
    p2pfs_upload_fini(&u);
}

static void
a_file_without_root(void **state)
{
    struct p2pfs_upload u;

    (void)state;

    assert_int_equal(parse(&u, "{\"content\":\"0x00fFAb\",\"setCount\":7}\n"),
        P2PFS_OK);
    assert_int_equal(u.content_len, 3);
    assert_memory_equal(u.content, "\x00\xff\xab", 3);
    assert_int_equal(u.set_count, 7);
    assert_false(u.has_root);
    assert_null(u.detail);
    p2pfs_upload_fini(&u);

    assert_int_equal(parse(&u, BODY("1", "")), P2PFS_OK);
    assert_non_null(u.content);
    assert_int_equal(u.content_len, 0);
    p2pfs_upload_fini(&u);
    p2pfs_upload_fini(&u); /* a second time is harmless */
}

static void
a_file_with_root(void **state)
{
    struct p2pfs_upload u;
    struct p2pfs_hash a, b;

    (void)state;

    memset(&a, 0xaa, sizeof(a));
    memset(&b, 0xbb, sizeof(b));

    assert_int_equal(parse(&u,
                         BODY("3",
                             ",\"root\":\"" HASH_A "\","
                             "\"proof\":[\"" HASH_B "\",\"" HASH_A "\"]")),
        P2PFS_OK);
    assert_true(u.has_root);
    assert_hash_equal(&u.root, &a);
    assert_int_equal(u.proof.len, 2);
    assert_hash_equal(&u.proof.hash[0], &b);
    assert_hash_equal(&u.proof.hash[1], &a);
    p2pfs_upload_fini(&u);

    /* one file: the proof is empty, or not there */
    assert_int_equal(parse(&u, BODY("1", ",\"root\":\"" HASH_A "\"")),
        P2PFS_OK);
    assert_true(u.has_root);
    assert_int_equal(u.proof.len, 0);
    p2pfs_upload_fini(&u);
    check_error(BODY("1", ",\"proof\":[],\"root\":\"" HASH_A "\""), P2PFS_OK);

    /* whether an empty proof is right is for the verifier to say */
    check_error(BODY("2", ",\"proof\":[],\"root\":\"" HASH_A "\""), P2PFS_OK);
}

static void
bodies_that_are_not_json(void **state)
{
    static const char *const body[] = {"", "[]", "{} {}", BODY("1", "") "x",
        "\xef\xbb\xbf" BODY("1", ""), BODY("007", ""), BODY("1.", ""),
        BODY("1", ",\"x\":\"\t\""), BODY("1", ",\"x\":\"\\u0000\""),
        BODY("1", ",\"x\":\"\xff\""), BODY("1", ",\"x\":[[[[[[[[1]]]]]]]]"),
        BODY("1", ",")};
    static const char nul[] = BODY("1", "") "\0";
    struct p2pfs_upload u;
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(body); i++) {
        check_error(body[i], P2PFS_BAD_JSON);
    }

    /* a NUL behind the object is a byte like another */
    assert_int_equal(p2pfs_upload_parse(&u, nul, sizeof(nul) - 1, 9),
        P2PFS_BAD_JSON);
    p2pfs_upload_fini(&u);
}

static void
members(void **state)
{
    (void)state;

    check_error("{}", P2PFS_BAD_FIELD);
    check_error("{\"content\":\"0x\"}", P2PFS_BAD_FIELD);
    check_error("{\"setCount\":1}", P2PFS_BAD_FIELD);

    /* exact names: another case is another, unknown member */
    check_error("{\"Content\":\"0x\",\"setCount\":1}", P2PFS_BAD_FIELD);
    check_error("{\"content\":\"0x\",\"setcount\":1}", P2PFS_BAD_FIELD);
    check_error(BODY("1", ",\"SETCOUNT\":2,\"Content\":3"), P2PFS_OK);
    check_error(BODY("1", ",\"Root\":3,\"PROOF\":3"), P2PFS_OK);

    /* an escape spells the same name */
    check_error("{\"c\\u006fntent\":\"0x\",\"setCount\":1}", P2PFS_OK);
    check_error(BODY("1", ",\"c\\u006fntent\":\"0x\""), P2PFS_BAD_FIELD);

    /* duplicates, of known names only */
    check_error(BODY("1", ",\"content\":\"0x\""), P2PFS_BAD_FIELD);
    check_error(BODY("1", ",\"setCount\":1"), P2PFS_BAD_FIELD);
    check_error(BODY("1", ",\"root\":\"" HASH_A "\",\"root\":\"" HASH_A "\""),
        P2PFS_BAD_FIELD);
    check_error(BODY("1", ",\"root\":\"" HASH_A "\",\"proof\":[],\"proof\":[]"),
        P2PFS_BAD_FIELD);
    check_error(BODY("1", ",\"x\":1,\"x\":2,\"\":[{}]"), P2PFS_OK);

    /* known names deeper down are no members of ours */
    check_error(BODY("1", ",\"x\":{\"content\":1,\"root\":2}"), P2PFS_OK);
}

static void
types(void **state)
{
    static const char *const content[] = {"1", "null", "true", "[]", "{}"};
    static const char *const count[] = {"\"3\"", "null", "true", "[3]", "{}",
        "1.5", "-0.5", "-1.5", "0.1", "1e-1", "1e400", "-1e400"};
    static const char *const root[] = {"1", "null", "[]", "{}", "false"};
    static const char *const proof[] = {"1", "null", "\"\"", "{}", "[1]",
        "[null]", "[[]]", "[\"" HASH_A "\",1]"};
    char body[512];
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(content); i++) {
        snprintf(body, sizeof(body), "{\"content\":%s,\"setCount\":1}",
            content[i]);
        check_error(body, P2PFS_BAD_FIELD);
    }

    for (i = 0; i < COUNT(count); i++) {
        snprintf(body, sizeof(body), BODY("%s", ""), count[i]);
        check_error(body, P2PFS_BAD_FIELD);
    }

    for (i = 0; i < COUNT(root); i++) {
        snprintf(body, sizeof(body), BODY("1", ",\"root\":%s"), root[i]);
        check_error(body, P2PFS_BAD_FIELD);
    }

    for (i = 0; i < COUNT(proof); i++) {
        snprintf(body, sizeof(body),
            BODY("3", ",\"root\":\"" HASH_A "\",\"proof\":%s"), proof[i]);
        check_error(body, P2PFS_BAD_FIELD);
    }
}

static void
set_counts(void **state)
{
    static const char *const bad[] = {"0", "-0", "0.0", "-1", "-1e9",
        "9007199254740992", "9007199254740993", "18446744073709551615",
        "18446744073709551616", "1e300", "-1e300"};
    char body[128];
    size_t i;

    (void)state;

    check_set_count("1", 1);
    check_set_count("1e2", 100);
    check_set_count("1.0", 1);
    check_set_count("2.5e1", 25);
    check_set_count("2147483648", 2147483648u);
    check_set_count("4294967295", 4294967295u);
    check_set_count("4294967296", 4294967296u);
    check_set_count("9007199254740991", 9007199254740991u);

    for (i = 0; i < COUNT(bad); i++) {
        snprintf(body, sizeof(body), BODY("%s", ""), bad[i]);
        check_error(body, P2PFS_BAD_SET_COUNT);
    }
}

static void
hex(void **state)
{
    static const char *const bad[] = {"", "0", "x", "00", "0X00", "0x0",
        "0x000", "0x0g", "0x 00", "0x00 ", " 0x00", "0x0x00", "0x\\u00e4",
        "0x0\xc3\xa4"};
    char body[512];
    size_t i;

    (void)state;

    for (i = 0; i < COUNT(bad); i++) {
        snprintf(body, sizeof(body), "{\"content\":\"%s\",\"setCount\":1}",
            bad[i]);
        check_error(body, P2PFS_BAD_HEX);
        snprintf(body, sizeof(body), BODY("1", ",\"root\":\"%s\""), bad[i]);
        check_error(body, P2PFS_BAD_HEX);
        snprintf(body, sizeof(body),
            BODY("2", ",\"root\":\"" HASH_A "\",\"proof\":[\"%s\"]"), bad[i]);
        check_error(body, P2PFS_BAD_HEX);
    }

    /* 64 digits without 0x are right in a query, not here */
    snprintf(body, sizeof(body), BODY("1", ",\"root\":\"%s\""), &HASH_A[2]);
    check_error(body, P2PFS_BAD_HEX);
    check_error(BODY("1", ",\"root\":\"" HASH_A "aa\""), P2PFS_BAD_HEX);
    check_error(BODY("1", ",\"root\":\"" HASH_A "\\n\""), P2PFS_BAD_HEX);
}

static void
root_and_proof_go_together(void **state)
{
    (void)state;

    check_error(BODY("1", ",\"proof\":[]"), P2PFS_BAD_FIELD);
    check_error(BODY("3", ",\"proof\":[\"" HASH_A "\"]"), P2PFS_BAD_FIELD);
    check_error(BODY("2", ",\"root\":\"" HASH_A "\""), P2PFS_BAD_FIELD);
}

static void
length_of_proofs(void **state)
{
    char body[64 + 70 * 40];
    struct p2pfs_upload u;
    unsigned n, i;
    size_t len;

    (void)state;

    for (n = P2PFS_PROOF_MAX - 1; n <= P2PFS_PROOF_MAX + 1; n++) {
        len = (size_t)snprintf(body, sizeof(body),
            "{\"content\":\"0x\",\"setCount\":9,\"root\":\"" HASH_B
            "\",\"proof\":[");
        for (i = 0; i < n; i++) {
            len += (size_t)snprintf(body + len, sizeof(body) - len, "%s\"%s\"",
                i > 0 ? "," : "", i == n - 1 ? HASH_B : HASH_A);
        }
        snprintf(body + len, sizeof(body) - len, "]}");

        assert_int_equal(parse(&u, body),
            n <= P2PFS_PROOF_MAX ? P2PFS_OK : P2PFS_NOT_IN_ROOT);
        if (n <= P2PFS_PROOF_MAX) {
            assert_int_equal(u.proof.len, n);
            assert_int_equal(u.proof.hash[n - 1].b[31], 0xbb);
        }
        p2pfs_upload_fini(&u);
    }
}

/* Also the largest file of the network, whole. */
static void
sizes(void **state)
{
    static const char head[] = "{\"content\":\"0x",
                      tail[] = "\",\"setCount\":1}";
    static const size_t max[] = {0, 1, 1024, 1048576};
    struct p2pfs_upload u;
    size_t i, k, len;
    char *body = malloc(2 * 1048577 + 64);

    (void)state;

    assert_non_null(body);

    for (i = 0; i < COUNT(max); i++) {
        for (k = max[i] == 0 ? 0 : max[i] - 1; k <= max[i] + 1; k++) {
            len = sizeof(head) - 1;
            memcpy(body, head, len);
            memset(body + len, '5', 2 * k);
            len += 2 * k;
            memcpy(body + len, tail, sizeof(tail) - 1);
            len += sizeof(tail) - 1;

            assert_int_equal(p2pfs_upload_parse(&u, body, len, max[i]),
                k <= max[i] ? P2PFS_OK : P2PFS_BODY_TOO_LARGE);
            if (k <= max[i]) {
                assert_int_equal(u.content_len, k);
                assert_true(k == 0 || u.content[k - 1] == 0x55);
            }
            p2pfs_upload_fini(&u);
        }
    }

    free(body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_without_root),
        cmocka_unit_test(a_file_with_root),
        cmocka_unit_test(bodies_that_are_not_json),
        cmocka_unit_test(members),
        cmocka_unit_test(types),
        cmocka_unit_test(set_counts),
        cmocka_unit_test(hex),
        cmocka_unit_test(root_and_proof_go_together),
        cmocka_unit_test(length_of_proofs),
        cmocka_unit_test(sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
