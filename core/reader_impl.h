/*
 * core/reader_impl.h: what the files of the reader share; nobody else includes
 * it. reader.c opens and finds, reader_file.c reads files and proofs,
 * reader_set.c tells about a set.
 */

#ifndef P2PFS_CORE_READER_IMPL_H
#define P2PFS_CORE_READER_IMPL_H

#include <sys/types.h>

#include "core/name.h"
#include "core/reader.h"
#include "core/schema.h"
#include "core/sql.h"
#include "core/tile.h"
#include "core/tile_cache.h"

#define READER_VERSION_COLUMNS "v.vk, v.gk, g.n, v.have, v.state, v.root"

/* Integer parameters first; see core/sql.h. */
/* clang-format off */
#define READER_STATEMENTS(X)                                                  \
    X(BEGIN, "BEGIN")                                                         \
    X(END, "COMMIT")                                                          \
    X(CHANGES, "PRAGMA data_version")                                         \
    X(LABEL, "SELECT sk, coalesce(served, 0) FROM label WHERE set_id = ?1")   \
    X(VERSION, "SELECT " READER_VERSION_COLUMNS " FROM version v"             \
        " JOIN grp g ON g.gk = v.gk WHERE v.vk = ?1")                         \
    X(ROOTED, "SELECT " READER_VERSION_COLUMNS " FROM grp g"                  \
        " JOIN version v ON v.gk = g.gk WHERE g.sk = ?1 AND v.root = ?2"      \
        " ORDER BY v.state DESC, v.have DESC, g.n LIMIT 1")                   \
    X(FULLEST, "SELECT " READER_VERSION_COLUMNS " FROM grp g"                 \
        " JOIN version v ON v.gk = g.gk WHERE g.sk = ?1"                      \
        " ORDER BY v.have DESC, g.n, v.root LIMIT 1")                         \
    X(LARGEST, "SELECT max(n) FROM grp WHERE sk = ?1")                        \
    X(VERSIONS, "SELECT " READER_VERSION_COLUMNS ","                          \
        " EXISTS (SELECT 1 FROM version c"                                    \
        "   WHERE c.gk = v.gk AND c.state = 1) FROM grp g"                    \
        " JOIN version v ON v.gk = g.gk WHERE g.sk = ?1"                      \
        " ORDER BY v.state DESC, v.root, g.n")                                \
    X(GROUPS, "SELECT gk, n FROM grp WHERE sk = ?1 ORDER BY n")               \
    X(TILE, "SELECT h FROM tile WHERE tk = ?1")                               \
    X(CONTENT, "SELECT body FROM content WHERE k = ?1")                       \
    X(CONTENT_ENTRY, "SELECT entry FROM content WHERE k = ?1")                \
    X(CONTENT_BY_ENTRY, "SELECT body FROM content"                            \
        " WHERE k = ?1 AND entry = ?2")                                       \
    X(ALT_BY_ENTRY, "SELECT body FROM alt WHERE k = ?1 AND entry = ?2")       \
    X(PICKED, "SELECT a.body FROM pick p JOIN alt a ON a.ak = p.ak"           \
        " WHERE p.pk2 = ?1")                                                  \
    X(PICKS, "SELECT p.pk2, a.entry,"                                         \
        " (SELECT count(*) FROM pick o WHERE o.pk2 = p.pk2)"                  \
        " FROM pick p JOIN alt a ON a.ak = p.ak"                              \
        " WHERE p.pk2 BETWEEN ?1 AND ?2 ORDER BY p.pk2, a.entry")             \
    X(PARTS, "SELECT pk, bits FROM part WHERE pk BETWEEN ?1 AND ?2"           \
        " ORDER BY pk")
/* clang-format on */

enum reader_statement {
#define READER_Q_ENUM(name, text) Q_##name,
    READER_STATEMENTS(READER_Q_ENUM)
#undef READER_Q_ENUM
        Q_COUNT
};

/* What plain and rooted GETs of a label read; asked for in every one. */
#define READER_KNOWN 64

struct reader_known {
    size_t id_len; /* 0: empty */
    char id[P2PFS_SET_ID_MAX];
    int has_root;
    struct p2pfs_version v; /* complete */
};

struct p2pfs_reader {
    sqlite3 *db;
    struct p2pfs_sql q;
    struct p2pfs_hasher *hasher;
    char *path;
    char *shm_path;
    dev_t dev; /* of the file that db has open */
    ino_t ino;
    ino_t shm_ino;
    int64_t changes; /* data_version that known belongs to */
    struct reader_known known[READER_KNOWN];
    struct p2pfs_tile_cache *tiles;
    struct p2pfs_damaged damaged;
    char detail[256];
};

/* Notes the connection's error and returns it. */
enum p2pfs_err p2pfs_reader_fail(struct p2pfs_reader *r, const char *what);

/* Notes words of our own and returns err. */
enum p2pfs_err p2pfs_reader_note(struct p2pfs_reader *r, const char *what,
    enum p2pfs_err err);

/* SET_NOT_FOUND. */
enum p2pfs_err p2pfs_reader_label(struct p2pfs_reader *r, const char *id,
    size_t id_len, int64_t *sk, int64_t *served);

/* One version by a statement with READER_VERSION_COLUMNS; *found. */
enum p2pfs_err p2pfs_reader_version(struct p2pfs_reader *r,
    enum reader_statement id, int64_t key, struct p2pfs_version *v, int *found);
void p2pfs_reader_columns(struct p2pfs_reader *r, enum reader_statement id,
    struct p2pfs_version *v);

#endif
