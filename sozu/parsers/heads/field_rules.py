"""What every field of a head must obey for a proxy to pass it on, read field by field: the definition that the quick pattern is held to.

Grammar (http1.py) has been satisfied before. Here are the rules that need more than one line, or the name, in view: duplicates, values of
the fields in slots, look-alikes of framing fields, and what the Connection field may name. Body length is body.py's matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sozu.parsers.abnf import ALPHA, TCHAR
from sozu.parsers.fields.lists import elements
from sozu.parsers.heads.slots import LOOK_ALIKES
from sozu.parsers.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sozu.parsers.heads.slots import Slot

NOT_LETTERS: Final = TCHAR.translate(None, ALPHA)
FRAMING: Final = frozenset((b"content-length", b"transfer-encoding"))

# RFC 9110 7.6.1 lets Connection name any field, which the next hop then never sees. A client that has the proxy cut out one of these
# makes proxy and origin read two different messages: smuggling by hop-by-hop removal. "A sender MUST NOT send a connection option
# corresponding to a field that is intended for all recipients of the content" gives us the right to refuse.
NEVER_NAMED: Final = frozenset((*FRAMING, b"host", b"trailer"))


@dataclass(frozen=True, slots=True)
class Fault:
    """The rule that a field section breaks, and the offset in the section."""

    offset: int
    reason: Reason


@dataclass(slots=True)
class Survey:
    """What was found: the value of each slot that is there, the offset of each slot's first line, and the lines that are not cut."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    offsets: dict[bytes, int] = field(default_factory=dict)
    passed: bytes = b""


def survey(
    slots: Mapping[bytes, Slot], cuts: frozenset[bytes], fields: list[tuple[bytes, bytes]], lines: list[bytes]
) -> Survey | Fault:
    """Read a field section; `lines` are its lines as they came, without CRLF. The first fault from the top is the one reported."""
    found = Survey()
    offset = 0
    for (name, value), line in zip(fields, lines, strict=True):
        fault = field_fault(found, slots, name.lower(), value, line)
        if fault is not None:
            return Fault(offset + fault.offset, fault.reason)
        found.offsets.setdefault(name.lower(), offset)
        offset += len(line) + 2
    options = elements(found.values.get(b"connection"))
    if options & NEVER_NAMED:
        return Fault(found.offsets[b"connection"], Reason.CONNECTION_OPTION)
    found.passed = passed(fields, lines, cuts | options)
    return found


def field_fault(
    found: Survey, slots: Mapping[bytes, Slot], name: bytes, value: bytes, line: bytes
) -> Fault | None:
    """Note the value of a field that has a slot; tell what is wrong with it."""
    slot = slots.get(name)
    if slot is None:
        return Fault(0, Reason.FRAMING_LOOK_ALIKE) if is_look_alike(name) else None
    before = found.values.get(name)
    if before is not None and slot.twice is not None:
        return Fault(0, slot.twice)
    wrong = slot.fault(value)
    if wrong is not None:
        blanks = line[len(name) + 1 :]
        return Fault(len(line) - len(blanks.lstrip(b" \t")) + wrong, slot.invalid)
    found.values[name] = value if before is None else before + slot.joint + value
    return None


def is_look_alike(name: bytes) -> bool:
    """Does a lower-case name read as a framing field to a program that skips or mistakes characters (`Content_Length`, `1Transfer-Encoding`)?"""
    return name not in FRAMING and name.translate(None, NOT_LETTERS) in LOOK_ALIKES


def passed(fields: Iterable[tuple[bytes, bytes]], lines: Iterable[bytes], cuts: frozenset[bytes]) -> bytes:
    """The lines that may go to the other side, each with its CRLF."""
    return b"".join(line + b"\r\n" for (name, _), line in zip(fields, lines, strict=True) if name.lower() not in cuts)
