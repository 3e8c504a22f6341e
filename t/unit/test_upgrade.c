/*
 * A database that any released version wrote opens, is brought to the newest
 * schema, is sound, answers as before and goes on: t/fixtures/schema-N.sql for
 * each N.
 *
 * With P2PFS_NEW_FIXTURE=PATH it fills PATH instead; the fixture of a new
 * schema is `sqlite3 PATH .dump` behind the three PRAGMAs that .dump leaves out
 * (page_size, application_id, user_version). A fixture is never changed again.
 */

#include "t/unit/store_fixture.h"

#include <sys/stat.h>

#include "core/schema.h"
#include "gossipd/audit.h"

#define SQL_MAX (1024 * 1024)

/*
 * "whole": complete by root. "plain": complete, with a candidate beside. "part"
 * and "draft": some of the files, with and without a root.
 */
static void
fill(struct fixture *f, const struct set *whole, const struct set *part)
{
    uint32_t i;

    for (i = 0; i < 5; i++) {
        put_rooted(f, "whole", whole, i, STORE_LOCAL);
    }
    for (i = 0; i < 3; i++) {
        put_plain(f, "plain", 3, i, 3, STORE_LOCAL);
        put_rooted(f, "part", part, i, STORE_GOSSIP);
        put_plain(f, "draft", 4, i, 4, STORE_CATCHUP);
    }
    put_plain(f, "plain", 3, 1, 5, STORE_GOSSIP);
    assert_int_equal(store_begin(f->s), P2PFS_OK);
    assert_int_equal(store_set_published(f->s, 2), P2PFS_OK);
    assert_int_equal(store_set_damaged(f->s, P2PFS_DAMAGED_ALT, 99, 1), 0);
    assert_int_equal(store_commit(f->s), P2PFS_OK);
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
    struct audit_totals totals;
    char detail[256];
    struct audit *a;
    int done = 0;

    assert_int_equal(audit_open(&a, f->path, on_found, NULL, detail,
                         sizeof(detail)),
        P2PFS_OK);
    while (!done) {
        assert_int_equal(audit_step(a, &done), P2PFS_OK);
    }
    audit_read_totals(a, &totals);
    assert_true(totals.files >= 15);
    audit_close(a);
}

static void
load(const char *name, const char *db_path)
{
    char *sql = calloc(1, SQL_MAX);
    FILE *in = fopen(name, "rb");
    sqlite3 *db;

    assert_non_null(sql);
    if (in == NULL) {
        fail_msg("a schema without a fixture: %s", name);
    }
    assert_in_range(fread(sql, 1, SQL_MAX - 1, in), 1, SQL_MAX - 2);
    assert_int_equal(fclose(in), 0);
    assert_int_equal(sqlite3_open(db_path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", name, sqlite3_errmsg(db));
    }
    sqlite3_close(db);
    assert_int_equal(chmod(db_path, 0640), 0);
    free(sql);
}

/* The same as the day it was written, and able to grow. */
static void
check_content(struct fixture *f, const struct set *whole,
    const struct set *part)
{
    struct set plain;
    uint64_t published;

    set_init(&plain, f, 3, 3);
    check_set(f, "whole", whole, 0);
    check_set(f, "plain", &plain, 1);
    set_fini(&plain);
    assert_int_equal(store_published(f->s, &published), P2PFS_OK);
    assert_int_equal(published, 2);
    assert_true(store_log_head(f->s) >= 17);

    put_rooted(f, "part", part, 3, STORE_LOCAL);
    assert_true(put_rooted(f, "part", part, 4, STORE_LOCAL).created);
    check_set(f, "part", part, 0);
    assert_true(put_plain(f, "draft", 4, 3, 4, STORE_LOCAL).created);
    assert_int_equal(ask(f, "SELECT count(*) FROM label WHERE served > 0"), 4);
}

static void
test_fixtures(void **state)
{
    const char *to = getenv("P2PFS_NEW_FIXTURE");
    struct set whole, part;
    struct fixture f;
    char name[64];
    int v;

    (void)state;
    fixture_init(&f, 0);
    set_init(&whole, &f, 5, 1);
    set_init(&part, &f, 5, 2);
    if (to != NULL) {
        fixture_close(&f);
        unlink(f.path);
        snprintf(f.path, sizeof(f.path), "%s", to);
        fixture_open(&f);
        fill(&f, &whole, &part);
        fixture_close(&f);
        return;
    }
    for (v = 1; v <= P2PFS_SCHEMA_VERSION; v++) {
        fixture_fini(&f);
        fixture_init(&f, 0);
        fixture_close(&f);
        assert_int_equal(unlink(f.path), 0);
        snprintf(name, sizeof(name), "t/fixtures/schema-%d.sql", v);
        load(name, f.path);
        assert_int_equal(ask(&f, "PRAGMA user_version"), v);
        fixture_open(&f);
        assert_int_equal(ask(&f, "PRAGMA user_version"), P2PFS_SCHEMA_VERSION);
        check_sound(&f);
        check_content(&f, &whole, &part);
        check_sound(&f);
    }
    set_fini(&whole);
    set_fini(&part);
    fixture_fini(&f);
}

/* What a later program wrote is left alone. */
static void
test_newer(void **state)
{
    struct store_config c = {.file_max = 1, .count_max = 1};
    struct fixture f;
    struct store *s;
    char detail[256];
    sqlite3 *db;

    (void)state;
    fixture_init(&f, 0);
    fixture_close(&f);
    assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
    snprintf(detail, sizeof(detail), "PRAGMA user_version = %d",
        P2PFS_SCHEMA_VERSION + 1);
    assert_int_equal(sqlite3_exec(db, detail, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    c.path = f.path;
    assert_int_equal(store_open(&s, &c, detail, sizeof(detail)),
        P2PFS_STORE_SCHEMA);
    assert_int_equal(ask(&f, "PRAGMA user_version"), P2PFS_SCHEMA_VERSION + 1);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_newer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
