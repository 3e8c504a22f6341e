/*
 * core/name.h: the grammar of set ids and indices, as they stand in a URI
 * and on every wire.
 */

#ifndef P2PFS_CORE_NAME_H
#define P2PFS_CORE_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define P2PFS_SET_ID_MAX 128

/* [A-Za-z0-9._~-]{1,128}, but not "." and not "..". BAD_SET_ID. */
enum p2pfs_err p2pfs_set_id_check(const char *id, size_t len) P2PFS_MUST_CHECK;

/*
 * A canonical decimal: digits only, no sign, no leading zero but "0" itself.
 * What does not fit is UINT64_MAX (it is above every setCount). BAD_INDEX for
 * anything else, also for more than 128 digits.
 */
enum p2pfs_err p2pfs_index_parse(const char *text, size_t len, uint64_t *index)
    P2PFS_MUST_CHECK;

#endif
