/*
 * gossipd/node.h: one running node: its parts in the order in which they start
 * and, backwards, stop.
 */

#ifndef P2PFS_GOSSIPD_NODE_H
#define P2PFS_GOSSIPD_NODE_H

#include "core/error.h"
#include "gossipd/config.h"
#include "gossipd/log.h"

struct node;

/*
 * Starts everything. Both are borrowed until node_stop. Where it fails the log
 * says why.
 */
enum p2pfs_err node_start(struct node **out, const struct config *c,
    struct log *log) P2PFS_MUST_CHECK;

/* A descriptor that ends the wait of node_turn when it is readable. */
void node_watch(struct node *n, int fd);

/* One turn of the router, at most timeout_ms long. */
void node_turn(struct node *n, unsigned timeout_ms);

/* The database was moved, replaced or deleted, or its disk failed: uploads get
 * 503 from now on. The node is to be stopped and started anew. */
int node_lost(struct node *n);

/* What a running node takes over from another configuration: the peers to dial
 * and the limit of the store. */
void node_reread(struct node *n, const struct config *c);

/*
 * Takes no more uploads, commits and answers what was taken, says goodbye to
 * peers, checkpoints, closes. Takes NULL.
 */
void node_stop(struct node *n);

#endif
