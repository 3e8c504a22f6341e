/*
 * The audit of versions: the stored proofs of one that grows, the full blocks
 * of a draft, and the number of files.
 */

#include "t/unit/audit_rig.h"

static const struct change_of_row changes[] = {
    {"UPDATE tile SET h = zeroblob(length(h)) WHERE tk = " VK(
         "part") " << 29 | 2",
        P2PFS_DAMAGED_TILE, "SELECT " VK("part") " << 29 | 2"},
    {"UPDATE part SET upper = zeroblob(length(upper)) WHERE pk = " VK(
         "part") " << 32",
        P2PFS_DAMAGED_TILE, "SELECT " VK("part") " << 29"},
    {"DELETE FROM tile WHERE tk = " VK("draft") " << 29", P2PFS_DAMAGED_TILE,
        "SELECT " VK("draft") " << 29"},
    {"UPDATE part SET bits = CAST(zeroblob(15) || x'40' AS BLOB)"
     " WHERE pk = " VK("draft") " << 32",
        0, NULL},
    {"UPDATE version SET have = have - 1 WHERE vk = " VK("part"), 0, NULL},
    {"UPDATE version SET have = have - 1 WHERE vk = " VK("whole"), 0, NULL},
    {"DELETE FROM grp WHERE gk = " GK("beside"), 0, NULL},
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
