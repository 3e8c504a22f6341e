/*
 * core/utf8.h: UTF-8 (RFC 3629), strictly.
 */

#ifndef P2PFS_CORE_UTF8_H
#define P2PFS_CORE_UTF8_H

#include <stddef.h>

/*
 * Bytes (1..4) of the character at the front of s[0..len), or 0 where there is
 * none: cut off, overlong, a surrogate, above U+10FFFF, or len is 0.
 */
size_t p2pfs_utf8_length(const char *s, size_t len);

#endif
