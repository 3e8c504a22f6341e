/*
 * gossipd/store_impl.h: what the files of the store share; nobody else includes
 * it. store.c opens and keeps transactions, store_rows.c has the common rows,
 * store_file.c the rules for a file, store_version.c for a version,
 * store_block.c which files a version has, store_tree.c its tiles,
 * store_birth.c how it becomes complete, store_space.c limits and the ballast,
 * store_wal.c checkpoints, store_watch.c files that were moved or replaced.
 *
 * Functions here return database errors; after one the batch is rolled back.
 */

#ifndef P2PFS_GOSSIPD_STORE_IMPL_H
#define P2PFS_GOSSIPD_STORE_IMPL_H

#include <sys/stat.h>

#include "core/reader.h"
#include "core/schema.h"
#include "core/sql.h"
#include "core/tile.h"
#include "gossipd/store.h"

/* Integer parameters first; see core/sql.h. */
/* clang-format off */
#define STORE_STATEMENTS(X)                                                   \
    X(BEGIN, "BEGIN IMMEDIATE")                                               \
    X(COMMIT, "COMMIT")                                                       \
    X(PAGES, "PRAGMA page_count")                                             \
    X(META_GET, "SELECT value FROM meta WHERE name = ?1")                     \
    X(META_SET, "INSERT OR REPLACE INTO meta(value, name) VALUES (?1, ?2)")   \
    X(PEER_SET, "INSERT OR REPLACE INTO peer(seq, node_id, epoch)"            \
        " VALUES (?1, ?2, ?3)")                                               \
    X(LABEL_GET, "SELECT sk, coalesce(served, 0) FROM label"                  \
        " WHERE set_id = ?1")                                                 \
    X(LABEL_NEW, "INSERT INTO label(set_id) VALUES (?1)")                     \
    X(LABEL_SERVE, "UPDATE label SET served = (SELECT v.vk FROM grp g"        \
        " JOIN version v ON v.gk = g.gk WHERE g.sk = ?1 AND v.state = 1"      \
        " ORDER BY v.root LIMIT 1) WHERE sk = ?1")                            \
    X(GROUP_GET, "SELECT gk FROM grp WHERE sk = ?1 AND n = ?2")               \
    X(GROUP_NEW, "INSERT INTO grp(sk, n) VALUES (?1, ?2)")                    \
    X(GROUP_LABEL, "SELECT sk, n FROM grp WHERE gk = ?1")                     \
    X(GROUP_OTHER, "SELECT g.n, v.have FROM grp g"                            \
        " JOIN version v ON v.gk = g.gk WHERE g.sk = ?1 AND g.n <> ?2"        \
        " ORDER BY v.state DESC, v.have DESC LIMIT 1")                        \
    X(VERSION_GET, "SELECT vk, root, state, have FROM version"                \
        " WHERE vk = ?1")                                                     \
    X(VERSION_ROOT, "SELECT vk, root, state, have FROM version"               \
        " WHERE gk = ?1 AND root = ?2")                                       \
    X(VERSION_DRAFT, "SELECT vk, root, state, have FROM version"              \
        " WHERE gk = ?1 AND root IS NULL")                                    \
    X(VERSION_LIST, "SELECT vk, root, state, have FROM version"               \
        " WHERE gk = ?1 ORDER BY root")                                       \
    X(VERSION_ANY_COMPLETE, "SELECT vk FROM version"                          \
        " WHERE gk = ?1 AND state = 1 LIMIT 1")                               \
    X(VERSION_UNFINISHED, "SELECT v.vk, v.gk FROM version v"                  \
        " JOIN grp g ON g.gk = v.gk WHERE v.state = 0 AND v.have = g.n"       \
        " AND (v.root IS NOT NULL OR NOT EXISTS (SELECT 1 FROM version c"     \
        " WHERE c.gk = v.gk AND c.state = 1)) LIMIT 1")                       \
    X(VERSION_NEW, "INSERT INTO version(gk, root, state, have)"               \
        " VALUES (?1, ?2, 0, 0)")                                             \
    X(VERSION_NEW_DRAFT, "INSERT INTO version(gk, state, have)"               \
        " VALUES (?1, 0, 0)")                                                 \
    X(VERSION_HAVE, "UPDATE version SET have = ?2 WHERE vk = ?1")             \
    X(VERSION_DONE, "UPDATE version SET state = 1, have = ?2, root = ?3"      \
        " WHERE vk = ?1")                                                     \
    X(VERSION_DROP, "DELETE FROM version WHERE vk = ?1")                      \
    X(CONTENT_ENTRY, "SELECT entry FROM content WHERE k = ?1")                \
    X(CONTENT_RANGE, "SELECT k, entry FROM content"                           \
        " WHERE k BETWEEN ?1 AND ?2 ORDER BY k")                              \
    X(CONTENT_NEW, "INSERT INTO content(k, entry, body) VALUES (?1, ?2, ?3)") \
    X(ALT_GET, "SELECT ak FROM alt WHERE k = ?1 AND entry = ?2")              \
    X(ALT_NEW, "INSERT INTO alt(k, entry, body) VALUES (?1, ?2, ?3)")         \
    X(PART_GET, "SELECT bits, upper FROM part WHERE pk = ?1")                 \
    X(PART_NEXT, "SELECT pk FROM part WHERE pk BETWEEN ?1 AND ?2"             \
        " ORDER BY pk LIMIT 1")                                               \
    X(PART_SET, "INSERT INTO part(pk, bits, upper) VALUES (?1, ?2, ?3)"       \
        " ON CONFLICT (pk) DO UPDATE SET bits = excluded.bits")               \
    X(PART_COPY, "INSERT INTO part(pk, bits) SELECT pk + ?3, bits FROM part"  \
        " WHERE pk BETWEEN ?1 AND ?2")                                        \
    X(PART_DROP, "DELETE FROM part WHERE pk BETWEEN ?1 AND ?2")               \
    X(PICK_HAS, "SELECT 1 FROM pick WHERE pk2 = ?1 AND ak = ?2")              \
    X(PICK_RANGE, "SELECT p.pk2, p.ak, a.entry FROM pick p"                   \
        " JOIN alt a ON a.ak = p.ak WHERE p.pk2 BETWEEN ?1 AND ?2"            \
        " ORDER BY p.pk2")                                                    \
    X(PICK_NEXT, "SELECT min(pk2) FROM pick WHERE pk2 BETWEEN ?1 AND ?2"      \
        " HAVING count(*) > 0")                                               \
    X(PICK_NEW, "INSERT INTO pick(pk2, ak) VALUES (?1, ?2)")                  \
    X(PICK_KEEP, "DELETE FROM pick WHERE pk2 = ?1 AND ak <> ?2")              \
    X(PICK_COPY, "INSERT INTO pick(pk2, ak) SELECT pk2 + ?3, ak FROM pick"    \
        " WHERE pk2 BETWEEN ?1 AND ?2")                                       \
    X(PICK_DROP, "DELETE FROM pick WHERE pk2 BETWEEN ?1 AND ?2")              \
    X(PICK_DROP_COMMON, "DELETE FROM pick WHERE pk2 BETWEEN ?1 AND ?2"        \
        " AND EXISTS (SELECT 1 FROM pick v WHERE v.pk2 = pick.pk2 + ?3"       \
        " AND v.ak = pick.ak)")                                               \
    X(TILE_GET, "SELECT h FROM tile WHERE tk = ?1")                           \
    X(TILE_SET, "INSERT OR REPLACE INTO tile(tk, h) VALUES (?1, ?2)")         \
    X(TILE_DROP, "DELETE FROM tile WHERE tk BETWEEN ?1 AND ?2")               \
    X(TILE_MOVE, "UPDATE tile SET tk = tk + ?3 WHERE tk BETWEEN ?1 AND ?2")   \
    X(DAMAGED_SET, "INSERT OR IGNORE INTO damaged(kind, key, since)"          \
        " VALUES (?1, ?2, ?3)")                                               \
    X(DAMAGED_CLEAR, "DELETE FROM damaged WHERE kind = ?1 AND key = ?2")      \
    X(LOG_HEAD, "SELECT coalesce(max(seq), 0) FROM log")                      \
    X(LOG_NEW, "INSERT INTO log(seq, kind, origin, a, b)"                     \
        " VALUES (?1, ?2, ?3, ?4, ?5)")
/* clang-format on */

enum store_statement {
#define STORE_Q_ENUM(name, text) Q_##name,
    STORE_STATEMENTS(STORE_Q_ENUM)
#undef STORE_Q_ENUM
        Q_COUNT
};

#define STORE_KEY_MAX ((int64_t)1 << 30) /* gk and vk are below it */

/* The database, its -wal and its -shm, as they were opened. */
#define STORE_FILES 3

struct store_file_id {
    dev_t dev;
    ino_t ino;
};

struct store {
    sqlite3 *db;
    struct p2pfs_sql q;
    struct p2pfs_hasher *hasher;
    uint32_t file_max;
    uint32_t count_max;
    _Atomic uint64_t size_max; /* other threads set it */
    char *path;
    uint8_t epoch[STORE_EPOCH_BYTES];
    uint64_t head;      /* of the log, the open transaction included */
    uint64_t committed; /* of the log on disk */
    uint64_t room;      /* bytes this batch may still add */
    int wal_frames;     /* after the last commit */
    int wal_moved;      /* of those, when a checkpoint was last tried */
    int disk_failed;    /* an I/O error was met: see store_begin */
    int disk_full;      /* no files until store_keep_space cleared it */
    int lost;           /* its files are not at their path any more */
    uint64_t free_min;
    uint64_t ballast;
    struct store_file_id files[STORE_FILES];
    struct store_stats stats;
    char detail[256];
};

/* The place of a file of a set, and what is here at it. Keys are 0 where the
 * row does not exist yet. */
struct store_place {
    const char *id;
    size_t id_len;
    uint32_t n;
    uint32_t index;
    int64_t sk;
    int64_t served; /* vk */
    int64_t gk;
    int64_t k;
    int has_content;
    int64_t ak; /* entry's row: 0 content, above 0 alt, -1 not here */
    struct p2pfs_hash entry;
};

/* 128 places of a version. bits: content rows; mask: those and picks. */
struct store_block {
    uint8_t bits[16];
    uint8_t mask[16];
    int stored;
};

/* store_rows.c */

/* Notes what failed, returns err (or the connection's error where OK). */
enum p2pfs_err store_fail(struct store *s, const char *what,
    enum p2pfs_err err);

/* Fills sk, served, gk and k from id, n and index. */
enum p2pfs_err store_find_group(struct store *s, struct store_place *p);

/* Makes label and group rows where there are none. */
enum p2pfs_err store_make_group(struct store *s, struct store_place *p);

/* Fills has_content and ak from k and entry. */
enum p2pfs_err store_find_entry(struct store *s, struct store_place *p);

/* The version of this root, or the draft (root NULL); v->vk 0: none. */
enum p2pfs_err store_find_version(struct store *s, const struct store_place *p,
    const struct p2pfs_hash *root, struct p2pfs_version *v);
enum p2pfs_err store_make_version(struct store *s, int64_t gk, uint32_t n,
    const struct p2pfs_hash *root, struct p2pfs_version *v);

/* Reads the columns vk, root, state, have of a row of version. */
void store_read_version(struct store *s, enum store_statement id,
    struct p2pfs_version *v);
enum p2pfs_err store_log(struct store *s, int kind, enum store_origin origin,
    int64_t a, int64_t b);

/* store_block.c */

enum p2pfs_err store_block_read(struct store *s, int64_t vk, uint32_t block,
    struct store_block *b);

/* Ors the places that have picks into mask. */
enum p2pfs_err store_block_picks(struct store *s, int64_t vk, uint32_t block,
    uint8_t mask[16]);

/* Writes b's bits; upper only with the first row of the block. */
enum p2pfs_err store_block_write(struct store *s, int64_t vk, uint32_t block,
    const struct store_block *b, const struct p2pfs_hash *upper, unsigned n);

/* Adds the file with this row (0 content, else alt) to b and the version. */
enum p2pfs_err store_block_add(struct store *s, int64_t vk, uint32_t index,
    int64_t ak, struct store_block *b, const struct p2pfs_hash *upper,
    unsigned n);
int store_bit(const uint8_t mask[16], uint32_t index);
unsigned store_block_count(const struct store_block *b);
int store_block_full(const struct store_block *b, unsigned width);

/* Is the file with this row in the version? (ak -1: no.) */
enum p2pfs_err store_has(struct store *s, const struct p2pfs_version *v,
    uint32_t index, int64_t ak, int *has);

/* The smallest entry that a version has at a place, and its row; *ak -1: it
 * has none. */
enum p2pfs_err store_entry_at(struct store *s, const struct p2pfs_version *v,
    uint32_t index, struct p2pfs_hash *entry, int64_t *ak);

/* store_tree.c */

/* Level 0 tile of a block that has all its files, smallest entries. */
enum p2pfs_err store_tree_block(struct store *s, const struct p2pfs_version *v,
    uint32_t block);

/* What the proof of a verified file proves, into its tile; full: the block's
 * last file, the tile is then computed and compared with the proof. */
enum p2pfs_err store_tree_leaf(struct store *s, const struct p2pfs_version *v,
    uint32_t index, const struct p2pfs_hash *entry,
    const struct p2pfs_proof *proof, int full);

/* Level 0 tile from its entries. */
enum p2pfs_err store_tile_leaves(struct store *s, const struct p2pfs_version *v,
    uint32_t block, const struct p2pfs_hash *entry);

/* All that is missing above and in level 0; the root. */
enum p2pfs_err store_tree_finish(struct store *s, const struct p2pfs_version *v,
    struct p2pfs_hash *root);

/* Forgets tiles, parts and picks of a version (not its row). */
enum p2pfs_err store_tree_drop(struct store *s, int64_t vk);
enum p2pfs_err store_tiles_drop(struct store *s, int64_t vk);

/* store_birth.c */

/* Has every file: computes the root and makes it complete. */
enum p2pfs_err store_birth(struct store *s, struct p2pfs_version *v,
    enum store_origin origin);

/* Tiles, picks and v->root are there: state, served root, log, clearing. */
enum p2pfs_err store_complete(struct store *s, struct p2pfs_version *v,
    enum store_origin origin);

/* store_space.c */
void store_measure(struct store *s);
int store_take_room(struct store *s, uint64_t bytes);

/* store_wal.c */
int store_on_wal(void *ctx, sqlite3 *db, const char *name, int frames);
uint64_t store_wal_bytes(const struct store *s);
void store_note_wal(struct store *s);

/* All of it, and its file cut to nothing; STORE_BUSY: a reader is in the
 * way. */
enum p2pfs_err store_move_wal(struct store *s);

/* store_watch.c */

/* After opening: which files these are. */
enum p2pfs_err store_remember_files(struct store *s);

/* Notes that file i is not what it was; STORE_UNAVAILABLE. */
enum p2pfs_err store_lost(struct store *s, const char *what, unsigned i);

/* Is the database still at its path? A short look, for every transaction. */
enum p2pfs_err store_check_place(struct store *s);

/* After closing: takes a lost database's -wal and -shm out of the way. */
void store_clear_place(const struct store *s);

#endif
