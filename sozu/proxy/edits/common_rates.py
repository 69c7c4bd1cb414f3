"""The rates of all workers, counted in memory that they share: so an address has its whole rate whichever workers its connections came to.

The master makes the memory and outlives the workers; nobody locks it. Each bucket is one number there, the time at which it would be full again (the
generic cell rate algorithm of ITU-T I.371, which lets in what a token bucket does), and each read and write of it is one of eight bytes. Of two workers that look in the
same microsecond one may not see the other's request; nothing else can go wrong. A bucket that is full says nothing any more, and its place is free.
"""

from hashlib import blake2b
from math import ceil
import mmap
import os
import struct
from typing import Final

from sozu.command.edits.facts import Rate

# Bounded, so that a flood of addresses cannot make each look longer: where all eight are taken the worker counts for itself.
PROBES: Final = 8  # places at which a bucket may be
_SIZE: Final = 8  # bytes of a name, and of a time
_PLACE: Final = 2 * _SIZE


class CommonRates:
    """A view of the memory: names of buckets, then their times (seconds of the monotonic clock, which is one for all processes)."""

    __slots__ = ("_names", "_places", "_times")

    def __init__(self, descriptor: int) -> None:
        """Owns the descriptor."""
        memory = memoryview(mmap.mmap(descriptor, 0))
        # Python's mmap keeps a duplicate of its own, so that nobody else closes this one.
        os.close(descriptor)
        self._places = len(memory) // _PLACE
        # Two tables of aligned eight-byte numbers: the processors we run on read and write each of them in one piece, so that no worker sees
        # half a time. Name and time in one record would be sixteen bytes, for which that does not hold.
        self._names = memory[: self._places * _SIZE].cast("Q")
        self._times = memory[self._places * _SIZE : self._places * _PLACE].cast("d")

    def take(self, rule: bytes, rate: Rate, address: bytes, now: float) -> int | None:
        """Let one request in: 0, or after how many whole seconds it may come again; None if all places for it are taken by others."""
        name = _number(rule, address)
        place = self._find(name, now)
        if place is None:
            return None
        each = rate.seconds / rate.requests
        full = self._times[place] if self._names[place] == name else 0.0
        # Each request let in moves `full` on by `each`; a burst of them ahead of now, no token is left. One number says what a count and its
        # time would, and is written in one piece.
        wait = full - now - ((rate.burst or rate.requests) - 1) * each
        if wait > 1e-9:  # what the sums lose must not cost a request
            return max(1, ceil(wait))
        # The name before the time. A worker that looks in between finds a bucket that is full, and lets one request in; the other way round it would
        # find a place of somebody else's, and begin a second bucket for the same address.
        self._names[place] = name
        self._times[place] = max(full, now) + each
        return 0

    def _find(self, name: int, now: float) -> int | None:
        """Where its bucket is, or may be made."""
        free = None
        for probe in range(PROBES):
            place = (name + probe) % self._places
            if self._names[place] == name:
                return place
            # Noted, and the look goes on: a bucket may stand behind a place that has become free since it was made.
            if free is None and self._times[place] <= now:
                free = place
        return free


def _number(rule: bytes, address: bytes) -> int:
    (number,) = struct.unpack("Q", blake2b(address, key=rule, digest_size=_SIZE).digest())
    return int(number) or 1  # 0 is nobody's name


def rule_name(frontend: object, rate: Rate) -> bytes:
    """A name for a frontend's rule, the same in all workers: another rule begins anew."""
    # repr, because Python's hash of a text is another one in each process.
    return blake2b(repr((frontend, rate)).encode(), digest_size=32).digest()
