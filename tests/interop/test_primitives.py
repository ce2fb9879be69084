# SPDX-License-Identifier: ISC
"""What the other implementation stands on gives the answers that are known: the
RFCs' own examples, and for Noise the vectors that snug's tests have, too."""
import hashlib
import hmac
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from primitives import (  # noqa: E402
    Refused, chacha20_blocks, ed25519_public, ed25519_sign, ed25519_verify,
    poly1305, seal, unseal, x25519, x25519_public)
from session import Noise, text_of, words_of  # noqa: E402
from snugtest import Failed, SRCDIR, run, test  # noqa: E402


def same(got, want):
    want = bytes.fromhex(want) if isinstance(want, str) else want
    if got != want:
        raise Failed(f"got {got.hex()}, wanted {want.hex()}")


def refused(fn, *args):
    try:
        fn(*args)
    except Refused:
        return
    raise Failed(f"{fn.__name__} has taken it")


@test
def x25519_gives_the_answers_of_rfc_7748(_):
    same(x25519(
        bytes.fromhex("a546e36bf0527c9d3b16154b82465edd"
                      "62144c0ac1fc5a18506a2244ba449ac4"),
        bytes.fromhex("e6db6867583030db3594c1a424b15f7c"
                      "726624ec26b3353b10a903a6d0ab1c4c")),
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    same(x25519(
        bytes.fromhex("4b66e9d4d1b4673c5ad22691957d6af5"
                      "c11b6421e0ea01d42ca4169e7918ba0d"),
        bytes.fromhex("e5210f12786811d3f4b7959d0538ae2c"
                      "31dbe7106fc03c3efc4cd549c715a493")),
         "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957")
    k = u = b"\x09" + bytes(31)
    for _ in range(1000):
        k, u = x25519(k, u), k
    same(k, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51")


@test
def x25519_makes_the_shared_secret_of_rfc_7748(_):
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee6"
                        "6f3bb1292618b6fd1c2f8b27ff88e0eb")
    alice = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a"
                          "0dbf3a0d26381af4eba4a98eaa9b4e6a")
    same(x25519_public(bob),
         "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    same(x25519(bob, alice),
         "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")


@test
def x25519_refuses_points_of_low_order(_):
    for point in (bytes(32), b"\1" + bytes(31),
                  (2 ** 255 - 20).to_bytes(32, "little"),
                  (2 ** 255 - 19).to_bytes(32, "little"),
                  (2 ** 255 - 18).to_bytes(32, "little")):
        refused(x25519, bytes(range(32)), point)


@test
def chacha20_gives_the_answer_of_rfc_8439(_):
    key = bytes(range(32))
    nonce = bytes.fromhex("000000090000004a00000000")
    two = chacha20_blocks(key, [(0, bytes(12)), (1, nonce)])
    same(two[1],
         "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
         "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e")
    same(two[0], chacha20_blocks(key, [(0, bytes(12))])[0])


@test
def poly1305_gives_the_answer_of_rfc_8439(_):
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a8"
                        "0103808afb0db2fd4abff6af4149f51b")
    same(poly1305(key, b"Cryptographic Forum Research Group"),
         "a8061dc1305136c6c22b8baf0c0127a9")


@test
def the_aead_gives_the_answer_of_rfc_8439(_):
    key = bytes(range(0x80, 0xa0))
    nonce = bytes.fromhex("070000004041424344454647")
    ad = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    plain = (b"Ladies and Gentlemen of the class of '99: If I could offer you "
             b"only one tip for the future, sunscreen would be it.")
    sealed = seal(key, nonce, plain, ad)
    same(sealed[-16:], "1ae10b594f09e26a7e902ecbd0600691")
    same(sealed[:16], "d31a8d34648e60db7b86afbc53ef7ec2")
    same(unseal(key, nonce, sealed, ad), plain)
    for at in range(len(sealed)):
        bad = bytearray(sealed)
        bad[at] ^= 1
        refused(unseal, key, nonce, bytes(bad), ad)
    refused(unseal, key, nonce, sealed, ad + b"x")


RFC_8032 = [
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
     "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
]


@test
def ed25519_gives_the_answers_of_rfc_8032(_):
    for seed, public, message, signature in RFC_8032:
        seed, message = bytes.fromhex(seed), bytes.fromhex(message)
        same(ed25519_public(seed), public)
        same(ed25519_sign(seed, message), signature)
        ed25519_verify(bytes.fromhex(public), message,
                       bytes.fromhex(signature))
        refused(ed25519_verify, bytes.fromhex(public), message + b"x",
                bytes.fromhex(signature))


@test
def blake2b_and_hmac_are_those_that_noise_wants(_):
    same(hashlib.blake2b(b"abc").digest(),
         "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
         "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923")
    if hmac.new(b"k", b"m", hashlib.blake2b).block_size != 128:
        raise Failed("HMAC pads its key to the wrong length")


@test
def a_key_has_the_letters_and_words_of_the_manual(_):
    for got, want in (
            (text_of(bytes(range(32))),
             "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
            (words_of(bytes(range(32))),
             "sorim nivup dujop pubuj posib darat rasuk molit")):
        if got != want:
            raise Failed(f"got {got!r}")


@test
def the_handshake_is_that_of_the_vectors_of_nx(_):
    path = os.path.join(SRCDIR, "tests", "unit", "noise-own.json")
    with open(path, encoding="ascii") as f:
        vectors = [v for v in json.load(f)["vectors"]
                   if v["protocol_name"].startswith("Noise_NX_")]
    if len(vectors) < 2:
        raise Failed("no vectors of NX")
    for v in vectors:
        noise = Noise(bytes.fromhex(v["init_prologue"]),
                      bytes.fromhex(v["init_ephemeral"]))
        first, second, *others = [
            {k: bytes.fromhex(x) for k, x in m.items()} for m in v["messages"]]
        same(noise.write_call(first["payload"]), first["ciphertext"])
        same(noise.read_answer(second["ciphertext"]), second["payload"])
        same(noise.h, v["handshake_hash"])
        send, receive = noise.split()
        for i, m in enumerate(others):
            if i % 2 == 0:
                same(send.seal(m["payload"]), m["ciphertext"])
            else:
                same(receive.unseal(m["ciphertext"]), m["payload"])
        send.rekey()
        same(send.seal(bytes.fromhex(v["after_init_rekey"]["payload"])),
             v["after_init_rekey"]["ciphertext"])


run()
