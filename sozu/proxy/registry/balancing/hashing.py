"""Balancing by a key: rendezvous hashing, also called highest random weight (Thaler and Ravishankar, 1998). Pure.

Each backend draws a number from the key and its own seed, the highest wins. Who leaves takes nobody else's keys along, who comes takes
its share evenly from all. Python's own `hash` differs from process to process, so it is of no use here.
"""

from collections.abc import Sequence
from hashlib import blake2b
from math import log

from sozu.proxy.registry.balancing.candidates import B

# Width and hash are fixed for good: with others every key would move at the next upgrade, and every client whose cookie names a backend.
_BITS = 64
_MASK = (1 << _BITS) - 1
_SPREAD, _STIR = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # the multipliers of splitmix64


def hashed(key: bytes) -> int:
    """64 bits of the key, the same everywhere."""
    return int.from_bytes(blake2b(key, digest_size=_BITS // 8).digest(), "little")


def stirred(number: int) -> int:
    """64 bits, each of which depends on each bit of the number (the last steps of splitmix64)."""
    # Cheap, because it runs once for each backend, where `hashed` runs once for a request: both numbers that come in are well spread already.
    number = ((number ^ (number >> 30)) * _SPREAD) & _MASK
    number = ((number ^ (number >> 27)) * _STIR) & _MASK
    return number ^ (number >> 31)


class Rendezvous:
    """Who draws highest. Cost and evenness do not depend on what was picked before: nothing is remembered."""

    __slots__ = ()

    def pick(self, candidates: Sequence[B], key: bytes = b"") -> B:
        """A weight of w wins as often as w tickets would: the draw u becomes -w / ln u."""
        # Lots are drawn anew for each key; what decides is a backend's own seed, so the order of the list does not matter, nor who else is in it.
        drawn = hashed(key)
        best, highest = candidates[0], -1.0
        for candidate in candidates:
            # The draw is never 0 or 1, of which there is no logarithm to divide by.
            score = candidate.weight / -log((stirred(drawn ^ candidate.seed) + 0.5) / (1 << _BITS) * (1 - 2**-53))
            if score > highest:
                best, highest = candidate, score
        return best
