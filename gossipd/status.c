/*
 * gossipd/status.c: a small text file that tells the state of the daemon, one
 * `name value` a line, replaced as a whole.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/hex.h"
#include "core/version.h"
#include "gossipd/router_int.h"

static void
put_peers(const struct router *r, FILE *f)
{
    char hex[2 * NODE_ID_BYTES + 1];
    const struct peer *p;
    size_t i;

    hex[2 * NODE_ID_BYTES] = '\0';
    for (i = 0; i < r->n_peers; i++) {
        p = &r->peers[i];
        p2pfs_hex_encode(hex, p->node_id, NODE_ID_BYTES);
        (void)fprintf(f, "peer %s dir=%s mesh=%s queued=%zu blamed=%u\n", hex,
            p->outbound ? "out" : "in",
            mesh_has(r->mesh, ROUTER_TOPIC, p->number) ? "yes" : "no",
            links_queued(r->part.links, p->number, LINK_BULK)
                + links_queued(r->part.links, p->number, LINK_PUSH),
            p->blamed);
    }
}

static void
put_counters(const struct router *r, FILE *f)
{
    struct mesh_stats m;
    struct fetch_stats fs;
    struct links_stats ls;

    mesh_stats(r->mesh, &m);
    fetch_stats(r->fetch, &fs);
    links_stats(r->part.links, &ls);
    (void)fprintf(f,
        "caught_up %d\nfetching %zu\nmessages_received %llu\n"
        "messages_duplicate %llu\nmessages_pushed %llu\niwant_sent %llu\n"
        "records_fetched %llu\nhandshakes_failed %llu\nkeys_refused %llu\n"
        "frames_bad %llu\nlinks_kicked %llu\n",
        fs.caught_up, fs.active, (unsigned long long)m.received,
        (unsigned long long)m.duplicates, (unsigned long long)m.pushed,
        (unsigned long long)m.iwant_sent, (unsigned long long)fs.stored,
        (unsigned long long)ls.handshakes_failed,
        (unsigned long long)ls.refused_key, (unsigned long long)ls.bad_frames,
        (unsigned long long)ls.kicked);
}

static void
put_store(const struct router *r, FILE *f)
{
    struct store_stats s;

    writer_read_stats(r->part.writer, &s);
    (void)fprintf(f,
        "wal_bytes %llu\nwal_max_bytes %llu\ncheckpoints %llu\n"
        "checkpoint_waits %llu\ncheckpoint_us %llu\n"
        "checkpoint_max_us %llu\nballast_used %llu\n",
        (unsigned long long)s.wal_bytes, (unsigned long long)s.wal_max_bytes,
        (unsigned long long)s.checkpoints,
        (unsigned long long)s.checkpoint_waits,
        (unsigned long long)s.checkpoint_us,
        (unsigned long long)s.checkpoint_max_us,
        (unsigned long long)s.ballast_used);
}

static void
put_scrub(const struct router *r, FILE *f)
{
    struct scrub_stats s;

    scrub_read_stats(r->part.scrub, &s);
    (void)fprintf(f,
        "scrub_passes %llu\nscrub_bytes %llu\ndamaged %llu\nwrong %llu\n",
        (unsigned long long)s.passes, (unsigned long long)s.read,
        (unsigned long long)s.damaged, (unsigned long long)s.wrong);
}

static int
write_file(const struct router *r, const char *path)
{
    char hex[2 * NODE_ID_BYTES + 1];
    FILE *f;
    int rc;

    f = fopen(path, "we");
    if (f == NULL) {
        return -1;
    }
    p2pfs_hex_encode(hex, links_node_id(r->part.links), NODE_ID_BYTES);
    hex[2 * NODE_ID_BYTES] = '\0';
    (void)fprintf(f,
        "version %s\nprocess %ld\nnode %s\nlinks %zu\nlog_head %llu\n"
        "published %llu\n",
        P2PFS_VERSION, (long)getpid(), hex, r->n_peers,
        (unsigned long long)r->log_head, (unsigned long long)r->published);
    put_counters(r, f);
    put_store(r, f);
    put_scrub(r, f);
    put_peers(r, f);
    rc = ferror(f);
    return fclose(f) != 0 || rc != 0 ? -1 : 0;
}

void
router_write_status(struct router *r)
{
    const char *path = r->part.config->status;
    char tmp[4096];

    if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp)) {
        return;
    }
    if (write_file(r, tmp) != 0 || rename(tmp, path) != 0) {
        log_debug(r->part.log, "cannot write status \"%s\": %s", path,
            strerror(errno));
    }
}
