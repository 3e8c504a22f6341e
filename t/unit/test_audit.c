/*
 * The audit finds every row that was changed behind the store's back, names it
 * and no other, and finds nothing in what the store itself wrote.
 */

#include "t/unit/store_fixture.h"

#include "core/schema.h"
#include "gossipd/audit.h"

#define FINDINGS_MAX 1024

struct findings {
    unsigned n;
    int kind[FINDINGS_MAX];
    int64_t key[FINDINGS_MAX];
    char first[256];
};

static void
on_found(void *ctx, int kind, int64_t key, const char *words)
{
    struct findings *f = ctx;

    assert_true(f->n < FINDINGS_MAX);
    if (f->n == 0) {
        snprintf(f->first, sizeof(f->first), "%s", words);
    }
    f->kind[f->n] = kind;
    f->key[f->n++] = key;
}

static void
audit_all(const char *path, struct findings *out, struct audit_totals *totals)
{
    char detail[256];
    struct audit *a;
    int done = 0;

    memset(out, 0, sizeof(*out));
    assert_int_equal(audit_open(&a, path, on_found, out, detail,
                         sizeof(detail)),
        P2PFS_OK);
    while (!done) {
        assert_int_equal(audit_step(a, &done), P2PFS_OK);
    }
    audit_read_totals(a, totals);
    audit_close(a);
}

/*
 * "whole": complete, three levels of nothing but full tiles and a narrow one.
 * "picked": complete, one of its files is an alternative. "part": a rooted
 * version that grows. "draft": without a root, one block full. "beside": a
 * draft beside a complete version.
 */
static void
fill(struct fixture *f)
{
    struct set whole, part;
    uint32_t i;

    set_init(&whole, f, 300, 1);
    set_init(&part, f, 400, 2);
    for (i = 0; i < whole.n; i++) {
        put_rooted(f, "whole", &whole, i, STORE_LOCAL);
    }
    for (i = 0; i < part.n; i += 3) {
        put_rooted(f, "part", &part, i, STORE_LOCAL);
    }
    for (i = 0; i < 130; i++) {
        put_plain(f, "draft", 200, i, 3, STORE_LOCAL);
    }
    for (i = 0; i < 4; i++) {
        put_plain(f, "picked", 5, i, 4, STORE_LOCAL);
        put_plain(f, "picked", 5, i, 5, STORE_GOSSIP);
        put_plain(f, "beside", 5, i, 6, STORE_LOCAL);
    }
    put_plain(f, "picked", 5, 4, 4, STORE_LOCAL);
    put_plain(f, "beside", 5, 4, 6, STORE_LOCAL);
    put_plain(f, "beside", 5, 2, 7, STORE_GOSSIP);
    set_fini(&whole);
    set_fini(&part);
}

static void
change(struct fixture *f, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    if (sqlite3_changes(db) == 0) {
        fail_msg("changed nothing: %s", sql);
    }
    sqlite3_close(db);
}

static void
copy_file(const char *from, const char *to)
{
    char buf[65536];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    size_t n;

    assert_non_null(in);
    assert_non_null(out);
    while ((n = fread(buf, 1, sizeof(buf), in)) > 0) {
        assert_int_equal(fwrite(buf, 1, n, out), n);
    }
    assert_int_equal(fclose(in), 0);
    assert_int_equal(fclose(out), 0);
}

static void
test_sound(void **state)
{
    struct audit_totals totals;
    struct findings found;
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    audit_all(f.path, &found, &totals);
    assert_int_equal(found.n, 0);
    assert_int_equal(totals.files, 0);
    fill(&f);
    audit_all(f.path, &found, &totals); /* beside the open store */
    assert_string_equal(found.first, "");
    assert_int_equal(found.n, 0);
    assert_int_equal(totals.files,
        ask(&f,
            "SELECT (SELECT count(*) FROM content)"
            " + (SELECT count(*) FROM alt)"));
    assert_int_equal(totals.versions, ask(&f, "SELECT count(*) FROM version"));
    assert_int_equal(totals.records, ask(&f, "SELECT count(*) FROM log"));
    assert_int_equal(totals.tiles, ask(&f, "SELECT count(*) FROM tile"));
    fixture_fini(&f);
}

#define VK(set)                                                                \
    "(SELECT v.vk FROM label l JOIN grp g ON g.sk = l.sk"                      \
    " JOIN version v ON v.gk = g.gk WHERE l.set_id = '" set "' LIMIT 1)"
#define GK(set)                                                                \
    "(SELECT g.gk FROM label l JOIN grp g ON g.sk = l.sk"                      \
    " WHERE l.set_id = '" set "')"

/* What is changed, and which row is named for it (kind 0: none can be). */
static const struct {
    const char *change;
    int kind;
    const char *key;
} changes[] = {
    {"UPDATE content SET body = zeroblob(length(body)) WHERE k = " GK(
         "whole") " << 32 | 130",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("whole") " << 32 | 130"},
    {"UPDATE content SET body = x'' WHERE k = " GK("draft") " << 32 | 7",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("draft") " << 32 | 7"},
    {"UPDATE content SET entry = zeroblob(32) WHERE k = " GK(
         "whole") " << 32 | 299",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("whole") " << 32 | 299"},
    {"UPDATE content SET (entry, body) = (SELECT entry, body FROM content"
     " WHERE k = " GK("whole") " << 32 | 1) WHERE k = " GK("whole") " << 32",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("whole") " << 32"},
    {"DELETE FROM content WHERE k = " GK("whole") " << 32 | 255",
        P2PFS_DAMAGED_CONTENT, "SELECT " GK("whole") " << 32 | 255"},
    {"UPDATE alt SET body = CAST(body || x'00' AS BLOB) WHERE ak = 2",
        P2PFS_DAMAGED_ALT, "SELECT 2"},
    {"UPDATE tile SET h = zeroblob(length(h)) WHERE tk = " VK(
         "whole") " << 29 | 1",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | 1"},
    {"UPDATE tile SET h = (SELECT h FROM tile WHERE tk = " VK(
         "whole") " << 29) WHERE tk = " VK("whole") " << 29 | 1",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | 1"},
    {"UPDATE tile SET h = substr(h, 1, 8100) WHERE tk = " VK("whole") " << 29",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29"},
    {"DELETE FROM tile WHERE tk = " VK("whole") " << 29 | 2",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | 2"},
    {"UPDATE tile SET h = zeroblob(length(h)) WHERE tk = " VK(
         "whole") " << 29 | (1 << 26)",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | (1 << 26)"},
    {"UPDATE version SET root = randomblob(32) WHERE vk = " VK("whole"),
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | (1 << 26)"},
    {"UPDATE tile SET h = zeroblob(length(h)) WHERE tk = " VK(
         "part") " << 29 | 2",
        P2PFS_DAMAGED_TILE, "SELECT " VK("part") " << 29 | 2"},
    {"UPDATE part SET upper = zeroblob(length(upper)) WHERE pk = " VK(
         "part") " << 32",
        P2PFS_DAMAGED_TILE, "SELECT " VK("part") " << 29"},
    {"DELETE FROM tile WHERE tk = " VK("draft") " << 29", P2PFS_DAMAGED_TILE,
        "SELECT " VK("draft") " << 29"},
    {"UPDATE part SET bits = CAST(zeroblob(15) || x'40' AS BLOB)"
     " WHERE pk = " VK("draft") " << 32",
        0, NULL},
    {"UPDATE version SET have = have - 1 WHERE vk = " VK("part"), 0, NULL},
    {"UPDATE version SET have = have - 1 WHERE vk = " VK("whole"), 0, NULL},
    {"UPDATE label SET served = NULL WHERE set_id = 'whole'", 0, NULL},
    {"DELETE FROM log WHERE seq = 100", 0, NULL},
    {"UPDATE log SET a = a + 4000000 WHERE seq = 100", 0, NULL},
    {"UPDATE log SET kind = 9 WHERE seq = 1", 0, NULL},
    {"DELETE FROM grp WHERE gk = " GK("beside"), 0, NULL},
    {"INSERT INTO meta(name, value) VALUES ('published', 1000000)", 0, NULL},
};

/* Of a kind: that row, as often as it likes, and no other; of kind 0, some. */
static void
check_findings(const struct findings *found, unsigned i, int64_t key)
{
    unsigned j, hits = 0;

    for (j = 0; j < found->n; j++) {
        if (found->kind[j] == 0 && changes[i].kind != 0) {
            continue;
        }
        if (found->kind[j] != changes[i].kind
            || (found->kind[j] != 0 && found->key[j] != key)) {
            fail_msg("%s: kind %d key %lld: %s", changes[i].change,
                found->kind[j], (long long)found->key[j], found->first);
        }
        hits++;
    }
    if (hits == 0) {
        fail_msg("not found: %s", changes[i].change);
    }
}

static void
test_changes(void **state)
{
    static const char *const names[] = {"-wal", "-shm"};
    struct audit_totals totals;
    struct findings found;
    char copy[96], name[96];
    struct fixture f;
    unsigned i, j;
    int64_t key;

    (void)state;
    fixture_init(&f, 0);
    fill(&f);
    fixture_close(&f);
    snprintf(copy, sizeof(copy), "%s.good", f.path);
    copy_file(f.path, copy);
    for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        for (j = 0; j < 2; j++) {
            snprintf(name, sizeof(name), "%s%s", f.path, names[j]);
            unlink(name);
        }
        copy_file(copy, f.path);
        key = changes[i].key == NULL ? 0 : ask(&f, changes[i].key);
        change(&f, changes[i].change);
        audit_all(f.path, &found, &totals);
        check_findings(&found, i, key);
        assert_int_equal(totals.damaged + totals.wrong, found.n);
    }
    unlink(copy);
    fixture_open(&f);
    fixture_fini(&f);
}

/* A worker's report leads to the row; a row that was repaired is sound. */
static void
test_place(void **state)
{
    struct findings found = {0};
    char detail[256];
    struct fixture f;
    struct audit *a;
    int64_t gk, vk;
    int damaged;

    (void)state;
    fixture_init(&f, 0);
    fill(&f);
    gk = ask(&f, "SELECT " GK("whole"));
    vk = ask(&f, "SELECT " VK("whole"));
    assert_int_equal(audit_open(&a, f.path, on_found, &found, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_int_equal(audit_place(a, gk, vk, 130), P2PFS_OK);
    assert_int_equal(audit_place(a, gk, vk, 400), P2PFS_OK);
    assert_int_equal(audit_place(a, 99, 99, 0), P2PFS_OK);
    assert_int_equal(audit_place(a, -1, INT64_MAX, 0), P2PFS_OK);
    assert_int_equal(found.n, 0);

    change(&f,
        "UPDATE content SET body = CAST(body || x'00' AS BLOB)"
        " WHERE k = " GK("whole") " << 32 | 130");
    assert_int_equal(audit_place(a, gk, vk, 131), P2PFS_OK);
    assert_int_equal(found.n, 0);
    assert_int_equal(audit_place(a, gk, 0, 130), P2PFS_OK);
    assert_int_equal(found.n, 1);
    assert_int_equal(found.kind[0], P2PFS_DAMAGED_CONTENT);
    assert_int_equal(found.key[0], gk << 32 | 130);
    assert_string_equal(found.first,
        "file 130 of set \"whole\" of 300:"
        " the bytes do not match their hash");
    assert_int_equal(audit_row(a, found.kind[0], found.key[0], &damaged),
        P2PFS_OK);
    assert_int_equal(damaged, 1);
    change(&f,
        "UPDATE content SET body = substr(body, 1, length(body) - 1)"
        " WHERE k = " GK("whole") " << 32 | 130");
    assert_int_equal(audit_row(a, found.kind[0], found.key[0], &damaged),
        P2PFS_OK);
    assert_int_equal(damaged, 0);

    change(&f,
        "UPDATE tile SET h = zeroblob(length(h))"
        " WHERE tk = " VK("whole") " << 29 | (1 << 26)");
    assert_int_equal(audit_place(a, gk, vk, 0), P2PFS_OK);
    assert_int_equal(found.n, 2);
    assert_int_equal(found.kind[1], P2PFS_DAMAGED_TILE);
    assert_int_equal(found.key[1], vk << 29 | 1 << 26);
    assert_int_equal(audit_row(a, found.kind[1], found.key[1], &damaged),
        P2PFS_OK);
    assert_int_equal(damaged, 1);
    audit_close(a);
    fixture_fini(&f);
}

static void
on_tick(void *ctx)
{
    (void)ctx;
}

static void
on_mark(void *ctx, int kind, int64_t key)
{
    int64_t *sum = ctx;

    *sum += 1000 * kind + key;
}

static void
test_marks(void **state)
{
    struct findings found = {0};
    char detail[256];
    struct fixture f;
    struct audit *a;
    int64_t sum = 0;
    uint64_t n;
    int ok;

    (void)state;
    fixture_init(&f, 0);
    assert_int_equal(audit_open(&a, f.path, on_found, &found, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_set_damaged(f.s, 1, 7, 50), P2PFS_OK);
    assert_int_equal(store_set_damaged(f.s, 1, 7, 60), P2PFS_OK);
    assert_int_equal(store_set_damaged(f.s, 3, 8, 40), P2PFS_OK);
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    assert_int_equal(audit_marks(a, 10, on_mark, &sum, &n), P2PFS_OK);
    assert_int_equal(n, 2);
    assert_int_equal(sum, 1007 + 3008);
    assert_int_equal(ask(&f, "SELECT since FROM damaged WHERE key = 7"), 50);
    sum = 0;
    assert_int_equal(audit_marks(a, 1, on_mark, &sum, &n), P2PFS_OK);
    assert_int_equal(sum, 3008); /* the oldest first */

    assert_int_equal(store_begin(f.s), P2PFS_OK);
    assert_int_equal(store_clear_damaged(f.s, 1, 7), P2PFS_OK);
    assert_int_equal(store_commit(f.s), P2PFS_OK);
    assert_int_equal(audit_marks(a, 10, on_mark, &sum, &n), P2PFS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(audit_integrity(a, on_tick, NULL, &ok, detail,
                         sizeof(detail)),
        P2PFS_OK);
    assert_int_equal(ok, 1);
    audit_close(a);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_marks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
