/*
 * Guards what a client does without a network: that a put has its record on
 * disk before it sends, that files which change under it are noticed, and that
 * wrong calls get words instead of a crash.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/p2pfs.h"

/* Nobody listens there: port 1 of loopback refuses at once. */
static const char *const nowhere[] = {"http://127.0.0.1:1"};

struct fixture {
    char dir[64];
    char path[96];
    struct p2pfs_client *c;
    int reads;
    int changes; /* the content differs on each read */
    int fails;
    int cancel;
    size_t len;
};

static int
is_cancelled(void *ctx)
{
    const struct fixture *f = ctx;

    return f->cancel;
}

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct p2pfs_client_options o;

    assert_non_null(f);
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/p2pfs-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof(f->path), "%s/records.db", f->dir);
    f->len = 3;
    p2pfs_client_options_init(&o);
    o.servers = nowhere;
    o.n_servers = 1;
    o.store = f->path;
    o.wait_ms = 0;
    o.ctx = f;
    o.cancelled = is_cancelled;
    assert_int_equal(p2pfs_client_open(&f->c, &o, NULL, 0), P2PFS_OUTCOME_OK);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    p2pfs_client_close(f->c);
    (void)unlink(f->path);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static int
read_file(void *ctx, uint64_t index, uint8_t *buf, size_t cap, size_t *len)
{
    struct fixture *f = ctx;

    f->reads++;
    assert_int_equal(cap, P2PFS_CLIENT_FILE_MAX + 1);
    *len = f->len;
    memset(buf, (int)index, f->len);
    if (f->changes) {
        buf[0] = (uint8_t)f->reads;
    }
    return f->fails;
}

static enum p2pfs_outcome
put(struct fixture *f, const char *id, uint64_t n,
    struct p2pfs_client_record *out)
{
    struct p2pfs_client_source src = {n, f, read_file};

    return p2pfs_client_put(f->c, id, &src, out);
}

static void
test_the_record_comes_first(void **state)
{
    struct p2pfs_client_record r, found;
    struct fixture *f = *state;

    assert_int_equal(put(f, "a", 3, &r), P2PFS_OUTCOME_TEMPORARY);
    assert_string_equal(p2pfs_client_errcode(f->c), "network");
    assert_int_equal(r.count, 3);
    assert_int_equal(p2pfs_client_find(f->c, "a", &found), P2PFS_OUTCOME_OK);
    assert_memory_equal(found.root, r.root, sizeof(r.root));
    assert_int_equal(found.count, 3);
    assert_false(found.complete);
    assert_string_equal(found.server, "http://127.0.0.1:1/api");
}

static void
test_other_files_under_an_id(void **state)
{
    struct p2pfs_client_record r;
    struct fixture *f = *state;

    assert_int_equal(put(f, "a", 3, &r), P2PFS_OUTCOME_TEMPORARY);
    assert_int_equal(put(f, "a", 4, &r), P2PFS_OUTCOME_CONFLICT);
    assert_string_equal(p2pfs_client_errcode(f->c), "root-changed");
    assert_int_equal(put(f, "a", 3, &r), P2PFS_OUTCOME_TEMPORARY);
}

static void
test_an_invented_id(void **state)
{
    struct p2pfs_client_record r;
    struct fixture *f = *state;
    char want[32];

    assert_int_equal(put(f, NULL, 1, &r), P2PFS_OUTCOME_TEMPORARY);
    (void)snprintf(want, sizeof(want), "set-%02x%02x", r.root[0], r.root[1]);
    assert_memory_equal(r.id, want, 8);
    assert_int_equal(strlen(r.id), 20);
}

static void
test_files_that_change(void **state)
{
    struct p2pfs_client_record r;
    struct fixture *f = *state;

    f->changes = 1;
    assert_int_equal(put(f, "a", 2, &r), P2PFS_OUTCOME_CONFLICT);
    assert_non_null(strstr(p2pfs_client_errmsg(f->c), "changed while"));
    assert_int_equal(f->reads, 3);
}

static void
test_files_that_cannot_be(void **state)
{
    struct p2pfs_client_record r;
    struct fixture *f = *state;

    f->len = P2PFS_CLIENT_FILE_MAX + 1;
    assert_int_equal(put(f, "a", 1, &r), P2PFS_OUTCOME_USAGE);
    assert_string_equal(p2pfs_client_errcode(f->c), "body-too-large");
    assert_int_equal(r.count, 0);
    f->fails = 1;
    assert_int_equal(put(f, "a", 1, &r), P2PFS_OUTCOME_OTHER);
    assert_string_equal(p2pfs_client_errcode(f->c), "io-error");
    assert_int_equal(put(f, "a", 0, &r), P2PFS_OUTCOME_USAGE);
    assert_int_equal(put(f, "..", 1, &r), P2PFS_OUTCOME_USAGE);
    assert_int_equal(put(f, "", 1, &r), P2PFS_OUTCOME_USAGE);
    assert_int_equal(put(f, "a", 1ull << 32, &r), P2PFS_OUTCOME_USAGE);
    assert_int_equal(p2pfs_client_find(f->c, "a", &r), P2PFS_OUTCOME_NOT_FOUND);
}

static void
test_cancelled(void **state)
{
    struct p2pfs_client_record r;
    struct fixture *f = *state;

    f->cancel = 1;
    assert_int_equal(put(f, "a", 2, &r), P2PFS_OUTCOME_OTHER);
    assert_string_equal(p2pfs_client_errcode(f->c), "cancelled");
    assert_int_equal(f->reads, 0);
}

static int
count_records(void *ctx, const struct p2pfs_client_record *r)
{
    assert_true(r->id[0] != '\0');
    ++*(int *)ctx;
    return 0;
}

static void
test_records(void **state)
{
    struct p2pfs_client_file file;
    struct fixture *f = *state;
    int n = 0;

    assert_int_equal(p2pfs_client_list(f->c, count_records, &n),
        P2PFS_OUTCOME_OK);
    assert_int_equal(n, 0);
    assert_int_equal(p2pfs_client_get(f->c, "a", 0, NULL, &file),
        P2PFS_OUTCOME_NOT_FOUND);
    assert_string_equal(p2pfs_client_errcode(f->c), "no-record");
    assert_int_equal(put(f, "a", 2, NULL), P2PFS_OUTCOME_TEMPORARY);
    assert_int_equal(put(f, "b", 2, NULL), P2PFS_OUTCOME_TEMPORARY);
    assert_int_equal(p2pfs_client_list(f->c, count_records, &n),
        P2PFS_OUTCOME_OK);
    assert_int_equal(n, 2);
    assert_int_equal(p2pfs_client_get(f->c, "a", 2, NULL, &file),
        P2PFS_OUTCOME_NOT_FOUND);
    assert_int_equal(p2pfs_client_get(f->c, "a", 1, NULL, &file),
        P2PFS_OUTCOME_TEMPORARY);
}

static void
test_trust_that_cannot_be(void **state)
{
    struct p2pfs_client_trust t = {{0}, 0};
    struct p2pfs_client_file file;
    struct fixture *f = *state;

    assert_int_equal(p2pfs_client_get(f->c, "a", 0, &t, &file),
        P2PFS_OUTCOME_USAGE);
    t.count = UINT64_MAX;
    assert_int_equal(p2pfs_client_get(f->c, "a", 0, &t, &file),
        P2PFS_OUTCOME_USAGE);
    t.count = 1;
    assert_int_equal(p2pfs_client_get(f->c, "a/b", 0, &t, &file),
        P2PFS_OUTCOME_USAGE);
}

static void
test_options(void **state)
{
    const char *servers[P2PFS_CLIENT_SERVERS_MAX + 1];
    struct p2pfs_client_status s;
    struct p2pfs_client_options o;
    struct p2pfs_client *c;
    char why[64];
    size_t i;

    (void)state;
    for (i = 0; i < P2PFS_CLIENT_SERVERS_MAX + 1; i++) {
        servers[i] = "http://h";
    }
    p2pfs_client_options_init(&o);
    o.servers = servers;
    o.n_servers = P2PFS_CLIENT_SERVERS_MAX + 1;
    assert_int_equal(p2pfs_client_open(&c, &o, why, sizeof(why)),
        P2PFS_OUTCOME_USAGE);
    assert_null(c);
    assert_non_null(strstr(why, "16"));
    servers[1] = "nonsense";
    o.n_servers = 2;
    assert_int_equal(p2pfs_client_open(&c, &o, why, sizeof(why)),
        P2PFS_OUTCOME_USAGE);
    assert_non_null(strstr(why, "\"nonsense\""));
    o.n_servers = 0;
    assert_int_equal(p2pfs_client_open(&c, &o, why, sizeof(why)),
        P2PFS_OUTCOME_OK);
    assert_null(p2pfs_client_server(c, 0));
    assert_int_equal(p2pfs_client_status(c, 0, NULL, NULL, &s),
        P2PFS_OUTCOME_USAGE);
    assert_int_equal(p2pfs_client_list(c, NULL, NULL), P2PFS_OUTCOME_OK);
    p2pfs_client_close(c);
    p2pfs_client_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_record_comes_first),
        TEST(test_other_files_under_an_id),
        TEST(test_an_invented_id),
        TEST(test_files_that_change),
        TEST(test_files_that_cannot_be),
        TEST(test_cancelled),
        TEST(test_records),
        TEST(test_trust_that_cannot_be),
        cmocka_unit_test(test_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
