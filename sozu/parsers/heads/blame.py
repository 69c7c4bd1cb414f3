"""Which rule does a head break? From the offset of a grammar error to its reason code; looked up when someone asks, never on the hot path."""

from __future__ import annotations

from typing import Final

from sozu.parsers.reasons import Reason

# RFC 9112 3: method SP request-target SP HTTP-version. How many SP stand before the fault tells the part that it is in. More than two make no further
# part: the `b` of `GET /a b HTTP/1.1` stands where a version should.
REQUEST_LINE: Final = (Reason.METHOD, Reason.TARGET, Reason.VERSION)
# RFC 9112 4: HTTP-version SP status-code SP [ reason-phrase ]. Status and phrase share one reason: whichever an origin gets wrong, its client gets a
# 502.
STATUS_LINE: Final = (Reason.VERSION, Reason.STATUS_LINE, Reason.STATUS_LINE)
LAYOUT: Final = b"\t\r\n "


def blame_request(data: bytes, position: int) -> Reason:
    """`data` begins with the head."""
    # The empty line that RFC 9112 2.2 has a server ignore is taken off first; else its LF would make a fault in the request line one of a field.
    before = data[:position].removeprefix(b"\r\n")
    if b"\n" in before:
        return blame_field(data, position)
    # A second SP, a tab or an early line end has no part of its own: in `GET  /` the line is wrong, not the target, which has not begun.
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
    # A bare CR shows one byte late: the grammar has taken it for the beginning of CRLF and stops at the byte behind it. So the line is asked for its
    # end too.
    if data[position : position + 1] in LAYOUT or line.endswith(b"\r"):
        return Reason.FIELD_LINE
    return Reason.FIELD_VALUE if b":" in line else Reason.FIELD_NAME
