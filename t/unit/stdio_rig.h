/*
 * t/unit/stdio_rig.h: what a function prints, instead of the test's own output.
 * For test_check.c and test_backup.c.
 */

#ifndef P2PFS_T_STDIO_RIG_H
#define P2PFS_T_STDIO_RIG_H

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define PRINTED_MAX 65536

struct printed {
    int saved[2];
    FILE *file[2]; /* stdout, stderr */
    char out[PRINTED_MAX];
    char err[PRINTED_MAX];
};

static inline void
print_begin(struct printed *p)
{
    int i;

    (void)fflush(stdout);
    (void)fflush(stderr);
    for (i = 0; i < 2; i++) {
        p->saved[i] = dup(1 + i);
        p->file[i] = tmpfile();
        assert_true(p->saved[i] >= 0 && p->file[i] != NULL);
        assert_true(dup2(fileno(p->file[i]), 1 + i) >= 0);
    }
}

/* Nothing may be asserted before it: it gives the output back. */
static inline void
print_end(struct printed *p)
{
    char *text[2] = {p->out, p->err};
    size_t n;
    int i;

    (void)fflush(stdout);
    (void)fflush(stderr);
    for (i = 0; i < 2; i++) {
        (void)dup2(p->saved[i], 1 + i);
        (void)close(p->saved[i]);
        rewind(p->file[i]);
        n = fread(text[i], 1, PRINTED_MAX - 1, p->file[i]);
        text[i][n] = '\0';
        (void)fclose(p->file[i]);
    }
}

#endif
