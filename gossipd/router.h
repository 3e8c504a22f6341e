/*
 * gossipd/router.h: the thread between links, mesh, fetch and the store.
 *
 * It turns what links bring into events of the two state machines and what
 * these say into messages and jobs. It never touches the database and never
 * waits for anything but links_poll.
 *
 *     a file from a peer   publish -> mesh RECEIVED -> VALIDATE -> writer
 *                          -> mesh VERDICT -> PUSH to others
 *     a file from here     writer -> log head -> page of the log -> content
 *                          -> mesh PUBLISH -> PUSH
 *     a large file         publish without bytes -> fetch OFFER -> Get, Data
 *                          -> writer -> mesh VERDICT
 *     catch-up             Ping tells a head -> fetch -> LogGet, LogPage
 *                          -> which are missing? -> Get, Data -> writer
 */

#ifndef P2PFS_GOSSIPD_ROUTER_H
#define P2PFS_GOSSIPD_ROUTER_H

#include <stdint.h>

#include "core/error.h"
#include "gossipd/config.h"
#include "gossipd/inbox.h"
#include "gossipd/link.h"
#include "gossipd/log.h"
#include "gossipd/peerread.h"
#include "gossipd/scrub.h"
#include "gossipd/writer.h"

#define ROUTER_TOPIC "file-set"

struct router;

/* All borrowed until router_free. */
struct router_parts {
    const struct config *config;
    struct links *links;
    struct writer *writer;
    struct peerread *reads;
    struct inbox *inbox;
    struct scrub *scrub; /* for the status file */
    struct log *log;
    uint8_t epoch[STORE_EPOCH_BYTES];
    uint64_t log_head;  /* when the store was opened */
    uint64_t published; /* cursor of the last run */
    uint64_t seed;
};

enum p2pfs_err router_new(struct router **out, const struct router_parts *p)
    P2PFS_MUST_CHECK;
void router_free(struct router *r); /* takes NULL */

/* One turn: waits at most timeout_ms, handles everything that is there. */
void router_turn(struct router *r, unsigned timeout_ms);

/* The publish cursor goes to the store before the writer stops. */
void router_save(struct router *r);

#endif
