/* Guards: the table agrees with a plain array under random work, keeps its
 * order, its cap and the addresses of its values. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gossipd/rng.h"
#include "gossipd/table.h"

#define KEYS 500

static struct table *
open_table(size_t max)
{
    struct table *t;

    assert_int_equal(table_new(&t, 8, sizeof(uint64_t), max, 1), P2PFS_OK);
    return t;
}

static void
test_bad_key_len(void **state)
{
    struct table *t;

    (void)state;
    assert_int_equal(table_new(&t, 0, 8, 1, 1), P2PFS_INTERNAL);
    assert_null(t);
    assert_int_equal(table_new(&t, 12, 8, 1, 1), P2PFS_INTERNAL);
    table_free(NULL);
}

static void
test_cap(void **state)
{
    struct table *t = open_table(2);
    uint64_t k1 = 1, k2 = 2, k3 = 3;

    (void)state;
    assert_non_null(table_add(t, &k1));
    assert_non_null(table_add(t, &k2));
    assert_null(table_add(t, &k3));
    table_del(t, table_get(t, &k1));
    assert_non_null(table_add(t, &k3));
    assert_null(table_get(t, &k1));
    assert_int_equal(table_size(t), 2);
    table_free(t);
}

static void
test_order(void **state)
{
    static const uint64_t want[] = {3, 5, 2, 1};
    struct table *t = open_table(10);
    uint64_t k;
    void *v;
    int i = 0;

    (void)state;
    for (k = 1; k <= 5; k++) {
        assert_non_null(table_add(t, &k));
    }
    k = 2;
    table_to_end(t, table_get(t, &k));
    k = 1;
    table_to_end(t, table_get(t, &k));
    k = 4;
    table_del(t, table_get(t, &k));
    for (v = table_first(t); v != NULL; v = table_next(t, v)) {
        assert_true(*(const uint64_t *)table_key(t, v) == want[i++]);
    }
    assert_int_equal(i, 4);
    table_free(t);
}

/* One random act on key k; `model` holds the value's address, or NULL. */
static void
act(struct table *t, struct rng *r, uint64_t k, uint64_t **model)
{
    assert_ptr_equal(table_get(t, &k), *model);
    if (*model == NULL) {
        *model = table_add(t, &k);
        assert_non_null(*model);
        assert_true(**model == 0);
        **model = k * 3;
        return;
    }
    assert_true(**model == k * 3);
    if (rng_below(r, 2) == 0) {
        table_to_end(t, *model);
    } else {
        table_del(t, *model);
        *model = NULL;
    }
}

static void
test_random(void **state)
{
    uint64_t *model[KEYS] = {NULL};
    struct table *t = open_table(KEYS);
    size_t n = 0, walked = 0;
    struct rng r;
    void *v;

    (void)state;
    print_message("# seed 99\n");
    rng_init(&r, 99);
    for (int i = 0; i < 50000; i++) {
        uint64_t k = rng_below(&r, KEYS);

        act(t, &r, k, &model[k]);
    }
    for (int i = 0; i < KEYS; i++) {
        n += model[i] != NULL;
    }
    for (v = table_first(t); v != NULL; v = table_next(t, v)) {
        walked++;
    }
    assert_int_equal(table_size(t), n);
    assert_int_equal(walked, n);
    table_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_key_len),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
