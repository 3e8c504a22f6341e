/*
 * p2pfs.h: the client library of p2pfs, a peer-to-peer store for file sets.
 *
 * A *set* is a label (its id) and n files, 0..n-1. Whoever puts a set computes
 * its Merkle root (RFC 9162 section 2.1, SHA-256; the entry of a file is the
 * SHA-256 of its content) from the files themselves and keeps id, n and root in
 * a *record* on this machine. Any node may answer a read; what it answers is
 * handed on only after it was checked against that root and that n. No
 * server's word is taken for either.
 *
 * Link with -lp2pfs. The header stands alone and is plain C99 and C++.
 *
 * Threads. A client belongs to one thread at a time; different clients are
 * independent. The library prints nothing, installs no signal handler, never
 * exits and has no state of its own outside a client (libcurl's global state
 * is set up by the first p2pfs_client_open). With https a program should ignore
 * SIGPIPE, which OpenSSL raises when a server hangs up.
 *
 * Ownership. What a function returns by pointer belongs to the client and
 * lives until the next call on the same client, unless stated otherwise.
 * Strings and buffers that are passed in are copied or used within the call.
 *
 * Errors. Every function that can fail returns an enum p2pfs_outcome, of which
 * there are eight, the same as the exit codes of the p2pfs command. After a
 * failure p2pfs_client_errcode() gives the exact word for it and
 * p2pfs_client_errmsg() a sentence that names the remedy where there is one.
 *
 * Hashes are 32 bytes. A set id matches [A-Za-z0-9._~-]{1,128} and is neither
 * "." nor "..".
 */

#ifndef P2PFS_H
#define P2PFS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define P2PFS_CLIENT_VERSION "0.1.0"
#define P2PFS_CLIENT_HASH_BYTES 32
#define P2PFS_CLIENT_ID_MAX 128        /* characters of a set id */
#define P2PFS_CLIENT_FILE_MAX 1048576u /* bytes of the largest file */
#define P2PFS_CLIENT_SERVERS_MAX 16

enum p2pfs_outcome {
    P2PFS_OUTCOME_OK = 0,
    P2PFS_OUTCOME_OTHER = 1,        /* I/O, memory, an answer without sense */
    P2PFS_OUTCOME_USAGE = 2,        /* an argument or a request is wrong */
    P2PFS_OUTCOME_NOT_FOUND = 3,    /* no such set, file, version or record */
    P2PFS_OUTCOME_CONFLICT = 4,     /* the id stands for other files */
    P2PFS_OUTCOME_TEMPORARY = 5,    /* network, 503, set not complete: later */
    P2PFS_OUTCOME_NOT_VERIFIED = 6, /* an answer did NOT verify: do not use */
    P2PFS_OUTCOME_NO_SPACE = 7      /* every server that answers is full */
};

/* The version of the library that runs, "0.1.0". Static. */
const char *p2pfs_client_version(void);

/*
 * The verifier alone: is `content` file `index` of the set of `n` files with
 * this root? `proof` is proof_len hashes of 32 bytes, siblings bottom-up. Needs
 * no client and no network. n must come from whoever vouches for the root:
 * a proof does not authenticate it.
 *
 * OK; NOT_VERIFIED (wrong content, index, n, root, or a proof that is wrong or
 * not of the exact length); OTHER (out of memory). content may be NULL where
 * len is 0, proof where proof_len is 0.
 */
enum p2pfs_outcome p2pfs_verify(const uint8_t *root, uint64_t n, uint64_t index,
    const void *content, size_t len, const uint8_t *proof, size_t proof_len);

/* --- a client ---------------------------------------------------------- */

struct p2pfs_client;

enum p2pfs_client_phase {
    P2PFS_CLIENT_HASHING = 0,
    P2PFS_CLIENT_UPLOADING = 1,
    P2PFS_CLIENT_FETCHING = 2
};

struct p2pfs_client_options {
    /*
     * Base URLs: http://HOST[:PORT][/PREFIX] or https://..., the prefix being
     * /api where none is given. The first is asked first; the next ones when
     * it fails, and the one that answered last stays the first to ask.
     * At most P2PFS_CLIENT_SERVERS_MAX. None is fine for records alone.
     */
    const char *const *servers;
    size_t n_servers;

    /*
     * The file of records; it is created on the first put (its directory must
     * be there). NULL: there are no records; a put is then refused.
     */
    const char *store;

    uint32_t timeout_ms; /* of one request; at least 1 */
    /*
     * Waiting that one request may cost in all when servers are away or say
     * 503 (backoff with jitter, or Retry-After up to 10 s). 0: each server is
     * asked once.
     */
    uint32_t wait_ms;

    /* All optional; ctx is handed to each. They must not call the client. */
    void *ctx;
    void (*progress)(void *ctx, enum p2pfs_client_phase phase, uint64_t done,
        uint64_t total);
    /* A server that failed, before another is tried or a wait begins. */
    void (*notice)(void *ctx, const char *text);
    /* Asked again and again; not 0 ends the call with OTHER "cancelled". */
    int (*cancelled)(void *ctx);
};

/* Sets the defaults: no servers, no store, 30 s, 10 s, no callbacks. */
void p2pfs_client_options_init(struct p2pfs_client_options *o);

/*
 * Opens a client; nothing is sent and no file is touched yet. USAGE: a URL is
 * wrong, or there are too many; OTHER: out of memory. *out is NULL then, and
 * the words are in errbuf (NUL-terminated, cut to errlen; may be NULL with 0).
 */
enum p2pfs_outcome p2pfs_client_open(struct p2pfs_client **out,
    const struct p2pfs_client_options *o, char *errbuf, size_t errlen);
void p2pfs_client_close(struct p2pfs_client *c); /* takes NULL */

/* About the last call that failed on this client. Never NULL. */
const char *p2pfs_client_errmsg(const struct p2pfs_client *c);
const char *p2pfs_client_errcode(const struct p2pfs_client *c);

/* The base URL of server i as it is used, or NULL from n_servers on. Lives as
 * long as the client. */
const char *p2pfs_client_server(const struct p2pfs_client *c, size_t i);

/* --- records ----------------------------------------------------------- */

/* What is kept about a set that was put from here. */
struct p2pfs_client_record {
    char id[P2PFS_CLIENT_ID_MAX + 1];
    uint8_t root[P2PFS_CLIENT_HASH_BYTES];
    uint64_t count;
    int complete;       /* 0: an upload began and was not seen to end */
    int64_t created;    /* seconds since 1970, when the put began */
    int64_t updated;    /* seconds since 1970, when its state changed last */
    const char *server; /* where the first file was sent */
};

/* NOT_FOUND "no-record". */
enum p2pfs_outcome p2pfs_client_find(struct p2pfs_client *c, const char *id,
    struct p2pfs_client_record *out);

/* Calls `each` for every record, by time of creation; not 0 from it ends the
 * list with OTHER "cancelled". No file of records is an empty list. */
enum p2pfs_outcome p2pfs_client_list(struct p2pfs_client *c,
    int (*each)(void *ctx, const struct p2pfs_client_record *r), void *ctx);

/* --- writing ----------------------------------------------------------- */

/*
 * Where the files of a put come from. `read` writes the whole content of file
 * `index` to buf and its length to *len and returns 0; any other value ends
 * the put with OTHER "io-error". cap is P2PFS_CLIENT_FILE_MAX + 1: a file that
 * fills it is too large. It is called twice for each index: to hash, and to
 * send; content that changed in between is an error, not a corrupt set.
 */
struct p2pfs_client_source {
    uint64_t n; /* at least 1 */
    void *ctx;
    int (*read)(void *ctx, uint64_t index, uint8_t *buf, size_t cap,
        size_t *len);
};

/*
 * Puts a set: hashes all files, writes the record (as not complete, synced to
 * disk) before the first byte is sent, uploads every file with root and proof,
 * then marks the record complete. id NULL: "set-" and the first 16 digits of
 * the root. The same files under the same id again resume what was cut off
 * (servers take what they have already with a shrug).
 *
 * CONFLICT "root-changed": the id has a record of other files here; choose
 * another id. CONFLICT "set-exists" and the like: it stands for other files
 * there. USAGE "body-too-large": a file above P2PFS_CLIENT_FILE_MAX.
 * TEMPORARY: put the same again later. *out (may be NULL) is filled in as soon
 * as the root is known, also on failure after that; else its count is 0.
 */
enum p2pfs_outcome p2pfs_client_put(struct p2pfs_client *c, const char *id,
    const struct p2pfs_client_source *src, struct p2pfs_client_record *out);

/* --- reading ----------------------------------------------------------- */

/*
 * What a read is checked against. Where a function takes NULL for it, the
 * record of the set is used, and without a record it is NOT_FOUND "no-record".
 * Both values must come from someone trusted, never from a server.
 */
struct p2pfs_client_trust {
    uint8_t root[P2PFS_CLIENT_HASH_BYTES];
    uint64_t count;
};

/* A file that verified. */
struct p2pfs_client_file {
    const uint8_t *content; /* never NULL */
    size_t len;
    uint64_t index;
    uint64_t count;
    uint8_t root[P2PFS_CLIENT_HASH_BYTES];
    uint8_t hash[P2PFS_CLIENT_HASH_BYTES]; /* SHA-256 of content */
    const uint8_t *proof;                  /* proof_len hashes, bottom-up */
    size_t proof_len;
    const char *server; /* which one answered */
};

/*
 * Fetches one file and verifies it. A server whose answer does not verify is
 * passed over like one that is down (with a notice); NOT_VERIFIED is returned
 * where no other has it. NOT_FOUND: "no-record", "set-not-found",
 * "version-not-found", "file-not-found". TEMPORARY: also "set-incomplete".
 *
 * Where the record is complete, a node that does not have the set yet is waited
 * for like one that says 503: it was stored, so it is on its way.
 */
enum p2pfs_outcome p2pfs_client_get(struct p2pfs_client *c, const char *id,
    uint64_t index, const struct p2pfs_client_trust *trust,
    struct p2pfs_client_file *out);

/*
 * Fetches and verifies every file of the set, in order, and hands each to
 * `each` (NULL: verifies only). Not 0 from it ends the call with OTHER
 * "cancelled".
 */
enum p2pfs_outcome p2pfs_client_get_all(struct p2pfs_client *c, const char *id,
    const struct p2pfs_client_trust *trust,
    int (*each)(void *ctx, const struct p2pfs_client_file *f), void *ctx);

/*
 * The same, onto disk. Bytes go to a temporary name beside `path` only after
 * they verified, are synced, and take the final name by rename; on failure
 * nothing is left. An existing `path` is replaced if it is a regular file.
 */
enum p2pfs_outcome p2pfs_client_save(struct p2pfs_client *c, const char *id,
    uint64_t index, const struct p2pfs_client_trust *trust, const char *path,
    struct p2pfs_client_file *out);

/*
 * The whole set into directory `dir`, which must be absent or empty; it
 * appears whole or not at all. Files are named by their index with leading
 * zeros, six digits or as many as count - 1 has.
 */
enum p2pfs_outcome p2pfs_client_save_all(struct p2pfs_client *c, const char *id,
    const struct p2pfs_client_trust *trust, const char *dir);

/* --- asking servers ---------------------------------------------------- */

/* What a server says about a set. Its word, unverified: for display. */
struct p2pfs_client_status {
    uint64_t count;
    uint64_t received;
    int complete;
    int has_root;
    uint8_t root[P2PFS_CLIENT_HASH_BYTES];
};

/*
 * Asks server i alone, once, without waiting. id NULL: only whether a p2pfs
 * answers there. With a trust: about that version (NOT_FOUND "version-not-
 * found" where the server lists others only), else about the one it serves.
 */
enum p2pfs_outcome p2pfs_client_status(struct p2pfs_client *c, size_t i,
    const char *id, const struct p2pfs_client_trust *trust,
    struct p2pfs_client_status *out);

#ifdef __cplusplus
}
#endif

#endif
