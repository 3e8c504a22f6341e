/*
 * client/answer.h: the JSON that servers answer with, read strictly.
 *
 * An answer is one JSON object and nothing behind it; the members that are
 * needed are there once, by their exact names, and have their types; hex has
 * exactly its length. Anything else is BAD_REPLY. What is read here is still
 * only what a server says: verifying is the caller's work.
 */

#ifndef P2PFS_CLIENT_ANSWER_H
#define P2PFS_CLIENT_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/merkle.h"

/* GET of a file. root, setCount and hash are not read: they are known. */
struct client_answer_file {
    uint8_t *content; /* never NULL on success */
    size_t len;
    uint64_t index;
    struct p2pfs_proof proof;
};

/* BAD_REPLY also where content is above content_max or the proof is longer
 * than any can be. `out` is safe to _fini in every case. */
enum p2pfs_err client_answer_file(struct client_answer_file *out,
    const char *body, size_t len, size_t content_max) P2PFS_MUST_CHECK;
void client_answer_file_fini(struct client_answer_file *f);

/* POST: {"success":true,"hash":"<64 hex>"}. */
enum p2pfs_err client_answer_stored(const char *body, size_t len,
    struct p2pfs_hash *hash) P2PFS_MUST_CHECK;

/* GET sets/{id}: the version with `root`, or without one the version served. */
struct client_answer_set {
    uint64_t count;
    uint64_t received;
    int complete;
    int has_root;
    struct p2pfs_hash root;
};

/* VERSION_NOT_FOUND: no version of this root is listed. */
enum p2pfs_err client_answer_set(struct client_answer_set *out,
    const char *body, size_t len, const struct p2pfs_hash *root)
    P2PFS_MUST_CHECK;

/*
 * What an answer that is not 2xx says. The error is the row of the problem's
 * `code` if that row has this very status, else by the status alone. detail:
 * the problem's words and what it names, printable ASCII, "" where none.
 */
#define CLIENT_PROBLEM_DETAIL_MAX 400
struct client_problem {
    enum p2pfs_err err;
    char detail[CLIENT_PROBLEM_DETAIL_MAX];
};

void client_answer_problem(struct client_problem *out, long status,
    const char *body, size_t len);

#endif
