/*
 * t/unit/store_rules_rig.h: for test_store_file.c and its neighbours.
 */

#ifndef P2PFS_T_STORE_RULES_RIG_H
#define P2PFS_T_STORE_RULES_RIG_H

#include "t/unit/store_fixture.h"

/* Is the entry of file i of a variant readable by its hash? */
static inline void
check_by_hash(struct fixture *f, const char *id, uint32_t i, unsigned variant)
{
    struct bytes b = file_bytes(i, variant);
    struct p2pfs_hash entry = entry_of(f, &b);
    struct p2pfs_file file;

    assert_int_equal(p2pfs_reader_begin(f->r), P2PFS_OK);
    assert_int_equal(p2pfs_reader_by_hash(f->r, id, strlen(id), i, &entry,
                         &file),
        P2PFS_OK);
    assert_int_equal(file.len, b.len);
    assert_memory_equal(file.content, b.data, b.len);
    assert_int_equal(file.proof.len, 0);
    p2pfs_reader_end(f->r);
}

/* Which of two variants has the smaller entry at index i? */
static inline unsigned
smaller(struct fixture *f, uint32_t i)
{
    struct bytes b[2] = {file_bytes(i, 0), file_bytes(i, 1)};
    struct p2pfs_hash e[2];

    e[0] = entry_of(f, &b[0]);
    e[1] = entry_of(f, &b[1]);
    return p2pfs_hash_cmp(&e[0], &e[1]) < 0 ? 0 : 1;
}

#endif
