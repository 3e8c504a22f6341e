/*
 * gossipd/peerread_impl.h: what the files of peerread share; nobody else
 * includes it. peerread.c has the thread, peerread_log.c rows of the log and
 * peers' cursors, peerread_here.c whether records are here, peerread_bytes.c
 * contents, proofs and entry lists.
 */

#ifndef P2PFS_GOSSIPD_PEERREAD_IMPL_H
#define P2PFS_GOSSIPD_PEERREAD_IMPL_H

#include "core/reader.h"
#include "core/schema.h"
#include "core/sql.h"
#include "core/tile.h"
#include "gossipd/peerread.h"

/* Integer parameters first; see core/sql.h. */
/* clang-format off */
#define PEERREAD_STATEMENTS(X)                                                \
    X(BEGIN, "BEGIN")                                                         \
    X(LOG, "SELECT seq, kind, origin, a, b FROM log WHERE seq > ?1"           \
        " ORDER BY seq")                                                      \
    X(LOG_HEAD, "SELECT coalesce(max(seq), 0) FROM log")                      \
    X(PEER, "SELECT epoch, seq FROM peer WHERE node_id = ?1")                 \
    X(GROUP, "SELECT l.set_id, g.n FROM grp g JOIN label l ON l.sk = g.sk"    \
        " WHERE g.gk = ?1")                                                   \
    X(VERSION, "SELECT gk, root FROM version WHERE vk = ?1")                  \
    X(CONTENT, "SELECT entry, length(body) FROM content WHERE k = ?1")        \
    X(ALT, "SELECT entry, length(body) FROM alt WHERE ak = ?1")               \
    X(FIND_GROUP, "SELECT g.gk FROM label l JOIN grp g ON g.sk = l.sk"        \
        " WHERE g.n = ?1 AND l.set_id = ?2")                                  \
    X(FIND_ALT, "SELECT ak FROM alt WHERE k = ?1 AND entry = ?2")             \
    X(ROOTED, "SELECT vk, state FROM version WHERE gk = ?1 AND root = ?2")    \
    X(WITH_PLAIN, "SELECT vk, state FROM version"                             \
        " WHERE gk = ?1 AND (root IS NULL OR state = 1)")                     \
    X(PART, "SELECT bits, upper FROM part WHERE pk = ?1")                     \
    X(PICK, "SELECT 1 FROM pick WHERE pk2 = ?1 AND ak = ?2")                  \
    X(PICKED, "SELECT 1 FROM pick WHERE pk2 = ?1 LIMIT 1")                    \
    X(ENTRIES, "SELECT k, entry FROM content WHERE k BETWEEN ?1 AND ?2")      \
    X(PICKS, "SELECT p.pk2, a.entry FROM pick p JOIN alt a ON a.ak = p.ak"    \
        " WHERE p.pk2 BETWEEN ?1 AND ?2")                                     \
    X(TILE, "SELECT h FROM tile WHERE tk = ?1")
/* clang-format on */

enum peerread_statement {
#define PEERREAD_Q_ENUM(name, text) Q_##name,
    PEERREAD_STATEMENTS(PEERREAD_Q_ENUM)
#undef PEERREAD_Q_ENUM
        Q_COUNT
};

/* The connection of the reading thread. */
struct peerread_db {
    sqlite3 *db;
    struct p2pfs_sql q;
    struct p2pfs_hasher *hasher;
};

/* Where a record's bytes are. vk is 0 for an F without root. */
struct peerread_place {
    int64_t gk;
    int64_t vk;
    int complete;
    int64_t k;
    int64_t ak; /* 0 content, above 0 alt, -1 not here */
};

enum p2pfs_err peerread_log(struct peerread_db *d, struct peerread_job *job);
enum p2pfs_err peerread_peer(struct peerread_db *d, struct peerread_job *job);
enum p2pfs_err peerread_missing(struct peerread_db *d,
    struct peerread_job *job);
enum p2pfs_err peerread_bytes(struct peerread_db *d, struct peerread_job *job);

/* FILE_NOT_FOUND: the group, or the version of the record's root, is not here.
 * Where they are, ak may still be -1. */
enum p2pfs_err peerread_find(struct peerread_db *d,
    const struct p2pfs_record *r, struct peerread_place *p);

/* Does the version have the file with this row at this place? */
enum p2pfs_err peerread_has(struct peerread_db *d, int64_t vk, int complete,
    uint32_t index, int64_t ak, int *has);

#endif
