"""Which rule does a head break? From the offset of a grammar error to its reason code; looked up when someone asks, never on the hot path."""

from __future__ import annotations

from typing import Final

from sozu.parsers.reasons import Reason

REQUEST_LINE: Final = (Reason.METHOD, Reason.TARGET, Reason.VERSION)
STATUS_LINE: Final = (Reason.VERSION, Reason.STATUS_LINE, Reason.STATUS_LINE)
LAYOUT: Final = b"\t\r\n "


def blame_request(data: bytes, position: int) -> Reason:
    """`data` begins with the head."""
    before = data[:position].removeprefix(b"\r\n")
    if b"\n" in before:
        return blame_field(data, position)
    if data[position : position + 1] in LAYOUT:
        return Reason.REQUEST_LINE
    return REQUEST_LINE[min(before.count(b" "), 2)]


def blame_response(data: bytes, position: int) -> Reason:
    """`data` begins with the head."""
    before = data[:position]
    if b"\n" in before:
        return blame_field(data, position)
    return STATUS_LINE[min(before.count(b" "), 2)]


def blame_field(data: bytes, position: int) -> Reason:
    """Layout (folding, bare CR or LF, a blank before the colon) is the line's fault; else it is the name's or the value's."""
    line = data[data.rfind(b"\n", 0, position) + 1 : position]
    if data[position : position + 1] in LAYOUT or line.endswith(b"\r"):
        return Reason.FIELD_LINE
    return Reason.FIELD_VALUE if b":" in line else Reason.FIELD_NAME
