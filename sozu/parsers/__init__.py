"""Parsers as one writes them with nom: functions from bytes to Done, Error or Incomplete, run step by step or fused to the speed of C.

    from sozu.parsers import Done, Error, Incomplete, fuse, run, seq, tag, take_while1

    greeting = fuse(tag(b"hello ") >> take_while1(b"abcdefghijklmnopqrstuvwxyz") << tag(b"!"))
    match run(greeting, b"hello world!"):
        case Done(rest, value): ...               # rest b"", value b"world"
        case Error(position, expected): ...
        case Incomplete(needed): ...              # needed.hint() more bytes at least

Read on in this order: result (outcomes), leaves, combinators, fuse; then http1, views, body, chunked for HTTP/1; wire and fields for the rest.
`KINDS` names every ready-made grammar. Nothing here opens a socket or a file, looks at a clock, or logs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sozu.parsers.combinators import (
    alt,
    complete,
    cut,
    length_data,
    length_value,
    many,
    many1,
    map_,
    not_,
    opt,
    peek,
    recognize,
    record,
    sep_by,
    seq,
    times,
    value,
    verify,
)
from sozu.parsers.fuse import Fused, explain, fuse
from sozu.parsers.leaves import (
    be_u8,
    be_u16,
    be_u24,
    be_u32,
    eof,
    none_of,
    one_of,
    rest,
    tag,
    tag_no_case,
    take,
    take_till,
    take_until,
    take_while,
    take_while1,
    take_while_m_n,
    trimmed,
)
from sozu.parsers.regular import Regular
from sozu.parsers.result import Complete, Done, Error, Incomplete, Needed, Outcome, run

if TYPE_CHECKING:
    from sozu.parsers.kinds import KINDS as KINDS

__all__ = [
    "KINDS",
    "Complete",
    "Done",
    "Error",
    "Fused",
    "Incomplete",
    "Needed",
    "Outcome",
    "Regular",
    "alt",
    "be_u8",
    "be_u16",
    "be_u24",
    "be_u32",
    "complete",
    "cut",
    "eof",
    "explain",
    "fuse",
    "length_data",
    "length_value",
    "many",
    "many1",
    "map_",
    "none_of",
    "not_",
    "one_of",
    "opt",
    "peek",
    "recognize",
    "record",
    "rest",
    "run",
    "sep_by",
    "seq",
    "tag",
    "tag_no_case",
    "take",
    "take_till",
    "take_until",
    "take_while",
    "take_while1",
    "take_while_m_n",
    "times",
    "trimmed",
    "value",
    "verify",
]


def __getattr__(name: str) -> Any:
    """The table of all grammars is made when someone asks for it: a worker needs four of them."""
    # An import at the top would load the filter language, HTTP/2 and every field grammar into each worker, and a worker that takes the place of
    # a dead one is waited for.
    if name == "KINDS":
        return import_module("sozu.parsers.kinds").KINDS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
