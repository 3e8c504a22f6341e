/*
 * client/store.h: the records of sets that were put from here, in SQLite.
 *
 * A lost record is a set that cannot be verified any more, so every write is
 * on disk (synchronous=EXTRA) before its function returns. One row for a set
 * id; its root and count never change. Several processes may use the file at
 * once: a writer waits up to 5 s for another.
 */

#ifndef P2PFS_CLIENT_STORE_H
#define P2PFS_CLIENT_STORE_H

#include <stdint.h>

#include "client/p2pfs.h"
#include "core/error.h"

#define CLIENT_STORE_APPLICATION_ID 0x70326663 /* "p2fc" */
#define CLIENT_STORE_VERSION 1

struct client_store;

/*
 * NO_RECORD: there is no file, or an empty one, and create is 0.
 * STORE_SCHEMA: somebody else's database or a newer version. STORE_ERROR. On
 * failure *out may still be set, for client_store_detail() and _close().
 */
enum p2pfs_err client_store_open(struct client_store **out, const char *path,
    int create) P2PFS_MUST_CHECK;
void client_store_close(struct client_store *s); /* takes NULL */
const char *client_store_detail(const struct client_store *s);

/*
 * An upload begins at time `now` (seconds): id, count, root, server of r. The
 * same root and count again are fine and change nothing. ROOT_CHANGED: the id
 * has a record of another root or count. STORE_ERROR.
 */
enum p2pfs_err client_store_begin(struct client_store *s,
    const struct p2pfs_client_record *r, int64_t now) P2PFS_MUST_CHECK;

/* It ended. STORE_ERROR. */
enum p2pfs_err client_store_finish(struct client_store *s, const char *id,
    int64_t now) P2PFS_MUST_CHECK;

/* NO_RECORD, STORE_ERROR. out->server is written to server[server_len]. */
enum p2pfs_err client_store_find(struct client_store *s, const char *id,
    struct p2pfs_client_record *out, char *server, size_t server_len)
    P2PFS_MUST_CHECK;

/* CANCELLED: `each` returned not 0. STORE_ERROR. */
enum p2pfs_err client_store_list(struct client_store *s,
    int (*each)(void *ctx, const struct p2pfs_client_record *r), void *ctx)
    P2PFS_MUST_CHECK;

#endif
