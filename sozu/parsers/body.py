"""How long is the body? RFC 9112 section 6.3, with every ambiguous answer refused.

Grammar says what a head looks like (`http1.py`); this file says what it means for the bytes after it, and holds every smuggling
refusal. `request_framing` and `response_framing` are pure: they look at a view and return a `Framing` or a `Refusal`.
They do not read bodies (`chunked.py` does) and decide no policy such as size limits.

The order of the rules is the RFC's. Where it allows a repair (prefer Transfer-Encoding over Content-Length, merge equal
lengths), we refuse: a repair is right only if everyone on the path makes the same one.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Protocol, TypeAlias

import msgspec

from sozu.parsers.reasons import Reason, Refusal, bad_gateway, refusal
from sozu.parsers.uri import form_refusal

# 19 digits may be above 2**63, where a recipient in C wraps to a small or negative length and takes the rest of the body for a request.
LONGEST_LENGTH: Final = 18  # digits: below 2**63, and int() of them is always exact and cheap


class Shape(Enum):
    """A body whose framing needs no number."""

    NO_BODY = "no-body"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until-close"
    TUNNEL = "tunnel"


class Length(msgspec.Struct, frozen=True, gc=False):
    """A body of exactly `size` bytes, at least one."""

    size: int


Framing: TypeAlias = Shape | Length

NO_BODY: Final = Shape.NO_BODY
CHUNKED: Final = Shape.CHUNKED
UNTIL_CLOSE: Final = Shape.UNTIL_CLOSE
TUNNEL: Final = Shape.TUNNEL


class Head(Protocol):
    """What both views tell about framing; a field is None when the head has no such line."""

    @property
    def minor(self) -> int:
        """0 or 1."""

    @property
    def content_length(self) -> bytes | None:
        """Value of the one Content-Length line."""

    @property
    def transfer_encoding(self) -> bytes | None:
        """Value of the one Transfer-Encoding line."""


class Request(Head, Protocol):
    """The part of a RequestView that decides framing."""

    @property
    def method(self) -> bytes:
        """As written."""

    @property
    def target(self) -> bytes:
        """As written, never empty."""

    @property
    def host(self) -> bytes | None:
        """Value of the one Host line."""

    @property
    def expect(self) -> bytes | None:
        """Value of the one Expect line."""


class Response(Head, Protocol):
    """The part of a ResponseView that decides framing."""

    @property
    def status(self) -> int:
        """100 to 999."""


def request_framing(request: Request) -> Framing | Refusal:
    """How the body of a request ends, or why the request must be refused (RFC 9112 sections 3.2, 6.1 and 6.3).

    Rule 7: a request with neither Content-Length nor Transfer-Encoding has no body.
    """
    target = request.target
    if (
        target[0] != SLASH  # one look at what nearly every request has right; the rules by name are below
        or HASH in target
        or request.host is None
        or request.expect is not None
        or request.method == b"CONNECT"
    ):
        # Only now the rules by name: together they cost several calls, and this runs for each request whose head is not remembered.
        fault = request_fault(request)
        if fault is not None:
            return refusal(fault)
    if request.transfer_encoding is None and request.content_length is None:
        return NO_BODY
    framing = announced(request)
    return refusal(framing) if isinstance(framing, Reason) else framing


def request_fault(request: Request) -> Reason | None:
    """The rules about a request that have nothing to do with its body.

    RFC 9112 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a
    Host header field". RFC 9110 10.1.1: 417 for any expectation but 100-continue; HTTP/1.0 has none, there it is ignored.
    """
    # The target before the host: a CONNECT without Host is told 501, which no Host could mend.
    fault = form_refusal(request.method, request.target)
    if fault is not None:
        return fault
    # HTTP/1.0 had no Host. Such a client means the address that it came to (`sozu/proxy/forwarding.py`).
    if request.host is None and request.minor:
        return Reason.HOST_MISSING
    # RFC 9110 10.1.1 has an HTTP/1.0 expectation ignored, and lets us refuse what we do not know. To pass that on would be to guess what the origin
    # makes of it, while the client may be waiting to send its body.
    if request.expect is not None and request.expect.lower() != b"100-continue" and request.minor:
        return Reason.EXPECTATION
    return None


SLASH: Final = 0x2F
HASH: Final = 0x23  # as a number: `in` is five times faster than with b"#"


def response_framing(response: Response, request_method: bytes) -> Framing | Refusal:
    """How the body of the response to `request_method` ends, or why it must become a 502 (RFC 9112 section 6.3).

    1. "Any response to a HEAD request and any response with a 1xx, 204 or 304 status code is always terminated by the first
       empty line after the header fields".
    2. A 2xx response to CONNECT becomes a tunnel, and so does 101 (RFC 9110 7.8): whether it was asked for is the proxy's to know.
    8. "Otherwise, this is a response message without a declared message body length": it ends with the connection.
    """
    status = response.status
    # Before the fields are looked at: what follows this head is another protocol and no body, whatever length the head claims.
    if status == SWITCHING or (request_method == b"CONNECT" and status // 100 == 2):
        return TUNNEL
    if response.transfer_encoding is None:
        framing = UNTIL_CLOSE if response.content_length is None else length(response.content_length)
    else:
        framing = announced(response)
    # Before HEAD and 304 take the body away: a head with two framings is refused even where nothing follows it. Caches
    # freshen what they hold by the fields of a 304 or of an answer to HEAD (RFC 9111 4.3.4 and 4.3.5).
    if isinstance(framing, Reason):
        return bad_gateway(framing)
    # A length of 0 is let pass: RFC 9110 8.6 forbids the field here, but all readers agree about where such a response ends. Any other
    # number has some wait for a body and some take the next response for it.
    if status < 200 or status == NO_CONTENT:
        return NO_BODY if framing in (UNTIL_CLOSE, NO_BODY) else bad_gateway(Reason.BODY_FORBIDDEN)
    return NO_BODY if request_method == b"HEAD" or status == NOT_MODIFIED else framing


SWITCHING: Final = 101
NO_CONTENT: Final = 204
NOT_MODIFIED: Final = 304


def announced(head: Head) -> Framing | Reason:
    """Rules 3 to 6 of RFC 9112 section 6.3: Transfer-Encoding, then Content-Length.

    3. "If a message is received with both a Transfer-Encoding and a Content-Length header field … ought to be handled as an error."
    6.1: "A server or client that receives an HTTP/1.0 message containing a Transfer-Encoding header field MUST treat the message
       as if the framing is faulty".
    """
    if head.transfer_encoding is None:
        return Reason.LENGTH_INVALID if head.content_length is None else length(head.content_length)
    # RFC 9112 6.3 (3) lets a proxy drop the length and go on. But whoever has read the same bytes before us may have chosen the length, and this
    # is the classic of request smuggling (CL.TE and TE.CL).
    if head.content_length is not None:
        return Reason.LENGTH_AND_CODING
    # A hop that knows HTTP/1.0 only has not decoded it, and one that does has: both readings are on the path.
    if not head.minor:
        return Reason.CODING_IN_HTTP_1_0
    return coding(head.transfer_encoding)


def coding(value: bytes) -> Framing | Reason:
    """Rule 4: chunked has to be the final coding; as it is the only one we know, it has to be the only one.

    "A server that receives a request message with a transfer coding it does not understand SHOULD respond with 501" (6.1).
    """
    # Exact bytes, not a list that is parsed and searched: "chunked, chunked", "xchunked", a quoted "chunked" or one with a VT before it are ways in
    # which one program sees the coding and another does not. The comparison comes first as it is what nearly all send.
    return CHUNKED if value == b"chunked" or value.lower() == b"chunked" else Reason.CODING_UNKNOWN


def length(value: bytes) -> Framing | Reason:
    """Rules 5 and 6: `Content-Length = 1*DIGIT`, anything else "is invalid and the recipient MUST treat it as an unrecoverable error".

    The class is checked before int(), which would also take +5, 1_0, blanks and digits of other scripts.
    """
    if not value.isdigit() or len(value) > LONGEST_LENGTH:  # of bytes, isdigit() is 1*DIGIT and nothing else
        return Reason.LENGTH_INVALID
    size = int(value)
    return Length(size) if size else NO_BODY
