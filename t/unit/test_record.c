/*
 * Guards the canonical bytes of records: nodes compare, name and reconcile
 * records by them, so there must be exactly one spelling of each.
 */

#include "t/unit/testing.h"

#include "core/hex.h"
#include "core/record.h"

static struct p2pfs_record
sample(enum p2pfs_record_kind kind)
{
    struct p2pfs_record r;

    memset(&r, 0, sizeof(r));
    r.kind = kind;
    r.id_len = 3;
    memcpy(r.id, "a-b", 3);
    r.n = 0x01020304;
    memset(&r.root, 0xbb, sizeof(r.root));

    if (kind == P2PFS_RECORD_FILE) {
        r.index = 0x00020304;
        memset(&r.entry, 0xaa, sizeof(r.entry));
    }

    return r;
}

static void
check_vector(struct p2pfs_hasher *h, const struct p2pfs_record *want,
    const char *canonical, const char *id)
{
    struct p2pfs_hash want_id = hash_of_hex(id), got_id;
    struct p2pfs_record got;
    uint8_t bytes[P2PFS_RECORD_BYTES_MAX], out[P2PFS_RECORD_BYTES_MAX];
    size_t len = strlen(canonical) / 2;

    assert_true(len <= sizeof(bytes));
    assert_int_equal(p2pfs_hex_decode(bytes, canonical, 2 * len), P2PFS_OK);

    assert_int_equal(p2pfs_record_encode(want, out), len);
    assert_memory_equal(out, bytes, len);

    assert_int_equal(p2pfs_record_decode(&got, bytes, len), P2PFS_OK);
    assert_int_equal(got.kind, want->kind);
    assert_int_equal(got.id_len, want->id_len);
    assert_string_equal(got.id, want->id);
    assert_int_equal(got.n, want->n);
    assert_int_equal(got.index, want->index);
    assert_hash_equal(&got.entry, &want->entry);
    assert_hash_equal(&got.root, &want->root);

    p2pfs_record_id(h, want, &got_id);
    assert_hash_equal(&got_id, &want_id);
}

static void
vectors(void **state)
{
    struct p2pfs_hasher *h = hasher_new();
    FILE *f = fopen("t/vectors/records.txt", "r");
    char line[2048], id[129], entry[65], root[65], canonical[512], hash[65];
    struct p2pfs_record r;
    unsigned seen = 0;
    char kind;

    (void)state;

    if (f == NULL) {
        fail_msg("run it in the root of the repository");
    }

    while (fgets(line, sizeof(line), f) != NULL) {
        memset(&r, 0, sizeof(r));
        assert_int_equal(sscanf(line, "%c %128s %u %u %64s %64s %511s %64s",
                             &kind, id, &r.n, &r.index, entry, root, canonical,
                             hash),
            8);
        r.kind = kind == 'F' ? P2PFS_RECORD_FILE : P2PFS_RECORD_VERSION;
        r.id_len = (uint8_t)strlen(id);
        memcpy(r.id, id, r.id_len);
        r.entry = hash_of_hex(entry);
        r.root = hash_of_hex(root);
        check_vector(h, &r, canonical, hash);
        seen++;
    }

    assert_int_equal(seen, 5);
    fclose(f);
    p2pfs_hasher_free(h);
}

static void
has_root(void **state)
{
    struct p2pfs_record r = sample(P2PFS_RECORD_FILE);

    (void)state;

    assert_true(p2pfs_record_has_root(&r));
    memset(&r.root, 0, sizeof(r.root));
    assert_false(p2pfs_record_has_root(&r));
}

/* Wrong values that the encoder, which trusts its caller, writes down. */
static void
senseless_records_are_refused(void **state)
{
    struct p2pfs_record r, got;
    uint8_t bytes[P2PFS_RECORD_BYTES_MAX];

    (void)state;

#define REFUSED(kind, change)                                                  \
    do {                                                                       \
        r = sample(kind);                                                      \
        change;                                                                \
        assert_int_equal(p2pfs_record_decode(&got, bytes,                      \
                             p2pfs_record_encode(&r, bytes)),                  \
            P2PFS_BAD_FRAME);                                                  \
    } while (0)

    REFUSED(P2PFS_RECORD_FILE, r.n = 0);
    REFUSED(P2PFS_RECORD_FILE, r.index = r.n);
    REFUSED(P2PFS_RECORD_FILE, r.index = UINT32_MAX);
    REFUSED(P2PFS_RECORD_FILE, r.id_len = 0);
    REFUSED(P2PFS_RECORD_FILE, r.id[1] = '/');
    REFUSED(P2PFS_RECORD_FILE, r.id[1] = '\0');
    REFUSED(P2PFS_RECORD_FILE, r.kind = (enum p2pfs_record_kind)'G');
    REFUSED(P2PFS_RECORD_FILE, r.kind = (enum p2pfs_record_kind)0);
    REFUSED(P2PFS_RECORD_VERSION, r.n = 0);
    REFUSED(P2PFS_RECORD_VERSION, memset(&r.root, 0, sizeof(r.root)));
#undef REFUSED
}

static void
every_other_length_is_refused(void **state)
{
    static const enum p2pfs_record_kind kind[] = {P2PFS_RECORD_FILE,
        P2PFS_RECORD_VERSION};
    struct p2pfs_record r, got;
    size_t i, len, cut;
    uint8_t *exact;

    (void)state;

    for (i = 0; i < COUNT(kind); i++) {
        uint8_t bytes[P2PFS_RECORD_BYTES_MAX + 1] = {0};

        r = sample(kind[i]);
        len = p2pfs_record_encode(&r, bytes);

        /* in memory of just that size, for the sanitizer to see */
        for (cut = 0; cut <= len + 1; cut++) {
            exact = malloc(cut + (cut == 0));
            assert_non_null(exact);
            memcpy(exact, bytes, cut);
            assert_int_equal(p2pfs_record_decode(&got, exact, cut),
                cut == len ? P2PFS_OK : P2PFS_BAD_FRAME);
            free(exact);
        }

        bytes[1] = 2; /* a later version of records */
        assert_int_equal(p2pfs_record_decode(&got, bytes, len),
            P2PFS_BAD_FRAME);
    }
}

/* Two spellings of one record would be two records. */
static void
what_decodes_encodes_to_the_same_bytes(void **state)
{
    struct p2pfs_record r, got;
    uint8_t in[P2PFS_RECORD_BYTES_MAX], out[P2PFS_RECORD_BYTES_MAX];
    unsigned bit, good = 0;
    size_t len;

    (void)state;

    r = sample(P2PFS_RECORD_FILE);
    len = p2pfs_record_encode(&r, in);

    for (bit = 0; bit < 8 * len; bit++) {
        in[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (p2pfs_record_decode(&got, in, len) == P2PFS_OK) {
            assert_int_equal(p2pfs_record_encode(&got, out), len);
            assert_memory_equal(out, in, len);
            good++;
        }
        in[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }

    assert_in_range(good, 512, 8 * len - 1); /* entry and root at least */
}

static void
the_longest_fits(void **state)
{
    struct p2pfs_record r = sample(P2PFS_RECORD_FILE), got;
    uint8_t bytes[P2PFS_RECORD_BYTES_MAX];

    (void)state;

    r.id_len = P2PFS_SET_ID_MAX;
    memset(r.id, 'z', P2PFS_SET_ID_MAX);
    assert_int_equal(p2pfs_record_encode(&r, bytes), sizeof(bytes));
    assert_int_equal(p2pfs_record_decode(&got, bytes, sizeof(bytes)), P2PFS_OK);
    assert_int_equal(strlen(got.id), P2PFS_SET_ID_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(has_root),
        cmocka_unit_test(senseless_records_are_refused),
        cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(what_decodes_encodes_to_the_same_bytes),
        cmocka_unit_test(the_longest_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
