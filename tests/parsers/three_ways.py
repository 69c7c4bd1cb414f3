"""The three questions for every grammar: read whole, read byte by byte, and with bytes behind it that are not its own.

A fused parser answers each of them twice: as it is, and step by step from its tree. Both answers must be the same.
"""

from typing import Any

from parsy import Parser

from sozu.parsers.fuse import Fused
from sozu.parsers.regular import Regular
from sozu.parsers.result import Complete, Done, Error, Incomplete, run


def both(parser: Parser) -> list[Parser]:
    """The parser, and its reading step by step if it is fused."""
    return [parser, Regular[Any](parser.tree)] if isinstance(parser, Fused) else [parser]


def reads(parser: Parser, text: bytes, value: object, *, after: bytes = b"") -> None:
    """`text` has this value. `after` is what may follow; without it the grammar must find its end by itself."""
    for each in both(parser):
        outcome = run(each, text + after)
        assert isinstance(outcome, Done), outcome
        assert (outcome.value, outcome.end, bytes(outcome.rest)) == (value, len(text), after)
        closed = run(each, Complete(text))
        assert isinstance(closed, Done)
        assert (closed.value, closed.end) == (value, len(text))
        behind = run(each, b"xyz" + text + after, 3)
        assert isinstance(behind, Done)
        assert (behind.value, behind.end) == (value, len(text) + 3)
        is_cut(each, text, least=len(text + after))


def is_cut(parser: Parser, text: bytes, *, least: int) -> None:
    """Every beginning of `text` is Incomplete, and asks for no more than the `least` bytes that settle the matter."""
    for size in range(len(text)):
        outcome = run(parser, text[:size])
        assert isinstance(outcome, Incomplete), (size, outcome)
        assert 1 <= outcome.needed.hint() <= least - size


def refuses(parser: Parser, text: bytes, position: int) -> None:
    """`text` is wrong at `position`: not before that byte has come, and whatever follows it."""
    for each in both(parser):
        for given in (text, text + b"\0", text + b"a", Complete(text)):
            outcome = run(each, given)
            assert isinstance(outcome, Error), outcome
            assert outcome.position == position
            assert outcome.expected
        assert isinstance(run(each, text[:position]), Incomplete)
