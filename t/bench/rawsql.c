/*
 * t/bench/rawsql.c: what SQLite alone pays for the rows of an upload.
 *
 *     rawsql DB SECONDS GROUP BYTES
 *
 * The store's own schema, pragmas and statements: for each file its content,
 * the bits of its block, the version's count and a log row, for each 128th a
 * tile; GROUP files in a transaction with synchronous=FULL. No hashing, no
 * look-ups, no rules, nobody to answer. Prints: files per second, p50 and p99
 * of a transaction in microseconds.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/schema.h"
#include "core/sql.h"
#include "core/tile.h"
#include "t/bench/content.h"

#define NS UINT64_C(1000000000)
#define COMMITS_MAX 4000000
#define SET_FILES 1000000
#define CHECKPOINT_FRAMES 1000

enum statement {
    Q_BEGIN,
    Q_COMMIT,
    Q_LABEL,
    Q_GROUP,
    Q_VERSION,
    Q_HAVE,
    Q_CONTENT,
    Q_PART,
    Q_TILE,
    Q_LOG,
    Q_COUNT
};

static const char *const texts[] = {
    "BEGIN IMMEDIATE",
    "COMMIT",
    "INSERT INTO label(sk, set_id) VALUES (1, 'raw')",
    "INSERT INTO grp(gk, sk, n) VALUES (?1, 1, ?2)",
    "INSERT INTO version(vk, gk, state, have) VALUES (?1, ?1, 0, 0)",
    "UPDATE version SET have = ?2 WHERE vk = ?1",
    "INSERT INTO content(k, entry, body) VALUES (?1, ?2, ?3)",
    "INSERT OR REPLACE INTO part(pk, bits) VALUES (?1, ?2)",
    "INSERT OR REPLACE INTO tile(tk, h) VALUES (?1, ?2)",
    "INSERT INTO log(seq, kind, origin, a, b) VALUES (?1, ?2, ?3, ?4, ?5)",
};

struct raw {
    sqlite3 *db;
    struct p2pfs_sql q;
    uint64_t n; /* files so far */
    int64_t key;
    int frames;
    uint8_t bits[16];
    uint8_t *body;
    size_t len;
    uint8_t tile[P2PFS_TILE_BYTES_MAX + 8];
};

static void
must(enum p2pfs_err err, struct raw *r)
{
    if (err != P2PFS_OK) {
        fprintf(stderr, "rawsql: %s\n", sqlite3_errmsg(r->db));
        exit(1);
    }
}

static uint64_t
now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static int
on_wal(void *ctx, sqlite3 *db, const char *name, int frames)
{
    struct raw *r = ctx;

    (void)db;
    (void)name;
    r->frames = frames;
    return SQLITE_OK;
}

static void
open_db(struct raw *r, const char *path)
{
    if (sqlite3_open(path, &r->db) != SQLITE_OK) {
        must(P2PFS_STORE_ERROR, r);
    }
    must(p2pfs_sql_exec(r->db,
             "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"
             "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
             "PRAGMA journal_size_limit = 67108864;"
             "PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0;"
             "PRAGMA cache_size = -16384"),
        r);
    must(p2pfs_schema_migrate(r->db), r);
    must(p2pfs_sql_init(&r->q, r->db, texts, Q_COUNT), r);
    must(p2pfs_sql_run(&r->q, Q_LABEL, NULL, 0), r);
    sqlite3_wal_hook(r->db, on_wal, r);
}

static void
put(struct raw *r)
{
    uint32_t index = r->n % SET_FILES;
    unsigned place = index % P2PFS_TILE_WIDTH;
    int64_t k;

    if (index == 0) {
        r->key++;
        must(P2PFS_SQL_RUN(&r->q, Q_GROUP, r->key, SET_FILES), r);
        must(P2PFS_SQL_RUN(&r->q, Q_VERSION, r->key), r);
    }
    k = p2pfs_schema_key(r->key, index);
    bench_content(r->body, r->len, r->n);
    p2pfs_sql_blob(&r->q, Q_CONTENT, 2, r->body, 32);
    p2pfs_sql_blob(&r->q, Q_CONTENT, 3, r->body, r->len);
    must(P2PFS_SQL_RUN(&r->q, Q_CONTENT, k), r);

    if (place == 0) {
        memset(r->bits, 0, sizeof(r->bits));
    }
    r->bits[place / 8] |= (uint8_t)(1u << place % 8);
    must(P2PFS_SQL_RUN(&r->q, Q_HAVE, r->key, index + 1), r);
    p2pfs_sql_blob(&r->q, Q_PART, 2, r->bits, sizeof(r->bits));
    must(P2PFS_SQL_RUN(&r->q, Q_PART,
             p2pfs_schema_key(r->key, index / P2PFS_TILE_WIDTH)),
        r);
    if (place == P2PFS_TILE_WIDTH - 1) {
        p2pfs_sql_blob(&r->q, Q_TILE, 2, r->tile, P2PFS_TILE_BYTES_MAX);
        must(P2PFS_SQL_RUN(&r->q, Q_TILE,
                 p2pfs_schema_tile_key(r->key, 0, index / P2PFS_TILE_WIDTH)),
            r);
    }
    r->n++;
    must(P2PFS_SQL_RUN(&r->q, Q_LOG, (int64_t)r->n, P2PFS_LOG_FILE, 0, k, 0),
        r);
}

/* Files of one transaction; returns its microseconds. */
static uint32_t
put_group(struct raw *r, unsigned group)
{
    uint64_t begin = now_ns();
    unsigned i;

    must(p2pfs_sql_run(&r->q, Q_BEGIN, NULL, 0), r);
    for (i = 0; i < group; i++) {
        put(r);
    }
    must(p2pfs_sql_run(&r->q, Q_COMMIT, NULL, 0), r);
    return (uint32_t)((now_ns() - begin) / 1000);
}

static int
compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
    static struct raw r;
    uint64_t begin, end;
    unsigned group;
    uint32_t *us = calloc(COMMITS_MAX, sizeof(*us));
    size_t n = 0;

    if (argc != 5 || us == NULL) {
        fprintf(stderr, "usage: rawsql DB SECONDS GROUP BYTES\n");
        return 2;
    }
    group = (unsigned)strtoul(argv[3], NULL, 10);
    r.len = strtoul(argv[4], NULL, 10);
    r.body = malloc(r.len + 40);
    if (group == 0 || r.body == NULL) {
        return 2;
    }
    bench_content(r.tile, P2PFS_TILE_BYTES_MAX, 1);
    open_db(&r, argv[1]);
    begin = now_ns();
    end = begin + strtoull(argv[2], NULL, 10) * NS;
    while (now_ns() < end && n < COMMITS_MAX) {
        us[n++] = put_group(&r, group);
        if (r.frames > CHECKPOINT_FRAMES) {
            (void)sqlite3_wal_checkpoint_v2(r.db, NULL,
                SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        }
    }
    end = now_ns();
    qsort(us, n, sizeof(*us), compare);
    printf("%.0f %u %u\n", (double)r.n * (double)NS / (double)(end - begin),
        us[n / 2], us[(size_t)(0.99 * (double)(n - 1))]);
    p2pfs_sql_fini(&r.q);
    sqlite3_close(r.db);
    free(r.body);
    free(us);
    return 0;
}
