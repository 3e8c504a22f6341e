/*
 * gossipd/link_gate.c: a small table, searched from the front: the oldest
 * stands first.
 */

#include "gossipd/link_gate.h"

#include <string.h>

int
link_gate_enter(struct link_gate *g, int fd, uint64_t now_ms)
{
    link_gate_leave(g, fd); /* a number in use again is a new connection */
    if (g->n == GATE_MAX) {
        return -1;
    }
    g->slot[g->n].fd = fd;
    g->slot[g->n].since = now_ms;
    g->n++;
    return 0;
}

void
link_gate_leave(struct link_gate *g, int fd)
{
    size_t i;

    for (i = 0; i < g->n; i++) {
        if (g->slot[i].fd == fd) {
            g->n--;
            memmove(&g->slot[i], &g->slot[i + 1],
                (g->n - i) * sizeof(g->slot[0]));
            return;
        }
    }
}

int
link_gate_expired(struct link_gate *g, uint64_t since_ms)
{
    int fd;

    if (g->n == 0 || g->slot[0].since >= since_ms) {
        return -1;
    }
    fd = g->slot[0].fd;
    link_gate_leave(g, fd);
    return fd;
}
