/*
 * t/unit/store_fixture.h: a store in a directory of its own, a reader beside
 * it, and sets with known files, for the tests of the store and its readers.
 */

#ifndef P2PFS_UNIT_STORE_FIXTURE_H
#define P2PFS_UNIT_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "core/merkle.h"
#include "core/reader.h"
#include "gossipd/store.h"

#define UNUSED __attribute__((unused))

struct fixture {
    char dir[64];
    char path[80];
    struct store *s;
    struct p2pfs_reader *r;
    struct p2pfs_hasher *h;
    uint64_t size_max;
};

static UNUSED void
fixture_open(struct fixture *f)
{
    struct store_config c = {.path = f->path,
        .file_max = 1024 * 1024,
        .count_max = 1000000,
        .size_max = f->size_max};
    char detail[256];
    enum p2pfs_err err;

    err = store_open(&f->s, &c, detail, sizeof(detail));
    if (err != P2PFS_OK) {
        print_error("%s\n", detail);
    }
    assert_int_equal(err, P2PFS_OK);
    assert_int_equal(p2pfs_reader_open(&f->r, f->path), P2PFS_OK);
}

static UNUSED void
fixture_close(struct fixture *f)
{
    p2pfs_reader_close(f->r);
    store_close(f->s);
    f->r = NULL;
    f->s = NULL;
}

static UNUSED void
fixture_init(struct fixture *f, uint64_t size_max)
{
    memset(f, 0, sizeof(*f));
    snprintf(f->dir, sizeof(f->dir), "/tmp/p2pfs-unit-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/store.db", f->dir);
    assert_int_equal(p2pfs_hasher_new(&f->h), P2PFS_OK);
    f->size_max = size_max;
    fixture_open(f);
}

static UNUSED void
fixture_fini(struct fixture *f)
{
    static const char *const names[] = {"", "-wal", "-shm"};
    char name[96];
    unsigned i;

    fixture_close(f);
    p2pfs_hasher_free(f->h);
    for (i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", f->path, names[i]);
        unlink(name);
    }
    rmdir(f->dir);
}

/* File i of variant v: its text names both, its length varies. */
struct bytes {
    uint8_t data[256];
    size_t len;
};

static UNUSED struct bytes
file_bytes(uint32_t i, unsigned variant)
{
    struct bytes b;
    int len;

    memset(&b, 0, sizeof(b));
    len = snprintf((char *)b.data, sizeof(b.data), "file %u of variant %u ", i,
        variant);
    b.len = (size_t)len + i % 100;
    return b;
}

static UNUSED struct p2pfs_hash
entry_of(struct fixture *f, const struct bytes *b)
{
    struct p2pfs_hash e;

    p2pfs_hash_data(f->h, b->data, b->len, &e);
    return e;
}

/* A set of n files of one variant, with its tree. */
struct set {
    uint32_t n;
    unsigned variant;
    struct p2pfs_hash *entries;
    struct p2pfs_tree *tree;
    struct p2pfs_hash root;
};

static UNUSED void
set_init(struct set *set, struct fixture *f, uint32_t n, unsigned variant)
{
    struct bytes b;
    uint32_t i;

    set->n = n;
    set->variant = variant;
    set->entries = calloc(n, sizeof(*set->entries));
    assert_non_null(set->entries);
    for (i = 0; i < n; i++) {
        b = file_bytes(i, variant);
        set->entries[i] = entry_of(f, &b);
    }
    assert_int_equal(p2pfs_tree_new(&set->tree, f->h, set->entries, n),
        P2PFS_OK);
    p2pfs_tree_root(set->tree, &set->root);
}

static UNUSED void
set_fini(struct set *set)
{
    p2pfs_tree_free(set->tree);
    free(set->entries);
}

/* One file in a transaction of its own. root may be NULL. */
static UNUSED struct store_result
put(struct fixture *f, const char *id, uint64_t n, uint64_t index,
    const struct bytes *b, const struct p2pfs_hash *root,
    const struct p2pfs_proof *proof, enum store_origin origin)
{
    struct store_file file = {.id = id,
        .id_len = strlen(id),
        .n = n,
        .index = index,
        .content = b->data,
        .len = b->len,
        .root = root,
        .proof = proof,
        .origin = origin};
    struct store_result out;

    assert_int_equal(store_begin(f->s), P2PFS_OK);
    if (store_put_file(f->s, &file, &out) != P2PFS_OK) {
        fail_msg("%s", store_detail(f->s));
    }
    assert_int_equal(store_commit(f->s), P2PFS_OK);
    return out;
}

/* File i of a variant, without a root. */
static UNUSED struct store_result
put_plain(struct fixture *f, const char *id, uint32_t n, uint32_t i,
    unsigned variant, enum store_origin origin)
{
    struct bytes b = file_bytes(i, variant);

    return put(f, id, n, i, &b, NULL, NULL, origin);
}

/* File i of a set, with root and proof. */
static UNUSED struct store_result
put_rooted(struct fixture *f, const char *id, const struct set *set, uint32_t i,
    enum store_origin origin)
{
    struct bytes b = file_bytes(i, set->variant);
    struct p2pfs_proof proof;

    assert_int_equal(p2pfs_tree_proof(set->tree, i, &proof), P2PFS_OK);
    return put(f, id, set->n, i, &b, &set->root, &proof, origin);
}

/* Reads every file of the set by its root (NULL: plain) and verifies it. */
static UNUSED void
check_set(struct fixture *f, const char *id, const struct set *set, int plain)
{
    struct p2pfs_version v;
    struct p2pfs_file file;
    struct bytes b;
    uint32_t i;

    assert_int_equal(p2pfs_reader_begin(f->r), P2PFS_OK);
    for (i = 0; i < set->n; i++) {
        assert_int_equal(p2pfs_reader_find(f->r, id, strlen(id), i,
                             plain ? NULL : &set->root, &v),
            P2PFS_OK);
        assert_int_equal(v.n, set->n);
        assert_int_equal(v.received, set->n);
        assert_memory_equal(&v.root, &set->root, sizeof(v.root));
        assert_int_equal(p2pfs_reader_file(f->r, &v, i, &file), P2PFS_OK);
        b = file_bytes(i, set->variant);
        assert_int_equal(file.len, b.len);
        assert_memory_equal(file.content, b.data, b.len);
        assert_int_equal(p2pfs_proof_verify(f->h, &set->root, set->n, i,
                             &file.entry, &file.proof),
            P2PFS_OK);
    }
    p2pfs_reader_end(f->r);
}

/* One number out of the database, by a connection of its own. */
static UNUSED int64_t
ask(struct fixture *f, const char *sql)
{
    sqlite3_stmt *stmt;
    sqlite3 *db;
    int64_t v;

    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    v = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return v;
}

static UNUSED void
shuffle(uint32_t *order, uint32_t n, unsigned *seed)
{
    uint32_t i, j, t;

    for (i = 0; i < n; i++) {
        order[i] = i;
    }
    for (i = n; i > 1; i--) {
        j = (uint32_t)rand_r(seed) % i;
        t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
}

/* A seed that is printed, or the one in P2PFS_SEED. */
static UNUSED unsigned
new_seed(void)
{
    const char *given = getenv("P2PFS_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10)
                                  : (unsigned)getpid() * 2654435761u;

    print_message("# P2PFS_SEED=%u\n", seed);
    return seed;
}

#endif
