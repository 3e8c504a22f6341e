/*
 * The first upload of a set decides nothing but its own place: the largest
 * setCount, the last index and the largest file are taken, one more of each is
 * refused. With 2^32 - 1 files no key may run into its neighbour's.
 */

#include "t/unit/store_fixture.h"

#include "core/frame.h"
#include "core/schema.h"
#include "gossipd/audit.h"

#define LAST (P2PFS_SET_COUNT_MAX - 1)

/* As a node has it, not as the small fixture. */
static void
open_whole(struct fixture *f)
{
    struct store_config c = {.path = f->path,
        .file_max = P2PFS_FILE_BYTES_MAX,
        .count_max = P2PFS_SET_COUNT_MAX};
    char detail[256];

    store_close(f->s);
    assert_int_equal(store_open(&f->s, &c, detail, sizeof(detail)), P2PFS_OK);
}

static enum p2pfs_err
put_at(struct fixture *f, const char *id, uint64_t n, uint64_t index)
{
    struct bytes b = file_bytes((uint32_t)index, 1);

    return put(f, id, n, index, &b, NULL, NULL, STORE_LOCAL).err;
}

static void
on_found(void *ctx, int kind, int64_t key, const char *words)
{
    (void)ctx;
    (void)kind;
    (void)key;
    fail_msg("%s", words);
}

static void
check_sound(struct fixture *f)
{
    char detail[256];
    struct audit *a;
    int done = 0;

    assert_int_equal(audit_open(&a, f->path, on_found, NULL, detail,
                         sizeof(detail)),
        P2PFS_OK);
    while (!done) {
        assert_int_equal(audit_step(a, &done), P2PFS_OK);
    }
    audit_close(a);
}

static void
test_count(void **state)
{
    struct p2pfs_hash hash;
    struct p2pfs_file file;
    struct bytes b = file_bytes(LAST, 1);
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    open_whole(&f);
    assert_int_equal(put_at(&f, "s", P2PFS_SET_COUNT_MAX, LAST), P2PFS_OK);
    assert_int_equal(put_at(&f, "s", P2PFS_SET_COUNT_MAX, 0), P2PFS_OK);
    assert_int_equal(put_at(&f, "s", P2PFS_SET_COUNT_MAX, LAST - 1), P2PFS_OK);
    assert_int_equal(put_at(&f, "t", P2PFS_SET_COUNT_MAX, 0), P2PFS_OK);
    assert_int_equal(put_at(&f, "s", P2PFS_SET_COUNT_MAX, LAST + 1ull),
        P2PFS_INDEX_OUT_OF_RANGE);
    assert_int_equal(put_at(&f, "u", P2PFS_SET_COUNT_MAX + 1ull, 0),
        P2PFS_BAD_SET_COUNT);
    assert_int_equal(put_at(&f, "u", UINT64_MAX, 0), P2PFS_BAD_SET_COUNT);
    assert_int_equal(put_at(&f, "u", 0, 0), P2PFS_BAD_SET_COUNT);
    assert_int_equal(ask(&f, "SELECT count(*) FROM content"), 4);

    hash = entry_of(&f, &b);
    assert_int_equal(p2pfs_reader_begin(f.r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_by_hash(f.r, "s", 1, LAST, &hash, &file),
        P2PFS_OK);
    assert_int_equal(file.index, LAST);
    assert_int_equal(file.n, P2PFS_SET_COUNT_MAX);
    assert_memory_equal(file.content, b.data, b.len);
    p2pfs_reader_end(f.r);
    check_sound(&f);
    fixture_fini(&f);
}

/* A root over 2^32 - 1 equal files is made of 32 nodes; so are its proofs. */
static void
test_rooted(void **state)
{
    struct bytes b = {.data = "the same", .len = 8};
    struct p2pfs_hash level[P2PFS_PROOF_MAX + 1], right, root;
    struct p2pfs_proof first = {0}, last = {0};
    struct p2pfs_hash entry;
    struct fixture f;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    open_whole(&f);
    entry = entry_of(&f, &b);
    p2pfs_hash_leaf(f.h, &entry, &level[0]);
    right = level[0]; /* the node at the right edge, which is never full */
    for (i = 0; i < P2PFS_PROOF_MAX; i++) {
        p2pfs_hash_node(f.h, &level[i], &level[i], &level[i + 1]);
        first.hash[i] = i == P2PFS_PROOF_MAX - 1 ? right : level[i];
        if (i > 0) {
            p2pfs_hash_node(f.h, &level[i], &right, &right);
            last.hash[last.len++] = level[i];
        }
    }
    /* right was the edge below the root when first took it: i = 31 */
    first.len = P2PFS_PROOF_MAX;
    root = right;
    assert_int_equal(p2pfs_proof_verify(f.h, &root, P2PFS_SET_COUNT_MAX, LAST,
                         &entry, &last),
        P2PFS_OK);
    assert_int_equal(p2pfs_proof_verify(f.h, &root, P2PFS_SET_COUNT_MAX, 0,
                         &entry, &first),
        P2PFS_OK);
    assert_int_equal(put(&f, "r", P2PFS_SET_COUNT_MAX, LAST, &b, &root, &last,
                         STORE_LOCAL)
                         .err,
        P2PFS_OK);
    assert_int_equal(put(&f, "r", P2PFS_SET_COUNT_MAX, 0, &b, &root, &first,
                         STORE_LOCAL)
                         .err,
        P2PFS_OK);
    last.hash[0].b[0] ^= 1;
    assert_int_equal(put(&f, "r", P2PFS_SET_COUNT_MAX, LAST, &b, &root, &last,
                         STORE_GOSSIP)
                         .err,
        P2PFS_NOT_IN_ROOT);
    check_sound(&f);
    fixture_fini(&f);
}

static void
test_size(void **state)
{
    static uint8_t content[P2PFS_FILE_BYTES_MAX + 1];
    struct store_file file = {.id = "s",
        .id_len = 1,
        .n = 2,
        .content = content,
        .len = P2PFS_FILE_BYTES_MAX + 1,
        .origin = STORE_LOCAL};
    struct store_result out;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    open_whole(&f);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_put_file(f.s, &file, &out), P2PFS_OK);
    assert_int_equal(out.err, P2PFS_BODY_TOO_LARGE);
    file.len--;
    assert_int_equal(store_put_file(f.s, &file, &out), P2PFS_OK);
    assert_int_equal(out.err, P2PFS_OK);
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    assert_int_equal(ask(&f, "SELECT length(body) FROM content"),
        P2PFS_FILE_BYTES_MAX);
    check_sound(&f);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count),
        cmocka_unit_test(test_rooted),
        cmocka_unit_test(test_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
