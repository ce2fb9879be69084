# SPDX-License-Identifier: ISC
"""Another client of snug/1, written from the manual page snug(7) alone.

It makes secure sessions, checks the server's key, and proves who its user is.
What it says and reads in them is left to the end-to-end tests' Client, to which
a secure session is a stream like any other.
"""
import base64
import hashlib
import hmac
import os
import re
import struct
import time

from primitives import (
    Refused, ed25519_public, ed25519_sign, seal, seal_many, unseal, x25519,
    x25519_public)
from snugtest import DEADLINE, Client, Failed, frame

SUITE = "Noise_NX_25519_ChaChaPoly_BLAKE2b"
SECURE = f"SECURE {SUITE}"
PLAIN_MAX = 65519
FIRST_MAX = 512  # before the first OK
REKEY_EVERY = 65536


def text_of(key):
    """base64url without padding."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode()


def key_of(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def words_of(key):
    """A public key's fingerprint: eight proquints (arXiv:0901.4016)."""
    digest = hashlib.blake2b(b"snug-words-1" + key).digest()[:16]
    consonants, vowels = "bdfghjklmnprstvz", "aiou"

    def word(n):
        return (consonants[n >> 12 & 15] + vowels[n >> 10 & 3] +
                consonants[n >> 6 & 15] + vowels[n >> 4 & 3] +
                consonants[n & 15])
    return " ".join(word(n) for n in struct.unpack(">8H", digest))


# --- Noise, revision 34, as one pattern wants it ----------------------------

def hkdf(chaining_key, material):
    def mac(key, data):
        return hmac.new(key, data, hashlib.blake2b).digest()
    temp = mac(chaining_key, material)
    first = mac(temp, b"\1")
    return first, mac(temp, first + b"\2")


class Cipher:
    """One direction."""

    def __init__(self, key):
        self.key = key[:32]
        self.n = 0
        self.rekeyed = 0

    def nonce(self, n):
        return bytes(4) + struct.pack("<Q", n)

    def seal(self, plain, ad=b""):
        self.n += 1
        return seal(self.key, self.nonce(self.n - 1), plain, ad)

    def seal_many(self, plains):
        """Those of one key, at once."""
        first, self.n = self.n, self.n + len(plains)
        return seal_many(self.key, [
            (self.nonce(first + i), plain) for i, plain in enumerate(plains)])

    def unseal(self, message, ad=b""):
        plain = unseal(self.key, self.nonce(self.n), message, ad)
        self.n += 1
        return plain

    def rekey(self):
        self.key = seal(self.key, self.nonce(2 ** 64 - 1), bytes(32))[:32]
        self.rekeyed += 1


class Noise:
    """NX, the initiator's side:

        -> e
        <- e, ee, s, es
    """

    def __init__(self, prologue, secret):
        self.h = self.ck = SUITE.encode().ljust(64, b"\0")
        self.mix(prologue)
        self.secret = secret
        self.server = None
        self.cipher = None

    def mix(self, data):
        self.h = hashlib.blake2b(self.h + data).digest()

    def mix_key(self, material):
        self.ck, key = hkdf(self.ck, material)
        self.cipher = Cipher(key)

    def open(self, sealed):
        plain = self.cipher.unseal(sealed, self.h)
        self.mix(sealed)
        return plain

    def write_call(self, payload=b""):
        public = x25519_public(self.secret)
        self.mix(public)
        self.mix(payload)
        return public + payload

    def read_answer(self, message):
        theirs = message[:32]
        self.mix(theirs)
        self.mix_key(x25519(self.secret, theirs))
        self.server = self.open(message[32:80])
        self.mix_key(x25519(self.secret, self.server))
        return self.open(message[80:])

    def split(self):
        first, second = hkdf(self.ck, b"")
        return Cipher(first), Cipher(second)


# --- a session --------------------------------------------------------------

class Secure(Client):
    """A connection that is secure once greet() has returned.

    pin: the server's public key as it was seen before, as base64url
    """

    def __init__(self, address, name="secure", source=None, pin=None):
        super().__init__(address, name, source)
        self.pin = pin
        self.waiting = b""
        self.ciphers = None
        self.noise = None
        self.secret = None
        self.accepted = False

    def wait_bytes(self, count, end):
        while len(self.waiting) < count:
            data = self.receive(end)
            if not data:
                raise Failed(f"{self.name}: cut in the handshake")
            self.waiting += data
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken

    def call(self):
        """The SECURE line and message 1: they do not depend on WELCOME."""
        self.secret = os.urandom(32)
        return (frame(SECURE) + struct.pack(">H", 32) +
                x25519_public(self.secret))

    def greet(self, early=False):
        """Makes the session secure; gives the keys of the WELCOME inside.

        early: does not wait for WELCOME before it calls
        """
        end = time.monotonic() + DEADLINE
        if early:
            self.raw(self.call())
        welcome = self.line()
        if not early:
            self.raw(self.call())
        # What was read behind WELCOME in one go.
        self.waiting, self.buffer = self.buffer, b""
        self.noise = Noise(f"snug/1\n{welcome}\n{SECURE}".encode(),
                           self.secret)
        self.noise.write_call()
        (length,) = struct.unpack(">H", self.wait_bytes(2, end))
        if length != 96:
            raise Failed(f"{self.name}: no message 2, but {length:#x} and "
                         f"{self.waiting[:200]!r}")
        if self.noise.read_answer(self.wait_bytes(96, end)):
            raise Failed(f"{self.name}: message 2 has a payload")
        keys = dict(w.split("=", 1) for w in welcome.split(" ")[4:])
        if text_of(self.noise.server) != keys["key"]:
            raise Refused("the server has another key than its greeting says")
        if self.pin and text_of(self.noise.server) != self.pin:
            raise Refused("the server has another key than it had")
        self.ciphers = self.noise.split()
        return self.welcome()

    def messages(self, plains):
        """One transport message for each, as they are on the wire."""
        cipher = self.ciphers[0]
        wire = b""
        while plains:
            left = REKEY_EVERY - cipher.n % REKEY_EVERY
            for sealed in cipher.seal_many(plains[:left]):
                wire += struct.pack(">H", len(sealed)) + sealed
            plains = plains[left:]
            if cipher.n % REKEY_EVERY == 0:
                cipher.rekey()
        return wire

    def raw(self, data):
        if not self.ciphers:
            return super().raw(data)
        shown = data if len(data) < 300 else data[:300] + b"..."
        self.note(">>", shown)
        most = PLAIN_MAX if self.accepted else FIRST_MAX
        return self.put(self.messages([
            data[at:at + most] for at in range(0, len(data), most)]))

    def line(self, deadline=DEADLINE):
        line = super().line(deadline)
        if line and re.match(r"(#\S+ )?OK\b", line):
            self.accepted = True
        return line

    def open_waiting(self):
        """Opens what is whole."""
        cipher = self.ciphers[1]
        while len(self.waiting) >= 2:
            (length,) = struct.unpack(">H", self.waiting[:2])
            if length < 17:
                raise Failed(f"{self.name}: a message of {length} bytes")
            if len(self.waiting) < 2 + length:
                break
            self.buffer += cipher.unseal(self.waiting[2:2 + length])
            self.waiting = self.waiting[2 + length:]
            if cipher.n % REKEY_EVERY == 0:
                cipher.rekey()

    def fill(self, end):
        if not self.ciphers:
            return super().fill(end)
        if self.waiting:
            before = len(self.buffer)
            self.open_waiting()
            if len(self.buffer) > before:
                return True
        data = self.receive(end)
        self.waiting += data
        self.open_waiting()
        if not data and self.waiting:
            raise Failed(f"{self.name}: cut within a message")
        return bool(data)

    # Who the user is.
    def proof(self, seed):
        """The words of AUTH."""
        signature = ed25519_sign(seed, b"snug-auth-1" + self.noise.h)
        return f"{text_of(ed25519_public(seed))} {text_of(signature)}"
