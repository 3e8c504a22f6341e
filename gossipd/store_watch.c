/*
 * Are the files that the store has open still those that stand at its path?
 * Asked by name and number alone: to open and close one of them by hand would
 * drop the locks that SQLite holds on it in this process.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gossipd/store_impl.h"

#define NAME_ROOM 4096

static const char *const suffixes[STORE_FILES] = {"", "-wal", "-shm"};

static int
identify(const struct store *s, unsigned i, struct stat *st)
{
    char name[NAME_ROOM];

    snprintf(name, sizeof(name), "%s%s", s->path, suffixes[i]);
    return stat(name, st);
}

static int
is_same(const struct store_file_id *id, const struct stat *st)
{
    return id->dev == st->st_dev && id->ino == st->st_ino;
}

enum p2pfs_err
store_remember_files(struct store *s)
{
    struct stat st;
    unsigned i;

    for (i = 0; i < STORE_FILES; i++) {
        if (identify(s, i, &st) != 0) {
            return store_lost(s, "is gone", i);
        }
        s->files[i].dev = st.st_dev;
        s->files[i].ino = st.st_ino;
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_lost(struct store *s, const char *what, unsigned i)
{
    s->lost = 1;
    snprintf(s->detail, sizeof(s->detail), "database \"%s%s\" %s", s->path,
        suffixes[i], what);
    return P2PFS_STORE_UNAVAILABLE;
}

static enum p2pfs_err
check_file(struct store *s, unsigned i)
{
    struct stat st;

    if (identify(s, i, &st) != 0) {
        return store_lost(s, "is gone", i);
    }
    if (!is_same(&s->files[i], &st)) {
        return store_lost(s, "was replaced", i);
    }
    return P2PFS_OK;
}

enum p2pfs_err
store_check_place(struct store *s)
{
    if (s->lost) {
        return P2PFS_STORE_UNAVAILABLE;
    }
    return check_file(s, 0);
}

enum p2pfs_err
store_health(struct store *s)
{
    enum p2pfs_err err = P2PFS_OK;
    unsigned i;

    if (s->disk_failed) {
        return P2PFS_STORE_ERROR;
    }
    if (s->lost) {
        return P2PFS_STORE_UNAVAILABLE;
    }
    for (i = 0; i < STORE_FILES && err == P2PFS_OK; i++) {
        err = check_file(s, i);
    }
    return err;
}

/*
 * The next database at this path must not meet the WAL of this one, nor its
 * -shm, which workers still have mapped. Only where the WAL was emptied before:
 * it may be this very database that comes back.
 */
void
store_clear_place(const struct store *s)
{
    struct stat st;
    char name[NAME_ROOM];
    unsigned i;

    if (!s->lost || identify(s, 1, &st) != 0 || !is_same(&s->files[1], &st)
        || st.st_size > 0) {
        return;
    }
    for (i = 1; i < STORE_FILES; i++) {
        if (identify(s, i, &st) == 0 && is_same(&s->files[i], &st)) {
            snprintf(name, sizeof(name), "%s%s", s->path, suffixes[i]);
            (void)unlink(name);
        }
    }
}
