/* When the WAL moves into the database, and what that costs. */

#include <stdio.h>
#include <sys/stat.h>

#include "gossipd/store_impl.h"
#include "gossipd/thread.h"

/* Frames of the WAL: one checkpoint for each STEP of growth. PASSIVE waits for
 * nobody, but cannot start the file anew while readers come and go; from WAIT
 * on a few milliseconds are spent on that. Measured in docs/store.md. */
#define STEP_FRAMES 1000
#define WAIT_FRAMES 2000
#define WAIT_MS 20
#define STOP_WAIT_MS 500
#define BUSY_MS 2000

int
store_on_wal(void *ctx, sqlite3 *db, const char *name, int frames)
{
    struct store *s = ctx;

    (void)db;
    (void)name;
    if (frames < s->wal_frames) {
        s->wal_moved = 0; /* started anew */
    }
    s->wal_frames = frames;
    return SQLITE_OK;
}

uint64_t
store_wal_bytes(const struct store *s)
{
    char name[4096];
    struct stat st;

    snprintf(name, sizeof(name), "%s-wal", s->path);
    return stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void
count(struct store *s, int mode, uint64_t us)
{
    struct store_stats *t = &s->stats;

    t->checkpoints++;
    if (mode != SQLITE_CHECKPOINT_PASSIVE) {
        t->checkpoint_waits++;
    }
    t->checkpoint_us += us;
    if (us > t->checkpoint_max_us) {
        t->checkpoint_max_us = us;
    }
}

static enum p2pfs_err
checkpoint(struct store *s, int mode, int wait_ms)
{
    uint64_t begin = thread_now_us();
    enum p2pfs_err err = P2PFS_OK;
    int rc;

    if (s->wal_frames > 0) {
        store_note_wal(s);
    }
    s->wal_moved = s->wal_frames;
    sqlite3_busy_timeout(s->db, wait_ms);
    rc = sqlite3_wal_checkpoint_v2(s->db, NULL, mode, NULL, NULL);
    if (rc != SQLITE_OK) {
        err = p2pfs_sql_map(rc);
        if (err != P2PFS_STORE_BUSY) {
            err = store_fail(s, "move the WAL into the database", err);
        }
    } else if (mode != SQLITE_CHECKPOINT_PASSIVE) {
        s->wal_frames = 0;
        s->wal_moved = 0;
    }
    sqlite3_busy_timeout(s->db, BUSY_MS);
    count(s, mode, thread_now_us() - begin);
    return err;
}

void
store_note_wal(struct store *s)
{
    uint64_t bytes = store_wal_bytes(s);

    s->stats.wal_bytes = bytes;
    if (bytes > s->stats.wal_max_bytes) {
        s->stats.wal_max_bytes = bytes;
    }
}

enum p2pfs_err
store_move_wal(struct store *s)
{
    return checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE, STOP_WAIT_MS);
}

void
store_checkpoint(struct store *s, enum store_checkpoint_when when)
{
    if (s->disk_failed) {
        return; /* what is in the WAL is not to be trusted to be on disk */
    }
    switch (when) {
    case STORE_CHECKPOINT_COMMIT:
        if (s->wal_frames - s->wal_moved < STEP_FRAMES) {
            return;
        }
        if (s->wal_frames > WAIT_FRAMES) {
            (void)checkpoint(s, SQLITE_CHECKPOINT_RESTART, WAIT_MS);
        } else {
            (void)checkpoint(s, SQLITE_CHECKPOINT_PASSIVE, 0);
        }
        return;
    case STORE_CHECKPOINT_IDLE:
        if (s->wal_frames > 0) {
            (void)checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE, WAIT_MS);
        }
        return;
    case STORE_CHECKPOINT_STOP: (void)store_move_wal(s); return;
    }
}
