/*
 * core/reply.h: the JSON of the answers, composed without a JSON library.
 *
 * Each function composes into a p2pfs_text; the _max functions say how much
 * room is enough in every case.
 */

#ifndef P2PFS_CORE_REPLY_H
#define P2PFS_CORE_REPLY_H

#include <stddef.h>

#include "core/reader.h"
#include "core/text.h"

/*
 * {"file":"0x..","proof":{"proof":["0x.."],"index":i},"root":"0x..",
 *  "setCount":n,"hash":".."}
 */
size_t p2pfs_reply_file_max(const struct p2pfs_file *f);
void p2pfs_reply_file(struct p2pfs_text *t, const struct p2pfs_file *f,
    const struct p2pfs_hash *root);

/* {"file":"0x..","index":i,"setCount":n,"hash":".."} */
void p2pfs_reply_candidate(struct p2pfs_text *t, const struct p2pfs_file *f);

/* {"success":true,"hash":"..","index":i,"setCount":n} */
#define P2PFS_REPLY_STORED_MAX 256
void p2pfs_reply_stored(struct p2pfs_text *t, const struct p2pfs_hash *entry,
    uint64_t index, uint64_t n);

/*
 * {"setId","setCount","received","complete","root":"0x.."|null,
 *  "missing":[[first,last],..],"versions":[{"root","setCount","received",
 *  "complete"}],"candidates":[{"index","setCount","hash"}]}
 * and "moreMissing", "moreVersions", "moreCandidates": true where a list was
 * cut at its cap.
 */
size_t p2pfs_reply_set_max(const struct p2pfs_set *s);
void p2pfs_reply_set(struct p2pfs_text *t, const char *id, size_t id_len,
    const struct p2pfs_set *s);

/*
 * RFC 9457 application/problem+json: {"type":"urn:p2pfs:error:<code>",
 * "title","status","code"} plus, where known, "detail" and the members that
 * belong to the code. P2PFS_REPLY_PROBLEM_MAX is enough for all of it.
 */
struct p2pfs_problem {
    enum p2pfs_err err;
    const char *detail;            /* or NULL; cut behind 96 bytes */
    const struct p2pfs_hash *root; /* set-exists, file-conflict; or NULL */
    const struct p2pfs_hash *hash; /* file-conflict: what is stored; or NULL */
    int has_progress;              /* set-incomplete, set-count-conflict */
    uint64_t received;
    uint64_t set_count;
};

#define P2PFS_REPLY_PROBLEM_MAX 1024
void p2pfs_reply_problem(struct p2pfs_text *t, const struct p2pfs_problem *p);

#endif
