/*
 * core/schema.h: the database, whole.
 *
 * Keys. A label (set_id) has groups (set_id, n); a group has versions: one for
 * each root, and at most one draft (root NULL) that holds the files without a
 * root. `gk` and `vk` are below 2^30; k = gk << 32 | index addresses a place.
 *
 *     meta(name, value)          log_epoch, publish cursor, ...
 *     label(sk, set_id, served)  served: vk a plain GET reads, or NULL
 *     grp(gk, sk, n)
 *     version(vk, gk, root, state, have)   have: indices with an F here
 *     content(k, entry, body)    the first bytes that came to a place
 *     alt(ak, k, entry, body)    every later, different one
 *     part(pk, bits, upper)      pk = vk << 32 | block of 128 indices, only
 *                                while the version is incomplete, and for a
 *                                draft beside a complete version.
 *         bits: 16 bytes, bit (i mod 128) set (byte i/8, low bit first): F(v,
 *         i, content.entry) is here. upper: of a rooted version, the proof
 *         above tile level 0, which all files of the block share.
 *         Every block that has an F has a row.
 *     pick(pk2, ak)              F(v, i, alt.entry) is here, pk2 = vk<<32 | i:
 *                                the exceptions, where a version's file is not
 *                                the content row. A rooted version has at most
 *                                one for an index, a draft any number
 *     tile(tk, h)                fat tiles (core/tile.h). A rooted version that
 *                                is incomplete has its level 0 tiles with holes
 *                                (zero hashes): every sibling a proof proved
 *     log(seq, kind, origin, a, b)   every record stored here, in commit order
 *         kind 1: F without root, a = k,          b = ak or 0 (content row)
 *         kind 2: F with root,    a = vk<<32 | i, b = ak or 0
 *         kind 3: V,              a = vk,         b = 0
 *         origin 0 uploaded here, 1 by gossip, 2 by catch-up
 *     peer(node_id, epoch, seq)  how far this node has read a peer's log
 *     damaged(kind, key, since)  rows that do not match their hashes any more,
 *                                found on a read or by the scrub, since that
 *                                Unix time: the queue of what is to be repaired
 *         kind 1: content, key = k;  2: alt, key = ak;  3: tile, key = tk
 *
 * A file of a complete version is content(gk,i) where its leaf hash stands in
 * the tile, else the alt row that pick names.
 *
 * A draft that completes hands its vk, and with it its tiles, to the version
 * that is born; what it held besides moves to a new draft row. (Where that very
 * root had been started here, the tiles move to the row that it has.)
 *
 * A draft beside a complete version of its group holds only files that no
 * complete version of the group has, and no tiles: it will never be a version
 * (rule 5). One that holds nothing is deleted. Every label has a
 * group and every group a version.
 */

#ifndef P2PFS_CORE_SCHEMA_H
#define P2PFS_CORE_SCHEMA_H

#include <stdint.h>

#include <sqlite3.h>

#include "core/error.h"

#define P2PFS_SCHEMA_APPLICATION_ID 0x70326673 /* "p2fs" */
#define P2PFS_SCHEMA_VERSION 1
#define P2PFS_SCHEMA_PAGE_BYTES 8192

#define P2PFS_LOG_FILE 1
#define P2PFS_LOG_ROOTED_FILE 2
#define P2PFS_LOG_VERSION 3

#define P2PFS_DAMAGED_CONTENT 1
#define P2PFS_DAMAGED_ALT 2
#define P2PFS_DAMAGED_TILE 3

#define P2PFS_STATE_OPEN 0
#define P2PFS_STATE_COMPLETE 1

/* tile.tk: vk (30 bits) | tile level (3 bits) | tile (26 bits) */
int64_t p2pfs_schema_tile_key(int64_t vk, unsigned level, uint64_t tile);
unsigned p2pfs_schema_tile_level(int64_t tk);
#define P2PFS_SCHEMA_TILE_VERSION_SHIFT 29 /* vk is above */

/* k and pk: high 31 bits, low 32 bits. */
int64_t p2pfs_schema_key(int64_t high, uint32_t low);

/*
 * On a read-write connection: creates an empty database or migrates an older
 * one, in one transaction. STORE_SCHEMA: somebody else's database or a newer
 * version. STORE_ERROR: see sqlite3_errmsg. t/fixtures has a database of every
 * version that was released, which must open after each later change.
 */
enum p2pfs_err p2pfs_schema_migrate(sqlite3 *db) P2PFS_MUST_CHECK;

/* On a read-only one: STORE_SCHEMA unless it is exactly this version;
 * STORE_UNAVAILABLE where the file is still empty. */
enum p2pfs_err p2pfs_schema_check(sqlite3 *db) P2PFS_MUST_CHECK;

#endif
