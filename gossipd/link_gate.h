/*
 * gossipd/link_gate.h: accepted connections that have not said a word yet.
 * Pure: descriptors are numbers here.
 *
 * libzmq tells when it accepts and closes a connection; a connection that sends
 * its first message leaves the gate. Whoever stays longer than the time given
 * is to be shut, and so is whoever comes while the gate is full.
 */

#ifndef P2PFS_GOSSIPD_LINK_GATE_H
#define P2PFS_GOSSIPD_LINK_GATE_H

#include <stddef.h>
#include <stdint.h>

#define GATE_MAX 256

struct link_gate {
    struct {
        int fd;
        uint64_t since;
    } slot[GATE_MAX];
    size_t n;
};

/* 0, or -1: full, shut this one. */
int link_gate_enter(struct link_gate *g, int fd, uint64_t now_ms);

/* It spoke, or it is closed. */
void link_gate_leave(struct link_gate *g, int fd);

/* One that came before `since_ms` and leaves the gate with this; -1: none. */
int link_gate_expired(struct link_gate *g, uint64_t since_ms);

#endif
