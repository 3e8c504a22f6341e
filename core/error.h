/*
 * core/error.h: the one table of errors.
 *
 * Every failure that a user can see is a row here. From the row come the enum
 * value, the stable word `code` (the same in problem+json, logs and the CLI),
 * the HTTP status, the exit code of the CLI and the text.
 *
 *     X(NAME, "code", http_status, exit_code, "text")
 *
 * http_status 0: never sent over HTTP. exit_code: see enum p2pfs_exit.
 * Values are sent between a worker and gossipd, which come from one build;
 * they are not a stable ABI elsewhere. New rows go to the end.
 */

#ifndef P2PFS_CORE_ERROR_H
#define P2PFS_CORE_ERROR_H

/* Exit codes of the command line tools. */
enum p2pfs_exit {
    P2PFS_EXIT_OK = 0,
    P2PFS_EXIT_OTHER = 1,
    P2PFS_EXIT_USAGE = 2,
    P2PFS_EXIT_NOT_FOUND = 3,
    P2PFS_EXIT_CONFLICT = 4,
    P2PFS_EXIT_TEMPORARY = 5,
    P2PFS_EXIT_NOT_VERIFIED = 6,
    P2PFS_EXIT_NO_SPACE = 7
};

/* clang-format off */
#define P2PFS_ERRORS(X)                                                       \
    X(OK, "ok", 200, 0, "no error")                                           \
    /* what a client sent: grammar */                                         \
    X(BAD_SET_ID, "bad-set-id", 400, 2,                                       \
      "set id is not 1 to 128 characters of A-Z a-z 0-9 . _ ~ -")             \
    X(BAD_INDEX, "bad-index", 400, 2,                                         \
      "index is not a canonical decimal number")                              \
    X(BAD_ROOT, "bad-root", 400, 2, "root is not 64 hex digits")              \
    X(BAD_HASH, "bad-hash", 400, 2, "hash is not 64 hex digits")              \
    X(BAD_JSON, "bad-json", 400, 2, "body is not one JSON object")            \
    X(BAD_FIELD, "bad-field", 400, 2,                                         \
      "a member of the body is missing, duplicate or mistyped")               \
    X(BAD_HEX, "bad-hex", 400, 2,                                             \
      "not an even number of hex digits behind 0x")                           \
    X(BAD_REQUEST, "bad-request", 400, 2, "request cannot be understood")     \
    /* what a client sent: meaning */                                         \
    X(BAD_SET_COUNT, "bad-set-count", 422, 2,                                 \
      "setCount is below 1 or above the network's limit")                     \
    X(INDEX_OUT_OF_RANGE, "index-out-of-range", 422, 2,                       \
      "index is not below setCount")                                          \
    X(NOT_IN_ROOT, "not-in-root", 422, 6, "proof does not match the root")    \
    /* conflicts */                                                           \
    X(FILE_CONFLICT, "file-conflict", 409, 4,                                 \
      "other bytes are stored at this index")                                 \
    X(SET_COUNT_CONFLICT, "set-count-conflict", 409, 4,                       \
      "the set exists with another setCount")                                 \
    X(SET_EXISTS, "set-exists", 409, 4,                                       \
      "the set is complete with another root")                                \
    X(SET_INCOMPLETE, "set-incomplete", 409, 5,                               \
      "the set is not complete yet")                                          \
    /* not here */                                                            \
    X(SET_NOT_FOUND, "set-not-found", 404, 3, "set is not known here")        \
    X(VERSION_NOT_FOUND, "version-not-found", 404, 3,                         \
      "the set has no such root or hash here")                                \
    X(FILE_NOT_FOUND, "file-not-found", 404, 3,                               \
      "index is not below the set's setCount")                                \
    X(ROUTE_NOT_FOUND, "not-found", 404, 3, "no such route")                  \
    /* HTTP */                                                                \
    X(METHOD_NOT_ALLOWED, "method-not-allowed", 405, 2,                       \
      "method is not allowed on this route")                                  \
    X(BODY_TOO_LARGE, "body-too-large", 413, 2,                               \
      "body or file is larger than allowed")                                  \
    X(UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", 415, 2,               \
      "body must be application/json")                                        \
    /* the server's side */                                                   \
    X(INTERNAL, "internal", 500, 1, "internal error")                         \
    X(STORE_UNAVAILABLE, "store-unavailable", 503, 5,                         \
      "the store cannot take the request now; it was not stored")             \
    X(STORE_BUSY, "store-unavailable", 503, 5,                                \
      "the database is busy for a moment")                                    \
    X(OUTCOME_UNKNOWN, "outcome-unknown", 503, 5,                             \
      "no answer from the store; the file may be stored, send it again")      \
    X(FILE_DAMAGED, "file-damaged", 503, 5,                                   \
      "the stored bytes do not match their hash")                             \
    X(STORE_FULL, "store-full", 507, 7, "the store is full")                  \
    /* never over HTTP */                                                     \
    X(NO_MEMORY, "no-memory", 500, 1, "out of memory")                        \
    X(LIMIT, "limit", 0, 1, "a limit of this program is reached")             \
    X(BAD_FRAME, "bad-frame", 0, 1, "malformed frame")                        \
    X(IO, "io-error", 0, 1, "input or output failed")                         \
    X(STORE_ERROR, "store-error", 500, 1, "the database failed")              \
    X(STORE_SCHEMA, "store-schema", 500, 1,                                   \
      "not a p2pfs database, or one of a newer version")                      \
    X(USAGE, "usage", 0, 2, "wrong usage")                                    \
    X(NETWORK, "network", 0, 5, "no server could be reached")                 \
    X(BAD_REPLY, "bad-reply", 0, 1, "the server's answer makes no sense")     \
    X(NOT_VERIFIED, "not-verified", 0, 6,                                     \
      "the file did NOT verify against the root")                             \
    X(NO_RECORD, "no-record", 0, 3, "no record of this set here")             \
    X(ROOT_CHANGED, "root-changed", 0, 4,                                     \
      "the files differ from those recorded under this set id")               \
    X(CANCELLED, "cancelled", 0, 1, "stopped on request")
/* clang-format on */

enum p2pfs_err {
#define P2PFS_ERR_ENUM(name, code, http, exit, text) P2PFS_##name,
    P2PFS_ERRORS(P2PFS_ERR_ENUM)
#undef P2PFS_ERR_ENUM
        P2PFS_ERR_COUNT
};

#define P2PFS_MUST_CHECK __attribute__((warn_unused_result))

/*
 * The row of an error. Static, never NULL: a value out of range (one that came
 * off a wire, say) gives the row of INTERNAL.
 */
struct p2pfs_err_row {
    const char *code; /* "file-conflict" */
    int http_status;
    int exit_code;
    const char *text; /* lower case, no full stop */
};

const struct p2pfs_err_row *p2pfs_err_row(unsigned err);

#endif
