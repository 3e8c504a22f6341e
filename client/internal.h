/*
 * client/internal.h: what the files of the library share: the client itself,
 * how it fails, and the calls that go through its servers.
 */

#ifndef P2PFS_CLIENT_INTERNAL_H
#define P2PFS_CLIENT_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "client/answer.h"
#include "client/http.h"
#include "client/p2pfs.h"
#include "client/store.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/merkle.h"

#define CLIENT_TEXT_MAX 1024

/* A failure with its words. */
struct client_failure {
    enum p2pfs_err err;
    char text[CLIENT_TEXT_MAX];
};

struct p2pfs_client {
    char *server[P2PFS_CLIENT_SERVERS_MAX]; /* base URLs, no slash at the end */
    unsigned n_servers;
    unsigned current; /* which one is asked first */
    char *store_path; /* NULL: no records */
    struct client_store *store;
    struct client_http *http;
    struct p2pfs_hasher *hasher;
    uint32_t wait_ms;
    uint64_t rng;
    void *ctx;
    void (*progress)(void *, enum p2pfs_client_phase, uint64_t, uint64_t);
    void (*notice)(void *, const char *);
    int (*cancelled)(void *);
    struct client_failure fail;
    struct client_answer_file file;    /* what p2pfs_client_get lends */
    char store_server[CLIENT_URL_MAX]; /* what p2pfs_client_find lends */
};

/* Notes a failure: `fmt` is the sentence; NULL: the text of the row. */
void client_note(struct p2pfs_client *c, enum p2pfs_err err, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* The same, and its value is err: a macro, so that checkers see that it is. err
 * is evaluated twice. */
#define client_fail(c, err, ...) (client_note(c, err, __VA_ARGS__), (err))

/* The end of every public function. */
enum p2pfs_outcome client_outcome(enum p2pfs_err err);

int client_is_cancelled(const struct p2pfs_client *c);

/* Uniform enough for jitter and temporary names; nothing secret. */
uint64_t client_random(struct p2pfs_client *c);

/* c->store open, or NO_RECORD where there is no file and !create. */
enum p2pfs_err client_need_store(struct p2pfs_client *c, int create)
    P2PFS_MUST_CHECK;

/* BAD_SET_ID with its words. */
enum p2pfs_err client_check_id(struct p2pfs_client *c, const char *id)
    P2PFS_MUST_CHECK;

/*
 * What a read is checked against: `trust`, or the record of the set. NO_RECORD,
 * BAD_SET_ID, BAD_SET_COUNT.
 */
struct client_trust {
    struct p2pfs_client_trust in;
    int expected; /* a record says that all of the set was stored */
};

enum p2pfs_err client_resolve_trust(struct p2pfs_client *c, const char *id,
    const struct p2pfs_client_trust *trust, struct client_trust *out)
    P2PFS_MUST_CHECK;

/* p2pfs_client_get without the check of the trust. */
enum p2pfs_err client_fetch(struct p2pfs_client *c, const char *id,
    uint64_t index, const struct client_trust *trust,
    struct p2pfs_client_file *out) P2PFS_MUST_CHECK;

/*
 * One request, whichever server answers it.
 *
 * accept judges a 2xx answer: OK ends the call; an error, noted by
 * client_fail(), sends it to the next server like an error of the server
 * itself.
 */
struct client_call {
    const char *path; /* below the base URL, no slash at the start */
    const char *body; /* NULL: GET */
    size_t body_len;
    size_t reply_max;
    int expected; /* see client_retry_class() */
    enum p2pfs_err (*accept)(struct p2pfs_client *c, const char *server,
        const struct client_reply *reply, void *ctx);
    void *ctx;
};

/* Tries the servers with waits between rounds (client/retry.h); the failure
 * noted at the end is the most telling one. */
enum p2pfs_err client_call(struct p2pfs_client *c,
    const struct client_call *call) P2PFS_MUST_CHECK;

/* Server i, once. */
enum p2pfs_err client_call_once(struct p2pfs_client *c,
    const struct client_call *call, unsigned i, uint32_t *retry_after_ms)
    P2PFS_MUST_CHECK;

#endif
