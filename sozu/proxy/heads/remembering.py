"""What is remembered of heads, and for how long: as much as there is room for, until the tables change.

Clients and backends repeat themselves to the byte, so what a head means is kept for the next one that is equal to it. Those who remember in one
Memory share its room; what comes but once gets none. SOZU_HEAD_MEMO=off turns it off: benchmarks see by that what reading costs.
"""

from collections.abc import Callable
import os
from typing import Any, Final, Protocol
from weakref import WeakSet

# Off is -1, below the size of any head: the comparison that is made anyway answers, and the data path asks no second question.
LONGEST_REMEMBERED: Final = 2048 if os.environ.get("SOZU_HEAD_MEMO") != "off" else -1  # bytes of a head
PLACES: Final = 1 << 14
_PLACE: Final = PLACES - 1
_FIXED, _PER_BYTE = 1200, 2  # what a head costs in bytes of memory, besides and for each of its own
_AT_ONCE: Final = 256  # heads let go of between two turns of the loop: a fifth of a millisecond

Turn = Callable[[], None]
Later = Callable[[Turn], object]  # call this in the next turn of the loop


class Rememberer(Protocol):
    """Who remembers, in `known`. Any object that a WeakSet can hold."""

    known: dict[bytes, Any]


class Memory:
    """Room for `size` bytes, shared by those that `join`. Who has a head to be remembered asks `is_known_face` first."""

    __slots__ = ("_gone", "_later", "_members", "_room", "_seen", "_size")

    def __init__(self, size: int, later: Later) -> None:
        self._size = self._room = size
        self._later = later
        # Entrances come and go with listeners and certificates. What one that has gone had taken is free again after the next forgetting.
        self._members: WeakSet[Rememberer] = WeakSet()
        self._seen = [0] * PLACES  # the hash of the last head at each place
        self._gone: list[dict[bytes, Any]] = []

    def join(self, member: Rememberer) -> None:
        """It remembers here, and forgets with the others."""
        self._members.add(member)

    def is_known_face(self, head: bytes) -> bool:
        """Has it come before, as far as can be told? Nothing that comes but once: the memory that it takes would be better used again at once."""
        # Python's hash of bytes has a secret of this process in it, so that nobody can choose heads that drive each other out. Should two be
        # equal by chance, one is remembered a bit early, and found by all of its bytes nevertheless.
        key, seen = hash(head), self._seen
        place = key & _PLACE
        if seen[place] == key:
            return True
        seen[place] = key
        return False

    def keep(self, member: Rememberer, head: bytes, meaning: object) -> None:
        """Remember this; all the rest is forgotten if there is no room."""
        cost = _FIXED + _PER_BYTE * len(head)
        # All at once, and not those that were used least: to know these, every request would have to note its use.
        if cost > self._room:
            self.forget()
        self._room -= cost
        member.known[head] = meaning

    def forget(self) -> None:
        """From now on heads may mean something else."""
        # Free from now on, although the old heads are let go of slowly: for a few turns both are in memory.
        self._room = self._size
        at_it = bool(self._gone)
        for member in self._members:
            if member.known:
                self._gone.append(member.known)
                # Another dict at once, where the old one could be emptied at leisure: not even a head that comes in this very turn may find its old meaning.
                member.known = {}
        # Where somebody is at it a callback is on its way: a second one would do as much again in each turn.
        if self._gone and not at_it:
            self._later(self._let_go)

    def _let_go(self) -> None:
        """Thousands of heads at once would keep the traffic waiting."""
        left = _AT_ONCE
        while self._gone and left:
            last = self._gone[-1]
            while last and left:
                last.popitem()
                left -= 1
            if not last:
                self._gone.pop()
        if self._gone:
            self._later(self._let_go)
