/*
 * Guards links_open: every way to fail says why, and gives back what it took.
 */

#include "gossipd/link_int.h"
#include "t/unit/link_raw.h"

static void
test_a_port_in_use_is_an_error(void **state)
{
    struct node_options o = {.seed = 1, .network = 9};
    struct links_config c = {.listen_host = "127.0.0.1"};
    uint8_t key[KEY_BYTES] = {0};
    struct links *links;
    char detail[256];
    struct node n;

    (void)state;
    node_open(&n, &o);
    c.listen_port = links_port(n.links);
    c.node_secret = n.id.secret;
    c.network_key = key;
    assert_int_equal(links_open(&links, &c, detail, sizeof(detail)), P2PFS_IO);
    assert_null(links);
    assert_non_null(strstr(detail, "in use"));
    node_close(&n);
}

static void
assert_fails(struct links_config *c, const char *words)
{
    struct links *links = (struct links *)(uintptr_t)1;
    char detail[256] = "";

    assert_int_equal(links_open(&links, c, detail, sizeof(detail)), P2PFS_IO);
    assert_null(links);
    if (strstr(detail, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", detail, words);
    }
}

static void
test_addresses_that_cannot_be_bound(void **state)
{
    uint8_t seed[KEY_BYTES] = {1}, key[KEY_BYTES] = {2};
    struct links_config c = {.network_key = key};
    struct identity id;

    (void)state;
    identity_from_seed(&id, seed);
    c.node_secret = id.secret;
    c.listen_host = "192.0.2.1"; /* for documents: of no machine */
    assert_fails(&c, "binding \"192.0.2.1:0\": ");
    c.listen_host = "no such host";
    assert_fails(&c, "binding \"no such host:0\": ");
}

/* 64 bytes that are no key: said before anything is opened. */
static void
test_a_key_that_is_none(void **state)
{
    uint8_t secret[NODE_SECRET_BYTES], key[KEY_BYTES] = {2};
    struct links_config c = {.listen_host = "127.0.0.1",
        .network_key = key,
        .node_secret = secret};

    (void)state;
    memset(secret, 0xff, sizeof(secret));
    assert_fails(&c, "not an Ed25519 key");
}

/* Nothing of the configuration is needed any more once it is open. */
static void
test_what_is_given_is_copied(void **state)
{
    uint8_t seed[KEY_BYTES] = {1}, key[KEY_BYTES] = {2};
    uint8_t allow[1][NODE_ID_BYTES];
    char host[] = "127.0.0.1";
    struct link_peer peer = {host, 9};
    struct links_config c = {.listen_host = host,
        .peers = &peer,
        .n_peers = 1,
        .network_key = key,
        .allow = (const uint8_t(*)[NODE_ID_BYTES])allow,
        .n_allow = 1,
        .links_max = 100000};
    struct identity id;
    struct links *l;
    char detail[256];

    (void)state;
    identity_from_seed(&id, seed);
    memcpy(allow[0], id.node_id, NODE_ID_BYTES);
    c.node_secret = id.secret;
    assert_int_equal(links_open(&l, &c, detail, sizeof(detail)), P2PFS_OK);
    assert_true(links_port(l) != 0);
    assert_memory_equal(links_node_id(l), id.node_id, KEY_BYTES);
    identity_wipe(&id);
    memset(allow, 0, sizeof(allow));
    memset(host, 'x', sizeof(host) - 1);
    memset(&c, 0, sizeof(c));
    assert_true(link_is_allowed(l, links_node_id(l)));
    assert_string_equal(l->dials->host, "127.0.0.1");
    assert_int_equal(l->n_slots, 1024); /* at most */
    links_close(l);
    links_close(NULL);
}

/* The self-test's own knock is not counted. It was left out a second time, and
 * the first node with a wrong key was neither counted nor logged. */
static void
test_the_first_refusal_counts(void **state)
{
    struct node_options o = {.seed = 1, .network = 8};
    struct links_stats s;
    struct node n;
    struct raw r;

    (void)state;
    node_open(&n, &o);
    poll_for(&n, 1, 100);
    links_stats(n.links, &s);
    assert_int_equal(s.refused_key, 0);
    raw_init(&r, 7); /* has the key of network 9 */
    r.control = raw_dealer(&r, links_port(n.links));
    POLL_UNTIL(&n, 1, (links_stats(n.links, &s), s.refused_key > 0));
    assert_int_equal(s.refused_key, 1);
    raw_fini(&r);
    node_close(&n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_port_in_use_is_an_error),
        cmocka_unit_test(test_addresses_that_cannot_be_bound),
        cmocka_unit_test(test_a_key_that_is_none),
        cmocka_unit_test(test_what_is_given_is_copied),
        cmocka_unit_test(test_the_first_refusal_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
