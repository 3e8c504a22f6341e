/*
 * client/cli/files.c: the files that a put is made of.
 */

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cli/cli.h"
#include "core/merkle.h"

static int
append(struct cli_files *f, const char *path)
{
    if (f->n == P2PFS_SET_COUNT_MAX) {
        return cli_error(0, "a set has at most %u files", P2PFS_SET_COUNT_MAX);
    }
    if (f->n == f->cap) {
        size_t cap = f->cap > 0 ? 2 * f->cap : 64;
        char **p = reallocarray(f->path, cap, sizeof(*p));

        if (p == NULL) {
            return cli_error(0, "out of memory");
        }
        f->path = p;
        f->cap = cap;
    }
    f->path[f->n] = strdup(path);
    if (f->path[f->n] == NULL) {
        return cli_error(0, "out of memory");
    }
    f->n++;
    return 1;
}

static int
take_entry(struct cli_files *f, const FTSENT *e)
{
    switch (e->fts_info) {
    case FTS_D:
    case FTS_DP: return 1;
    case FTS_F: return append(f, e->fts_path);
    case FTS_DC:
        return cli_error(0, "\"%s\" leads back to a directory above it",
            e->fts_path);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return cli_error(0, "cannot read \"%s\": %s", e->fts_path,
            strerror(e->fts_errno));
    case FTS_SLNONE:
        return cli_error(0, "\"%s\" is a symbolic link to nothing",
            e->fts_path);
    default: return cli_error(0, "\"%s\" is not a regular file", e->fts_path);
    }
}

static int
walk(struct cli_files *f, char *path)
{
    char *const roots[] = {path, NULL};
    const FTSENT *e;
    int ok = 1;
    FTS *fts;

    fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (fts == NULL) {
        return cli_error(0, "cannot read \"%s\": %s", path, strerror(errno));
    }
    errno = 0;
    for (e = fts_read(fts); ok && e != NULL; e = fts_read(fts)) {
        ok = take_entry(f, e);
    }
    if (ok && errno != 0) {
        ok = cli_error(0, "cannot read \"%s\": %s", path, strerror(errno));
    }
    (void)fts_close(fts);
    return ok;
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int
cli_files_add(struct cli_files *f, const char *path)
{
    size_t first = f->n;
    struct stat st;
    char *copy;
    int ok;

    if (stat(path, &st) != 0) {
        return cli_error(0, "cannot read \"%s\": %s", path, strerror(errno));
    }
    if (S_ISREG(st.st_mode)) {
        return append(f, path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return cli_error(0, "\"%s\" is neither a regular file nor a directory",
            path);
    }
    copy = strdup(path);
    if (copy == NULL) {
        return cli_error(0, "out of memory");
    }
    ok = walk(f, copy);
    free(copy);
    if (ok && f->n > first) {
        qsort(f->path + first, f->n - first, sizeof(*f->path), compare);
    }
    return ok;
}

void
cli_files_fini(struct cli_files *f)
{
    size_t i;

    for (i = 0; i < f->n; i++) {
        free(f->path[i]);
    }
    free(f->path);
    memset(f, 0, sizeof(*f));
}
