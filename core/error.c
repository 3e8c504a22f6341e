/*
 * core/error.c: the rows of the error table.
 */

#include "core/error.h"

static const struct p2pfs_err_row ROWS[P2PFS_ERR_COUNT] = {
#define P2PFS_ERR_ROW(name, code, http, exit, text)                            \
    [P2PFS_##name] = {code, http, exit, text},
    P2PFS_ERRORS(P2PFS_ERR_ROW)
#undef P2PFS_ERR_ROW
};

const struct p2pfs_err_row *
p2pfs_err_row(unsigned err)
{
    if (err >= P2PFS_ERR_COUNT) {
        err = P2PFS_INTERNAL;
    }

    return &ROWS[err];
}
