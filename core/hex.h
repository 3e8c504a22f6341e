/*
 * core/hex.h: hexadecimal, both ways.
 *
 * Written in lower case, read in either. Lengths are bytes of the binary side
 * unless a name says otherwise. No prefix handling but p2pfs_hex_skip_0x().
 */

#ifndef P2PFS_CORE_HEX_H
#define P2PFS_CORE_HEX_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* Writes 2 * len digits to out, no NUL. out and in must not overlap. */
void p2pfs_hex_encode(char *out, const uint8_t *in, size_t len);

/*
 * Reads hex_len digits into out (hex_len / 2 bytes). out may be the same
 * buffer as hex (decoding in place), else they must not overlap.
 * BAD_HEX: odd length or a character that is no hex digit; out is then
 * undefined.
 */
enum p2pfs_err p2pfs_hex_decode(uint8_t *out, const char *hex, size_t hex_len)
    P2PFS_MUST_CHECK;

/* 1 and both moved on by two where the text starts with "0x", else 0. */
int p2pfs_hex_skip_0x(const char **hex, size_t *hex_len);

#endif
