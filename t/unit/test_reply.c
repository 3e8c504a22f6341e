/*
 * Guards the answers: their members and order as documented, and that the
 * promised room is enough for the largest values of everything.
 */

#include "t/unit/testing.h"

#include <cjson/cJSON.h>

#include "core/reply.h"

#define AA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BB "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CC "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static const struct p2pfs_hash ZERO;

static struct p2pfs_hash
filled(int byte)
{
    struct p2pfs_hash h;

    memset(&h, byte, sizeof(h));

    return h;
}

static void
assert_text(const struct p2pfs_text *t, const char *want)
{
    assert_false(t->bad);
    if (t->len != strlen(want) || memcmp(t->p, want, t->len) != 0) {
        fail_msg("got %.*s, want %s", (int)t->len, t->p, want);
    }
}

/* The caller deletes. */
static cJSON *
assert_json(const struct p2pfs_text *t)
{
    char *copy = malloc(t->len + 1);
    cJSON *json;

    assert_false(t->bad);
    assert_non_null(copy);
    memcpy(copy, t->p, t->len);
    copy[t->len] = '\0';

    json = cJSON_ParseWithLengthOpts(copy, t->len + 1, NULL, 1);
    if (!cJSON_IsObject(json)) {
        fail_msg("no JSON object: %s", copy);
    }
    free(copy);

    return json;
}

static void
file(void **state)
{
    struct p2pfs_file f = {.content = (const uint8_t *)"\x00\xff",
        .len = 2,
        .index = 2,
        .n = 3,
        .entry = filled(0xaa)};
    struct p2pfs_hash root = filled(0xcc);
    struct p2pfs_text t;
    char buf[1024];

    (void)state;

    f.proof.len = 2;
    f.proof.hash[0] = filled(0xbb);
    f.proof.hash[1] = filled(0xaa);
    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_file(&t, &f, &root);
    assert_text(&t,
        "{\"file\":\"0x00ff\","
        "\"proof\":{\"proof\":[\"0x" BB "\",\"0x" AA "\"],\"index\":2},"
        "\"root\":\"0x" CC "\",\"setCount\":3,\"hash\":\"" AA "\"}");

    f.len = 0;
    f.index = 0;
    f.n = 1;
    f.proof.len = 0;
    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_file(&t, &f, &root);
    assert_text(&t,
        "{\"file\":\"0x\",\"proof\":{\"proof\":[],\"index\":0},"
        "\"root\":\"0x" CC "\",\"setCount\":1,\"hash\":\"" AA "\"}");
}

static void
candidate_and_stored(void **state)
{
    struct p2pfs_file f = {.content = (const uint8_t *)"A",
        .len = 1,
        .index = 4,
        .n = 9,
        .entry = filled(0xbb)};
    struct p2pfs_text t;
    char buf[P2PFS_REPLY_STORED_MAX];

    (void)state;

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_candidate(&t, &f);
    assert_text(&t,
        "{\"file\":\"0x41\",\"index\":4,\"setCount\":9,\"hash\":\"" BB "\"}");

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_stored(&t, &f.entry, 4, 9);
    assert_text(&t,
        "{\"success\":true,\"hash\":\"" BB "\",\"index\":4,\"setCount\":9}");

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_stored(&t, &f.entry, UINT64_MAX, UINT64_MAX);
    assert_false(t.bad);
}

static void
the_room_for_a_file_is_enough(void **state)
{
    static const size_t len[] = {0, 1, 1000, 1048576};
    static const unsigned proof_len[] = {0, 1, P2PFS_PROOF_MAX};
    struct p2pfs_file f = {.index = UINT32_MAX, .n = UINT32_MAX};
    struct p2pfs_hash root = filled(0xcc);
    struct p2pfs_text t;
    uint8_t *content = calloc(1, 1048576);
    cJSON *json;
    size_t i, k, max;
    char *buf;

    (void)state;

    assert_non_null(content);
    f.content = content;

    for (i = 0; i < COUNT(len); i++) {
        for (k = 0; k < COUNT(proof_len); k++) {
            f.len = len[i];
            f.proof.len = proof_len[k];
            memset(f.proof.hash, 0xff, sizeof(f.proof.hash));
            max = p2pfs_reply_file_max(&f);
            buf = malloc(max);
            assert_non_null(buf);

            p2pfs_text_init(&t, buf, max);
            p2pfs_reply_file(&t, &f, &root);
            json = assert_json(&t);
            assert_int_equal(strlen(cJSON_GetObjectItem(json, "file")
                                        ->valuestring),
                2 + 2 * len[i]);
            cJSON_Delete(json);

            p2pfs_text_init(&t, buf, max);
            p2pfs_reply_candidate(&t, &f);
            cJSON_Delete(assert_json(&t));
            free(buf);
        }
    }

    free(content);
}

static void
a_complete_set(void **state)
{
    struct p2pfs_set *s = calloc(1, sizeof(*s));
    struct p2pfs_text t;
    char buf[2048];

    (void)state;

    assert_non_null(s);
    s->top = (struct p2pfs_version){.n = 2,
        .received = 2,
        .complete = 1,
        .root = filled(0xcc)};
    s->n_versions = 1;
    s->version[0] = s->top;

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_set(&t, "a-b", 3, s);
    assert_text(&t,
        "{\"setId\":\"a-b\",\"setCount\":2,\"received\":2,\"complete\":true,"
        "\"root\":\"0x" CC "\",\"missing\":[],"
        "\"versions\":[{\"root\":\"0x" CC "\",\"setCount\":2,\"received\":2,"
        "\"complete\":true}],\"candidates\":[]}");

    free(s);
}

static void
an_open_set_with_everything(void **state)
{
    struct p2pfs_set *s = calloc(1, sizeof(*s));
    struct p2pfs_text t;
    char buf[2048];

    (void)state;

    assert_non_null(s);
    s->top = (struct p2pfs_version){.n = 9, .received = 5, .root = ZERO};
    s->n_missing = 2;
    s->missing[0] = (struct p2pfs_range){0, 2};
    s->missing[1] = (struct p2pfs_range){8, 8};
    s->more_missing = 1;
    s->n_versions = 2;
    s->version[0] = s->top;
    s->version[1] =
        (struct p2pfs_version){.n = 7, .received = 1, .root = filled(0xbb)};
    s->more_versions = 1;
    s->n_candidates = 2;
    s->candidate[0] = (struct p2pfs_candidate){3, 9, filled(0xaa)};
    s->candidate[1] = (struct p2pfs_candidate){4, 7, filled(0xbb)};
    s->more_candidates = 1;

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_set(&t, "x", 1, s);
    assert_text(&t,
        "{\"setId\":\"x\",\"setCount\":9,\"received\":5,\"complete\":false,"
        "\"root\":null,\"missing\":[[0,2],[8,8]],"
        "\"versions\":[{\"root\":null,\"setCount\":9,\"received\":5,"
        "\"complete\":false},{\"root\":\"0x" BB "\",\"setCount\":7,"
        "\"received\":1,\"complete\":false}],"
        "\"candidates\":[{\"index\":3,\"setCount\":9,\"hash\":\"" AA "\"},"
        "{\"index\":4,\"setCount\":7,\"hash\":\"" BB "\"}],"
        "\"moreMissing\":true,\"moreVersions\":true,"
        "\"moreCandidates\":true}");

    free(s);
}

/* Every number and hash at its largest, and lists of these lengths. */
static void
check_room_for_a_set(struct p2pfs_set *s, unsigned missing, unsigned versions,
    unsigned candidates)
{
    struct p2pfs_text t;
    char id[128], *buf;
    cJSON *json;
    size_t max;

    memset(id, 'w', sizeof(id));
    memset(s, 0xff, sizeof(*s));
    s->n_missing = missing;
    s->n_versions = versions;
    s->n_candidates = candidates;
    max = p2pfs_reply_set_max(s);
    buf = malloc(max);
    assert_non_null(buf);

    p2pfs_text_init(&t, buf, max);
    p2pfs_reply_set(&t, id, sizeof(id), s);
    json = assert_json(&t);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "missing")),
        missing);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "versions")),
        versions);
    assert_int_equal(cJSON_GetArraySize(
                         cJSON_GetObjectItem(json, "candidates")),
        candidates);
    cJSON_Delete(json);
    free(buf);
}

/* Each list alone too: the slack of one must not hide the want of another. */
static void
the_room_for_a_set_is_enough(void **state)
{
    struct p2pfs_set *s = malloc(sizeof(*s));

    (void)state;

    assert_non_null(s);
    check_room_for_a_set(s, 0, 0, 0);
    check_room_for_a_set(s, P2PFS_SET_RANGES_MAX, 0, 0);
    check_room_for_a_set(s, 0, P2PFS_SET_VERSIONS_MAX, 0);
    check_room_for_a_set(s, 0, 0, P2PFS_SET_CANDIDATES_MAX);
    check_room_for_a_set(s, P2PFS_SET_RANGES_MAX, P2PFS_SET_VERSIONS_MAX,
        P2PFS_SET_CANDIDATES_MAX);
    free(s);
}

static void
problems(void **state)
{
    struct p2pfs_hash root = filled(0xcc), hash = filled(0xbb);
    struct p2pfs_problem p = {.err = P2PFS_SET_NOT_FOUND};
    struct p2pfs_text t;
    char buf[P2PFS_REPLY_PROBLEM_MAX];

    (void)state;

    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_problem(&t, &p);
    assert_text(&t,
        "{\"type\":\"urn:p2pfs:error:set-not-found\","
        "\"title\":\"set is not known here\",\"status\":404,"
        "\"code\":\"set-not-found\"}");

    p = (struct p2pfs_problem){.err = P2PFS_FILE_CONFLICT,
        .detail = "say \"why\"",
        .root = &root,
        .hash = &hash};
    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_problem(&t, &p);
    assert_text(&t,
        "{\"type\":\"urn:p2pfs:error:file-conflict\","
        "\"title\":\"other bytes are stored at this index\",\"status\":409,"
        "\"code\":\"file-conflict\",\"detail\":\"say \\\"why\\\"\","
        "\"root\":\"0x" CC "\",\"hash\":\"" BB "\"}");

    p = (struct p2pfs_problem){.err = P2PFS_SET_INCOMPLETE,
        .has_progress = 1,
        .received = 3,
        .set_count = 7};
    p2pfs_text_init(&t, buf, sizeof(buf));
    p2pfs_reply_problem(&t, &p);
    assert_text(&t,
        "{\"type\":\"urn:p2pfs:error:set-incomplete\","
        "\"title\":\"the set is not complete yet\",\"status\":409,"
        "\"code\":\"set-incomplete\",\"received\":3,\"setCount\":7}");
}

static void
every_problem_fits_with_all_members(void **state)
{
    struct p2pfs_hash root = filled(0xcc);
    char detail[512], buf[P2PFS_REPLY_PROBLEM_MAX];
    struct p2pfs_problem p = {.detail = detail,
        .root = &root,
        .hash = &root,
        .has_progress = 1,
        .received = UINT64_MAX,
        .set_count = UINT64_MAX};
    struct p2pfs_text t;
    cJSON *json;
    unsigned err;

    (void)state;

    memset(detail, '\1', sizeof(detail) - 1);
    detail[sizeof(detail) - 1] = '\0';

    for (err = 0; err < P2PFS_ERR_COUNT; err++) {
        p.err = (enum p2pfs_err)err;
        p2pfs_text_init(&t, buf, sizeof(buf));
        p2pfs_reply_problem(&t, &p);
        json = assert_json(&t);
        assert_string_equal(cJSON_GetObjectItem(json, "code")->valuestring,
            p2pfs_err_row(err)->code);
        cJSON_Delete(json);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file),
        cmocka_unit_test(candidate_and_stored),
        cmocka_unit_test(the_room_for_a_file_is_enough),
        cmocka_unit_test(a_complete_set),
        cmocka_unit_test(an_open_set_with_everything),
        cmocka_unit_test(the_room_for_a_set_is_enough),
        cmocka_unit_test(problems),
        cmocka_unit_test(every_problem_fits_with_all_members),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
