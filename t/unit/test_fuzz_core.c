/*
 * Guards every parser of core against mutated input: no crash and no byte read
 * behind the end (each input has memory of just its size, for the sanitizers),
 * and what is accepted is exactly what the encoder of it would write.
 */

#include "t/unit/testing.h"

#include "core/frame.h"
#include "core/hex.h"
#include "core/name.h"
#include "core/record.h"
#include "core/upload.h"

#define ROUNDS 200000
#define INPUT_MAX 2048
#define CONTENT_MAX 64

#define HASH                                                                   \
    "0x00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

struct input {
    size_t len;
    uint8_t b[INPUT_MAX];
};

/* What a parser makes of len bytes; 1: accepted. Asserts what must hold. */
typedef int (*target_fn)(const uint8_t *data, size_t len);

static int
target_upload(const uint8_t *data, size_t len)
{
    struct p2pfs_upload u;
    enum p2pfs_err err;

    err = p2pfs_upload_parse(&u, (const char *)data, len, CONTENT_MAX);

    /* the fence let something pass that cJSON does not read */
    assert_int_not_equal(err, P2PFS_NO_MEMORY);

    if (err == P2PFS_OK) {
        assert_non_null(u.content);
        assert_in_range(u.content_len, 0, CONTENT_MAX);
        assert_in_range(u.set_count, 1, (1ULL << 53) - 1);
        assert_in_range(u.proof.len, 0, P2PFS_PROOF_MAX);
    } else if (err != P2PFS_BAD_SET_COUNT) {
        assert_non_null(u.detail);
    }

    p2pfs_upload_fini(&u);

    return err == P2PFS_OK;
}

static int
target_record(const uint8_t *data, size_t len)
{
    uint8_t out[P2PFS_RECORD_BYTES_MAX];
    struct p2pfs_record r;

    if (p2pfs_record_decode(&r, data, len) != P2PFS_OK) {
        return 0;
    }

    assert_int_equal(p2pfs_record_encode(&r, out), len);
    assert_memory_equal(out, data, len);

    return 1;
}

static int
target_put(const uint8_t *data, size_t len)
{
    uint8_t out[P2PFS_FRAME_PUT_HEAD_MAX];
    struct p2pfs_put p;
    size_t head;

    if (p2pfs_frame_read_put(data, len, &p) != P2PFS_OK) {
        return 0;
    }

    head = p2pfs_frame_put_head(out, &p);
    assert_int_equal(head + p.len, len);
    assert_memory_equal(out, data, head);
    assert_ptr_equal(p.content, data + head);

    return 1;
}

static int
target_result(const uint8_t *data, size_t len)
{
    uint8_t out[P2PFS_FRAME_SMALL_MAX];
    struct p2pfs_result r;

    if (p2pfs_frame_read_result(data, len, &r) != P2PFS_OK) {
        return 0;
    }

    assert_int_equal(p2pfs_frame_result(out, &r), len);
    assert_memory_equal(out, data, len);

    return 1;
}

static int
target_welcome(const uint8_t *data, size_t len)
{
    uint8_t out[P2PFS_FRAME_SMALL_MAX];
    struct p2pfs_welcome w;

    if (p2pfs_frame_read_welcome(data, len, &w) != P2PFS_OK) {
        return 0;
    }

    assert_int_equal(p2pfs_frame_welcome(out, &w), len);
    assert_memory_equal(out, data, len);

    return 1;
}

static int
target_hello(const uint8_t *data, size_t len)
{
    struct p2pfs_hello h;

    if (p2pfs_frame_read_hello(data, len, &h) != P2PFS_OK) {
        return 0;
    }

    assert_int_equal(h.magic, P2PFS_FRAME_MAGIC);

    return 1;
}

static int
target_stream(const uint8_t *data, size_t len)
{
    enum p2pfs_frame_type type;
    size_t frame_len;

    if (p2pfs_frame_next(data, len, &frame_len, &type) != 1) {
        return 0;
    }

    assert_in_range(frame_len, P2PFS_FRAME_HEAD_BYTES, len);
    assert_in_range(type, P2PFS_FRAME_HELLO, P2PFS_FRAME_DAMAGED);

    return 1;
}

static int
target_hash(const uint8_t *data, size_t len)
{
    struct p2pfs_hash h;
    char out[P2PFS_HASH_HEX + 1] = "";

    if (p2pfs_hash_parse(&h, (const char *)data, len) != P2PFS_OK) {
        return 0;
    }

    assert_true(len == P2PFS_HASH_HEX || len == P2PFS_HASH_HEX + 2);
    p2pfs_hex_encode(out, h.b, sizeof(h.b));
    assert_int_equal(strncasecmp(out, (const char *)data + len - P2PFS_HASH_HEX,
                         P2PFS_HASH_HEX),
        0);

    return 1;
}

static int
target_set_id(const uint8_t *data, size_t len)
{
    size_t i;

    if (p2pfs_set_id_check((const char *)data, len) != P2PFS_OK) {
        return 0;
    }

    assert_in_range(len, 1, P2PFS_SET_ID_MAX);
    for (i = 0; i < len; i++) {
        assert_in_range(data[i], '-', '~');
        assert_int_not_equal(data[i], '/');
    }

    return 1;
}

static int
target_index(const uint8_t *data, size_t len)
{
    char out[32];
    uint64_t v;

    if (p2pfs_index_parse((const char *)data, len, &v) != P2PFS_OK) {
        return 0;
    }

    if (v != UINT64_MAX) {
        snprintf(out, sizeof(out), "%llu", (unsigned long long)v);
        assert_int_equal(strlen(out), len);
        assert_memory_equal(out, data, len);
    }

    return 1;
}

static void
mutate(struct input *in, uint64_t *rng)
{
    static const char token[] = "{}[]\",:\\u0000-1e9.xX\t\xff\x80\xc3/";
    size_t at = in->len > 0 ? (size_t)rng_below(rng, in->len) : 0;
    size_t n, to;

    switch (rng_below(rng, 7)) {
    case 0: /* flip a bit */
        in->b[at] ^= (uint8_t)(1 << rng_below(rng, 8));
        break;
    case 1: /* any byte */ in->b[at] = (uint8_t)rng_next(rng); break;
    case 2: /* a byte that means something */
        in->b[at] = (uint8_t)token[rng_below(rng, sizeof(token))];
        break;
    case 3: /* cut the end off */ in->len = at; break;
    case 4: /* insert a byte */
        if (in->len < INPUT_MAX) {
            memmove(in->b + at + 1, in->b + at, in->len - at);
            in->b[at] = (uint8_t)token[rng_below(rng, sizeof(token))];
            in->len++;
        }
        break;
    case 5: /* remove some */
        n = (size_t)rng_below(rng, in->len - at + 1);
        memmove(in->b + at, in->b + at + n, in->len - at - n);
        in->len -= n;
        break;
    case 6: /* repeat some */
        to = (size_t)rng_below(rng, in->len + 1);
        n = in->len - (at > to ? at : to);
        memmove(in->b + to, in->b + at, n);
        break;
    }
}

/* One to four mutations of a seed, or now and then the seed itself. */
static unsigned
fuzz(target_fn target, const struct input *seed, unsigned n_seeds,
    unsigned rounds, uint64_t *rng)
{
    unsigned round, i, times, accepted = 0;
    struct input in;
    uint8_t *exact;

    for (round = 0; round < rounds; round++) {
        in = seed[rng_below(rng, n_seeds)];
        times = (unsigned)rng_below(rng, 5);

        for (i = 0; i < times; i++) {
            mutate(&in, rng);
        }

        exact = malloc(in.len + (in.len == 0));
        assert_non_null(exact);
        memcpy(exact, in.b, in.len);
        accepted += (unsigned)target(exact, in.len);
        free(exact);
    }

    return accepted;
}

static struct input
seed_text(const char *text)
{
    struct input in = {0};

    in.len = strlen(text);
    memcpy(in.b, text, in.len);

    return in;
}

/* Both paths were taken, or the fuzzing was worth nothing. */
static void
fuzz_texts(target_fn target, const char *const *text, unsigned n,
    unsigned rounds)
{
    struct input seed[8] = {0};
    uint64_t rng = rng_seed();
    unsigned i;

    for (i = 0; i < n; i++) {
        seed[i] = seed_text(text[i]);
    }

    assert_in_range(fuzz(target, seed, n, rounds, &rng), rounds / 10,
        rounds - 1);
}

static void
uploads(void **state)
{
    static const char *const text[] =
        {"{\"content\":\"0x00ff\",\"setCount\":3}",
            "{\"content\":\"0x\",\"setCount\":1,\"root\":\"" HASH "\"}",
            "{\"setCount\":2,\"proof\":[\"" HASH "\"],\"root\":\"" HASH
            "\",\"content\":\"0xAb\",\"x\":[null,true,{\"y\":-1.5e+3}]}",
            " {\"x\":\"\\ud83d\\ude00\\n\xe2\x82\xac\"}\n",
            " {\"content\" :\"0x12\", \"setCount\" : 1e2 }\r\n"};

    (void)state;

    fuzz_texts(target_upload, text, COUNT(text), ROUNDS / 2);
}

static void
names(void **state)
{
    static const char *const hash[] = {HASH, &HASH[2]};
    static const char *const id[] = {"a", "photos-2024", "..a", "A.b_c~d-0"};
    static const char *const index[] = {"0", "7", "18446744073709551615",
        "4294967296", "99999999999999999999999999"};

    (void)state;

    fuzz_texts(target_hash, hash, COUNT(hash), ROUNDS / 20);
    fuzz_texts(target_set_id, id, COUNT(id), ROUNDS / 20);
    fuzz_texts(target_index, index, COUNT(index), ROUNDS / 20);
}

static void
fuzz_one(target_fn target, const struct input *seed, uint64_t *rng)
{
    unsigned rounds = ROUNDS / 20;

    assert_in_range(fuzz(target, seed, 1, rounds, rng), rounds / 10,
        rounds - 1);
}

static void
records(void **state)
{
    struct p2pfs_record r = {.kind = P2PFS_RECORD_FILE, .id_len = 3, .n = 300};
    uint64_t rng = rng_seed();
    struct input seed;

    (void)state;

    memcpy(r.id, "a-b", 3);
    memset(&r.root, 0xaa, sizeof(r.root));
    seed.len = p2pfs_record_encode(&r, seed.b);
    fuzz_one(target_record, &seed, &rng);

    r.kind = P2PFS_RECORD_VERSION;
    seed.len = p2pfs_record_encode(&r, seed.b);
    fuzz_one(target_record, &seed, &rng);
}

static void
frames(void **state)
{
    struct p2pfs_welcome w = {P2PFS_FRAME_MAGIC, 1, 2, 3, 4, 5};
    struct p2pfs_put p = {.id = "a-b", .id_len = 3, .n = 4, .has_root = 1};
    struct p2pfs_result r = {.err = P2PFS_STORE_FULL};
    uint64_t rng = rng_seed();
    struct input seed;

    (void)state;

    seed.len = p2pfs_frame_hello(seed.b);
    fuzz_one(target_hello, &seed, &rng);
    fuzz_one(target_stream, &seed, &rng);

    seed.len = p2pfs_frame_welcome(seed.b, &w);
    fuzz_one(target_welcome, &seed, &rng);

    seed.len = p2pfs_frame_result(seed.b, &r);
    fuzz_one(target_result, &seed, &rng);

    p.proof.len = 2;
    p.len = 5;
    seed.len = p2pfs_frame_put_head(seed.b, &p);
    memcpy(seed.b + seed.len, "bytes", p.len);
    seed.len += p.len;
    fuzz_one(target_put, &seed, &rng);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uploads),
        cmocka_unit_test(names),
        cmocka_unit_test(records),
        cmocka_unit_test(frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
