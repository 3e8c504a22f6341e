/* How full the store is, and when the WAL moves into the database. */

#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "gossipd/store_impl.h"

/* On a full disk SQLite can neither checkpoint nor delete: never get there. */
#define RESERVE_BYTES ((uint64_t)64 * 1024 * 1024)

/* Pages that one file dirties besides its bytes: rows, indexes, a tile. */
#define FILE_OVERHEAD_BYTES ((uint64_t)4 * P2PFS_SCHEMA_PAGE_BYTES)

/* Frames of the WAL: one checkpoint for each STEP of growth. PASSIVE waits for
 * nobody, but cannot start the file anew while readers come and go; from WAIT
 * on a few milliseconds are spent on that. */
#define STEP_FRAMES 1000
#define WAIT_FRAMES 4000
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

static uint64_t
wal_bytes(const struct store *s)
{
    char name[4096];
    struct stat st;

    snprintf(name, sizeof(name), "%s-wal", s->path);
    return stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint64_t
less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

void
store_measure(struct store *s)
{
    uint64_t used;
    uint64_t room = UINT64_MAX;
    struct statvfs fs;

    if (s->size_max > 0) {
        used = wal_bytes(s);
        if (p2pfs_sql_step(&s->q, Q_PAGES, NULL, 0) > 0) {
            used += (uint64_t)p2pfs_sql_int(&s->q, Q_PAGES, 0)
                * P2PFS_SCHEMA_PAGE_BYTES;
        }
        p2pfs_sql_reset(&s->q, Q_PAGES);
        room = less(s->size_max, used);
    }
    if (statvfs(s->path, &fs) == 0) {
        used = less((uint64_t)fs.f_bavail * fs.f_frsize, RESERVE_BYTES);
        room = used < room ? used : room;
    }
    s->room = room;
}

int
store_take_room(struct store *s, uint64_t bytes)
{
    uint64_t need = bytes + FILE_OVERHEAD_BYTES;

    if (s->room < need) {
        return 0;
    }
    s->room -= need;
    return 1;
}

static void
checkpoint(struct store *s, int mode, int wait_ms)
{
    s->wal_moved = s->wal_frames;
    sqlite3_busy_timeout(s->db, wait_ms);
    if (sqlite3_wal_checkpoint_v2(s->db, NULL, mode, NULL, NULL) == SQLITE_OK
        && mode != SQLITE_CHECKPOINT_PASSIVE) {
        s->wal_frames = 0;
        s->wal_moved = 0;
    }
    sqlite3_busy_timeout(s->db, BUSY_MS);
}

void
store_checkpoint(struct store *s, enum store_checkpoint_when when)
{
    switch (when) {
    case STORE_CHECKPOINT_COMMIT:
        if (s->wal_frames - s->wal_moved < STEP_FRAMES) {
            return;
        }
        if (s->wal_frames > WAIT_FRAMES) {
            checkpoint(s, SQLITE_CHECKPOINT_RESTART, WAIT_MS);
        } else {
            checkpoint(s, SQLITE_CHECKPOINT_PASSIVE, 0);
        }
        return;
    case STORE_CHECKPOINT_IDLE:
        if (s->wal_frames > 0) {
            checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE, WAIT_MS);
        }
        return;
    case STORE_CHECKPOINT_STOP:
        checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE, STOP_WAIT_MS);
        return;
    }
}
