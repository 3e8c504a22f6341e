/* Contents and alternatives: each body against its entry. */

#include <string.h>

#include "gossipd/audit_impl.h"

int
audit_body_is_sound(struct audit *a, enum audit_statement id)
{
    const uint8_t *entry, *body;
    struct p2pfs_hash h;
    size_t entry_len = 0, len = 0;

    entry = p2pfs_sql_bytes(&a->q, id, 1, &entry_len);
    body = p2pfs_sql_bytes(&a->q, id, 2, &len);
    audit_count_bytes(a, len + entry_len);
    if (entry == NULL || body == NULL || entry_len != sizeof(h)) {
        return 0;
    }
    p2pfs_hash_data(a->hasher, body, len, &h);
    return memcmp(h.b, entry, sizeof(h)) == 0;
}

/* Rows from a->next on, until the step has read enough. */
static enum p2pfs_err
read_rows(struct audit *a, enum audit_statement id, int key_column, int kind,
    int *done)
{
    int64_t key, k;
    int got;

    got = P2PFS_SQL_STEP(&a->q, id, a->next);
    while (got > 0 && a->step_bytes < AUDIT_STEP_BYTES) {
        k = p2pfs_sql_int(&a->q, id, 0);
        key = p2pfs_sql_int(&a->q, id, key_column);
        a->totals.files++;
        if (!audit_body_is_sound(a, id)) {
            audit_tell(a, kind, key, k >> 32, (uint32_t)k,
                "the bytes do not match their hash");
        }
        a->next = key + 1;
        got = p2pfs_sql_next(&a->q, id);
    }
    if (got < 0) {
        return audit_fail(a, "read files");
    }
    *done = got == 0;
    return P2PFS_OK;
}

enum p2pfs_err
audit_contents(struct audit *a, int *done)
{
    return read_rows(a, Q_CONTENTS, 0, P2PFS_DAMAGED_CONTENT, done);
}

enum p2pfs_err
audit_alts(struct audit *a, int *done)
{
    return read_rows(a, Q_ALTS, 3, P2PFS_DAMAGED_ALT, done);
}
