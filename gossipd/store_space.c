/*
 * How much room the store has: its own limit, the disk's, and the ballast.
 *
 * A disk that is full lets SQLite neither checkpoint nor delete, and a WAL that
 * cannot be moved stays as large as it is. So files are refused while some room
 * is left; where others fill the disk all the same, the ballast is given up,
 * which lets the checkpoint finish. It is laid down again before files are
 * taken again.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gossipd/store_impl.h"

#define NAME_ROOM 4096

/* Pages that one file dirties besides its bytes: rows, indexes, a tile. */
#define FILE_OVERHEAD_BYTES ((uint64_t)4 * P2PFS_SCHEMA_PAGE_BYTES)

static uint64_t
less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Of the disk. Where it cannot be asked, the store's own limit must do. */
static uint64_t
disk_free(const struct store *s)
{
    struct statvfs fs;

    if (statvfs(s->path, &fs) != 0) {
        return UINT64_MAX;
    }
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}

void
store_set_size_max(struct store *s, uint64_t bytes)
{
    s->size_max = bytes;
}

void
store_measure(struct store *s)
{
    uint64_t size_max = s->size_max;
    uint64_t used;
    uint64_t room = UINT64_MAX;

    if (size_max > 0) {
        used = store_wal_bytes(s);
        if (p2pfs_sql_step(&s->q, Q_PAGES, NULL, 0) > 0) {
            used += (uint64_t)p2pfs_sql_int(&s->q, Q_PAGES, 0)
                * P2PFS_SCHEMA_PAGE_BYTES;
        }
        p2pfs_sql_reset(&s->q, Q_PAGES);
        room = less(size_max, used);
    }
    used = less(disk_free(s), s->free_min);
    room = used < room ? used : room;
    s->room = s->disk_full ? 0 : room;
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
ballast_name(const struct store *s, char name[NAME_ROOM])
{
    snprintf(name, NAME_ROOM, "%s-ballast", s->path);
}

static int
has_ballast(const struct store *s)
{
    char name[NAME_ROOM];
    struct stat st;

    ballast_name(s, name);
    return stat(name, &st) == 0 && (uint64_t)st.st_size >= s->ballast;
}

/* 1: it is there. Real blocks, not a hole. */
static int
lay_ballast(const struct store *s)
{
    char name[NAME_ROOM];
    int fd, rc;

    if (s->ballast == 0 || has_ballast(s)) {
        return 1;
    }
    if (less(disk_free(s), s->free_min) < s->ballast) {
        return 0;
    }
    ballast_name(s, name);
    fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        return 0;
    }
    rc = posix_fallocate(fd, 0, (off_t)s->ballast);
    (void)close(fd);
    if (rc != 0) {
        (void)unlink(name);
    }
    return rc == 0;
}

/* 1: there was some. */
static int
drop_ballast(const struct store *s)
{
    char name[NAME_ROOM];

    ballast_name(s, name);
    return unlink(name) == 0;
}

void
store_keep_space(struct store *s)
{
    if (!s->disk_full) {
        (void)lay_ballast(s);
        return;
    }
    if (store_move_wal(s) == P2PFS_STORE_FULL && drop_ballast(s)) {
        s->stats.ballast_used++;
        (void)store_move_wal(s);
    }
    if (disk_free(s) > s->free_min && lay_ballast(s)) {
        s->disk_full = 0;
    }
}
