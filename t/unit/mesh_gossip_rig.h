/*
 * t/unit/mesh_gossip_rig.h: a mesh whose peers all get gossip. For
 * test_mesh_gossip.c and its neighbours.
 */

#ifndef P2PFS_T_MESH_GOSSIP_RIG_H
#define P2PFS_T_MESH_GOSSIP_RIG_H

#include "t/unit/mesh_rig.h"

/* d = 0: nobody is in the mesh, all peers get gossip. */
static inline void
open_lazy(struct rig *r, uint64_t peers)
{
    mesh_params_default(&r->p);
    r->p.d = r->p.d_lo = r->p.d_hi = r->p.d_out = 0;
    rig_open_params(r);
    for (uint64_t peer = 1; peer <= peers; peer++) {
        rig_add(r, peer, 0);
        assert_int_equal(r->n, 0);
    }
}

#endif
