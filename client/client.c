/*
 * client/client.c: a client's life, its words about failures, its records.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "client/internal.h"
#include "client/url.h"
#include "core/name.h"

#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_WAIT_MS 10000

/* The public outcomes are the table's exit codes under a stable name. */
_Static_assert((int)P2PFS_OUTCOME_OK == P2PFS_EXIT_OK, "one table");
_Static_assert((int)P2PFS_OUTCOME_OTHER == P2PFS_EXIT_OTHER, "one table");
_Static_assert((int)P2PFS_OUTCOME_USAGE == P2PFS_EXIT_USAGE, "one table");
_Static_assert((int)P2PFS_OUTCOME_NOT_FOUND == P2PFS_EXIT_NOT_FOUND,
    "one table");
_Static_assert((int)P2PFS_OUTCOME_CONFLICT == P2PFS_EXIT_CONFLICT, "one table");
_Static_assert((int)P2PFS_OUTCOME_TEMPORARY == P2PFS_EXIT_TEMPORARY,
    "one table");
_Static_assert((int)P2PFS_OUTCOME_NOT_VERIFIED == P2PFS_EXIT_NOT_VERIFIED,
    "one table");
_Static_assert((int)P2PFS_OUTCOME_NO_SPACE == P2PFS_EXIT_NO_SPACE, "one table");
_Static_assert(P2PFS_CLIENT_HASH_BYTES == P2PFS_HASH_BYTES, "as in core");
_Static_assert(P2PFS_CLIENT_ID_MAX == P2PFS_SET_ID_MAX, "as in core");

const char *
p2pfs_client_version(void)
{
    return P2PFS_CLIENT_VERSION;
}

void
p2pfs_client_options_init(struct p2pfs_client_options *o)
{
    memset(o, 0, sizeof(*o));
    o->timeout_ms = DEFAULT_TIMEOUT_MS;
    o->wait_ms = DEFAULT_WAIT_MS;
}

enum p2pfs_outcome
client_outcome(enum p2pfs_err err)
{
    return (enum p2pfs_outcome)p2pfs_err_row(err)->exit_code;
}

void
client_note(struct p2pfs_client *c, enum p2pfs_err err, const char *fmt, ...)
{
    va_list ap;

    c->fail.err = err;
    if (fmt == NULL) {
        (void)snprintf(c->fail.text, sizeof(c->fail.text), "%s",
            p2pfs_err_row(err)->text);
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(c->fail.text, sizeof(c->fail.text), fmt, ap);
    va_end(ap);
}

int
client_is_cancelled(const struct p2pfs_client *c)
{
    return c->cancelled != NULL && c->cancelled(c->ctx);
}

uint64_t
client_random(struct p2pfs_client *c)
{
    /* splitmix64 */
    uint64_t z = c->rng += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void
tell(char *errbuf, size_t errlen, const char *url, const char *why)
{
    if (errbuf == NULL || errlen == 0) {
        return;
    }
    if (url != NULL) {
        (void)snprintf(errbuf, errlen, "server \"%s\" cannot be used: %s", url,
            why);
    } else {
        (void)snprintf(errbuf, errlen, "%s", why);
    }
}

static enum p2pfs_err
take_servers(struct p2pfs_client *c, const struct p2pfs_client_options *o,
    char *errbuf, size_t errlen)
{
    const char *why;
    size_t i;

    if (o->n_servers > P2PFS_CLIENT_SERVERS_MAX) {
        tell(errbuf, errlen, NULL, "more than 16 servers are given");
        return P2PFS_USAGE;
    }
    for (i = 0; i < o->n_servers; i++) {
        enum p2pfs_err err;

        err = client_url_parse(o->servers[i], &c->server[i], &why);
        if (err != P2PFS_OK) {
            tell(errbuf, errlen, o->servers[i], why);
            return err;
        }
        c->n_servers++;
    }
    return P2PFS_OK;
}

static enum p2pfs_err
set_up(struct p2pfs_client *c, const struct p2pfs_client_options *o)
{
    struct client_http_options ho;

    c->ctx = o->ctx;
    c->progress = o->progress;
    c->notice = o->notice;
    c->cancelled = o->cancelled;
    c->wait_ms = o->wait_ms;
    if (getrandom(&c->rng, sizeof(c->rng), GRND_NONBLOCK)
        != (ssize_t)sizeof(c->rng)) {
        c->rng = (uint64_t)time(NULL) ^ (uintptr_t)c;
    }
    if (o->store != NULL) {
        c->store_path = strdup(o->store);
        if (c->store_path == NULL) {
            return P2PFS_NO_MEMORY;
        }
    }
    ho.timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : 1;
    ho.ctx = o->ctx;
    ho.cancelled = o->cancelled;
    if (client_http_open(&c->http, &ho) != P2PFS_OK) {
        return P2PFS_NO_MEMORY;
    }
    return p2pfs_hasher_new(&c->hasher);
}

enum p2pfs_outcome
p2pfs_client_open(struct p2pfs_client **out,
    const struct p2pfs_client_options *o, char *errbuf, size_t errlen)
{
    struct p2pfs_client *c;
    enum p2pfs_err err;

    *out = NULL;
    tell(errbuf, errlen, NULL, p2pfs_err_row(P2PFS_NO_MEMORY)->text);
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return client_outcome(P2PFS_NO_MEMORY);
    }
    err = set_up(c, o);
    if (err == P2PFS_OK) {
        err = take_servers(c, o, errbuf, errlen);
    }
    if (err != P2PFS_OK) {
        p2pfs_client_close(c);
        return client_outcome(err);
    }
    tell(errbuf, errlen, NULL, "");
    *out = c;
    return P2PFS_OUTCOME_OK;
}

void
p2pfs_client_close(struct p2pfs_client *c)
{
    unsigned i;

    if (c == NULL) {
        return;
    }
    client_answer_file_fini(&c->file);
    p2pfs_hasher_free(c->hasher);
    client_http_close(c->http);
    client_store_close(c->store);
    free(c->store_path);
    for (i = 0; i < c->n_servers; i++) {
        free(c->server[i]);
    }
    free(c);
}

const char *
p2pfs_client_errmsg(const struct p2pfs_client *c)
{
    return c->fail.err == P2PFS_OK ? p2pfs_err_row(P2PFS_OK)->text
                                   : c->fail.text;
}

const char *
p2pfs_client_errcode(const struct p2pfs_client *c)
{
    return p2pfs_err_row(c->fail.err)->code;
}

const char *
p2pfs_client_server(const struct p2pfs_client *c, size_t i)
{
    return i < c->n_servers ? c->server[i] : NULL;
}

enum p2pfs_err
client_need_store(struct p2pfs_client *c, int create)
{
    enum p2pfs_err err;

    if (c->store != NULL) {
        return P2PFS_OK;
    }
    if (c->store_path == NULL) {
        return client_fail(c, P2PFS_NO_RECORD,
            "there is no file of records: give one (--store)");
    }
    err = client_store_open(&c->store, c->store_path, create);
    if (err == P2PFS_OK) {
        return P2PFS_OK;
    }
    if (err == P2PFS_STORE_SCHEMA) {
        client_note(c, err,
            "\"%s\" is not a file of records, or one of"
            " a newer version",
            c->store_path);
    } else if (err == P2PFS_NO_RECORD) {
        client_note(c, err, NULL);
    } else {
        client_note(c, err, "cannot open the records in \"%s\": %s",
            c->store_path, client_store_detail(c->store));
    }
    client_store_close(c->store);
    c->store = NULL;
    return err;
}

enum p2pfs_err
client_check_id(struct p2pfs_client *c, const char *id)
{
    enum p2pfs_err err = p2pfs_set_id_check(id, strlen(id));

    return err == P2PFS_OK ? err : client_fail(c, err, NULL);
}

static enum p2pfs_err
find(struct p2pfs_client *c, const char *id, struct p2pfs_client_record *out)
{
    enum p2pfs_err err;

    err = client_check_id(c, id);
    if (err != P2PFS_OK) {
        return err;
    }
    err = client_need_store(c, 0);
    if (err == P2PFS_OK) {
        err = client_store_find(c->store, id, out, c->store_server,
            sizeof(c->store_server));
        if (err == P2PFS_STORE_ERROR) {
            return client_fail(c, err, "cannot read the records in \"%s\": %s",
                c->store_path, client_store_detail(c->store));
        }
    }
    if (err == P2PFS_NO_RECORD) {
        return client_fail(c, err, "there is no record of set \"%s\" here", id);
    }
    return err;
}

enum p2pfs_outcome
p2pfs_client_find(struct p2pfs_client *c, const char *id,
    struct p2pfs_client_record *out)
{
    return client_outcome(find(c, id, out));
}

enum p2pfs_outcome
p2pfs_client_list(struct p2pfs_client *c,
    int (*each)(void *ctx, const struct p2pfs_client_record *r), void *ctx)
{
    enum p2pfs_err err;

    err = client_need_store(c, 0);
    if (err == P2PFS_NO_RECORD) {
        return P2PFS_OUTCOME_OK;
    }
    if (err != P2PFS_OK) {
        return client_outcome(err);
    }
    err = client_store_list(c->store, each, ctx);
    if (err == P2PFS_STORE_ERROR) {
        client_note(c, err, "cannot read the records in \"%s\": %s",
            c->store_path, client_store_detail(c->store));
    } else if (err != P2PFS_OK) {
        client_note(c, err, NULL);
    }
    return client_outcome(err);
}

enum p2pfs_err
client_resolve_trust(struct p2pfs_client *c, const char *id,
    const struct p2pfs_client_trust *trust, struct client_trust *out)
{
    struct p2pfs_client_record r;
    enum p2pfs_err err;

    out->expected = 0;
    if (trust != NULL) {
        out->in = *trust;
        err = client_check_id(c, id);
    } else {
        err = find(c, id, &r);
        if (err == P2PFS_OK) {
            memcpy(out->in.root, r.root, sizeof(out->in.root));
            out->in.count = r.count;
            out->expected = r.complete;
        }
    }
    if (err != P2PFS_OK) {
        return err;
    }
    if (out->in.count < 1 || out->in.count > P2PFS_SET_COUNT_MAX) {
        return client_fail(c, P2PFS_BAD_SET_COUNT,
            "a set has 1 to %llu files, not %llu",
            (unsigned long long)P2PFS_SET_COUNT_MAX,
            (unsigned long long)out->in.count);
    }
    return P2PFS_OK;
}
