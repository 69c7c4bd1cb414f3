"""Reading a value that is all there: a field value, an argument, a line. The grammar must take every byte of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from sozu.parsers.leaves import eof
from sozu.parsers.regular import Regular
from sozu.parsers.result import Complete, Done, Error, run

if TYPE_CHECKING:
    from parsy import Parser

T = TypeVar("T")


@overload
def whole(parser: Regular[T], text: bytes) -> T | Error: ...
@overload
def whole(parser: Parser, text: bytes) -> Any | Error: ...
def whole(parser: Parser, text: bytes) -> Any | Error:
    """The parser's value if it takes all of `text`, else the Error where it could not go on."""
    data = Complete(text)
    outcome = run(parser, data)
    if isinstance(outcome, Done) and outcome.end < len(data):
        # A fused parser says only where its match ended; the combinators know how far they came beyond it.
        outcome = run((Regular[Any](parser.tree) if isinstance(parser, Regular) else parser) << eof, data)
    assert isinstance(outcome, Done | Error)
    return outcome.value if isinstance(outcome, Done) else outcome
