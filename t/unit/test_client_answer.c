/*
 * Guards the reading of what servers send: only the exact shape passes, types
 * and lengths are strict, and a stranger's words cannot reach a terminal raw.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/answer.h"

#define H1 "0101010101010101010101010101010101010101010101010101010101010101"
#define H2 "02020202020202020202020202020202020202020202020202020202020202Ab"
#define PROOF "\"proof\":{\"proof\":[\"0x" H1 "\",\"0x" H2 "\"],\"index\":3}"

static enum p2pfs_err
read_file(struct client_answer_file *f, const char *body)
{
    return client_answer_file(f, body, strlen(body), 4);
}

static void
test_file(void **state)
{
    struct client_answer_file f;

    (void)state;
    assert_int_equal(read_file(&f,
                         " {\"file\":\"0x00Ff\"," PROOF ",\"x\":[]} "),
        P2PFS_OK);
    assert_int_equal(f.len, 2);
    assert_int_equal(f.content[1], 0xff);
    assert_int_equal(f.index, 3);
    assert_int_equal(f.proof.len, 2);
    assert_int_equal(f.proof.hash[1].b[31], 0xab);
    client_answer_file_fini(&f);

    assert_int_equal(read_file(&f, "{\"file\":\"0x\"," PROOF "}"), P2PFS_OK);
    assert_int_equal(f.len, 0);
    assert_non_null(f.content);
    client_answer_file_fini(&f);
}

static void
test_file_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"file\":\"0x00\"," PROOF "}x",
        "{\"file\":\"0x00\"," PROOF,
        "\xef\xbb\xbf{\"file\":\"0x00\"," PROOF "}",
        "{\"file\":\"00\"," PROOF "}",
        "{\"file\":\"0x0\"," PROOF "}",
        "{\"file\":\"0x0g\"," PROOF "}",
        "{\"file\":\"0x0000000000\"," PROOF "}", /* above content_max */
        "{\"file\":\"0x00\\u0000\"," PROOF "}",
        "{\"file\":null," PROOF "}",
        "{\"File\":\"0x00\"," PROOF "}",
        "{\"file\":\"0x00\",\"file\":\"0x00\"," PROOF "}",
        "{\"file\":\"0x00\",\"proof\":[]}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":[]}}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":[],\"index\":-1}}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":[],\"index\":1.5}}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":[],\"index\":1e400}}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":[],\"index\":\"1\"}}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":{},\"index\":1}}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":[1],\"index\":1}}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":[\"" H1 "\"],\"index\":1}}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":[\"0x" H1 "0\"],\"index\":1}}",
        "{\"file\":\"0x00\",\"proof\":{\"proof\":[\"0x01\"],\"index\":1}}",
    };
    struct client_answer_file f;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (read_file(&f, cases[i]) != P2PFS_BAD_REPLY) {
            fail_msg("taken: %s", cases[i]);
        }
        client_answer_file_fini(&f);
    }
}

static void
test_nul_inside(void **state)
{
    static const char body[] = "{\"file\":\"0x00\"," PROOF "}\0{}";
    struct client_answer_file f;

    (void)state;
    assert_int_equal(client_answer_file(&f, body, sizeof(body) - 1, 4),
        P2PFS_BAD_REPLY);
    client_answer_file_fini(&f);
}

/* 32 hashes are the most that a tree of 2^32 - 1 has. */
static void
test_proof_length(void **state)
{
    char body[4096];
    struct client_answer_file f;
    unsigned n, i;

    (void)state;
    for (n = 32; n <= 33; n++) {
        size_t len = (size_t)snprintf(body, sizeof(body),
            "{\"file\":\"0x\",\"proof\":"
            "{\"index\":0,\"proof\":[");

        for (i = 0; i < n; i++) {
            len += (size_t)snprintf(body + len, sizeof(body) - len,
                "%s\"0x" H1 "\"", i > 0 ? "," : "");
        }
        (void)snprintf(body + len, sizeof(body) - len, "]}}");
        assert_int_equal(read_file(&f, body),
            n == 32 ? P2PFS_OK : P2PFS_BAD_REPLY);
        client_answer_file_fini(&f);
    }
}

static enum p2pfs_err
read_stored(const char *body, struct p2pfs_hash *h)
{
    return client_answer_stored(body, strlen(body), h);
}

static void
test_stored(void **state)
{
    struct p2pfs_hash h;

    (void)state;
    assert_int_equal(read_stored("{\"success\":true,\"hash\":\"" H1 "\"}", &h),
        P2PFS_OK);
    assert_int_equal(h.b[0], 1);
    assert_int_equal(read_stored("{\"success\":false,\"hash\":\"" H1 "\"}", &h),
        P2PFS_BAD_REPLY);
    assert_int_equal(read_stored("{\"success\":1,\"hash\":\"" H1 "\"}", &h),
        P2PFS_BAD_REPLY);
    assert_int_equal(read_stored("{\"success\":true,\"hash\":\"0x" H1 "\"}",
                         &h),
        P2PFS_BAD_REPLY);
    assert_int_equal(read_stored("{\"success\":true}", &h), P2PFS_BAD_REPLY);
}

static void
test_set(void **state)
{
    static const char body[] =
        "{\"setId\":\"a\",\"setCount\":7,\"received\":3,"
        "\"complete\":false,\"root\":null,\"missing\":[[3,6]],\"versions\":["
        "{\"root\":null,\"setCount\":7,\"received\":3,\"complete\":false},"
        "{\"root\":\"0x" H1 "\",\"setCount\":9,\"received\":9,"
        "\"complete\":true}],\"candidates\":[]}";
    struct client_answer_set s;
    struct p2pfs_hash root;

    (void)state;
    assert_int_equal(client_answer_set(&s, body, strlen(body), NULL), P2PFS_OK);
    assert_int_equal(s.count, 7);
    assert_int_equal(s.received, 3);
    assert_false(s.complete);
    assert_false(s.has_root);

    memset(root.b, 1, sizeof(root.b));
    assert_int_equal(client_answer_set(&s, body, strlen(body), &root),
        P2PFS_OK);
    assert_int_equal(s.count, 9);
    assert_true(s.complete);
    root.b[0] = 2;
    assert_int_equal(client_answer_set(&s, body, strlen(body), &root),
        P2PFS_VERSION_NOT_FOUND);
    assert_int_equal(client_answer_set(&s, "{\"setCount\":1}", 14, NULL),
        P2PFS_BAD_REPLY);
}

/* A set with many holes is longer than an upload may be. */
static void
test_set_with_many_holes(void **state)
{
    static char body[65536];
    struct client_answer_set s;
    size_t len;
    int i;

    (void)state;
    len = (size_t)snprintf(body, sizeof(body),
        "{\"setCount\":9999,\"received\":1,"
        "\"complete\":false,\"root\":null,\"missing\":[[0,0]");
    for (i = 0; i < 1000; i++) {
        len += (size_t)snprintf(body + len, sizeof(body) - len, ",[%d,%d]",
            2 * i, 2 * i);
    }
    len += (size_t)snprintf(body + len, sizeof(body) - len, "]}");
    assert_int_equal(client_answer_set(&s, body, len, NULL), P2PFS_OK);
    assert_int_equal(s.count, 9999);
}

static void
test_problem(void **state)
{
    struct client_problem p;
    const char *body = "{\"code\":\"set-exists\",\"detail\":\"a\\u001b[1mb\","
                       "\"root\":\"0x" H1 "\"}";

    (void)state;
    client_answer_problem(&p, 409, body, strlen(body));
    assert_int_equal(p.err, P2PFS_SET_EXISTS);
    assert_string_equal(p.detail, "a?[1mb; there its root is 0x" H1);

    /* a code that the status belies is not believed */
    client_answer_problem(&p, 503, body, strlen(body));
    assert_int_equal(p.err, P2PFS_STORE_UNAVAILABLE);
    client_answer_problem(&p, 404, "<html>", 6);
    assert_int_equal(p.err, P2PFS_ROUTE_NOT_FOUND);
    client_answer_problem(&p, 507, "", 0);
    assert_int_equal(p.err, P2PFS_STORE_FULL);
    client_answer_problem(&p, 500, "", 0);
    assert_int_equal(p.err, P2PFS_INTERNAL);
    client_answer_problem(&p, 418, "", 0);
    assert_int_equal(p.err, P2PFS_BAD_REQUEST);
    client_answer_problem(&p, 302, "", 0);
    assert_int_equal(p.err, P2PFS_BAD_REPLY);
    /* never what belongs to this side, and never no error */
    client_answer_problem(&p, 200, "{\"code\":\"ok\"}", 13);
    assert_int_equal(p.err, P2PFS_BAD_REPLY);
}

static void
test_every_code_comes_back(void **state)
{
    struct client_problem p;
    char body[128];
    unsigned i;

    (void)state;
    for (i = 1; i < P2PFS_ERR_COUNT; i++) {
        const struct p2pfs_err_row *row = p2pfs_err_row(i);

        if (row->http_status == 0) {
            continue;
        }
        (void)snprintf(body, sizeof(body), "{\"code\":\"%s\"}", row->code);
        client_answer_problem(&p, row->http_status, body, strlen(body));
        assert_string_equal(p2pfs_err_row(p.err)->code, row->code);
        assert_int_equal(p2pfs_err_row(p.err)->exit_code, row->exit_code);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_file_refused),
        cmocka_unit_test(test_nul_inside),
        cmocka_unit_test(test_proof_length),
        cmocka_unit_test(test_stored),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_with_many_holes),
        cmocka_unit_test(test_problem),
        cmocka_unit_test(test_every_code_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
