/*
 * Guards that sets of every shape of tree, uploaded in any order, with and
 * without roots, come out with proofs that verify; that what was committed is
 * there after a restart; and how the files of the database are kept.
 */

#include <sys/stat.h>
#include <sys/wait.h>

#include "core/schema.h"
#include "t/unit/store_fixture.h"

static const uint32_t sizes[] = {1, 2, 3, 7, 8, 127, 128, 129, 257, 1000};
#define N_SIZES (sizeof(sizes) / sizeof(*sizes))

static void
one_set(struct fixture *f, uint32_t n, int rooted, unsigned *seed)
{
    uint32_t *order = calloc(n, sizeof(*order));
    struct store_result res;
    struct set set;
    char id[32];
    uint32_t i;

    assert_non_null(order);
    snprintf(id, sizeof(id), "set-%u-%d", n, rooted);
    set_init(&set, f, n, (unsigned)rooted);
    shuffle(order, n, seed);
    for (i = 0; i < n; i++) {
        res = rooted ? put_rooted(f, id, &set, order[i], STORE_LOCAL)
                     : put_plain(f, id, n, order[i], 0, STORE_LOCAL);
        assert_int_equal(res.err, P2PFS_OK);
        assert_true(res.created);
        assert_int_equal(res.received, i + 1);
        assert_int_equal(res.set_count, n);
        assert_memory_equal(&res.entry, &set.entries[order[i]],
            sizeof(res.entry));
    }
    check_set(f, id, &set, 0);
    check_set(f, id, &set, 1);

    res = rooted ? put_rooted(f, id, &set, n / 2, STORE_LOCAL)
                 : put_plain(f, id, n, n / 2, 0, STORE_LOCAL);
    assert_int_equal(res.err, P2PFS_OK);
    assert_false(res.created);
    set_fini(&set);
    free(order);
}

static void
test_every_shape(void **state)
{
    unsigned seed = new_seed();
    struct fixture f;
    unsigned i;

    (void)state;
    fixture_init(&f, 0);
    for (i = 0; i < N_SIZES; i++) {
        one_set(&f, sizes[i], 0, &seed);
        one_set(&f, sizes[i], 1, &seed);
    }
    assert_int_equal(ask(&f, "SELECT count(*) FROM part"), 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM pick"), 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM log WHERE kind = 3"),
        2 * N_SIZES);
    fixture_fini(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
