"""Reading a value that is all there: a field value, an argument, a line. The grammar must take every byte of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from sozu.parsers.fields.sound import Sound
from sozu.parsers.fuse import Fused
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
    # Asked afterwards, not by `parser << eof`: that is a plain parser, a few calls dearer for each value, and a fused part of it does not tell how it
    # could have gone on. So only surplus input is read a second time.
    if isinstance(outcome, Done) and outcome.end < len(data):
        return surplus(parser, data)
    # Complete input leaves nothing to wait for: no leaf raises More on it.
    assert isinstance(outcome, Done | Error)
    return outcome.value if isinstance(outcome, Done) else outcome


def surplus(parser: Parser, data: Complete) -> Error:
    """The error of an input that goes on where the value has ended. How far it was right, a fused parser knows from C."""
    # Step by step this took 44 ms for a target of 8 KB that was wrong in its last byte: a request for which a client pays nothing.
    if isinstance(parser, Fused):
        return Error(parser.viable_end(data, 0), lambda: surplus(Regular[Any](parser.tree), data).expected)
    # The rule on top of the grammar may strike before the surplus does; the earlier byte is the error.
    if isinstance(parser, Sound):
        outcome = parser.judged(surplus(parser.grammar, data), data, 0)
    else:
        outcome = run(parser << eof, data)
    assert isinstance(outcome, Error)
    return outcome
