/* Guards: the generator gives the published sequences on every machine, and
 * bounded numbers are in bounds and even. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gossipd/rng.h"

static void
test_splitmix(void **state)
{
    static const uint64_t want[] = {6457827717110365317u, 3203168211198807973u,
        9817491932198370423u, 4593380528125082431u, 16408922859458223821u};
    uint64_t s = 1234567;

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_true(rng_splitmix(&s) == want[i]);
    }
}

static void
test_xoshiro(void **state)
{
    static const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240u,
        1216172134540287360u, 607988272756665600u, 16172922978634559625u,
        8476171486693032832u, 10595114339597558777u, 2904607092377533576u};
    struct rng r = {{1, 2, 3, 4}};

    (void)state;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        assert_true(rng_next(&r) == want[i]);
    }
}

static void
test_below(void **state)
{
    unsigned hits[7] = {0};
    struct rng r;
    uint64_t x;

    (void)state;
    rng_init(&r, 42);
    assert_true(rng_below(&r, 0) == 0);
    assert_true(rng_below(&r, 1) == 0);
    for (int i = 0; i < 70000; i++) {
        x = rng_below(&r, 7);
        assert_true(x < 7);
        hits[x]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(hits[i], 9500, 10500);
    }
    /* above 2^63 half of all draws are thrown away */
    for (int i = 0; i < 100; i++) {
        assert_true(
            rng_below(&r, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
    }
}

static void
test_repeats(void **state)
{
    struct rng a, b, c;
    int differ = 0;

    (void)state;
    rng_init(&a, 5);
    rng_init(&b, 5);
    rng_init(&c, 6);
    for (int i = 0; i < 100; i++) {
        uint64_t x = rng_next(&a);

        assert_true(x == rng_next(&b));
        differ += x != rng_next(&c);
    }
    assert_int_equal(differ, 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splitmix),
        cmocka_unit_test(test_xoshiro),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_repeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
