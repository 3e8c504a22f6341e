/*
 * t/unit/audit_rig.h: a store with a version of every kind, changes behind its
 * back, and what an audit finds of them. For test_audit*.c, test_check.c and
 * test_backup.c.
 */

#ifndef P2PFS_T_AUDIT_RIG_H
#define P2PFS_T_AUDIT_RIG_H

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

static inline void
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

static inline void
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
static inline void
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

static inline void
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

static inline void
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

#define VK(set)                                                                \
    "(SELECT v.vk FROM label l JOIN grp g ON g.sk = l.sk"                      \
    " JOIN version v ON v.gk = g.gk WHERE l.set_id = '" set "' LIMIT 1)"
#define GK(set)                                                                \
    "(SELECT g.gk FROM label l JOIN grp g ON g.sk = l.sk"                      \
    " WHERE l.set_id = '" set "')"

/* What is changed, and which row is named for it (kind 0: none can be). */
struct change_of_row {
    const char *change;
    int kind;
    const char *key;
};

/* Of a kind: that row, as often as it likes, and no other; of kind 0, some. */
static inline void
check_findings(const struct findings *found, const struct change_of_row *c,
    int64_t key)
{
    unsigned j, hits = 0;

    for (j = 0; j < found->n; j++) {
        if (found->kind[j] == 0 && c->kind != 0) {
            continue;
        }
        if (found->kind[j] != c->kind
            || (found->kind[j] != 0 && found->key[j] != key)) {
            fail_msg("%s: kind %d key %lld: %s", c->change, found->kind[j],
                (long long)found->key[j], found->first);
        }
        hits++;
    }
    if (hits == 0) {
        fail_msg("not found: %s", c->change);
    }
}

/* Each change alone, on a database that was good. */
static inline void
run_changes(const struct change_of_row *changes, unsigned n)
{
    static const char *const names[] = {"-wal", "-shm"};
    struct audit_totals totals;
    struct findings found;
    char copy[96], name[96];
    struct fixture f;
    unsigned i, j;
    int64_t key;

    fixture_init(&f, 0);
    fill(&f);
    fixture_close(&f);
    snprintf(copy, sizeof(copy), "%s.good", f.path);
    copy_file(f.path, copy);
    for (i = 0; i < n; i++) {
        for (j = 0; j < 2; j++) {
            snprintf(name, sizeof(name), "%s%s", f.path, names[j]);
            unlink(name);
        }
        copy_file(copy, f.path);
        key = changes[i].key == NULL ? 0 : ask(&f, changes[i].key);
        change(&f, changes[i].change);
        audit_all(f.path, &found, &totals);
        check_findings(&found, &changes[i], key);
        assert_int_equal(totals.damaged + totals.wrong, found.n);
    }
    unlink(copy);
    fixture_open(&f);
    fixture_fini(&f);
}

#endif
