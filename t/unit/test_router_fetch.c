/*
 * Catch-up from end to end: a node that comes late reads the log of another,
 * in spite of a writer that takes nothing for a while, keeps its cursor in the
 * database, and goes on from it after a restart.
 */

#include "t/unit/router_rig.h"

#define FILES 20

static void
fill(struct rig *r, unsigned from, unsigned to)
{
    size_t len;
    uint8_t *data;
    char id[16];
    unsigned i;

    for (i = from; i < to; i++) {
        (void)snprintf(id, sizeof(id), "late-%u", i);
        len = i % 10 == 9 ? 200000 : i * 100;
        data = rig_bytes(len, i);
        rig_put(r, id, 1, 0, data, len, STORE_LOCAL);
        free(data);
    }
}

/* The count of records that are here: each set has a file and a version. */
static int64_t
records(struct rig *r)
{
    return rig_ask(r, "SELECT count(*) FROM log");
}

static void
test_a_late_node_catches_up(void **state)
{
    struct rig rigs[2];

    (void)state;
    rig_init(&rigs[0], 1, 0);
    rig_init(&rigs[1], 2, 0);
    rig_start(&rigs[0], 0);
    fill(&rigs[0], 0, FILES);
    rigs[1].jobs_max = 4; /* two for peers: most is refused at first */
    rig_start(&rigs[1], links_port(rigs[0].links));
    TURN_UNTIL(rigs, 2, NULL, records(&rigs[1]) == 2 * FILES);
    assert_int_equal(rig_ask(&rigs[1],
                         "SELECT count(*) FROM log WHERE origin = 0"),
        0);
    assert_int_equal(rigs[1].router->n_refused, 0);

    /* the cursor is there, at the head of the log that was read */
    TURN_UNTIL(rigs, 2, NULL,
        rig_ask(&rigs[1], "SELECT coalesce(max(seq), 0) FROM peer")
            == 2 * FILES);

    /* and the next start reads what came meanwhile, not more */
    rig_stop(&rigs[1], 0);
    fill(&rigs[0], FILES, FILES + 3);
    rigs[1].jobs_max = 0;
    rig_start(&rigs[1], links_port(rigs[0].links));
    TURN_UNTIL(rigs, 2, NULL, records(&rigs[1]) == 2 * (FILES + 3));
    rig_stop(&rigs[0], 1);
    rig_stop(&rigs[1], 1);
    rig_fini(&rigs[0]);
    rig_fini(&rigs[1]);
}

/* A peer that takes the question for a page and says nothing keeps nobody from
 * reading other peers. */
static void
test_a_silent_peer(void **state)
{
    struct wire_buf b = {0};
    uint8_t epoch[STORE_EPOCH_BYTES] = {7};
    struct rig rigs[2];
    struct watcher w;

    (void)state;
    rig_init(&rigs[0], 1, 0);
    rig_init(&rigs[1], 2, 0);
    rig_start(&rigs[0], 0);
    fill(&rigs[0], 0, 5);
    rig_start(&rigs[1], links_port(rigs[0].links));
    watch_open(&w, 3, &rigs[1]);
    TURN_UNTIL(rigs, 2, &w, w.peer != 0);
    assert_int_equal(wire_ping(&b, 1, 0, epoch, 1000), 0);
    watch_send(&w, LINK_REQUEST, &b, NULL);
    TURN_UNTIL(rigs, 2, &w, records(&rigs[1]) == 10);
    wire_buf_fini(&b);
    watch_close(&w);
    rig_stop(&rigs[0], 1);
    rig_stop(&rigs[1], 1);
    rig_fini(&rigs[0]);
    rig_fini(&rigs[1]);
}

/* A large file that is told of is asked for, once, from whoever told. */
static void
test_an_offer_is_asked_for(void **state)
{
    struct wire_buf b = {0};
    struct p2pfs_record rec;
    struct watcher w;
    struct rig r;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    watch_join(&w, 2, &r);
    rec = rig_record(&r, "offered", 1, 0, "not these bytes", 15);
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &rec, 40000, NULL), 0);
    watch_send(&w, LINK_PUSH, &b, payload_new("", 0));
    watch_send(&w, LINK_PUSH, &b, payload_new("", 0));
    TURN_UNTIL(&r, 1, &w, w.gets > 0 && r.router->peers_reads == 0);
    assert_int_equal(w.gets, 1);
    wire_buf_fini(&b);
    watch_close(&w);
    rig_stop(&r, 1);
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_late_node_catches_up),
        cmocka_unit_test(test_a_silent_peer),
        cmocka_unit_test(test_an_offer_is_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
