/*
 * core/json.h: is this strict JSON (RFC 8259), and small enough to parse?
 *
 * A check without a tree, which runs over the bytes once before a JSON library
 * sees them: one object with nothing around it but white space, valid UTF-8
 * without a BOM, no control characters, numbers and escapes to the grammar.
 * Also refused, though RFC 8259 would let it pass: \u0000 and lone surrogates
 * (no C string can hold them) and whatever is above these limits:
 */

#ifndef P2PFS_CORE_JSON_H
#define P2PFS_CORE_JSON_H

#include <stddef.h>

#define P2PFS_JSON_DEPTH_MAX 8
#define P2PFS_JSON_VALUES_MAX 1024
#define P2PFS_JSON_NUMBER_MAX 63 /* characters: cJSON cuts longer ones */

/* NULL where all is well, else static words on the first fault. */
const char *p2pfs_json_fault(const char *text, size_t len);

#endif
