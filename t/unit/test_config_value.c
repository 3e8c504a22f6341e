/*
 * Guards the values of the configuration: what each type takes, the ends of
 * each range, sizes that would overflow, and addresses that can be read in two
 * ways.
 */

#include "gossipd/config_int.h"
#include "t/unit/testing.h"

static size_t
at(const char *name)
{
    size_t i = config_find(name, strlen(name));

    assert_true(i < CONFIG_NAMES_MAX);
    return i;
}

static enum p2pfs_err
set(struct config *c, const char *name, const char *text)
{
    return config_set(c, at(name), text);
}

static void
assert_refused(const char *name, const char *const *text, size_t n)
{
    struct config c = {0};
    size_t i;

    for (i = 0; i < n; i++) {
        if (set(&c, name, text[i]) != P2PFS_USAGE) {
            fail_msg("%s takes \"%s\"", name, text[i]);
        }
    }
    config_fini(&c);
}

static void
test_names(void **state)
{
    (void)state;
    assert_int_equal(config_find("store-max", 9), at("store_max"));
    assert_int_equal(config_find("store_ma", 8), CONFIG_NAMES_MAX);
    assert_int_equal(config_find("store_maxx", 10), CONFIG_NAMES_MAX);
    assert_int_equal(config_find("", 0), CONFIG_NAMES_MAX);
    assert_true(config_is_list(at("peer")));
    assert_true(config_is_list(at("allow")));
    assert_false(config_is_list(at("listen")));
}

static void
test_sizes(void **state)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1x", "1kk",
        "0x10", "18446744073709551616", "18014398509481984k", "1.5m"};
    struct config c = {0};

    (void)state;
    assert_int_equal(set(&c, "store_max", "18446744073709551615"), P2PFS_OK);
    assert_true(c.store_max == UINT64_MAX);
    assert_int_equal(set(&c, "store_max", "3k"), P2PFS_OK);
    assert_int_equal(c.store_max, 3072);
    assert_int_equal(set(&c, "store_max", "2M"), P2PFS_OK);
    assert_int_equal(c.store_max, 2u << 20);
    assert_int_equal(set(&c, "store_max", "17179869183g"), P2PFS_OK);
    assert_true(c.store_max == UINT64_MAX - (1u << 30) + 1);
    assert_int_equal(set(&c, "store_max", "0"), P2PFS_OK);
    assert_int_equal(c.store_max, 0);
    assert_refused("store_max", bad, COUNT(bad));
    config_fini(&c);
}

static void
test_ranges(void **state)
{
    static const char *const links[] = {"0", "1025"};
    static const char *const beats[] = {"49", "60001", "1k", "4294967297"};
    struct config c = {0};

    (void)state;
    assert_int_equal(set(&c, "links_max", "1"), P2PFS_OK);
    assert_int_equal(set(&c, "links_max", "1024"), P2PFS_OK);
    assert_int_equal(c.links_max, 1024);
    assert_int_equal(set(&c, "heartbeat_ms", "50"), P2PFS_OK);
    assert_int_equal(c.mesh.heartbeat_ms, 50);
    assert_refused("links_max", links, COUNT(links));
    assert_refused("heartbeat_ms", beats, COUNT(beats));
    config_fini(&c);
}

/* fd00::1 without a port would be host fd00: and port 1. */
static void
test_addresses(void **state)
{
    static const char *const bad[] = {"", "host", ":1", "host:", "host:0",
        "host:65536", "host:1x", "[]:1", "[::1]", "[::1:1", "::1]:1", "::1",
        "fd00::1:9081", "a:b:1"};
    struct config c = {0};
    char name[300];

    (void)state;
    assert_int_equal(set(&c, "listen", "[::1]:65535"), P2PFS_OK);
    assert_string_equal(c.listen_host, "::1");
    assert_int_equal(c.listen_port, 65535);
    assert_int_equal(set(&c, "listen", "*:1"), P2PFS_OK);
    assert_string_equal(c.listen_host, "*");
    assert_refused("listen", bad, COUNT(bad));
    assert_refused("peer", bad, COUNT(bad));

    memset(name, 'n', sizeof(name));
    memcpy(name + 253, ":1", 3);
    assert_int_equal(set(&c, "peer", name), P2PFS_OK);
    memset(name, 'n', sizeof(name));
    memcpy(name + 254, ":1", 3);
    assert_int_equal(set(&c, "peer", name), P2PFS_USAGE);
    assert_int_equal(c.n_peers, 1);
    config_fini(&c);
}

static void
test_lists_end(void **state)
{
    static const char *const bad[] = {"", "12", "0x12",
        "zz00000000000000000000000000000000000000000000000000000000000000"};
    struct config c = {0};
    char text[2 * NODE_ID_BYTES + 1];
    unsigned i;

    (void)state;
    for (i = 0; i < CONFIG_PEERS_MAX; i++) {
        assert_int_equal(set(&c, "peer", "h:1"), P2PFS_OK);
    }
    assert_int_equal(set(&c, "peer", "h:1"), P2PFS_LIMIT);
    config_clear_list(&c, at("peer"));
    assert_int_equal(c.n_peers, 0);
    assert_int_equal(set(&c, "peer", "h:1"), P2PFS_OK);

    assert_refused("allow", bad, COUNT(bad));
    for (i = 0; i < CONFIG_ALLOW_MAX; i++) {
        (void)snprintf(text, sizeof(text), "%064x", i);
        assert_int_equal(set(&c, "allow", text), P2PFS_OK);
    }
    assert_int_equal(set(&c, "allow", text), P2PFS_LIMIT);
    assert_int_equal(c.allow[258][NODE_ID_BYTES - 1], 2);
    config_clear_list(&c, at("allow"));
    assert_int_equal(c.n_allow, 0);
    config_fini(&c);
}

static void
test_words(void **state)
{
    static const char *const levels[] = {"", "warning", "INFO", "4"};
    static const char *const empty[] = {""};
    struct config c = {0};

    (void)state;
    assert_int_equal(set(&c, "log_level", "debug"), P2PFS_OK);
    assert_int_equal(c.log_level, LOG_DEBUG);
    assert_refused("log_level", levels, COUNT(levels));
    assert_refused("db", empty, COUNT(empty));
    assert_int_equal(set(&c, "db", "a"), P2PFS_OK);
    assert_int_equal(set(&c, "db", "b"), P2PFS_OK); /* not leaked */
    assert_string_equal(c.db, "b");
    config_fini(&c);
}

/* What was given stays, the rest is below the directory. */
static void
test_fill(void **state)
{
    struct config c = {0};

    (void)state;
    config_numbers(&c);
    assert_null(mesh_params_check(&c.mesh));
    assert_int_equal(set(&c, "dir", "/d"), P2PFS_OK);
    assert_int_equal(set(&c, "db", "/elsewhere"), P2PFS_OK);
    assert_int_equal(config_fill(&c), P2PFS_OK);
    assert_string_equal(c.db, "/elsewhere");
    assert_string_equal(c.socket, "/d/gossipd.sock");
    assert_string_equal(c.listen_host, "*");
    assert_int_equal(c.listen_port, 9081);
    config_fini(&c);
    config_fini(&c); /* safe again */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_lists_end),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_fill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
