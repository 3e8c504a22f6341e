/*
 * The status file: what it says, that it is replaced as a whole, and that a
 * place where it cannot be written costs the daemon nothing.
 */

#include <sys/stat.h>

#include "core/hex.h"
#include "core/version.h"
#include "t/unit/router_rig.h"

static void
read_all(const char *path, char out[8192])
{
    FILE *f = fopen(path, "r");
    size_t n;

    assert_non_null(f);
    n = fread(out, 1, 8191, f);
    out[n] = '\0';
    assert_int_equal(fclose(f), 0);
}

/* The rest of the line that begins with this name. */
static const char *
value_of(const char *text, const char *name, char out[256])
{
    size_t len = strlen(name);
    const char *p;

    for (p = text; p != NULL && *p != '\0'; p = strchr(p, '\n') + 1) {
        if (strncmp(p, name, len) == 0 && p[len] == ' ') {
            (void)snprintf(out, 256, "%.*s",
                (int)(strchr(p, '\n') - p - (ptrdiff_t)len - 1), p + len + 1);
            return out;
        }
    }
    return "";
}

static void
test_content(void **state)
{
    char text[8192], value[256], hex[2 * KEY_BYTES + 1], name[128];
    struct watcher w;
    struct rig r;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    watch_join(&w, 2, &r);
    rig_put(&r, "status", 2, 0, "a", 1, STORE_LOCAL);
    TURN_UNTIL(&r, 1, &w, w.n == 1);
    router_write_status(r.router);
    read_all(r.status, text);

    assert_string_equal(value_of(text, "version", value), P2PFS_VERSION);
    assert_int_equal(strtol(value_of(text, "process", value), NULL, 10),
        getpid());
    hex[2 * KEY_BYTES] = '\0';
    p2pfs_hex_encode(hex, r.id.node_id, KEY_BYTES);
    assert_string_equal(value_of(text, "node", value), hex);
    assert_string_equal(value_of(text, "links", value), "1");
    assert_string_equal(value_of(text, "log_head", value), "1");
    assert_string_equal(value_of(text, "published", value), "1");
    assert_string_equal(value_of(text, "damaged", value), "0");
    assert_string_not_equal(value_of(text, "wal_bytes", value), "");
    p2pfs_hex_encode(hex, w.id.node_id, KEY_BYTES);
    (void)snprintf(name, sizeof(name), "peer %s", hex);
    assert_string_equal(value_of(text, name, value),
        "dir=in mesh=yes queued=0 blamed=0");
    watch_close(&w);
    rig_stop(&r, 1);
    rig_fini(&r);
}

/* Whoever has it open reads one state to its end; nothing is left beside it. */
static void
test_replaced_as_a_whole(void **state)
{
    char before[8192], again[8192] = "", tmp[128];
    struct stat a, b;
    struct rig r;
    FILE *f;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    router_write_status(r.router);
    read_all(r.status, before);
    assert_int_equal(stat(r.status, &a), 0);
    f = fopen(r.status, "r");
    assert_non_null(f);
    rig_put(&r, "status", 2, 0, "a", 1, STORE_LOCAL);
    TURN_UNTIL(&r, 1, NULL, r.router->log_head == 1);
    router_write_status(r.router);
    assert_int_equal(stat(r.status, &b), 0);
    assert_true(a.st_ino != b.st_ino);
    assert_int_equal(fread(again, 1, sizeof(again) - 1, f), strlen(before));
    assert_string_equal(again, before);
    assert_int_equal(fclose(f), 0);
    (void)snprintf(tmp, sizeof(tmp), "%s.new", r.status);
    assert_int_equal(access(tmp, F_OK), -1);
    rig_stop(&r, 1);
    rig_fini(&r);
}

/* No such directory, and a path that leaves no room for another name. */
static void
test_no_place_for_it(void **state)
{
    char missing[128], *endless;
    struct rig r;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    (void)snprintf(missing, sizeof(missing), "%s/none/status", r.dir);
    r.config.status = missing;
    router_write_status(r.router);
    assert_int_equal(access(missing, F_OK), -1);

    endless = calloc(1, 5000);
    assert_non_null(endless);
    memset(endless, 'x', 4999);
    r.config.status = endless;
    router_write_status(r.router);
    free(endless);

    r.config.status = r.status;
    router_write_status(r.router);
    assert_int_equal(access(r.status, F_OK), 0);
    rig_stop(&r, 1);
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_replaced_as_a_whole),
        cmocka_unit_test(test_no_place_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
