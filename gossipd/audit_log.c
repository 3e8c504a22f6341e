/* The log against what it names, and which version each label serves. */

#include "gossipd/audit_impl.h"

/* 1, 0, or -1 for an error. */
static int
has_file(struct audit *a, int64_t k, int64_t ak)
{
    int got;

    if (ak == 0) {
        got = P2PFS_SQL_STEP(&a->q, Q_HAS_CONTENT, k);
        p2pfs_sql_reset(&a->q, Q_HAS_CONTENT);
    } else {
        got = P2PFS_SQL_STEP(&a->q, Q_HAS_ALT, ak, k);
        p2pfs_sql_reset(&a->q, Q_HAS_ALT);
    }
    return got;
}

/* A rooted file, or a version where ak is -1. 1, 0, -1. */
static int
has_version(struct audit *a, int64_t vk, uint32_t index, int64_t ak)
{
    int64_t gk = 0;
    int got, complete = 0, draft = 0;

    got = P2PFS_SQL_STEP(&a->q, Q_VERSION_OF, vk);
    if (got > 0) {
        gk = p2pfs_sql_int(&a->q, Q_VERSION_OF, 0);
        complete = p2pfs_sql_int(&a->q, Q_VERSION_OF, 1) == 1;
        draft = p2pfs_sql_int(&a->q, Q_VERSION_OF, 2) != 0;
    }
    p2pfs_sql_reset(&a->q, Q_VERSION_OF);
    if (got <= 0 || draft) {
        return got < 0 ? -1 : 0;
    }
    if (ak < 0) {
        return complete;
    }
    return has_file(a, p2pfs_schema_key(gk, index), ak);
}

/* 1: what the row of the log names is here. */
static int
is_here(struct audit *a)
{
    int64_t first = p2pfs_sql_int(&a->q, Q_LOG, 2);
    int64_t second = p2pfs_sql_int(&a->q, Q_LOG, 3);

    switch (p2pfs_sql_int(&a->q, Q_LOG, 1)) {
    case P2PFS_LOG_FILE: return has_file(a, first, second);
    case P2PFS_LOG_ROOTED_FILE:
        return has_version(a, first >> 32, (uint32_t)first, second);
    case P2PFS_LOG_VERSION:
        a->version_records++;
        return has_version(a, first, 0, -1);
    default: return 0;
    }
}

/* All of the log was read in this and earlier transactions; it only grows. */
static enum p2pfs_err
close_log(struct audit *a)
{
    static const char cursor[] = "published";
    int64_t published = 0;
    int got;

    got = p2pfs_sql_step(&a->q, Q_COMPLETE_COUNT, NULL, 0);
    if (got <= 0) {
        return audit_fail(a, "count versions");
    }
    if ((uint64_t)p2pfs_sql_int(&a->q, Q_COMPLETE_COUNT, 0)
        != a->version_records) {
        audit_tell_plain(a, "log: not one record for each complete version");
    }
    p2pfs_sql_text(&a->q, Q_META, 1, cursor, sizeof(cursor) - 1);
    got = p2pfs_sql_step(&a->q, Q_META, NULL, 0);
    if (got < 0) {
        return audit_fail(a, "read the publish cursor");
    }
    if (got > 0) {
        published = p2pfs_sql_int(&a->q, Q_META, 0);
    }
    if (published >= a->next && published > 0) {
        audit_tell_plain(a, "log: published beyond its end");
    }
    return P2PFS_OK;
}

enum p2pfs_err
audit_log(struct audit *a, int *done)
{
    int64_t seq;
    int got, here;

    a->next = a->next == 0 ? 1 : a->next;
    *done = 1;
    got = P2PFS_SQL_STEP(&a->q, Q_LOG, a->next);
    for (; got > 0; got = p2pfs_sql_next(&a->q, Q_LOG)) {
        *done = 0;
        seq = p2pfs_sql_int(&a->q, Q_LOG, 0);
        if (seq != a->next) {
            audit_tell_plain(a, "log: numbers are missing");
        }
        here = is_here(a);
        if (here < 0) {
            return audit_fail(a, "look up a record of the log");
        }
        if (here == 0) {
            audit_tell_plain(a, "log: names what is not here");
        }
        a->totals.records++;
        audit_count_bytes(a, 5 * sizeof(int64_t));
        a->next = seq + 1;
    }
    if (got < 0) {
        return audit_fail(a, "read the log");
    }
    return *done ? close_log(a) : P2PFS_OK;
}

enum p2pfs_err
audit_labels(struct audit *a, int *done)
{
    int got;

    *done = 1;
    got = P2PFS_SQL_STEP(&a->q, Q_LABELS, a->next);
    for (; got > 0; got = p2pfs_sql_next(&a->q, Q_LABELS)) {
        *done = 0;
        if (p2pfs_sql_int(&a->q, Q_LABELS, 2) == 0) {
            audit_tell_plain(a, "label: serves not its smallest root");
        }
        audit_count_bytes(a, 64);
        a->next = p2pfs_sql_int(&a->q, Q_LABELS, 0) + 1;
    }
    return got < 0 ? audit_fail(a, "read labels") : P2PFS_OK;
}
