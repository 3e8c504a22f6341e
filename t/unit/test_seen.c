/* Guards: ids are forgotten by the time of first sight, validation remembers
 * every sender once, and caps hold. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gossipd/seen.h"

#define TTL 1000

static struct p2pfs_hash
id_of(unsigned k)
{
    struct p2pfs_hash id = {{0}};

    memcpy(id.b, &k, sizeof(k));
    return id;
}

static struct seen *
open_seen(size_t max, size_t validating_max)
{
    struct seen *s;

    assert_int_equal(seen_new(&s, max, validating_max, TTL, 1), P2PFS_OK);
    return s;
}

/* Copies that come later do not make an id live longer. */
static void
test_first_sight(void **state)
{
    struct seen *s = open_seen(10, 10);
    struct p2pfs_hash a = id_of(1);

    (void)state;
    assert_int_equal(seen_get(s, &a, 0), SEEN_NONE);
    assert_int_equal(seen_begin(s, &a, 0, 5, 100), 0);
    assert_int_equal(seen_get(s, &a, 100), SEEN_VALIDATING);
    assert_int_equal(seen_settle(s, &a, SEEN_KNOWN, 600), 0);
    assert_int_equal(seen_settle(s, &a, SEEN_OUT, 900), 0);
    assert_int_equal(seen_get(s, &a, 1099), SEEN_OUT);
    assert_int_equal(seen_get(s, &a, 1100), SEEN_NONE);
    assert_int_equal(seen_settle(s, &a, SEEN_OUT, 1100), 0);
    assert_int_equal(seen_get(s, &a, 2099), SEEN_OUT);
    seen_sweep(s, 2099);
    assert_int_equal(seen_size(s), 1);
    seen_sweep(s, 2100);
    assert_int_equal(seen_size(s), 0);
    seen_free(s);
    seen_free(NULL);
}

static void
test_senders(void **state)
{
    struct seen *s = open_seen(10, 10);
    const struct seen_pending *p;
    struct p2pfs_hash a = id_of(1), b = id_of(2);

    (void)state;
    assert_int_equal(seen_begin(s, &a, 3, 100, 0), 0);
    for (uint64_t k = 100; k < 120; k++) {
        seen_add_sender(s, &a, k);
        seen_add_sender(s, &a, k);
    }
    seen_add_sender(s, &b, 1);
    assert_null(seen_pending(s, &b));
    p = seen_pending(s, &a);
    assert_int_equal(p->n_senders, 20);
    assert_int_equal(p->topic, 3);
    seen_drop_peer(s, 100);
    seen_drop_peer(s, 110);
    assert_int_equal(p->n_senders, 19);
    assert_true(p->senders[0] == SEEN_NOBODY);
    for (size_t i = 1; i < p->n_senders; i++) {
        assert_true(p->senders[i] != 110 && p->senders[i] != 100);
    }
    assert_int_equal(seen_settle(s, &a, SEEN_NONE, 5), 0);
    assert_int_equal(seen_get(s, &a, 5), SEEN_NONE);
    assert_int_equal(seen_validating(s), 0);
    seen_free(s);
}

static void
test_caps(void **state)
{
    struct seen *s = open_seen(3, 2);
    struct p2pfs_hash id;

    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        id = id_of(k);
        assert_int_equal(seen_settle(s, &id, SEEN_OUT, k), k == 3);
    }
    id = id_of(0);
    assert_int_equal(seen_get(s, &id, 4), SEEN_NONE);
    id = id_of(3);
    assert_int_equal(seen_get(s, &id, 4), SEEN_OUT);
    assert_int_equal(seen_size(s), 3);
    for (unsigned k = 10; k < 13; k++) {
        id = id_of(k);
        assert_int_equal(seen_begin(s, &id, 0, 1, 5), k == 12 ? -1 : 0);
    }
    /* no verdict ever came */
    seen_sweep(s, 5 + TTL);
    assert_int_equal(seen_validating(s), 0);
    seen_free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_sight),
        cmocka_unit_test(test_senders),
        cmocka_unit_test(test_caps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
