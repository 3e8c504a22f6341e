/*
 * gossipd/wire_check.h: are the fields of an unpacked message as docs/wire.md
 * says: lengths, and members that must be there? Private to wire.c.
 */

#ifndef P2PFS_GOSSIPD_WIRE_CHECK_H
#define P2PFS_GOSSIPD_WIRE_CHECK_H

#include "p2pfs.pb-c.h"

/* 1 or 0. */
int wire_check(const P2pfs__Rpc *rpc);

#endif
