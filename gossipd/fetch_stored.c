/*
 * gossipd/fetch_stored.c: what the store's answer means for a want.
 */

#include "gossipd/fetch_int.h"

/* What a FETCH_STORED means for the want. */
enum judgement {
    JUDGED_STORED,
    JUDGED_WRONG,      /* these bytes; another peer may have the right ones */
    JUDGED_IMPOSSIBLE, /* the record, whoever sends it */
    JUDGED_FULL,
    JUDGED_BUSY,
    JUDGED_LATER
};

static enum judgement
judge(enum p2pfs_err err)
{
    switch (err) {
    case P2PFS_OK: return JUDGED_STORED;
    case P2PFS_BAD_SET_ID:
    case P2PFS_BAD_INDEX:
    case P2PFS_BAD_SET_COUNT:
    case P2PFS_INDEX_OUT_OF_RANGE:
    case P2PFS_BODY_TOO_LARGE: return JUDGED_IMPOSSIBLE;
    case P2PFS_BAD_ROOT:
    case P2PFS_BAD_HASH:
    case P2PFS_BAD_JSON:
    case P2PFS_BAD_FIELD:
    case P2PFS_BAD_HEX:
    case P2PFS_BAD_REQUEST:
    case P2PFS_NOT_IN_ROOT:
    case P2PFS_FILE_DAMAGED:
    case P2PFS_BAD_FRAME:
    case P2PFS_NOT_VERIFIED: return JUDGED_WRONG;
    case P2PFS_STORE_FULL: return JUDGED_FULL;
    case P2PFS_STORE_UNAVAILABLE:
    case P2PFS_STORE_BUSY:
    case P2PFS_OUTCOME_UNKNOWN:
    case P2PFS_CANCELLED: return JUDGED_BUSY;
    case P2PFS_FILE_CONFLICT:
    case P2PFS_SET_COUNT_CONFLICT:
    case P2PFS_SET_EXISTS:
    case P2PFS_SET_INCOMPLETE:
    case P2PFS_SET_NOT_FOUND:
    case P2PFS_VERSION_NOT_FOUND:
    case P2PFS_FILE_NOT_FOUND:
    case P2PFS_ROUTE_NOT_FOUND:
    case P2PFS_METHOD_NOT_ALLOWED:
    case P2PFS_UNSUPPORTED_MEDIA_TYPE:
    case P2PFS_INTERNAL:
    case P2PFS_NO_MEMORY:
    case P2PFS_LIMIT:
    case P2PFS_IO:
    case P2PFS_STORE_ERROR:
    case P2PFS_STORE_SCHEMA:
    case P2PFS_USAGE:
    case P2PFS_NETWORK:
    case P2PFS_BAD_REPLY:
    case P2PFS_NO_RECORD:
    case P2PFS_ROOT_CHANGED:
    case P2PFS_ERR_COUNT: break;
    }
    return JUDGED_LATER;
}

/* What was under way when the store became full does not lengthen the pause. */
static void
pause_all(struct fetch *f, struct want *w, uint64_t now)
{
    if (!f->full || now >= f->full_until) {
        f->full = 1;
        f->full_tries++;
        f->full_until = now + fetch_backoff(f, f->full_tries);
    }
    if (w->n_from == 0) {
        want_drop(f, w);
        return;
    }
    pull_stop(f, w);
    want_queue(f, w);
}

static void
blame_bytes(struct fetch *f, struct want *w, const char *reason)
{
    if (w->peer != NULL) {
        fetch_blame(f, w->peer, reason);
    }
}

void
stored_answer(struct fetch *f, const struct fetch_event *e, uint64_t now)
{
    struct want *w = want_of_number(f, e->tag);

    if (w == NULL || w->state != WANT_STORING || w->tag != e->tag) {
        return;
    }
    switch (judge(e->err)) {
    case JUDGED_STORED:
        f->full = 0;
        f->full_tries = 0;
        f->stats.stored++;
        want_end(f, w);
        break;
    case JUDGED_IMPOSSIBLE:
        blame_bytes(f, w, "sent an impossible record");
        f->stats.refused++;
        want_end(f, w);
        break;
    case JUDGED_WRONG:
        blame_bytes(f, w, "sent wrong bytes");
        want_next(f, w, now);
        break;
    case JUDGED_FULL: pause_all(f, w, now); break;
    case JUDGED_BUSY: want_rest(f, w, f->params.retry_ms, now); break;
    case JUDGED_LATER: want_round(f, w, now); break;
    }
}
