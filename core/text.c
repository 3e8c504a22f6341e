/*
 * core/text.c: composing text.
 */

#include "core/text.h"

#include <string.h>

#include "core/hex.h"
#include "core/utf8.h"

void
p2pfs_text_init(struct p2pfs_text *t, char *buf, size_t cap)
{
    t->p = buf;
    t->len = 0;
    t->cap = cap;
    t->bad = 0;
}

/* Where len more characters go, or NULL. */
static char *
reserve(struct p2pfs_text *t, size_t len)
{
    char *p;

    if (t->bad || len > t->cap - t->len) {
        t->bad = 1;
        return NULL;
    }

    p = t->p + t->len;
    t->len += len;

    return p;
}

void
p2pfs_text_bytes(struct p2pfs_text *t, const void *data, size_t len)
{
    char *p = reserve(t, len);

    if (p != NULL && len > 0) {
        memcpy(p, data, len);
    }
}

void
p2pfs_text_u64(struct p2pfs_text *t, uint64_t v)
{
    char digits[20];
    size_t i = sizeof(digits);

    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);

    p2pfs_text_bytes(t, digits + i, sizeof(digits) - i);
}

void
p2pfs_text_hex(struct p2pfs_text *t, const uint8_t *data, size_t len)
{
    char *p;

    if (len > SIZE_MAX / 2) {
        t->bad = 1;
        return;
    }

    p = reserve(t, 2 * len);
    if (p != NULL) {
        p2pfs_hex_encode(p, data, len);
    }
}

void
p2pfs_text_hash(struct p2pfs_text *t, const struct p2pfs_hash *h)
{
    p2pfs_text_hex(t, h->b, sizeof(h->b));
}

/* One character below U+0080. */
static void
json_ascii(struct p2pfs_text *t, char c)
{
    uint8_t byte = (uint8_t)c;

    if (c == '"' || c == '\\') {
        p2pfs_text_str(t, "\\");
        p2pfs_text_bytes(t, &c, 1);
    } else if (byte < 0x20) {
        p2pfs_text_str(t, "\\u00");
        p2pfs_text_hex(t, &byte, 1);
    } else {
        p2pfs_text_bytes(t, &c, 1);
    }
}

void
p2pfs_text_json(struct p2pfs_text *t, const char *s, size_t len)
{
    size_t i, n;

    p2pfs_text_str(t, "\"");

    for (i = 0; i < len; i += n) {
        n = p2pfs_utf8_length(s + i, len - i);

        if (n == 0) {
            p2pfs_text_str(t, "\xef\xbf\xbd"); /* U+FFFD */
            n = 1;
        } else if (n == 1) {
            json_ascii(t, s[i]);
        } else {
            p2pfs_text_bytes(t, s + i, n);
        }
    }

    p2pfs_text_str(t, "\"");
}
