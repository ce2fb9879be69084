# SPDX-License-Identifier: ISC
"""The cryptography of secure sessions, from the RFCs and nothing else.

Python's standard library has BLAKE2b and HMAC; the rest is here: X25519
(RFC 7748), ChaCha20-Poly1305 (RFC 8439) and Ed25519 (RFC 8032).  Slow, and not
safe against who measures time: it is for tests, where it shows that others can
be understood by snug who have never seen its code.
"""
import hashlib
import struct

P = 2 ** 255 - 19


class Refused(Exception):
    """A tag, a signature or a point is not what it should be."""


# --- X25519: RFC 7748, section 5 -------------------------------------------

def x25519(scalar, point):
    """Raises where the result is zero: a point of low order."""
    k = int.from_bytes(scalar, "little")
    k = k & ~7 & (2 ** 255 - 1) | 2 ** 254
    x1 = int.from_bytes(point, "little") & (2 ** 255 - 1)
    x2, z2, x3, z3, swapped = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swapped != bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swapped = bit
        a, b = x2 + z2, x2 - z2
        c, d = x3 + z3, x3 - z3
        da, cb = d * a % P, c * b % P
        aa, bb = a * a % P, b * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swapped:
        x2, z2 = x3, z3
    out = x2 * pow(z2, P - 2, P) % P
    if out == 0:
        raise Refused("a point of low order")
    return out.to_bytes(32, "little")


def x25519_public(scalar):
    return x25519(scalar, b"\x09" + bytes(31))


# --- ChaCha20: RFC 8439, section 2.3 ---------------------------------------
#
# Many blocks at once: a number holds the same word of each of them, 64 bits
# apart, so that Python's arithmetic on large numbers works on all.

def rounds():
    """The twenty rounds, the quarters of a round written one behind another."""
    quarters = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
    names = ", ".join(f"x{i}" for i in range(16))
    code = ["def chacha_rounds(state, low):",
            f"    {names} = state",
            "    for _ in range(10):"]
    for a, b, c, d in quarters:
        for to, plus, turn, left in ((a, b, d, 16), (c, d, b, 12),
                                     (a, b, d, 8), (c, d, b, 7)):
            code += [f"        x{to} = x{to} + x{plus} & low",
                     f"        x{turn} ^= x{to}",
                     f"        x{turn} = (x{turn} << {left}"
                     f" | x{turn} >> {32 - left}) & low"]
    code.append(f"    return {names}")
    made = {}
    exec("\n".join(code), made)  # pylint: disable=exec-used
    return made["chacha_rounds"]


chacha_rounds = rounds()
CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")


def lanes(words):
    return int.from_bytes(struct.pack(f"<{len(words)}Q", *words), "little")


def chacha20_blocks(key, places):
    """The blocks at these places, each a counter and a nonce."""
    n = len(places)
    ones = lanes([1] * n)
    low = ones * 0xffffffff
    varying = [(counter, *struct.unpack("<3I", nonce))
               for counter, nonce in places]
    state = ([word * ones for word in CONSTANTS + struct.unpack("<8I", key)] +
             [lanes(words) for words in zip(*varying)])
    sums = [(a + b & low).to_bytes(8 * n, "little")
            for a, b in zip(state, chacha_rounds(state, low))]
    words = [struct.unpack(f"<{n}Q", x) for x in sums]
    return [struct.pack("<16I", *block) for block in zip(*words)]


def xor(data, stream):
    n = len(data)
    return (int.from_bytes(data, "little") ^
            int.from_bytes(stream[:n], "little")).to_bytes(n, "little")


# --- Poly1305 and the AEAD: RFC 8439, sections 2.5 and 2.8 -----------------

def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for at in range(0, len(data), 16):
        block = data[at:at + 16] + b"\1"
        total = (total + int.from_bytes(block, "little")) * r % (2 ** 130 - 5)
    total += int.from_bytes(key[16:], "little")
    return (total & (2 ** 128 - 1)).to_bytes(16, "little")


def streams(key, jobs):
    """For each nonce and length: the key of the tag, and the key stream."""
    counts = [(length + 63) // 64 for _, length in jobs]
    blocks = chacha20_blocks(key, [
        (counter, nonce) for (nonce, _), count in zip(jobs, counts)
        for counter in range(count + 1)])
    at = 0
    for count in counts:
        yield blocks[at][:32], b"".join(blocks[at + 1:at + count + 1])
        at += count + 1


def tag_of(key, sealed, ad):
    def pad(data):
        return data + bytes(-len(data) % 16)
    return poly1305(key, pad(ad) + pad(sealed) +
                    struct.pack("<QQ", len(ad), len(sealed)))


def seal_many(key, messages, ad=b""):
    """Of each nonce and plaintext; at once they take a tenth of the time."""
    out = []
    jobs = streams(key, [(nonce, len(plain)) for nonce, plain in messages])
    for (tag_key, stream), (_, plain) in zip(jobs, messages):
        sealed = xor(plain, stream)
        out.append(sealed + tag_of(tag_key, sealed, ad))
    return out


def seal(key, nonce, plain, ad=b""):
    return seal_many(key, [(nonce, plain)], ad)[0]


def unseal(key, nonce, message, ad=b""):
    if len(message) < 16:
        raise Refused("no tag")
    sealed, tag = message[:-16], message[-16:]
    ((tag_key, stream),) = streams(key, [(nonce, len(sealed))])
    if tag_of(tag_key, sealed, ad) != tag:
        raise Refused("a failed tag")
    return xor(sealed, stream)


# --- Ed25519: RFC 8032, section 5.1 ----------------------------------------

D = -121665 * pow(121666, P - 2, P) % P
L = 2 ** 252 + 27742317777372353535851937790883648493
ROOT = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def recover_x(y, sign):
    if y >= P:
        raise Refused("no point")
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        if sign:
            raise Refused("no point")
        return 0
    x = pow(x2, (P + 3) // 8, P)
    if x * x % P != x2:
        x = x * ROOT % P
    if x * x % P != x2:
        raise Refused("no point")
    return P - x if x & 1 != sign else x


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, p):
    q = NEUTRAL
    while n:
        if n & 1:
            q = add(q, p)
        p = add(p, p)
        n >>= 1
    return q


def pack(p):
    z = pow(p[2], P - 2, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def unpack(data):
    n = int.from_bytes(data, "little")
    y = n & (2 ** 255 - 1)
    x = recover_x(y, n >> 255)
    return x, y, 1, x * y % P


def number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def secret_of(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & ~7 & (2 ** 254 - 1) | 2 ** 254
    return a, h[32:]


def ed25519_public(seed):
    return pack(times(secret_of(seed)[0], BASE))


def ed25519_sign(seed, message):
    a, prefix = secret_of(seed)
    public = pack(times(a, BASE))
    r = number(prefix, message) % L
    big_r = pack(times(r, BASE))
    s = (r + number(big_r, public, message) * a) % L
    return big_r + s.to_bytes(32, "little")


def ed25519_verify(public, message, signature):
    """Raises unless the signature is good."""
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L:
        raise Refused("no signature")
    k = number(signature[:32], public, message) % L
    left = times(s, BASE)
    right = add(unpack(signature[:32]), times(k, unpack(public)))
    if pack(left) != pack(right):
        raise Refused("a signature that is not of this key")
