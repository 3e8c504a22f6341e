#!/usr/bin/env python3
"""Writes the vectors beside it, by the definitions and nothing else.

merkle.txt: RFC 9162 section 2.1.1 and 2.1.3.1, word for word recursive. Entry i
is SHA-256 of i as four bytes, big-endian.

    root <n> <root>
    proof <n> <index> <sibling>...        bottom-up

records.txt: canonical bytes and ids as core/record.h has them.

    <kind> <set id> <n> <index> <entry> <root> <canonical> <id>
"""

import functools
import hashlib
import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
ALL_PROOFS = range(1, 18)
ROOTS = list(range(1, 41)) + [127, 128, 129, 255, 256, 257, 1000,
                              16383, 16384, 16385]


def sha256(data):
    return hashlib.sha256(data).digest()


def entry(i):
    return sha256(struct.pack(">I", i))


def split(n):
    """The largest power of two below n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


@functools.lru_cache(maxsize=None)
def mth(first, n):
    if n == 1:
        return sha256(b"\0" + entry(first))
    k = split(n)
    return sha256(b"\1" + mth(first, k) + mth(first + k, n - k))


def path(m, first, n):
    if n == 1:
        return []
    k = split(n)
    if m < k:
        return path(m, first, k) + [mth(first + k, n - k)]
    return path(m - k, first + k, n - k) + [mth(first, k)]


def merkle():
    for n in ROOTS:
        yield "root %d %s" % (n, mth(0, n).hex())
    for n in ROOTS:
        some = {0, 1, n // 2, n - 2, n - 1}
        for m in range(n):
            if n in ALL_PROOFS or m in some:
                yield " ".join(["proof", str(n), str(m)]
                               + [h.hex() for h in path(m, 0, n)])


def records():
    zero = bytes(32)
    cases = [
        ("F", "a", 1, 0, sha256(b""), zero),
        ("F", "photos-2024", 7, 6, sha256(b"x"), sha256(b"root")),
        ("F", "~" * 128, 2**32 - 1, 2**32 - 2, b"\xff" * 32, b"\xff" * 32),
        ("V", "a", 1, 0, zero, sha256(b"root")),
        ("V", "A.b_c~d-0", 16384, 0, zero, b"\1" + bytes(31)),
    ]
    for kind, name, n, index, content, root in cases:
        raw = kind.encode() + b"\1" + bytes([len(name)]) + name.encode()
        raw += struct.pack(">I", n)
        if kind == "F":
            raw += struct.pack(">I", index) + content
        raw += root
        ident = sha256(b"p2pfs record 1\0" + raw)
        yield " ".join([kind, name, str(n), str(index), content.hex(),
                        root.hex(), raw.hex(), ident.hex()])


def write(name, lines):
    with open(os.path.join(HERE, name), "w") as out:
        out.writelines(line + "\n" for line in lines)


write("merkle.txt", merkle())
write("records.txt", records())
