/*
 * Guards the unpacking of what a peer sends: no frame makes us allocate more
 * than the budget, and random damage is never more than a refusal.
 */

#include "t/unit/wire_rig.h"

/* Two bytes each on the wire, a hundred in memory. */
static void
test_empty_submessages_break_the_budget(void **state)
{
    static uint8_t frame[WIRE_CONTROL_MAX];
    static const uint8_t tags[] = {0x0a, 0x12, 0xfa};
    size_t t, i;

    (void)state;
    for (t = 0; t < sizeof(tags); t++) {
        for (i = 0; i + 1 < sizeof(frame); i += 2) {
            frame[i] = tags[t];
            frame[i + 1] = 0;
        }
        assert_false(taken(frame, sizeof(frame)));
    }
}

/* Whatever is flipped or cut, the answer is yes or no. */
static void
test_random_damage(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    struct p2pfs_proof proof = {.len = 5};
    struct p2pfs_record r = a_record();
    struct wire_buf b = {0};
    unsigned round, yes = 0;

    (void)state;
    print_message("# seed %u\n", seed);
    srand(seed);
    for (round = 0; round < 20000; round++) {
        uint8_t *exact;
        size_t len;

        assert_int_equal(wire_publish(&b, "files", &r, round, &proof), 0);
        b.p[(size_t)rand() % b.len] ^= (uint8_t)(1 << rand() % 8);
        len = (size_t)rand() % (b.len + 1);
        len = round % 2 ? b.len : len;
        exact = malloc(len + 1); /* a read beyond the end is seen by ASan */
        assert_non_null(exact);
        memcpy(exact, b.p, len);
        yes += (unsigned)taken(exact, len);
        free(exact);
    }
    assert_in_range(yes, 1, 19999);
    wire_buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_submessages_break_the_budget),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
