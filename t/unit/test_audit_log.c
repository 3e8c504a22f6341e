/*
 * The audit of the log and of labels: every number there, everything named
 * here, the smallest root served.
 */

#include "t/unit/audit_rig.h"

static const struct change_of_row changes[] = {
    {"UPDATE label SET served = NULL WHERE set_id = 'whole'", 0, NULL},
    {"DELETE FROM log WHERE seq = 100", 0, NULL},
    {"UPDATE log SET a = a + 4000000 WHERE seq = 100", 0, NULL},
    {"UPDATE log SET kind = 9 WHERE seq = 1", 0, NULL},
    {"INSERT INTO meta(name, value) VALUES ('published', 1000000)", 0, NULL},
};

static void
test_changes(void **state)
{
    (void)state;
    run_changes(changes, sizeof(changes) / sizeof(changes[0]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
