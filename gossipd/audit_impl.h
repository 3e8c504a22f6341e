/*
 * gossipd/audit_impl.h: what the files of the audit share; nobody else includes
 * it. audit.c has the connection and the order of steps, audit_file.c contents
 * and alternatives, audit_tile.c a tile and its files, audit_version.c the
 * versions, audit_log.c the log and labels, audit_place.c single rows.
 */

#ifndef P2PFS_GOSSIPD_AUDIT_IMPL_H
#define P2PFS_GOSSIPD_AUDIT_IMPL_H

#include "core/reader.h"
#include "core/schema.h"
#include "core/sql.h"
#include "core/tile.h"
#include "gossipd/audit.h"

/* Integer parameters first; see core/sql.h. */
/* clang-format off */
#define AUDIT_STATEMENTS(X)                                                   \
    X(BEGIN, "BEGIN")                                                         \
    X(PAGES, "PRAGMA page_count")                                             \
    X(GROUP, "SELECT l.set_id, g.n FROM grp g JOIN label l ON l.sk = g.sk"    \
        " WHERE g.gk = ?1")                                                   \
    X(CONTENTS, "SELECT k, entry, body FROM content WHERE k >= ?1"            \
        " ORDER BY k")                                                        \
    X(CONTENT, "SELECT k, entry, body FROM content WHERE k = ?1")             \
    X(ALTS, "SELECT k, entry, body, ak FROM alt WHERE ak >= ?1 ORDER BY ak")  \
    X(ALT, "SELECT k, entry, body, ak FROM alt WHERE ak = ?1")                \
    X(ALTS_OF, "SELECT ak FROM alt WHERE k = ?1 ORDER BY ak")                 \
    X(VERSION_NEXT, "SELECT v.vk, v.gk, coalesce(g.n, 0), v.have, v.state,"   \
        " v.root FROM version v LEFT JOIN grp g ON g.gk = v.gk"               \
        " WHERE v.vk >= ?1 ORDER BY v.vk LIMIT 1")                            \
    X(COMPLETE_NEXT, "SELECT vk FROM version WHERE gk = ?1 AND state = 1"     \
        " AND vk >= ?2 ORDER BY vk LIMIT 1")                                  \
    X(TILE, "SELECT h FROM tile WHERE tk = ?1")                               \
    X(ENTRIES, "SELECT k, entry FROM content WHERE k BETWEEN ?1 AND ?2"       \
        " ORDER BY k")                                                        \
    X(PICKS, "SELECT p.pk2, p.ak, a.entry FROM pick p"                        \
        " LEFT JOIN alt a ON a.ak = p.ak WHERE p.pk2 BETWEEN ?1 AND ?2"       \
        " ORDER BY p.pk2")                                                    \
    X(PART_NEXT, "SELECT pk, bits, upper FROM part"                           \
        " WHERE pk BETWEEN ?1 AND ?2 ORDER BY pk LIMIT 1")                    \
    X(LOG, "SELECT seq, kind, a, b FROM log WHERE seq >= ?1 ORDER BY seq"     \
        " LIMIT 256")                                                         \
    X(LOG_HEAD, "SELECT coalesce(max(seq), 0) FROM log")                      \
    X(HAS_CONTENT, "SELECT 1 FROM content WHERE k = ?1")                      \
    X(HAS_ALT, "SELECT 1 FROM alt WHERE ak = ?1 AND k = ?2")                  \
    X(VERSION_OF, "SELECT gk, state, root IS NULL FROM version WHERE vk = ?1")\
    X(COMPLETE_COUNT, "SELECT count(*) FROM version WHERE state = 1")         \
    X(META, "SELECT value FROM meta WHERE name = ?1")                         \
    X(LABELS, "SELECT sk, set_id, served IS (SELECT v.vk FROM grp g"          \
        " JOIN version v ON v.gk = g.gk WHERE g.sk = label.sk"                \
        " AND v.state = 1 ORDER BY v.root LIMIT 1) FROM label"                \
        " WHERE sk >= ?1 ORDER BY sk LIMIT 256")                              \
    X(MARKS, "SELECT kind, key FROM damaged ORDER BY since, kind, key"        \
        " LIMIT ?1")                                                          \
    X(MARK_COUNT, "SELECT count(*) FROM damaged")
/* clang-format on */

enum audit_statement {
#define AUDIT_Q_ENUM(name, text) Q_##name,
    AUDIT_STATEMENTS(AUDIT_Q_ENUM)
#undef AUDIT_Q_ENUM
        Q_COUNT
};

enum audit_phase_kind {
    AUDIT_CONTENTS,
    AUDIT_ALTS,
    AUDIT_VERSIONS,
    AUDIT_LOG,
    AUDIT_LABELS,
    AUDIT_PHASES
};

struct audit {
    sqlite3 *db;
    struct p2pfs_sql q;
    struct p2pfs_hasher *hasher;
    audit_found found;
    void *ctx;
    enum audit_phase_kind phase;
    int64_t next; /* key that the phase goes on with */
    uint64_t step_bytes;
    struct audit_totals totals;
    uint64_t size;
    char detail[256];

    /* the version that VERSIONS is in; vk 0: none yet */
    struct p2pfs_version v;
    unsigned level; /* complete: of the next tile */
    uint64_t tile;
    uint32_t block; /* incomplete: the next block */
    uint64_t have;  /* incomplete: files counted so far */
    int grown;      /* it got more since the first step */

    uint64_t version_records; /* LOG: of kind 3 */
};

/* The connection's error, noted. */
enum p2pfs_err audit_fail(struct audit *a, const char *what);

/* Tells and counts; the set's name and the index stand before the words. */
void audit_tell(struct audit *a, int kind, int64_t key, int64_t gk,
    uint32_t index, const char *words);

/* The same of a whole set, kind 0. */
void audit_tell_set(struct audit *a, int64_t gk, const char *words);
void audit_tell_plain(struct audit *a, const char *words);
void audit_count_bytes(struct audit *a, size_t bytes);

/* One step of a phase; *done: nothing is left. audit_file.c .. audit_log.c */
enum p2pfs_err audit_contents(struct audit *a, int *done);
enum p2pfs_err audit_alts(struct audit *a, int *done);
enum p2pfs_err audit_versions(struct audit *a, int *done);
enum p2pfs_err audit_log(struct audit *a, int *done);
enum p2pfs_err audit_labels(struct audit *a, int *done);

/* audit_place.c */
enum p2pfs_err audit_one_place(struct audit *a, int64_t gk, int64_t vk,
    uint32_t index);
enum p2pfs_err audit_one_row(struct audit *a, int kind, int64_t key,
    int *damaged);

/* audit_file.c: the row that CONTENTS, CONTENT, ALTS or ALT stands on. */
int audit_body_is_sound(struct audit *a, enum audit_statement id);

/* audit_tile.c */

/* The files of 128 places that a version has. */
struct audit_files {
    struct p2pfs_hash entry[P2PFS_TILE_WIDTH];
    int64_t ak[P2PFS_TILE_WIDTH]; /* 0 content, above 0 alt, -1 none */
    unsigned n;                   /* places that have one */
};

/* bits: the content rows that are the version's, NULL: all. Where a draft has
 * several files at a place, the smallest entry. */
enum p2pfs_err audit_read_files(struct audit *a, const struct p2pfs_version *v,
    uint32_t block, const uint8_t *bits, struct audit_files *f);

/* *found 0: there is none of its length. */
enum p2pfs_err audit_read_tile(struct audit *a, int64_t vk, unsigned level,
    uint64_t t, unsigned width, uint8_t tile[P2PFS_TILE_BYTES_MAX], int *found);

/* Are the nodes above the lowest ones what these hash to? */
int audit_tile_is_sound(struct audit *a, const uint8_t *tile, unsigned width);

/* Each file that is there against its leaf in a tile that is trusted. */
void audit_compare_files(struct audit *a, const struct p2pfs_version *v,
    uint32_t block, const uint8_t *tile, unsigned width,
    const struct audit_files *f);

/* One tile of a complete version, and at level 0 its files. */
enum p2pfs_err audit_tile(struct audit *a, const struct p2pfs_version *v,
    unsigned level, uint64_t t);

/* audit_version.c */

/* The version with this key, or the next one; v->vk 0: none. */
enum p2pfs_err audit_read_version(struct audit *a, int64_t vk,
    struct p2pfs_version *v);

/* One block of an incomplete version; *block is moved to the one that follows,
 * *none: there was none from *block on. */
enum p2pfs_err audit_block(struct audit *a, const struct p2pfs_version *v,
    uint32_t *block, int *none);

#endif
