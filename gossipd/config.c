/*
 * gossipd/config.c: the configuration, from a file, the environment and flags.
 *
 * One table has every name; a source (file, environment, flag) is a rank, and
 * a value is taken where its rank is not below the one that is there.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gossipd/config_int.h"

#define FILE_MAX_BYTES (256 * 1024)
#define VALUE_MAX_BYTES 4096

enum rank { RANK_NONE, RANK_FILE, RANK_ENV, RANK_FLAG };

/* Where a value comes from, for ranks and error texts. */
struct source {
    enum rank rank;
    const char *name; /* of the file; NULL otherwise */
    unsigned line;
};

struct reading {
    struct config *c;
    enum rank have[CONFIG_NAMES_MAX];
    char *detail;
};

static enum p2pfs_err
fail(struct reading *r, const struct source *s, const char *fmt, ...)
{
    va_list ap;
    size_t n;

    n = 0;
    if (s != NULL && s->name != NULL) {
        n = (size_t)snprintf(r->detail, CONFIG_DETAIL_ROOM, "%s:%u: ", s->name,
            s->line);
    }
    if (n < CONFIG_DETAIL_ROOM) {
        va_start(ap, fmt);
        (void)vsnprintf(r->detail + n, CONFIG_DETAIL_ROOM - n, fmt, ap);
        va_end(ap);
    }
    return P2PFS_USAGE;
}

static enum p2pfs_err
take(struct reading *r, const struct source *s, size_t i, const char *text)
{
    const char *name, *value, *help;
    enum p2pfs_err err;

    name = config_name(i, &value, &help);
    if (r->have[i] > s->rank) {
        return P2PFS_OK;
    }
    if (config_is_list(i)) {
        if (r->have[i] < s->rank) {
            config_clear_list(r->c, i);
        }
    } else if (r->have[i] == s->rank) {
        return fail(r, s, "\"%s\" is set twice", name);
    }
    r->have[i] = s->rank;

    err = config_set(r->c, i, text);
    if (err == P2PFS_LIMIT) {
        return fail(r, s, "too many values for \"%s\"", name);
    }
    if (err == P2PFS_NO_MEMORY) {
        return fail(r, s, "out of memory");
    }
    if (err != P2PFS_OK) {
        return fail(r, s, "bad value \"%.100s\" for \"%s\", it takes %s", text,
            name, value);
    }
    return P2PFS_OK;
}

/* The file. */

struct scanner {
    const char *p;
    const char *end;
    unsigned line;
};

static void
skip_blanks(struct scanner *sc)
{
    while (sc->p < sc->end) {
        if (*sc->p == '#') {
            while (sc->p < sc->end && *sc->p != '\n') {
                sc->p++;
            }
        } else if (isspace((unsigned char)*sc->p)) {
            sc->line += *sc->p == '\n';
            sc->p++;
        } else {
            return;
        }
    }
}

/* A bare or quoted word; 0 where there is none or it does not end. */
static int
scan_word(struct scanner *sc, char out[VALUE_MAX_BYTES])
{
    size_t n;
    int quoted;

    quoted = sc->p < sc->end && *sc->p == '"';
    sc->p += quoted;
    n = 0;
    while (sc->p < sc->end && n < VALUE_MAX_BYTES - 1) {
        if (quoted ? *sc->p == '"'
                   : isspace((unsigned char)*sc->p) || strchr(";#\"", *sc->p)) {
            break;
        }
        if (*sc->p == '\0' || *sc->p == '\n') {
            return 0;
        }
        out[n++] = *sc->p++;
    }
    out[n] = '\0';
    if (quoted) {
        if (sc->p == sc->end || *sc->p != '"') {
            return 0;
        }
        sc->p++;
        return 1;
    }
    return n > 0;
}

static enum p2pfs_err
read_statement(struct reading *r, struct scanner *sc, struct source *s)
{
    char name[VALUE_MAX_BYTES], value[VALUE_MAX_BYTES];
    size_t i;

    s->line = sc->line;
    if (!scan_word(sc, name)) {
        return fail(r, s, "expected a name");
    }
    i = config_find(name, strlen(name));
    if (i >= CONFIG_NAMES_MAX) {
        return fail(r, s, "unknown name \"%.100s\"", name);
    }
    skip_blanks(sc);
    if (!scan_word(sc, value)) {
        return fail(r, s, "expected a value for \"%s\"", name);
    }
    skip_blanks(sc);
    if (sc->p == sc->end || *sc->p != ';') {
        return fail(r, s, "expected ; behind the value of \"%s\"", name);
    }
    sc->p++;
    return take(r, s, i, value);
}

static enum p2pfs_err
read_file(struct reading *r, const char *path)
{
    static const size_t room = FILE_MAX_BYTES;
    struct source s = {RANK_FILE, path, 0};
    struct scanner sc;
    enum p2pfs_err err;
    FILE *f;
    char *text;
    size_t n;

    text = NULL;
    err = P2PFS_OK;
    f = fopen(path, "re");
    if (f == NULL) {
        return fail(r, NULL, "cannot open \"%s\": %s", path, strerror(errno));
    }
    text = malloc(room);
    n = text == NULL ? 0 : fread(text, 1, room, f);
    if (text == NULL || ferror(f) || n == room) {
        err = fail(r, NULL, "cannot read \"%s\"", path);
        goto done;
    }

    sc.p = text;
    sc.end = text + n;
    sc.line = 1;
    for (skip_blanks(&sc); err == P2PFS_OK && sc.p < sc.end; skip_blanks(&sc)) {
        err = read_statement(r, &sc, &s);
    }

done:
    free(text);
    (void)fclose(f);
    return err;
}

/* The environment. */

static enum p2pfs_err
read_list(struct reading *r, const struct source *s, size_t i, const char *text)
{
    char word[VALUE_MAX_BYTES];
    enum p2pfs_err err;
    size_t n;

    err = P2PFS_OK;
    while (err == P2PFS_OK && *text != '\0') {
        text += strspn(text, ", \t");
        n = strcspn(text, ", \t");
        if (n == 0) {
            break;
        }
        if (n >= sizeof(word)) {
            return fail(r, s, "a value \"%.40s..\" is too long", text);
        }
        memcpy(word, text, n);
        word[n] = '\0';
        err = take(r, s, i, word);
        text += n;
    }
    return err;
}

static const char *
find_env(char *const env[], const char *option_name)
{
    static const char prefix[] = "P2PFS_";
    const char *p;
    size_t i, j;

    for (i = 0; env != NULL && env[i] != NULL; i++) {
        if (strncmp(env[i], prefix, sizeof(prefix) - 1) != 0) {
            continue;
        }
        p = env[i] + sizeof(prefix) - 1;
        for (j = 0; option_name[j] != '\0'; j++) {
            if (p[j] != toupper((unsigned char)option_name[j])) {
                break;
            }
        }
        if (option_name[j] == '\0' && p[j] == '=') {
            return p + j + 1;
        }
    }
    return NULL;
}

static enum p2pfs_err
read_env(struct reading *r, char *const env[])
{
    static const struct source s = {RANK_ENV, NULL, 0};
    enum p2pfs_err err;
    const char *text, *value, *help;
    size_t i;

    for (i = 0; config_name(i, &value, &help) != NULL; i++) {
        text = find_env(env, config_name(i, &value, &help));
        if (text == NULL) {
            continue;
        }
        err = config_is_list(i) ? read_list(r, &s, i, text)
                                : take(r, &s, i, text);
        if (err != P2PFS_OK) {
            return err;
        }
    }
    return P2PFS_OK;
}

/* Flags. */

struct args {
    int argc;
    char *const *argv;
    int next;
};

static const char *
next_arg(struct args *a)
{
    return a->next < a->argc ? a->argv[a->next++] : NULL;
}

static enum p2pfs_err
read_option_flag(struct reading *r, struct args *a, const char *arg)
{
    static const struct source s = {RANK_FLAG, NULL, 0};
    const char *name, *eq, *value;
    size_t i, len;

    name = arg + 2;
    eq = strchr(name, '=');
    len = eq == NULL ? strlen(name) : (size_t)(eq - name);
    i = config_find(name, len);
    if (i >= CONFIG_NAMES_MAX) {
        return fail(r, NULL, "unknown flag \"%.100s\", try --help", arg);
    }
    value = eq == NULL ? next_arg(a) : eq + 1;
    if (value == NULL) {
        return fail(r, NULL, "flag \"%s\" wants a value", arg);
    }
    return take(r, &s, i, value);
}

/* 1: taken, 0: not one of these, -1: a value is missing. */
static int
read_action_flag(struct config_call *call, struct args *a, const char *arg)
{
    if (strcmp(arg, "-t") == 0) {
        call->action = CONFIG_TEST;
    } else if (strcmp(arg, "-h") == 0 || strcmp(arg, "--help") == 0) {
        call->action = CONFIG_HELP;
    } else if (strcmp(arg, "-v") == 0 || strcmp(arg, "--version") == 0) {
        call->action = CONFIG_VERSION;
    } else if (strcmp(arg, "--node-id") == 0) {
        call->action = CONFIG_NODE_ID;
    } else if (strcmp(arg, "--make-network-key") == 0) {
        call->action = CONFIG_MAKE_NETWORK_KEY;
        call->target = next_arg(a);
        return call->target == NULL ? -1 : 1;
    } else if (strcmp(arg, "--check-store") == 0) {
        call->action = CONFIG_CHECK_STORE;
    } else if (strcmp(arg, "--backup") == 0) {
        call->action = CONFIG_BACKUP;
        call->target = next_arg(a);
        return call->target == NULL ? -1 : 1;
    } else if (strcmp(arg, "-c") == 0) {
        call->file = next_arg(a);
        return call->file == NULL ? -1 : 1;
    } else {
        return 0;
    }
    return 1;
}

static enum p2pfs_err
read_flags(struct reading *r, struct config_call *call, int argc,
    char *const argv[])
{
    struct args a = {argc, argv, 1};
    enum p2pfs_err err;
    const char *arg;
    int rc;

    for (arg = next_arg(&a); arg != NULL; arg = next_arg(&a)) {
        rc = read_action_flag(call, &a, arg);
        if (rc == -1) {
            return fail(r, NULL, "flag \"%s\" wants a value", arg);
        }
        if (rc == 1) {
            continue;
        }
        if (strncmp(arg, "--", 2) != 0) {
            return fail(r, NULL, "unexpected \"%.100s\", try --help", arg);
        }
        err = read_option_flag(r, &a, arg);
        if (err != P2PFS_OK) {
            return err;
        }
    }
    return P2PFS_OK;
}

static enum p2pfs_err
check_whole(struct reading *r)
{
    const char *words;

    if (strlen(r->c->socket) > 107) {
        return fail(r, NULL, "the path of \"socket\" is longer than 107 bytes");
    }
    if (r->c->open_network != NULL && r->c->store_max == 0) {
        return fail(r, NULL, "\"open_network\" needs \"store_max\"");
    }
    words = mesh_params_check(&r->c->mesh);
    if (words != NULL) {
        return fail(r, NULL, "%s", words);
    }
    return P2PFS_OK;
}

enum p2pfs_err
config_read(struct config *c, struct config_call *call, int argc,
    char *const argv[], char *const env[], char detail[CONFIG_DETAIL_ROOM])
{
    struct reading r;
    enum p2pfs_err err;

    memset(c, 0, sizeof(*c));
    memset(call, 0, sizeof(*call));
    memset(&r, 0, sizeof(r));
    detail[0] = '\0';
    r.c = c;
    r.detail = detail;
    config_numbers(c);

    err = read_flags(&r, call, argc, argv);
    if (err == P2PFS_OK) {
        err = read_env(&r, env);
    }
    if (err == P2PFS_OK && call->file != NULL) {
        err = read_file(&r, call->file);
    }
    if (err == P2PFS_OK) {
        err = config_fill(c);
    }
    if (err == P2PFS_OK) {
        err = check_whole(&r);
    }
    return err;
}
