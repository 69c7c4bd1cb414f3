"""A fused grammar under a rule that no grammar tells: identifiers that are not all zeros, names that come once, base64 that decodes to text.

`verify` asks when a value is there, and blames its beginning. Here the rule looks at the bytes themselves, also at those of a value that is
not all there: it says at which byte the last hope is gone. So a value that can no longer become right is an Error and not Incomplete, and
the Error is where the longest viable prefix ends, as it is for every grammar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from parsy import Parser

from sozu.parsers.fuse import Fused, parsy_reading
from sozu.parsers.result import Bytes, Done, Error, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Sound(Parser, Generic[T]):
    """`fault(text, ended)` gives the offset of the first byte that is against the rule, or None.

    `text` is a value, or the beginning of one: `ended` says which. What is a fault in a beginning must be one whatever follows.
    """

    def __init__(self, grammar: Fused[T], fault: Callable[[bytes, bool], int | None], name: str) -> None:
        """`name` says in an error what was expected."""
        super().__init__(parsy_reading(self.fused))
        self.grammar = grammar
        self.fault = fault
        self.name = name

    def fused(self, data: Bytes, pos: int = 0) -> Outcome[T]:
        """The grammar's outcome, if the rule holds as far as that goes."""
        return self.judged(self.grammar.fused(data, pos), data, pos)

    def judged(self, outcome: Outcome[T], data: Bytes, pos: int) -> Outcome[T]:
        """An outcome over `data[pos:]`, or the error that comes before its end."""
        # Asked of an Error as well: the rule may be broken before the grammar is, and the first byte that cannot be right is the one to tell.
        end = reach(outcome, len(data))
        wrong = self.fault(bytes(data[pos:end]), isinstance(outcome, Done))
        return outcome if wrong is None else Error(pos + wrong, frozenset([self.name]))


def reach(outcome: Outcome[Any], size: int) -> int:
    """How far the grammar was right."""
    match outcome:
        case Done(end=end):
            return end
        case Error(position=position):
            return position
    # Incomplete: all that is there is a beginning of something right, so the rule has to look at all of it.
    return size
