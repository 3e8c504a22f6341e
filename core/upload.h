/*
 * core/upload.h: the JSON body of an upload.
 *
 *     {"content":"0x..","setCount":n}   and, both or neither where n > 1,
 *     "root":"0x<64>","proof":["0x<64>",..]
 *
 * cJSON 1.7.15 parses it, inside a fence, for by itself it takes trailing
 * garbage, a BOM, numbers like 007, raw control bytes and broken UTF-8, cuts
 * strings at \u0000, folds the case of names and keeps duplicates. Here: one
 * object and nothing behind it but white space, strict RFC 8259 within the
 * limits of core/json.h, exact names, each known name once, unknown names
 * ignored.
 */

#ifndef P2PFS_CORE_UPLOAD_H
#define P2PFS_CORE_UPLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/hash.h"
#include "core/merkle.h"

struct p2pfs_upload {
    uint8_t *content; /* never NULL on success, also for no bytes */
    size_t content_len;
    uint64_t set_count; /* as sent: 1 to 2^53 - 1 */
    int has_root;       /* then root and proof are set */
    struct p2pfs_hash root;
    struct p2pfs_proof proof;
    const char *detail; /* static words on what is wrong, or NULL */
    void *json;         /* owns content */
};

/*
 * Parses body[0..len). content_max: largest file in bytes.
 *
 * BAD_JSON, BAD_FIELD (missing, duplicate, mistyped; a setCount that is no
 * integer; a proof without root; a root without proof and setCount above 1),
 * BAD_HEX (content, root, proof: 0x is required), BODY_TOO_LARGE (content),
 * BAD_SET_COUNT (an integer outside 1 to 2^53 - 1), NOT_IN_ROOT (a proof of
 * more than P2PFS_PROOF_MAX hashes), NO_MEMORY. `out` is always safe to _fini.
 */
enum p2pfs_err p2pfs_upload_parse(struct p2pfs_upload *out, const char *body,
    size_t len, size_t content_max) P2PFS_MUST_CHECK;
void p2pfs_upload_fini(struct p2pfs_upload *u);

#endif
