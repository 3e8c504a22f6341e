/*
 * core/name.c: the grammar of set ids and indices.
 */

#include "core/name.h"

#include <string.h>

#define INDEX_DIGITS_MAX 128

/* unreserved of RFC 3986: never encoded in a URI, never special in a shell */
static int
is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '~'
        || c == '-';
}

enum p2pfs_err
p2pfs_set_id_check(const char *id, size_t len)
{
    size_t i;

    if (len == 0 || len > P2PFS_SET_ID_MAX) {
        return P2PFS_BAD_SET_ID;
    }

    /* dot segments would be removed from a URI */
    if (len <= 2 && memcmp(id, "..", len) == 0) {
        return P2PFS_BAD_SET_ID;
    }

    for (i = 0; i < len; i++) {
        if (!is_name_char(id[i])) {
            return P2PFS_BAD_SET_ID;
        }
    }

    return P2PFS_OK;
}

enum p2pfs_err
p2pfs_index_parse(const char *text, size_t len, uint64_t *index)
{
    uint64_t digit, v = 0;
    int fits = 1;
    size_t i;

    if (len == 0 || len > INDEX_DIGITS_MAX || (text[0] == '0' && len > 1)) {
        return P2PFS_BAD_INDEX;
    }

    for (i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return P2PFS_BAD_INDEX;
        }

        digit = (uint64_t)(text[i] - '0');

        if (v > (UINT64_MAX - digit) / 10) {
            fits = 0;
        }

        v = fits ? v * 10 + digit : UINT64_MAX;
    }

    *index = v;

    return P2PFS_OK;
}
