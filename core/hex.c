/*
 * core/hex.c: hexadecimal by tables.
 */

#include "core/hex.h"

#include <string.h>

/* clang-format off */

/* The two digits of every byte, one behind the other: one copy for a byte. */
#define ROW(hi)                                                               \
    hi "0" hi "1" hi "2" hi "3" hi "4" hi "5" hi "6" hi "7"                   \
    hi "8" hi "9" hi "a" hi "b" hi "c" hi "d" hi "e" hi "f"

static const char PAIRS[] =
    ROW("0") ROW("1") ROW("2") ROW("3") ROW("4") ROW("5") ROW("6") ROW("7")
    ROW("8") ROW("9") ROW("a") ROW("b") ROW("c") ROW("d") ROW("e") ROW("f");

/* DIGIT | value for a digit, 0 for anything else. */
#define DIGIT 0x10

static const uint8_t DIGITS[256] = {
    ['0'] = 0x10, ['1'] = 0x11, ['2'] = 0x12, ['3'] = 0x13, ['4'] = 0x14,
    ['5'] = 0x15, ['6'] = 0x16, ['7'] = 0x17, ['8'] = 0x18, ['9'] = 0x19,
    ['a'] = 0x1a, ['b'] = 0x1b, ['c'] = 0x1c, ['d'] = 0x1d, ['e'] = 0x1e,
    ['f'] = 0x1f, ['A'] = 0x1a, ['B'] = 0x1b, ['C'] = 0x1c, ['D'] = 0x1d,
    ['E'] = 0x1e, ['F'] = 0x1f,
};

/* clang-format on */

/*
 * 16 bytes at once: nibbles to digits, then high and low digits in turn. The
 * compilers make SSE2 or NEON of it; the loop over the table takes the rest.
 */
typedef uint8_t lanes __attribute__((vector_size(16)));

static lanes
digits_of(lanes nibble)
{
    lanes letter = (lanes)(nibble > 9);

    return nibble + '0' + (letter & ('a' - '0' - 10));
}

static void
encode_16(char *out, const uint8_t *in)
{
    lanes v, hi, lo, pairs;

    memcpy(&v, in, sizeof(v));
    hi = digits_of(v >> 4);
    lo = digits_of(v & 15);
    pairs = __builtin_shufflevector(hi, lo, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20,
        5, 21, 6, 22, 7, 23);
    memcpy(out, &pairs, sizeof(pairs));
    pairs = __builtin_shufflevector(hi, lo, 8, 24, 9, 25, 10, 26, 11, 27, 12,
        28, 13, 29, 14, 30, 15, 31);
    memcpy(out + sizeof(pairs), &pairs, sizeof(pairs));
}

void
p2pfs_hex_encode(char *out, const uint8_t *in, size_t len)
{
    size_t i;

    for (i = 0; i + sizeof(lanes) <= len; i += sizeof(lanes)) {
        encode_16(out + 2 * i, in + i);
    }
    for (; i < len; i++) {
        memcpy(out + 2 * i, PAIRS + 2 * in[i], 2);
    }
}

/* One test behind the loop: a wrong digit is rare and costs nothing until. */
enum p2pfs_err
p2pfs_hex_decode(uint8_t *out, const char *hex, size_t hex_len)
{
    const uint8_t *in = (const uint8_t *)hex;
    unsigned all = DIGIT;
    size_t i;

    if (hex_len % 2 != 0) {
        return P2PFS_BAD_HEX;
    }

    for (i = 0; i < hex_len / 2; i++) {
        unsigned hi = DIGITS[in[2 * i]];
        unsigned lo = DIGITS[in[2 * i + 1]];

        all &= hi & lo;
        out[i] = (uint8_t)(hi << 4 | (lo & 0x0f));
    }

    return all ? P2PFS_OK : P2PFS_BAD_HEX;
}

int
p2pfs_hex_skip_0x(const char **hex, size_t *hex_len)
{
    if (*hex_len < 2 || (*hex)[0] != '0' || (*hex)[1] != 'x') {
        return 0;
    }

    *hex += 2;
    *hex_len -= 2;

    return 1;
}
