"""Hashes of passwords in the form of the PHC: `$scrypt$ln=15,r=8,p=1$SALT$HASH` and `$pbkdf2-sha256$i=600000$SALT$HASH`, in base64 without "=".

Both are slow on purpose, and both are in Python's own library. Others are not taken: what htpasswd writes by default (`$apr1$`, SHA-1, crypt) can be
guessed a billion times a second. `sozu password` writes the first form.
"""

import binascii
from collections.abc import Callable
from dataclasses import dataclass
import hashlib
import hmac
from typing import Final

from sozu.parsers.abnf import ALPHA, DIGIT, byte_class
from sozu.parsers.combinators import alt, map_, opt, record, seq
from sozu.parsers.leaves import tag, take_while1, take_while_m_n
from sozu.parsers.regular import Regular
from sozu.parsers.result import Error
from sozu.parsers.whole import whole

# scrypt takes 128 * 2^ln * r bytes for one check, so whoever writes hashes decides how much memory a worker needs: hence an upper bound (128 MB with
# ln=17), and a lower one below which guessing is cheap.
COST, BLOCK, LANES = 15, 8, 1  # of scrypt: 32 MB and some 80 ms
LEAST_COST, MOST_COST, MOST_BLOCK = 14, 17, 8
# Checks are made one at a time, so the upper bound is one on how long a stranger's wrong password may keep the others waiting.
LEAST_ROUNDS, MOST_ROUNDS = 100_000, 10_000_000  # of PBKDF2
SIZE: Final = 32  # bytes of a hash
SHORTEST: Final = 16  # bytes of a hash or a salt


class BadHash(ValueError):
    """Not a hash that we take; the text says why and what would be one."""


@dataclass(frozen=True, slots=True)
class Hash:
    """A way to hash, and what came of it."""

    derive: Callable[[bytes, int], bytes]
    digest: bytes

    def fits(self, password: bytes) -> bool:
        """Is it the hash of this password? Takes its time, and the same whatever the answer."""
        # Not `==`, which stops at the first byte that differs and so tells how many were right.
        return hmac.compare_digest(self.derive(password, len(self.digest)), self.digest)


def _scrypt(cost: int, block: int, lanes: int, salt: bytes, digest: bytes) -> Hash:
    # More lanes would only make it longer: hashlib runs them one after the other.
    if not (LEAST_COST <= cost <= MOST_COST and block <= MOST_BLOCK and lanes == 1):
        raise BadHash(f"ln of scrypt is {LEAST_COST} to {MOST_COST}, r at most {MOST_BLOCK}, and p is 1")

    def derive(password: bytes, size: int) -> bytes:
        # maxmem: OpenSSL's own bound is 32 MB and refuses ln=15 with r=8, which needs a little more. 256 MB are above all that may come here.
        return hashlib.scrypt(password, salt=salt, n=1 << cost, r=block, p=lanes, maxmem=1 << 28, dklen=size)

    return Hash(derive, digest)


def _pbkdf2(rounds: int, salt: bytes, digest: bytes) -> Hash:
    if not LEAST_ROUNDS <= rounds <= MOST_ROUNDS:
        raise BadHash(f"i of PBKDF2 is {LEAST_ROUNDS} to {MOST_ROUNDS}")
    return Hash(lambda password, size: hashlib.pbkdf2_hmac("sha256", password, salt, rounds, size), digest)


def _octets(text: bytes) -> bytes:
    """Of base64 without its padding; empty if it is none, which is too short anyway."""
    try:
        # PHC strings have no padding, a2b_base64 wants it.
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return b""


# scrypt = "$scrypt$ln=" number ",r=" number ",p=" number "$" base64 "$" base64
# pbkdf2 = "$pbkdf2-sha256$i=" number [ ",l=" number ] "$" base64 "$" base64
# Eight digits at most: that is above every bound, and for thousands of them `int` raises an exception of its own.
number: Regular[int] = map_(take_while_m_n(1, 8, DIGIT), int)
base64: Regular[bytes] = map_(take_while1(byte_class(ALPHA, DIGIT, b"+/")), _octets)
salt_and_digest = seq(tag(b"$") >> base64, tag(b"$") >> base64)
scrypt = record(
    lambda cost, block, lanes, rest: (_scrypt, (cost, block, lanes, *rest)),
    tag(b"$scrypt$ln=") >> number,
    tag(b",r=") >> number,
    tag(b",p=") >> number,
    salt_and_digest,
)
pbkdf2 = record(
    lambda rounds, rest: (_pbkdf2, (rounds, *rest)),
    # `l`, the size of the hash, says nothing that the hash itself does not show, and is passed over.
    tag(b"$pbkdf2-sha256$i=") >> number << opt(tag(b",l=") >> number),
    salt_and_digest,
)
phc = alt(scrypt, pbkdf2)


def read_hash(text: str) -> Hash:
    """The hash. Raises BadHash."""
    # "replace" makes "?" of what is not ASCII, which no hash has: so it is an error at its place, and not another exception.
    found = whole(phc, text.encode("ascii", "replace"))
    if isinstance(found, Error):
        raise BadHash(f'not a hash that is taken here: "$scrypt$ln=…" or "$pbkdf2-sha256$i=…", as "sozu password" writes it (byte {found.position + 1})')
    make, parts = found
    # A salt that is too short is shared by many and can be reckoned beforehand; a hash that is too short is met by chance.
    if min(len(parts[-1]), len(parts[-2])) < SHORTEST:
        raise BadHash(f"salt and hash are base64 of {SHORTEST} bytes at least, without =")
    made: Hash = make(*parts)
    return made


def write_hash(password: bytes, salt: bytes) -> str:
    """A new hash, by scrypt. The salt is 16 random bytes."""
    digest = _scrypt(COST, BLOCK, LANES, salt, b"").derive(password, SIZE)
    in_base64 = (binascii.b2a_base64(part, newline=False).decode().rstrip("=") for part in (salt, digest))
    return f"$scrypt$ln={COST},r={BLOCK},p={LANES}${'$'.join(in_base64)}"
