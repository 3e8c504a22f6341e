/*
 * core/utf8.c: one UTF-8 character.
 */

#include "core/utf8.h"

#include <stdint.h>

size_t
p2pfs_utf8_length(const char *s, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *p = (const uint8_t *)s;
    uint32_t c;
    size_t i, n;

    if (len == 0 || p[0] < 0x80) {
        return len == 0 ? 0 : 1;
    }

    n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

    if (p[0] < 0xc0 || p[0] >= 0xf8 || n > len) {
        return 0;
    }

    c = p[0] & (0x7fu >> n);

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = c << 6 | (p[i] & 0x3f);
    }

    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }

    return n;
}
