/*
 * client/url.h: the address of a server as a user writes it.
 */

#ifndef P2PFS_CLIENT_URL_H
#define P2PFS_CLIENT_URL_H

#include <stddef.h>

#include "core/error.h"

/*
 * http://HOST[:PORT][/PREFIX] or https://..., at most CLIENT_URL_MAX - 1
 * characters, into a base URL without a slash at its end; "/api" is the prefix
 * where none (or only a slash) is given. No user, query or fragment.
 * USAGE, with *why in words; NO_MEMORY. *out is the caller's to free.
 */
enum p2pfs_err client_url_parse(const char *text, char **out, const char **why)
    P2PFS_MUST_CHECK;

#endif
