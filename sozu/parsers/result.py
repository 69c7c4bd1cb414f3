"""What a parser says: Done, Error or Incomplete, three frozen values; and `run`, which turns parsy's calls into them.

parsy knows success and failure only. Our streaming leaves raise `More` when the answer depends on bytes that have not come; parsy
looks at results, never at exceptions, so `More` flies through `seq`, `alt`, `many` and `@generate` exactly as nom's Incomplete does,
and `run` catches it. Read next: leaves.py. Nothing here knows a grammar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar, overload

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    from parsy import Parser

    from sozu.parsers.regular import Regular

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Bytes: TypeAlias = bytes | bytearray | memoryview
Names: TypeAlias = frozenset[str]


# gc=False: one Done is made for each message and let go of at once. Unseen by the collector it never counts towards a collection, whose pause
# would hit every client of the worker. It can be in no cycle, as nothing is put into it after it was made.
class Done(msgspec.Struct, Generic[T_co], frozen=True, gc=False):
    """The parser has its value, and no further byte can change that. `Done(data, value, end)`: `data[end:]` is left for the next one.

    msgspec matches fields in their order, so the first one is called `rest`; see below for what it shows.
    """

    rest: Bytes
    value: T_co
    end: int

    if TYPE_CHECKING:

        @property
        def data(self) -> Bytes:
            """The whole input."""

    def __repr__(self) -> str:
        return f"Done(value={self.value!r}, end={self.end})"


# The place that is called `rest` holds the input, and shows what follows the match: a copy when it is bytes, made only when asked for.
# The order of the two lines matters: the second one covers the member that the first has saved. A class with a property and `__match_args__`
# of its own needed a metaclass, as msgspec overrides them; this is a plain struct, and is made as fast as one.
Done.data = Done.rest  # type: ignore[assignment]  # mypy knows it as the property that it is declared to be
Done.rest = property(lambda done: done.data[done.end :])  # type: ignore[assignment]  # and this one as a field


# No Struct, because two of its facts are functions until someone asks. No exception either: a wrong input is an everyday answer of a
# parser, and raising one builds a traceback for each, at the wish of whoever sends it.
class Error:
    """The input is wrong, whatever may follow. `position` is the length of the longest prefix that could still become right.

    `expected` and `reason` are worked out when asked for: an error costs an attacker as much as it costs us.
    """

    __slots__ = ("_expected", "_reason", "position")
    __match_args__ = ("position", "expected")

    position: int
    _expected: Names | Callable[[], Names]
    _reason: StrEnum | Callable[[], StrEnum | None] | None

    def __init__(
        self,
        position: int,
        expected: Names | Callable[[], Names] = frozenset(),
        reason: StrEnum | Callable[[], StrEnum | None] | None = None,
    ) -> None:
        """Both `expected` and `reason` may be functions without arguments: they are called each time that someone looks."""
        # Past our own `__setattr__`, which refuses: an outcome may be shared (TOO_LONG of console/reports.py is), so nobody may change it.
        object.__setattr__(self, "position", position)
        object.__setattr__(self, "_expected", expected)
        object.__setattr__(self, "_reason", reason)

    @property
    def expected(self) -> Names:
        """What could have stood at `position`."""
        expected = self._expected
        return expected() if callable(expected) else expected

    @property
    def reason(self) -> StrEnum | None:
        """The code of the rule that was broken, where a grammar names its rules."""
        reason = self._reason
        return reason() if callable(reason) else reason

    def line_col(self, data: Bytes) -> tuple[int, int]:
        """Line and column of the error, both counted from 1; lines end with LF."""
        before = bytes(data[: self.position])
        return before.count(b"\n") + 1, self.position - (before.rfind(b"\n") + 1) + 1

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Error is frozen: cannot set {name}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Error):
            return NotImplemented
        return (self.position, self.expected, self.reason) == (other.position, other.expected, other.reason)

    def __hash__(self) -> int:
        # Equal errors have equal positions, which is all that a hash must respect. To hash the names as well would run the slow reading.
        return hash(self.position)

    def __repr__(self) -> str:
        return f"Error(position={self.position}, expected={sorted(self.expected)})"

    def __str__(self) -> str:
        names = " or ".join(sorted(self.expected)) or "nothing"
        return f"at byte {self.position}: expected {names}"


class Needed(msgspec.Struct, frozen=True):
    """How many bytes are missing *at least*: waiting for that many never deadlocks, whichever branch turns out to be right."""

    size: int = 1

    def hint(self) -> int:
        """The lower bound, 1 or more."""
        # Never 0: a caller that reads "at least hint() bytes" would otherwise turn in a circle without reading.
        return max(1, self.size)


class Incomplete(msgspec.Struct, frozen=True):
    """No answer yet: give the same parser the same bytes and `needed.hint()` or more after them."""

    needed: Needed = Needed()


Outcome: TypeAlias = Done[T] | Error | Incomplete


# A type and not an argument: it goes with the input through parsy's combinators, which know nothing of it. A slice of it is plain bytes
# again, and so streaming: whoever cuts one has to say Complete anew, as `length_value` does.
class Complete(bytes):
    """Input that will not grow: at its end a streaming leaf decides instead of asking for more."""

    __slots__ = ()


class More(Exception):
    """Raised by a leaf at the end of streaming input. A signal between leaves and `run`, which it never leaves."""

    def __init__(self, size: int = 1) -> None:
        super().__init__(size)
        self.size = size


class Failure(Exception):
    """Raised by `cut`: an error that no alternative may mend. Like More, a signal to `run`."""

    def __init__(self, position: int, expected: Names) -> None:
        super().__init__(position, expected)
        self.position = position
        self.expected = expected


# Nearly every Incomplete asks for one byte: it is frozen, so one object serves all of them.
INCOMPLETE: Final = Incomplete()


@overload
def run(parser: Regular[T], data: Bytes, pos: int = 0) -> Outcome[T]: ...
@overload
def run(parser: Parser, data: Bytes, pos: int = 0) -> Outcome[Any]: ...
def run(parser: Any, data: Bytes, pos: int = 0) -> Outcome[Any]:
    """Run a parser on `data` from `pos`. Positions in the outcome count from the beginning of `data`."""
    # By attribute, not by class: views, strict heads and fields under a rule have a `fused` too, and this file stands below them all.
    fused: Callable[[Bytes, int], Outcome[Any]] | None = getattr(parser, "fused", None)
    if fused is not None:
        return fused(data, pos)
    try:
        result = parser(data, pos)
    except More as more:
        # The one place where the signals end. parsy catches no exceptions, so none can have been swallowed by a combinator on the way.
        return INCOMPLETE if more.size <= 1 else Incomplete(Needed(more.size))
    except Failure as failure:
        return Error(failure.position, failure.expected)
    if result.status:
        return Done(data, result.value, result.index)
    # parsy's `index` of a failure is -1. `furthest` is where the branch that came furthest had to stop: the same byte as the prefix pattern's.
    return Error(result.furthest, result.expected)
