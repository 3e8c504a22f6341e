/*
 * What the mesh says, done: files of every kind of size cross from router to
 * router; a content that the cache let go comes out of the database; what is
 * validated ends, also where the bytes never come.
 */

#include "t/unit/router_rig.h"

#define MIB 1048576

static void
test_files_of_every_size_cross(void **state)
{
    static const size_t sizes[] = {0, 1, 500, EAGER_MAX_BYTES,
        EAGER_MAX_BYTES + 1, MIB};
    struct rig rigs[3];
    uint8_t *data;
    char id[16];
    size_t i, k;

    (void)state;
    for (k = 0; k < 3; k++) { /* a line: 0 - 1 - 2 */
        rig_init(&rigs[k], (uint8_t)(k + 1), 0);
        rig_start(&rigs[k], k > 0 ? links_port(rigs[k - 1].links) : 0);
    }
    TURN_UNTIL(rigs, 3, NULL,
        mesh_degree(rigs[1].router->mesh, ROUTER_TOPIC) == 2);
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        (void)snprintf(id, sizeof(id), "size-%zu", i);
        data = rig_bytes(sizes[i], (unsigned)i);
        rig_put(&rigs[0], id, 1, 0, data, sizes[i], STORE_LOCAL);
        TURN_UNTIL(rigs, 3, NULL,
            rig_has(&rigs[1], id, data, sizes[i])
                && rig_has(&rigs[2], id, data, sizes[i]));
        free(data);
    }
    for (k = 0; k < 3; k++) {
        rig_stop(&rigs[k], 1);
        rig_fini(&rigs[k]);
    }
}

/* Another content takes its room: the oldest payloads are let go first. */
static void
evict(struct rig *r, const struct p2pfs_hash *id)
{
    struct p2pfs_record rec;
    struct p2pfs_hash other;
    unsigned i;

    for (i = 0; cache_find(r->router->cache, id)->payload != NULL; i++) {
        rec = rig_record(r, "filler", 1000, i, &i, sizeof(i));
        p2pfs_record_id(r->hasher, &rec, &other);
        assert_int_equal(cache_put(r->router->cache, &other, &rec, MIB, NULL,
                             payload_take(calloc(1, MIB), MIB)),
            P2PFS_OK);
        assert_true(i < 100);
    }
}

static void
test_an_evicted_content_is_read_again(void **state)
{
    struct wire_buf b = {0};
    struct p2pfs_record rec;
    struct p2pfs_hash id;
    struct watcher w;
    struct rig r;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    watch_join(&w, 2, &r);
    rig_put(&r, "evicted", 2, 0, "still here", 10, STORE_LOCAL);
    TURN_UNTIL(&r, 1, &w, w.n == 1);
    rec = rig_record(&r, "evicted", 2, 0, "still here", 10);
    p2pfs_record_id(r.hasher, &rec, &id);
    evict(&r, &id);

    assert_int_equal(wire_iwant(&b, &id, 1), 0);
    watch_send(&w, LINK_REQUEST, &b, NULL);
    TURN_UNTIL(&r, 1, &w, w.n == 2);
    assert_int_equal(w.got[1].body_len, 10);
    assert_true(w.got[1].body_good);
    assert_null(cache_find(r.router->cache, &id)->payload);
    wire_buf_fini(&b);
    watch_close(&w);
    rig_stop(&r, 1);
    rig_fini(&r);
}

static size_t
open_offers(const struct rig *r)
{
    size_t i, n = 0;

    for (i = 0; i < OFFERS_MAX; i++) {
        n += r->router->offers[i].until != 0;
    }
    return n;
}

static size_t
validating(const struct rig *r)
{
    struct mesh_stats s;

    mesh_stats(r->router->mesh, &s);
    return s.validating;
}

/* A large file that is told of and never given. */
static void
offer(struct watcher *w, struct rig *r, const char *id, uint32_t index)
{
    struct wire_buf b = {0};
    struct p2pfs_record rec;

    rec = rig_record(r, id, 1000, index, &index, sizeof(index));
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &rec, 40000, NULL), 0);
    watch_send(w, LINK_PUSH, &b, payload_new("", 0));
    wire_buf_fini(&b);
}

static void
test_offers_expire(void **state)
{
    struct watcher w;
    struct rig r;
    size_t i;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    watch_join(&w, 2, &r);
    offer(&w, &r, "promised", 0);
    TURN_UNTIL(&r, 1, &w, open_offers(&r) == 1);
    assert_int_equal(validating(&r), 1);

    for (i = 0; i < OFFERS_MAX; i++) {
        if (r.router->offers[i].until != 0) {
            assert_true(r.router->offers[i].until <= r.router->now + OFFER_MS);
            router_offers_expire(r.router);
            assert_int_equal(open_offers(&r), 1); /* not before its time */
            r.router->offers[i].until = r.router->now;
        }
    }
    router_offers_expire(r.router);
    assert_int_equal(open_offers(&r), 0);
    assert_int_equal(validating(&r), 0);

    offer(&w, &r, "promised", 0); /* IGNORE: it may be told again */
    TURN_UNTIL(&r, 1, &w, open_offers(&r) == 1);
    watch_close(&w);
    rig_stop(&r, 1);
    rig_fini(&r);
}

/* At the cap the oldest offer makes room, and the mesh forgets that one. */
static void
test_offers_have_a_cap(void **state)
{
    struct watcher w;
    struct rig r;
    uint32_t i;

    (void)state;
    rig_init(&r, 1, 0);
    rig_start(&r, 0);
    watch_join(&w, 2, &r);
    for (i = 0; i < OFFERS_MAX + 20; i += 20) { /* below PEER_READS_MAX */
        uint32_t k;

        for (k = i; k < i + 20; k++) {
            offer(&w, &r, "many", k);
        }
        TURN_UNTIL(&r, 1, &w,
            r.router->peers_reads == 0
                && open_offers(&r)
                    == (i + 20 < OFFERS_MAX ? i + 20 : OFFERS_MAX));
    }
    assert_int_equal(open_offers(&r), OFFERS_MAX);
    assert_int_equal(validating(&r), OFFERS_MAX);
    watch_close(&w);
    rig_stop(&r, 1);
    rig_fini(&r);
}

/* What the store says of a file decides what its sender and others hear. */
static void
test_a_writer_that_is_full_is_nobodys_fault(void **state)
{
    struct wire_buf b = {0};
    struct p2pfs_record rec;
    struct watcher w;
    struct rig r;
    uint8_t *data;

    (void)state;
    rig_init(&r, 1, 0);
    r.jobs_max = 1; /* peers get half of it: none */
    rig_start(&r, 0);
    watch_join(&w, 2, &r);
    data = rig_bytes(100, 1);
    rec = rig_record(&r, "refused", 1, 0, data, 100);
    assert_int_equal(wire_publish(&b, ROUTER_TOPIC, &rec, 100, NULL), 0);
    watch_send(&w, LINK_PUSH, &b, payload_new(data, 100));
    TURN_UNTIL(&r, 1, &w, validating(&r) == 0 && open_offers(&r) == 0);
    assert_int_equal(r.router->n_late, 0);
    assert_int_equal(r.router->peers[0].blamed, 0);
    free(data);
    wire_buf_fini(&b);
    watch_close(&w);
    rig_stop(&r, 1);
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_every_size_cross),
        cmocka_unit_test(test_an_evicted_content_is_read_again),
        cmocka_unit_test(test_offers_expire),
        cmocka_unit_test(test_offers_have_a_cap),
        cmocka_unit_test(test_a_writer_that_is_full_is_nobodys_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
