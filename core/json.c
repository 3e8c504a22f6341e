/*
 * core/json.c: a strict JSON check by recursive descent.
 *
 * Each scan_ function takes what it is named after off the front and returns
 * whether it was there. The first fault stays; the recursion ends at
 * P2PFS_JSON_DEPTH_MAX.
 */

#include "core/json.h"

#include <string.h>

#include "core/hex.h"
#include "core/utf8.h"

struct scan {
    const char *p;
    const char *end;
    unsigned values;
    const char *fault;
};

static int scan_value(struct scan *s, unsigned depth);

static int
fail(struct scan *s, const char *fault)
{
    if (s->fault == NULL) {
        s->fault = fault;
    }

    return 0;
}

/* The next character, or NUL (which the grammar has nowhere) at the end. */
static char
peek(const struct scan *s)
{
    return s->p < s->end ? *s->p : '\0';
}

static int
accept(struct scan *s, char c)
{
    if (peek(s) != c) {
        return 0;
    }

    s->p++;

    return 1;
}

static void
skip_space(struct scan *s)
{
    char c = peek(s);

    while (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        s->p++;
        c = peek(s);
    }
}

static int
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int
scan_digits(struct scan *s)
{
    const char *start = s->p;

    while (is_digit(peek(s))) {
        s->p++;
    }

    return s->p > start;
}

static int
scan_number(struct scan *s)
{
    const char *start = s->p;
    int ok;

    accept(s, '-');

    ok = accept(s, '0') || scan_digits(s);

    if (ok && accept(s, '.')) {
        ok = scan_digits(s);
    }

    if (ok && (accept(s, 'e') || accept(s, 'E'))) {
        if (!accept(s, '+')) {
            accept(s, '-');
        }

        ok = scan_digits(s);
    }

    if (s->p == start) {
        return fail(s, "value expected");
    }

    if (!ok) {
        return fail(s, "malformed number");
    }

    if (s->p - start > P2PFS_JSON_NUMBER_MAX) {
        return fail(s, "number of too many characters");
    }

    return 1;
}

static int
scan_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0) {
        return fail(s, "unknown word");
    }

    s->p += len;

    return 1;
}

/* The four digits behind \u. */
static int
scan_unit(struct scan *s, unsigned *unit)
{
    uint8_t b[2];

    if (s->end - s->p < 4 || p2pfs_hex_decode(b, s->p, 4) != P2PFS_OK) {
        return fail(s, "malformed \\u escape");
    }

    s->p += 4;
    *unit = (unsigned)b[0] << 8 | b[1];

    return 1;
}

static int
scan_unicode_escape(struct scan *s)
{
    unsigned high, low = 0;

    if (!scan_unit(s, &high)) {
        return 0;
    }

    if (high == 0) {
        return fail(s, "\\u0000 in a string");
    }

    if (high < 0xd800 || high > 0xdfff) {
        return 1;
    }

    if (high < 0xdc00 && accept(s, '\\') && accept(s, 'u') && scan_unit(s, &low)
        && low >= 0xdc00 && low <= 0xdfff) {
        return 1;
    }

    return fail(s, "lone surrogate in a string");
}

static int
scan_escape(struct scan *s)
{
    char c = peek(s);

    if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL) {
        return fail(s, "unknown escape in a string");
    }

    s->p++;

    return c == 'u' ? scan_unicode_escape(s) : 1;
}

/* Characters that a string holds as they are, UTF-8 aside. */
static int
is_plain(char c)
{
    uint8_t byte = (uint8_t)c;

    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

/* Nearly all of a body is one string of hex digits: the plain loop is tight. */
static int
scan_string(struct scan *s)
{
    size_t n;

    if (!accept(s, '"')) {
        return fail(s, "string expected");
    }

    for (;;) {
        while (s->p < s->end && is_plain(*s->p)) {
            s->p++;
        }

        if (accept(s, '"')) {
            return 1;
        }

        if (accept(s, '\\')) {
            if (!scan_escape(s)) {
                return 0;
            }

            continue;
        }

        n = p2pfs_utf8_length(s->p, (size_t)(s->end - s->p));

        if (n == 0) {
            return fail(s,
                s->p == s->end ? "string without an end"
                               : "invalid UTF-8 in a string");
        }

        if (n == 1) {
            return fail(s, "control character in a string");
        }

        s->p += n;
    }
}

static int
scan_member(struct scan *s, unsigned depth)
{
    skip_space(s);

    if (!scan_string(s)) {
        return 0;
    }

    skip_space(s);

    if (!accept(s, ':')) {
        return fail(s, "colon expected");
    }

    return scan_value(s, depth);
}

/* An object or an array, which differ in their items and their last bracket. */
static int
scan_list(struct scan *s, unsigned depth, char close,
    int (*scan_item)(struct scan *s, unsigned depth))
{
    s->p++;

    if (depth == P2PFS_JSON_DEPTH_MAX) {
        return fail(s, "nested too deep");
    }

    skip_space(s);

    if (accept(s, close)) {
        return 1;
    }

    do {
        if (!scan_item(s, depth + 1)) {
            return 0;
        }
    } while (accept(s, ','));

    return accept(s, close) ? 1 : fail(s, "comma or closing bracket expected");
}

/* With the white space on both sides. */
static int
scan_value(struct scan *s, unsigned depth)
{
    int ok;

    if (s->values++ == P2PFS_JSON_VALUES_MAX) {
        return fail(s, "too many values");
    }

    skip_space(s);

    switch (peek(s)) {
    case '{': ok = scan_list(s, depth, '}', scan_member); break;
    case '[': ok = scan_list(s, depth, ']', scan_value); break;
    case '"': ok = scan_string(s); break;
    case 't': ok = scan_word(s, "true"); break;
    case 'f': ok = scan_word(s, "false"); break;
    case 'n': ok = scan_word(s, "null"); break;
    default: ok = scan_number(s); break;
    }

    skip_space(s);

    return ok;
}

const char *
p2pfs_json_fault(const char *text, size_t len)
{
    struct scan s = {text, text + len, 0, NULL};

    skip_space(&s);

    if (peek(&s) != '{') {
        return "object expected";
    }

    if (!scan_value(&s, 0)) {
        return s.fault;
    }

    return s.p == s.end ? NULL : "bytes behind the object";
}
