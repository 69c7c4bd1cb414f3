"""Outcomes as JSON and as text with a caret. Bytes are shown as text, one character a byte (latin-1), so that nothing is lost."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

import msgspec

from sozu.parsers.console.escapes import escaped
from sozu.parsers.reasons import Reason
from sozu.parsers.result import Done, Error, Outcome

# So few that the line, escapes and all, mostly fits a terminal: below a line that has wrapped a caret points to nothing.
BEFORE: Final = 40  # bytes of context in front of the caret
AFTER: Final = 24


def plain(value: Any) -> Any:
    """The value as JSON has it: records become objects, tuples lists, bytes text."""
    match value:
        # The order of the cases matters: an enum of texts is a str as well and has to become its value, a named tuple is a tuple, a Struct is neither.
        case None | bool() | int() | float():
            return value
        case Enum():
            return plain(value.value)
        case str():
            return value
        case bytes() | bytearray() | memoryview():
            # UTF-8 would fail on what is shown most often, wrong input, and a replacement character would hide which byte it was.
            return bytes(value).decode("latin-1")
        case datetime():
            return value.isoformat()
        case dict():
            return {plain(key): plain(item) for key, item in value.items()}
        case list() | tuple() | frozenset():
            return [plain(item) for item in value]
        case msgspec.Struct():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
        case _ if is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    # Anything at all can be shown: a grammar of tomorrow gives values that are not in this list, and an exception would hide the outcome.
    return repr(value)


def shown(outcome: Outcome[Any], data: bytes) -> dict[str, Any]:
    """An outcome over `data` as an object for JSON."""
    match outcome:
        case Done(value=value, end=end):
            return {"outcome": "done", "end": end, "rest": len(data) - end, "value": plain(value)}
        case Error() as error:
            return error_shown(error, data)
        case incomplete:
            return {"outcome": "incomplete", "needed": incomplete.needed.hint()}


def error_shown(error: Error, data: bytes, before: int = 0) -> dict[str, Any]:
    """An error in a stream of which `data` is the part from offset `before` on."""
    # Sorted, as a set has another order in each run of Python, and reports are compared by tools and tests.
    found: dict[str, Any] = {"outcome": "error", "position": error.position, "expected": sorted(error.expected)}
    # Lines are counted only where all of the input is at hand; in a stream that has gone by nobody has counted them.
    if not before:
        found["line"], found["column"] = error.line_col(data)
    if isinstance(error.reason, Reason):
        found |= reason_shown(error.reason)
    return found | {"caret": caret(data, error.position - before)}


def reason_shown(reason: Reason) -> dict[str, Any]:
    """A reason with its rule."""
    return {"reason": str(reason), "section": reason.rule.section, "rule": reason.rule.text}


def caret(data: bytes, position: int) -> str:
    """Two lines: the bytes around `position`, escaped, and a caret under the byte there (or under the end)."""
    start = max(0, position - BEFORE)
    before = escaped(data[start:position])
    after = escaped(data[position : position + AFTER])
    return f"{before}{after}\n{' ' * len(before)}^"
