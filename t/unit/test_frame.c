/*
 * Guards the channel's frames: what one side sends the other reads, and
 * nothing that is cut, padded or lying about its lengths gets through.
 */

#include "t/unit/testing.h"

#include "core/frame.h"

/* A frame of any type, with room for a small PUT and a byte too many. */
struct sample {
    enum p2pfs_frame_type type;
    size_t len;
    uint8_t b[P2PFS_FRAME_PUT_HEAD_MAX + 16];
};

static enum p2pfs_err
decode(enum p2pfs_frame_type type, const uint8_t *frame, size_t len)
{
    struct p2pfs_hello hello;
    struct p2pfs_welcome welcome;
    struct p2pfs_put put;
    struct p2pfs_result result;
    struct p2pfs_damaged damaged;

    switch (type) {
    case P2PFS_FRAME_HELLO: return p2pfs_frame_read_hello(frame, len, &hello);
    case P2PFS_FRAME_WELCOME:
        return p2pfs_frame_read_welcome(frame, len, &welcome);
    case P2PFS_FRAME_PUT: return p2pfs_frame_read_put(frame, len, &put);
    case P2PFS_FRAME_RESULT:
        return p2pfs_frame_read_result(frame, len, &result);
    case P2PFS_FRAME_DAMAGED:
        return p2pfs_frame_read_damaged(frame, len, &damaged);
    }

    return P2PFS_INTERNAL;
}

static struct p2pfs_put
sample_put(int has_root)
{
    struct p2pfs_put p;

    memset(&p, 0, sizeof(p));
    p.request = 0x0102030405060708u;
    p.id = "a-b";
    p.id_len = 3;
    p.n = UINT64_MAX;
    p.index = 0x1112131415161718u;
    p.has_root = has_root;
    p.content = (const uint8_t *)"content";
    p.len = 7;

    if (has_root) {
        memset(&p.root, 0xcc, sizeof(p.root));
        p.proof.len = 2;
        memset(&p.proof.hash[0], 0xaa, 32);
        memset(&p.proof.hash[1], 0xbb, 32);
    }

    return p;
}

static size_t
write_put(uint8_t *out, const struct p2pfs_put *p)
{
    size_t head = p2pfs_frame_put_head(out, p);

    memcpy(out + head, p->content, p->len);

    return head + p->len;
}

static struct p2pfs_result
sample_result(void)
{
    struct p2pfs_result r;

    memset(&r, 0, sizeof(r));
    r.request = 0x0102030405060708u;
    r.err = P2PFS_FILE_CONFLICT;
    r.created = 1;
    memset(&r.entry, 0xaa, sizeof(r.entry));
    memset(&r.root, 0xbb, sizeof(r.root));
    r.received = 5;
    r.set_count = UINT64_MAX;

    return r;
}

static const struct p2pfs_welcome WELCOME = {P2PFS_FRAME_MAGIC, 0x0201, 1048576,
    0xffffffff, 7, 0x01020304};

static const struct p2pfs_damaged DAMAGED = {0x0102030405060708, 9, 0xfffffffe};

/* One of each type, PUT with and without a root. */
static unsigned
samples(struct sample out[6])
{
    struct p2pfs_put plain = sample_put(0), rooted = sample_put(1);
    struct p2pfs_result result = sample_result();

    memset(out, 0, 6 * sizeof(*out));
    out[0].type = P2PFS_FRAME_HELLO;
    out[0].len = p2pfs_frame_hello(out[0].b);
    out[1].type = P2PFS_FRAME_WELCOME;
    out[1].len = p2pfs_frame_welcome(out[1].b, &WELCOME);
    out[2].type = P2PFS_FRAME_PUT;
    out[2].len = write_put(out[2].b, &plain);
    out[3].type = P2PFS_FRAME_PUT;
    out[3].len = write_put(out[3].b, &rooted);
    out[4].type = P2PFS_FRAME_RESULT;
    out[4].len = p2pfs_frame_result(out[4].b, &result);
    out[5].type = P2PFS_FRAME_DAMAGED;
    out[5].len = p2pfs_frame_damaged(out[5].b, &DAMAGED);

    return 6;
}

static void
bytes_are_the_documented_ones(void **state)
{
    static const uint8_t hello[] = {0, 0, 0, 7, 1, 'p', '2', 'f', 's', 0, 1};
    static const uint8_t welcome[] = {0, 0, 0, 23, 2, 'p', '2', 'f', 's', 2, 1,
        0, 0x10, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 7, 1, 2, 3, 4};
    static const uint8_t put[] = {0, 0, 0, 41, 3, 1, 2, 3, 4, 5, 6, 7, 8, 3,
        'a', '-', 'b', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x11,
        0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0, 0, 0, 0, 7, 'c', 'o', 'n',
        't', 'e', 'n', 't'};
    static const uint8_t damaged[] = {0, 0, 0, 21, 5, 1, 2, 3, 4, 5, 6, 7, 8, 0,
        0, 0, 0, 0, 0, 0, 9, 0xff, 0xff, 0xff, 0xfe};
    struct sample s[6];

    (void)state;

    samples(s);
    assert_int_equal(s[0].len, sizeof(hello));
    assert_memory_equal(s[0].b, hello, sizeof(hello));
    assert_int_equal(s[1].len, sizeof(welcome));
    assert_memory_equal(s[1].b, welcome, sizeof(welcome));
    assert_int_equal(s[2].len, sizeof(put));
    assert_memory_equal(s[2].b, put, sizeof(put));
    assert_int_equal(s[4].len, 5 + 8 + 2 + 1 + 32 + 32 + 8 + 8);
    assert_int_equal(s[4].b[14], P2PFS_FILE_CONFLICT);
    assert_int_equal(s[5].len, sizeof(damaged));
    assert_memory_equal(s[5].b, damaged, sizeof(damaged));
}

static void
hello_welcome_and_result_come_back(void **state)
{
    struct sample s[6];
    struct p2pfs_hello hello;
    struct p2pfs_welcome welcome;
    struct p2pfs_result want = sample_result(), got;
    struct p2pfs_damaged damaged;

    (void)state;

    samples(s);

    assert_int_equal(p2pfs_frame_read_hello(s[0].b, s[0].len, &hello),
        P2PFS_OK);
    assert_int_equal(hello.magic, P2PFS_FRAME_MAGIC);
    assert_int_equal(hello.version, P2PFS_FRAME_VERSION);

    assert_int_equal(p2pfs_frame_read_welcome(s[1].b, s[1].len, &welcome),
        P2PFS_OK);
    assert_int_equal(welcome.magic, WELCOME.magic);
    assert_int_equal(welcome.version, WELCOME.version);
    assert_int_equal(welcome.file_max, WELCOME.file_max);
    assert_int_equal(welcome.count_max, WELCOME.count_max);
    assert_int_equal(welcome.requests_max, WELCOME.requests_max);
    assert_int_equal(welcome.bytes_max, WELCOME.bytes_max);

    assert_int_equal(p2pfs_frame_read_result(s[4].b, s[4].len, &got), P2PFS_OK);
    assert_true(got.request == want.request);
    assert_int_equal(got.err, want.err);
    assert_int_equal(got.created, 1);
    assert_hash_equal(&got.entry, &want.entry);
    assert_hash_equal(&got.root, &want.root);
    assert_true(got.received == want.received);
    assert_true(got.set_count == want.set_count);
    assert_int_equal(p2pfs_frame_read_damaged(s[5].b, s[5].len, &damaged),
        P2PFS_OK);
    assert_int_equal(damaged.gk, DAMAGED.gk);
    assert_int_equal(damaged.vk, DAMAGED.vk);
    assert_int_equal(damaged.index, DAMAGED.index);
}

static void
check_put(const struct p2pfs_put *want)
{
    uint8_t *frame = malloc(P2PFS_FRAME_PUT_HEAD_MAX + want->len);
    enum p2pfs_frame_type type;
    struct p2pfs_put got;
    size_t len, frame_len;

    assert_non_null(frame);
    len = write_put(frame, want);
    assert_int_equal(p2pfs_frame_next(frame, len, &frame_len, &type), 1);
    assert_int_equal(frame_len, len);
    assert_int_equal(type, P2PFS_FRAME_PUT);

    assert_int_equal(p2pfs_frame_read_put(frame, len, &got), P2PFS_OK);
    assert_true(got.request == want->request);
    assert_int_equal(got.id_len, want->id_len);
    assert_memory_equal(got.id, want->id, want->id_len);
    assert_true(got.n == want->n);
    assert_true(got.index == want->index);
    assert_int_equal(got.has_root, want->has_root);
    assert_hash_equal(&got.root, &want->root);
    assert_int_equal(got.proof.len, want->proof.len);
    assert_memory_equal(got.proof.hash, want->proof.hash, 32 * want->proof.len);
    assert_int_equal(got.len, want->len);
    assert_memory_equal(got.content, want->content, want->len);
    free(frame);
}

static void
puts_come_back(void **state)
{
    struct p2pfs_put p;
    char id[P2PFS_SET_ID_MAX];
    uint8_t *content = calloc(1, P2PFS_FILE_BYTES_MAX);

    (void)state;

    assert_non_null(content);

    p = sample_put(0);
    check_put(&p);
    p = sample_put(1);
    check_put(&p);
    p.proof.len = 0;
    p.len = 0;
    check_put(&p);

    /* everything at its largest is just P2PFS_FRAME_BYTES_MAX */
    memset(id, 'z', sizeof(id));
    p.id = id;
    p.id_len = sizeof(id);
    p.proof.len = P2PFS_PROOF_MAX;
    p.content = content;
    p.len = P2PFS_FILE_BYTES_MAX;
    check_put(&p);

    free(content);
}

static void
an_encoder_refuses_what_is_too_large(void **state)
{
    uint8_t out[P2PFS_FRAME_PUT_HEAD_MAX];
    struct p2pfs_put p = sample_put(1);

    (void)state;

    p.proof.len = P2PFS_PROOF_MAX + 1;
    assert_int_equal(p2pfs_frame_put_head(out, &p), 0);

    p = sample_put(1);
    p.id_len = P2PFS_SET_ID_MAX + 1;
    assert_int_equal(p2pfs_frame_put_head(out, &p), 0);

    p = sample_put(1);
    p.len = P2PFS_FILE_BYTES_MAX + 1;
    assert_int_equal(p2pfs_frame_put_head(out, &p), 0);
    p.len = P2PFS_FILE_BYTES_MAX;
    assert_int_not_equal(p2pfs_frame_put_head(out, &p), 0);
}

/* Cut or padded, as it stands and with a length that admits to it. */
static void
every_other_length_is_refused(void **state)
{
    struct sample s[6];
    unsigned i, n = samples(s);
    size_t len;
    uint8_t *exact;

    (void)state;

    for (i = 0; i < n; i++) {
        for (len = 0; len <= s[i].len + 1; len++) {
            exact = malloc(len + (len == 0)); /* for the sanitizer to see */
            assert_non_null(exact);
            memcpy(exact, s[i].b, len);
            assert_int_equal(decode(s[i].type, exact, len),
                len == s[i].len ? P2PFS_OK : P2PFS_BAD_FRAME);

            if (len >= P2PFS_FRAME_HEAD_BYTES) {
                exact[2] = (uint8_t)((len - 4) >> 8);
                exact[3] = (uint8_t)(len - 4);
                assert_int_equal(decode(s[i].type, exact, len),
                    len == s[i].len ? P2PFS_OK : P2PFS_BAD_FRAME);
            }
            free(exact);
        }
    }
}

static void
every_other_type_is_refused(void **state)
{
    struct sample s[6];
    unsigned i, k, n = samples(s);

    (void)state;

    for (i = 0; i < n; i++) {
        for (k = 0; k < n; k++) {
            if (s[i].type != s[k].type) {
                assert_int_equal(decode(s[i].type, s[k].b, s[k].len),
                    P2PFS_BAD_FRAME);
            }
        }
    }
}

/* Every value of every byte that is a length, a flag or a magic. */
static void
lies_about_lengths_and_flags(void **state)
{
    static const struct {
        unsigned sample;
        size_t at;
    } row[] = {
        {0, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 4},      /* HELLO: length, type */
        {0, 5}, {0, 6}, {0, 7}, {0, 8},              /* its magic */
        {1, 3}, {1, 5}, {1, 8},                      /* WELCOME */
        {2, 2}, {2, 3}, {2, 13},                     /* PUT: length, id_len */
        {2, 33}, {2, 34}, {2, 35}, {2, 36}, {2, 37}, /* has_root, len */
        {3, 13}, {3, 33}, {3, 66},                   /* proof_len */
        {3, 131}, {3, 132}, {3, 133}, {3, 134},      /* len */
        {4, 3}, {4, 4}, {4, 13},                     /* RESULT: high of error */
    };
    struct sample s[6];
    size_t i;
    int v;

    (void)state;

    samples(s);

    for (i = 0; i < COUNT(row); i++) {
        struct sample *one = &s[row[i].sample];
        uint8_t *byte = &one->b[row[i].at], right = *byte;

        for (v = 0; v < 256; v++) {
            *byte = (uint8_t)v;
            if (decode(one->type, one->b, one->len)
                != (v == right ? P2PFS_OK : P2PFS_BAD_FRAME)) {
                fail_msg("sample %u, byte %zu, value %d", row[i].sample,
                    row[i].at, v);
            }
        }
        *byte = right;
    }
}

static void
values_out_of_range(void **state)
{
    struct sample s[6];
    unsigned v;

    (void)state;

    samples(s);

    for (v = 0; v < 256; v++) {
        s[4].b[14] = (uint8_t)v; /* error */
        assert_int_equal(decode(P2PFS_FRAME_RESULT, s[4].b, s[4].len),
            v < P2PFS_ERR_COUNT ? P2PFS_OK : P2PFS_BAD_FRAME);
    }

    s[4].b[14] = 0;
    s[4].b[15] = 0; /* created */
    assert_int_equal(decode(P2PFS_FRAME_RESULT, s[4].b, s[4].len), P2PFS_OK);
    s[4].b[15] = 2;
    assert_int_equal(decode(P2PFS_FRAME_RESULT, s[4].b, s[4].len),
        P2PFS_BAD_FRAME);

    s[2].b[15] = '/'; /* set id */
    assert_int_equal(decode(P2PFS_FRAME_PUT, s[2].b, s[2].len),
        P2PFS_BAD_FRAME);
}

/* A PUT whose proof or content is one too long, right in all else. */
static void
one_above_each_maximum(void **state)
{
    struct p2pfs_put p = sample_put(1), got;
    size_t head, len = P2PFS_FRAME_BYTES_MAX + 64;
    uint8_t *b = calloc(1, len);
    uint32_t n;

    (void)state;

    assert_non_null(b);

    /* one byte of content more than the largest file */
    p.len = P2PFS_FILE_BYTES_MAX;
    head = p2pfs_frame_put_head(b, &p);
    len = head + P2PFS_FILE_BYTES_MAX;
    assert_int_equal(p2pfs_frame_read_put(b, len, &got), P2PFS_OK);
    n = P2PFS_FILE_BYTES_MAX + 1;
    b[head - 3] = (uint8_t)(n >> 16);
    b[head - 1] = (uint8_t)n;
    n = (uint32_t)(len + 1 - 4);
    b[1] = (uint8_t)(n >> 16);
    b[2] = (uint8_t)(n >> 8);
    b[3] = (uint8_t)n;
    assert_int_equal(p2pfs_frame_read_put(b, len + 1, &got), P2PFS_BAD_FRAME);

    /* one hash more than the longest proof */
    p.len = 0;
    p.proof.len = P2PFS_PROOF_MAX;
    len = p2pfs_frame_put_head(b, &p);
    assert_int_equal(p2pfs_frame_read_put(b, len, &got), P2PFS_OK);
    b[66] = P2PFS_PROOF_MAX + 1;
    memset(b + len, 0, 32); /* len 0 stands at the end again */
    n = (uint32_t)(len + 32 - 4);
    b[2] = (uint8_t)(n >> 8);
    b[3] = (uint8_t)n;
    assert_int_equal(p2pfs_frame_read_put(b, len + 32, &got), P2PFS_BAD_FRAME);

    free(b);
}

static void
frames_come_off_a_stream(void **state)
{
    struct sample s[6];
    uint8_t stream[5 * sizeof(s[0].b)];
    enum p2pfs_frame_type type;
    unsigned i, n = samples(s);
    size_t at = 0, len = 0, cut, frame_len;

    (void)state;

    for (i = 0; i < n; i++) {
        memcpy(stream + len, s[i].b, s[i].len);
        len += s[i].len;
    }

    for (i = 0; i < n; i++) {
        for (cut = 0; cut < s[i].len; cut++) {
            assert_int_equal(p2pfs_frame_next(stream + at, cut, &frame_len,
                                 &type),
                0);
        }
        assert_int_equal(p2pfs_frame_next(stream + at, len - at, &frame_len,
                             &type),
            1);
        assert_int_equal(frame_len, s[i].len);
        assert_int_equal(type, s[i].type);
        at += frame_len;
    }

    assert_int_equal(at, len);
}

static void
impossible_heads(void **state)
{
    static const uint32_t rest[] = {1, P2PFS_FRAME_BYTES_MAX - 5,
        P2PFS_FRAME_BYTES_MAX - 4, P2PFS_FRAME_BYTES_MAX - 3,
        P2PFS_FRAME_BYTES_MAX, 0x7fffffff, 0x80000000, 0xffffffff, 0};
    enum p2pfs_frame_type type;
    uint8_t head[5];
    size_t i, frame_len;
    unsigned t;
    int want;

    (void)state;

    for (i = 0; i < COUNT(rest); i++) {
        head[0] = (uint8_t)(rest[i] >> 24);
        head[1] = (uint8_t)(rest[i] >> 16);
        head[2] = (uint8_t)(rest[i] >> 8);
        head[3] = (uint8_t)rest[i];

        /* refused as soon as the length is there */
        want = rest[i] == 0 || rest[i] > P2PFS_FRAME_BYTES_MAX - 4 ? -1 : 0;
        assert_int_equal(p2pfs_frame_next(head, 3, &frame_len, &type), 0);
        assert_int_equal(p2pfs_frame_next(head, 4, &frame_len, &type), want);

        for (t = 0; t < 256; t++) {
            head[4] = (uint8_t)t;
            assert_int_equal(p2pfs_frame_next(head, 5, &frame_len, &type),
                want == -1 || t < 1 || t > 5 ? -1 : rest[i] == 1);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_the_documented_ones),
        cmocka_unit_test(hello_welcome_and_result_come_back),
        cmocka_unit_test(puts_come_back),
        cmocka_unit_test(an_encoder_refuses_what_is_too_large),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(every_other_type_is_refused),
        cmocka_unit_test(lies_about_lengths_and_flags),
        cmocka_unit_test(values_out_of_range),
        cmocka_unit_test(one_above_each_maximum),
        cmocka_unit_test(frames_come_off_a_stream),
        cmocka_unit_test(impossible_heads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
