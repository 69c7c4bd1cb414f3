"""Connections that wait for their peers, and the memory that they do not need meanwhile: a fifth of what an idle one costs, much more after large bodies.

Nothing is counted on the way of a request: who begins to wait is put into a set. Who has not moved for a moment gives back what its buffers took, some
in each tick. The moment is short: of a crowd that comes at once the next ones use what the first have given back.
"""

from typing import Final, Protocol

from sozu.proxy.tls.openssl import Library

TICKS: Final = 2  # between two looks: a fifth of a second
AT_ONCE: Final = 200  # streams in a tick: less than a millisecond


class Resting(Protocol):
    """A stream that may be resting."""

    def rest(self, library: Library) -> None:
        """Give back what is not needed, if nothing goes on."""


WAITING: Final[set[Resting]] = set()  # since the last look: TlsStream adds itself


class Rests:
    """`look` is called by the worker's tick. Without a library nothing is given back."""

    __slots__ = ("_before", "_library", "_resting", "_ticks")

    def __init__(self, library: Library | None) -> None:
        self._library = library
        self._before: set[Resting] = set()  # who waited at the last look
        self._resting: list[Resting] = []  # who did so at two
        self._ticks = 0

    def look(self) -> None:
        """Give back for some."""
        self._ticks += 1
        if self._ticks % TICKS == 0:
            self._resting += self._before - WAITING
            self._before = set(WAITING)
            WAITING.clear()
        if self._library is not None:
            for stream in self._resting[:AT_ONCE]:
                stream.rest(self._library)
        del self._resting[:AT_ONCE]
