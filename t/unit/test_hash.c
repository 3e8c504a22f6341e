/*
 * Guards SHA-256 (FIPS 180-4 examples), the domain bytes of leaves and nodes,
 * and that a hasher which failed once never says anything again.
 */

#include "t/unit/testing.h"

#include "core/hash.h"
#include "t/unit/broken_digest.h"

static const char ABC[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char EMPTY[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char TWO_BLOCKS[] =
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
static const char MILLION_A[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void
known_digests(void **state)
{
    static const char two[] =
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_hash want, got;
    char a[1000];
    int i;

    (void)state;

    p2pfs_hash_data(h, "abc", 3, &got);
    want = hash_of_hex(ABC);
    assert_hash_equal(&got, &want);

    p2pfs_hash_data(h, NULL, 0, &got);
    want = hash_of_hex(EMPTY);
    assert_hash_equal(&got, &want);

    p2pfs_hash_data(h, two, strlen(two), &got);
    want = hash_of_hex(TWO_BLOCKS);
    assert_hash_equal(&got, &want);

    memset(a, 'a', sizeof(a));
    p2pfs_hash_start(h);
    for (i = 0; i < 1000; i++) {
        p2pfs_hash_update(h, a, sizeof(a));
    }
    p2pfs_hash_end(h, &got);
    want = hash_of_hex(MILLION_A);
    assert_hash_equal(&got, &want);

    assert_false(p2pfs_hasher_failed(h));
    p2pfs_hasher_free(h);
}

static void
a_start_forgets_what_was_not_ended(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_hash want = hash_of_hex(ABC), got;

    (void)state;

    p2pfs_hash_start(h);
    p2pfs_hash_update(h, "xyz", 3);
    p2pfs_hash_data(h, "abc", 3, &got);
    assert_hash_equal(&got, &want);

    p2pfs_hasher_free(h);
}

static void
leaves_and_nodes_have_their_domain_byte(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_hash a = hash_of_hex(ABC), b = hash_of_hex(EMPTY), want, got;
    uint8_t in[65];

    (void)state;

    in[0] = 0;
    memcpy(in + 1, &a, 32);
    p2pfs_hash_data(h, in, 33, &want);
    p2pfs_hash_leaf(h, &a, &got);
    assert_hash_equal(&got, &want);

    in[0] = 1;
    memcpy(in + 33, &b, 32);
    p2pfs_hash_data(h, in, 65, &want);
    p2pfs_hash_node(h, &a, &b, &got);
    assert_hash_equal(&got, &want);

    /* out may be an input */
    got = a;
    p2pfs_hash_node(h, &got, &b, &got);
    assert_hash_equal(&got, &want);
    got = b;
    p2pfs_hash_node(h, &a, &got, &got);
    assert_hash_equal(&got, &want);

    p2pfs_hasher_free(h);
}

static void
a_failure_is_for_ever_and_leaves_zeros(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    struct p2pfs_hash got = hash_of_hex(ABC), in = got;

    (void)state;

    digest_broken = 1;
    p2pfs_hash_data(h, "abc", 3, &got);
    digest_broken = 0;

    assert_true(p2pfs_hasher_failed(h));
    assert_true(p2pfs_hash_is_zero(&got));

    memset(&got, 1, sizeof(got));
    p2pfs_hash_data(h, "abc", 3, &got);
    assert_true(p2pfs_hash_is_zero(&got));

    memset(&got, 1, sizeof(got));
    p2pfs_hash_leaf(h, &in, &got);
    assert_true(p2pfs_hash_is_zero(&got));

    memset(&got, 1, sizeof(got));
    p2pfs_hash_node(h, &in, &in, &got);
    assert_true(p2pfs_hash_is_zero(&got));

    assert_true(p2pfs_hasher_failed(h));
    p2pfs_hasher_free(h);
}

static void
order_and_zero(void **state)
{
    struct p2pfs_hash a, b;
    int i;

    (void)state;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    assert_true(p2pfs_hash_is_zero(&a));
    assert_int_equal(p2pfs_hash_cmp(&a, &b), 0);

    for (i = 0; i < 32; i++) {
        b.b[i] = 0x80;
        assert_true(p2pfs_hash_cmp(&a, &b) < 0);
        assert_true(p2pfs_hash_cmp(&b, &a) > 0);
        assert_false(p2pfs_hash_is_zero(&b));
        b.b[i] = 0;
    }
}

static void
parse(void **state)
{
    static const char upper[] =
        "0xBA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
    struct p2pfs_hash out, want = hash_of_hex(ABC);
    char text[80];
    size_t len;

    (void)state;

    assert_int_equal(p2pfs_hash_parse(&out, upper, 66), P2PFS_OK);
    assert_hash_equal(&out, &want);
    assert_int_equal(p2pfs_hash_parse(&out, upper + 2, 64), P2PFS_OK);
    assert_hash_equal(&out, &want);

    /* every wrong length, with and without the prefix */
    for (len = 0; len < sizeof(text); len++) {
        memset(text, 'a', sizeof(text));
        assert_int_equal(p2pfs_hash_parse(&out, text, len),
            len == 64 ? P2PFS_OK : P2PFS_BAD_HEX);
        memcpy(text, "0x", 2);
        assert_int_equal(p2pfs_hash_parse(&out, text, len),
            len == 66 ? P2PFS_OK : P2PFS_BAD_HEX);
    }

    memcpy(text, upper, 66);
    text[1] = 'X';
    assert_int_equal(p2pfs_hash_parse(&out, text, 66), P2PFS_BAD_HEX);
    text[1] = 'x';
    text[65] = 'g';
    assert_int_equal(p2pfs_hash_parse(&out, text, 66), P2PFS_BAD_HEX);
}

static void
free_takes_null(void **state)
{
    (void)state;

    p2pfs_hasher_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests),
        cmocka_unit_test(a_start_forgets_what_was_not_ended),
        cmocka_unit_test(leaves_and_nodes_have_their_domain_byte),
        cmocka_unit_test(a_failure_is_for_ever_and_leaves_zeros),
        cmocka_unit_test(order_and_zero),
        cmocka_unit_test(parse),
        cmocka_unit_test(free_takes_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
