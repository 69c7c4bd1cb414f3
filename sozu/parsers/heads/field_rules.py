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

# RFC 9110 5.1: field-name = token. What is left of TCHAR without its letters is what a careless reader skips, folds or takes for something else.
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
    # The grammar has counted the fields, a plain split at CRLF the lines. `strict` holds the two to one number: were they to differ, the wrong lines
    # would be cut.
    for (name, value), line in zip(fields, lines, strict=True):
        fault = field_fault(found, slots, name.lower(), value, line)
        if fault is not None:
            return Fault(offset + fault.offset, fault.reason)
        found.offsets.setdefault(name.lower(), offset)
        offset += len(line) + 2
    # Only behind the last line is the list of options complete (RFC 9110 5.3: several lines make one list). So a fault within any line is told before
    # this one, which needs all of them.
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
    # Twice is asked first. RFC 9112 6.3 (5) lets a recipient merge equal values of Content-Length; we do not, for an origin may take the first one
    # and another the last. Of Host RFC 9112 3.2 wants a 400 anyway.
    before = found.values.get(name)
    if before is not None and slot.twice is not None:
        return Fault(0, slot.twice)
    wrong = slot.fault(value)
    if wrong is not None:
        # The value comes without the blanks around it, and its rule counts from its first byte; who reads the log counts from the beginning of the
        # line.
        blanks = line[len(name) + 1 :]
        return Fault(len(line) - len(blanks.lstrip(b" \t")) + wrong, slot.invalid)
    found.values[name] = value if before is None else before + slot.joint + value
    return None


def is_look_alike(name: bytes) -> bool:
    """Does a lower-case name read as a framing field to a program that skips or mistakes characters (`Content_Length`, `1Transfer-Encoding`)?"""
    # RFC 3875 4.1.18 has a server write "-" as "_" for a CGI program: to it `Transfer_Encoding` and `Transfer-Encoding` are one variable. Whoever is
    # let through with the first one has a framing field that the proxy did not see (RFC 9112 11.2).
    return name not in FRAMING and name.translate(None, NOT_LETTERS) in LOOK_ALIKES


def passed(fields: Iterable[tuple[bytes, bytes]], lines: Iterable[bytes], cuts: frozenset[bytes]) -> bytes:
    """The lines that may go to the other side, each with its CRLF."""
    # Lines and not pairs are joined: names keep their case and values their blanks, as they do where the quick pattern has slices of the head.
    return b"".join(line + b"\r\n" for (name, _), line in zip(fields, lines, strict=True) if name.lower() not in cuts)
