/*
 * The audit of tiles: wrong in themselves, whole but of another place, of a
 * wrong length, missing, and wrong against the root.
 */

#include "t/unit/audit_rig.h"

static const struct change_of_row changes[] = {
    {"UPDATE tile SET h = zeroblob(length(h)) WHERE tk = " VK(
         "whole") " << 29 | 1",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | 1"},
    {"UPDATE tile SET h = (SELECT h FROM tile WHERE tk = " VK(
         "whole") " << 29) WHERE tk = " VK("whole") " << 29 | 1",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | 1"},
    {"UPDATE tile SET h = substr(h, 1, 8100) WHERE tk = " VK("whole") " << 29",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29"},
    {"DELETE FROM tile WHERE tk = " VK("whole") " << 29 | 2",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | 2"},
    {"UPDATE tile SET h = zeroblob(length(h)) WHERE tk = " VK(
         "whole") " << 29 | (1 << 26)",
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | (1 << 26)"},
    {"UPDATE version SET root = randomblob(32) WHERE vk = " VK("whole"),
        P2PFS_DAMAGED_TILE, "SELECT " VK("whole") " << 29 | (1 << 26)"},
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
