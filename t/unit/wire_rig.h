/*
 * t/unit/wire_rig.h: an arena for a group of tests, and a record to send. For
 * test_wire*.c.
 */

#ifndef P2PFS_T_WIRE_RIG_H
#define P2PFS_T_WIRE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gossipd/wire.h"

static struct wire_arena *arena;

static inline int
setup(void **state)
{
    (void)state;
    arena = wire_arena_new();
    return arena == NULL ? -1 : 0;
}

static inline int
teardown(void **state)
{
    (void)state;
    wire_arena_free(arena);
    return 0;
}

static inline struct p2pfs_record
a_record(void)
{
    struct p2pfs_record r = {.kind = P2PFS_RECORD_FILE,
        .id_len = 3,
        .n = 9,
        .index = 4};

    memcpy(r.id, "set", 4);
    memset(r.entry.b, 0xab, sizeof(r.entry.b));
    return r;
}

static inline int
taken(const void *frame, size_t len)
{
    return wire_unpack(arena, frame, len) != NULL;
}

#endif
