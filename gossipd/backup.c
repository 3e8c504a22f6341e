/* gossipd --backup PATH: a checked copy, taken while others write. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "core/sql.h"
#include "gossipd/check.h"
#include "gossipd/thread.h"

#define STEP_PAGES 1024
#define BUSY_MS 5000
#define PROGRESS_US 1000000

static int
fail(const char *what, const char *name, const char *why)
{
    (void)fprintf(stderr, "gossipd: backup: %s \"%s\": %s\n", what, name, why);
    return -1;
}

static int
copy_pages(sqlite3 *from, sqlite3 *to, const char *name)
{
    uint64_t now, told = thread_now_us();
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    int rc = SQLITE_OK;

    if (b == NULL) {
        return fail("write", name, sqlite3_errmsg(to));
    }
    while (rc == SQLITE_OK || rc == SQLITE_BUSY) {
        rc = sqlite3_backup_step(b, STEP_PAGES);
        now = thread_now_us();
        if (now - told >= PROGRESS_US) {
            told = now;
            (void)fprintf(stderr, "gossipd: backup: %d of %d pages\n",
                sqlite3_backup_pagecount(b) - sqlite3_backup_remaining(b),
                sqlite3_backup_pagecount(b));
        }
    }
    rc = sqlite3_backup_finish(b);
    return rc == SQLITE_OK ? 0 : fail("write", name, sqlite3_errmsg(to));
}

/*
 * One read transaction around the whole copy: without it each foreign commit
 * would make the copy start anew. The copy leaves WAL mode, so that it is one
 * file; gossipd turns WAL on again when it opens it.
 */
static int
copy_database(const char *from_name, const char *to_name)
{
    sqlite3 *from = NULL;
    sqlite3 *to = NULL;
    char detail[512];
    int rc = -1;

    if (p2pfs_sql_open_reader(&from, from_name, detail, sizeof(detail))
        != P2PFS_OK) {
        return fail("read", from_name, detail);
    }
    sqlite3_busy_timeout(from, BUSY_MS);
    if (p2pfs_sql_exec(from, "BEGIN; SELECT count(*) FROM meta") != P2PFS_OK) {
        (void)fail("read", from_name, sqlite3_errmsg(from));
        goto done;
    }
    /* fsync comes once, at the end. */
    if (sqlite3_open_v2(to_name, &to, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK
        || p2pfs_sql_exec(to, "PRAGMA synchronous = OFF") != P2PFS_OK) {
        (void)fail("open", to_name, sqlite3_errmsg(to));
        goto done;
    }
    rc = copy_pages(from, to, to_name);
    if (rc == 0
        && p2pfs_sql_exec(to, "PRAGMA journal_mode = DELETE") != P2PFS_OK) {
        rc = fail("finish", to_name, sqlite3_errmsg(to));
    }

done:
    sqlite3_close(to);
    sqlite3_close(from);
    return rc;
}

static int
sync_path(const char *name, int flags)
{
    int fd = open(name, flags | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    if (rc != 0) {
        (void)fail("sync", name, strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

static int
sync_directory_of(const char *name)
{
    char *dir = strdup(name);
    char *slash;
    int rc;

    if (dir == NULL) {
        return fail("sync", name, "out of memory");
    }
    slash = strrchr(dir, '/');
    if (slash != NULL) {
        slash[slash == dir] = '\0';
    }
    rc = sync_path(slash == NULL ? "." : dir, O_RDONLY | O_DIRECTORY);
    free(dir);
    return rc;
}

static int
create(const char *name)
{
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0) {
        return fail("create", name, strerror(errno));
    }
    (void)close(fd);
    return 0;
}

/* link() refuses a name that exists, at the very moment of giving it. */
static int
give_name(const char *partial, const char *to)
{
    if (link(partial, to) != 0) {
        return fail("create", to, strerror(errno));
    }
    return sync_directory_of(to);
}

int
backup_store(const char *db_path, const char *to)
{
    char *partial = NULL;
    int rc = -1;

    if (access(to, F_OK) == 0) {
        (void)fail("create", to, strerror(EEXIST));
        return P2PFS_EXIT_OTHER;
    }
    if (asprintf(&partial, "%s.partial", to) == -1) {
        (void)fail("create", to, "out of memory");
        return P2PFS_EXIT_OTHER;
    }
    if (create(partial) != 0) {
        free(partial);
        return P2PFS_EXIT_OTHER;
    }
    if (copy_database(db_path, partial) == 0
        && sync_path(partial, O_RDONLY) == 0) {
        rc = check_store(partial);
        if (rc == 0) {
            rc = give_name(partial, to);
        }
    }
    (void)unlink(partial);
    free(partial);
    return rc == 0 ? 0 : P2PFS_EXIT_OTHER;
}
