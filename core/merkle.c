/*
 * core/merkle.c: proofs, the incremental root and the tree in memory.
 *
 * Everything here goes up level by level. A level whose last node is `last`
 * has last + 1 nodes and the level above it has last / 2 + 1. The node at an
 * even last place has no sibling and moves up as it is.
 */

#include "core/merkle.h"

#include <stdlib.h>

static int
has_sibling(uint64_t index, uint64_t last)
{
    return (index ^ 1) <= last;
}

unsigned
p2pfs_proof_length(uint64_t n, uint64_t index)
{
    uint64_t last;
    unsigned len = 0;

    for (last = n - 1; last > 0; last /= 2, index /= 2) {
        len += has_sibling(index, last);
    }

    return len;
}

enum p2pfs_err
p2pfs_proof_verify(struct p2pfs_hasher *h, const struct p2pfs_hash *root,
    uint64_t n, uint64_t index, const struct p2pfs_hash *entry,
    const struct p2pfs_proof *proof)
{
    const struct p2pfs_hash *sibling = proof->hash;
    struct p2pfs_hash node;
    uint64_t last;

    if (n == 0 || n > P2PFS_SET_COUNT_MAX) {
        return P2PFS_BAD_SET_COUNT;
    }

    if (index >= n) {
        return P2PFS_INDEX_OUT_OF_RANGE;
    }

    if (proof->len != p2pfs_proof_length(n, index)) {
        return P2PFS_NOT_IN_ROOT;
    }

    p2pfs_hash_leaf(h, entry, &node);

    for (last = n - 1; last > 0; last /= 2, index /= 2) {
        if (index % 2 == 1) {
            p2pfs_hash_node(h, sibling++, &node, &node);
        } else if (has_sibling(index, last)) {
            p2pfs_hash_node(h, &node, sibling++, &node);
        }
    }

    if (p2pfs_hasher_failed(h)) {
        return P2PFS_INTERNAL;
    }

    return p2pfs_hash_cmp(&node, root) == 0 ? P2PFS_OK : P2PFS_NOT_IN_ROOT;
}

void
p2pfs_fold_init(struct p2pfs_fold *f)
{
    f->n = 0;
}

/* Like adding one to the binary number n: equal peaks merge and carry. */
enum p2pfs_err
p2pfs_fold_add(struct p2pfs_fold *f, struct p2pfs_hasher *h,
    const struct p2pfs_hash *entry)
{
    struct p2pfs_hash node;
    unsigned i;

    if (f->n == P2PFS_SET_COUNT_MAX) {
        return P2PFS_BAD_SET_COUNT;
    }

    p2pfs_hash_leaf(h, entry, &node);

    for (i = 0; f->n >> i & 1; i++) {
        p2pfs_hash_node(h, &f->peak[i], &node, &node);
    }

    f->peak[i] = node;
    f->n++;

    return P2PFS_OK;
}

/* The peaks stand for the leaves from left to right, the largest first. */
enum p2pfs_err
p2pfs_fold_root(const struct p2pfs_fold *f, struct p2pfs_hasher *h,
    struct p2pfs_hash *root)
{
    struct p2pfs_hash node;
    unsigned i;

    if (f->n == 0) {
        return P2PFS_BAD_SET_COUNT;
    }

    for (i = 0; (f->n >> i & 1) == 0; i++) {
        /* to the smallest peak */
    }

    node = f->peak[i];

    while (f->n >> ++i) {
        if (f->n >> i & 1) {
            p2pfs_hash_node(h, &f->peak[i], &node, &node);
        }
    }

    *root = node;

    return p2pfs_hasher_failed(h) ? P2PFS_INTERNAL : P2PFS_OK;
}

struct p2pfs_tree {
    uint64_t n;
    struct p2pfs_hash *level[P2PFS_PROOF_MAX + 1]; /* into node */
    struct p2pfs_hash node[];                      /* leaves first, root last */
};

static void
tree_fill(struct p2pfs_tree *t, struct p2pfs_hasher *h,
    const struct p2pfs_hash *entries)
{
    struct p2pfs_hash *below = t->node;
    struct p2pfs_hash *here;
    uint64_t i, last;
    unsigned k = 0;

    for (i = 0; i < t->n; i++) {
        p2pfs_hash_leaf(h, &entries[i], &below[i]);
    }

    t->level[k] = below;

    for (last = t->n - 1; last > 0; last /= 2) {
        here = below + last + 1;

        for (i = 0; i < last; i += 2) {
            p2pfs_hash_node(h, &below[i], &below[i + 1], &here[i / 2]);
        }

        if (!has_sibling(last, last)) {
            here[last / 2] = below[last];
        }

        t->level[++k] = here;
        below = here;
    }
}

/* Nodes of all levels together. */
static uint64_t
tree_nodes(uint64_t n)
{
    uint64_t last, sum = 1;

    for (last = n - 1; last > 0; last /= 2) {
        sum += last + 1;
    }

    return sum;
}

enum p2pfs_err
p2pfs_tree_new(struct p2pfs_tree **out, struct p2pfs_hasher *h,
    const struct p2pfs_hash *entries, uint64_t n)
{
    struct p2pfs_tree *t;
    uint64_t nodes;

    *out = NULL;

    if (n == 0 || n > P2PFS_SET_COUNT_MAX) {
        return P2PFS_BAD_SET_COUNT;
    }

    nodes = tree_nodes(n);
    if (nodes > (SIZE_MAX - sizeof(*t)) / P2PFS_HASH_BYTES) {
        return P2PFS_NO_MEMORY;
    }

    t = malloc(sizeof(*t) + (size_t)nodes * P2PFS_HASH_BYTES);
    if (t == NULL) {
        return P2PFS_NO_MEMORY;
    }

    t->n = n;
    tree_fill(t, h, entries);

    if (p2pfs_hasher_failed(h)) {
        p2pfs_tree_free(t);
        return P2PFS_INTERNAL;
    }

    *out = t;

    return P2PFS_OK;
}

void
p2pfs_tree_free(struct p2pfs_tree *t)
{
    free(t);
}

void
p2pfs_tree_root(const struct p2pfs_tree *t, struct p2pfs_hash *root)
{
    *root = t->node[tree_nodes(t->n) - 1];
}

enum p2pfs_err
p2pfs_tree_proof(const struct p2pfs_tree *t, uint64_t index,
    struct p2pfs_proof *proof)
{
    uint64_t last;
    unsigned k = 0;

    if (index >= t->n) {
        return P2PFS_INDEX_OUT_OF_RANGE;
    }

    proof->len = 0;

    for (last = t->n - 1; last > 0; last /= 2, index /= 2) {
        if (has_sibling(index, last)) {
            proof->hash[proof->len++] = t->level[k][index ^ 1];
        }

        k++;
    }

    return P2PFS_OK;
}
