"""HTTP/1.x heads as RFC 9112 writes them: start line, field lines, empty line. Strict: what the RFC lets a recipient mend, we refuse.

This file says what a head looks like. Which fields a proxy picks out, and what it refuses for their sake, is in views.py; how long the
body is, in body.py. Deviations, all towards refusal: no bare LF (9112 section 2.2 allows to accept it), no line folding (5.2), no blank but one
SP between the parts of a start line (3), no version but 1.0 and 1.1 (2.3). One is towards leniency:
a status line may lack the SP that should stand before an empty reason (4), because origins in the wild leave it out.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sozu.parsers.abnf import DIGIT, FIELD_BYTES, TCHAR, VCHAR, WSP
from sozu.parsers.combinators import alt, many, opt, recognize, record, seq, value
from sozu.parsers.fuse import Fused, fuse
from sozu.parsers.leaves import one_of, tag, take_while, take_while1, take_while_m_n, trimmed


class RequestHead(msgspec.Struct, frozen=True, gc=False):
    """A whole request head; `fields` are (name, value) as written, in their order."""

    method: bytes
    target: bytes
    minor: int
    fields: list[tuple[bytes, bytes]]


class ResponseHead(msgspec.Struct, frozen=True, gc=False):
    """A whole response head; `reason` may be empty."""

    minor: int
    status: int
    reason: bytes
    fields: list[tuple[bytes, bytes]]


SP = tag(b" ")
CRLF = tag(b"\r\n")

# --- RFC 9112, section 2.3: HTTP version ------------------------------------------------------------------------------
# HTTP-version  = HTTP-name "/" DIGIT "." DIGIT
# HTTP-name     = %x48.54.54.50 ; HTTP

# RFC 9110 2.5 would have a 1.2 read as 1.1. It is refused: nobody has written down how its bodies end, and the origin may guess otherwise.
minor = tag(b"HTTP/1.") >> alt(value(1, tag(b"1")), value(0, tag(b"0")))

# --- RFC 9112, section 3: request line --------------------------------------------------------------------------------
# request-line  = method SP request-target SP HTTP-version
# method        = token                                         ; RFC 9110, section 9.1
# 2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at least one empty line (CRLF) received prior to it".

# One CRLF is passed over, not any number: a stream of empty lines would be a head that never ends and never is wrong. Old clients send
# one behind the body of a POST.
method = take_while1(TCHAR).desc("method")
# What may stand in a target is said in uri.py. Here counts where it ends: at the first SP, and what is not visible ASCII is refused. A parser that
# looks for the last SP instead takes "GET /a HTTP/1.1 HTTP/1.1" for another path.
target = take_while1(VCHAR).desc("request-target")
request_line = opt(CRLF) >> seq(method << SP, target << SP, minor << CRLF)

# --- RFC 9112, section 4: status line ---------------------------------------------------------------------------------
# status-line   = HTTP-version SP status-code SP [ reason-phrase ]
# status-code   = 3DIGIT                                        ; RFC 9110, section 15: the first digit is the class, 1 to 9 here
# reason-phrase = 1*( HTAB / SP / VCHAR / obs-text )

# A table and not int(): a look-up is cheaper, and knows no sign, blank or underscore that int() would accept.
STATUS: Final = {b"%d" % code: code for code in range(100, 1000)}
status = recognize(seq(one_of(b"123456789"), take_while_m_n(2, 2, DIGIT))).map(STATUS.__getitem__).desc("status code")
# An absent phrase and an empty one become the same b"": nobody acts on it, and where the line is written anew it has its SP.
reason = opt(SP >> take_while(FIELD_BYTES)).map(lambda phrase: phrase or b"")
status_line = seq(minor << SP, status, reason << CRLF)

# --- RFC 9112, section 5: field lines ---------------------------------------------------------------------------------
# field-line    = field-name ":" OWS field-value OWS
# field-name    = token                                         ; RFC 9110, section 5.1
# field-value   = *field-content                                ; RFC 9110, section 5.5
# field-content = field-vchar [ 1*( SP / HTAB / field-vchar ) field-vchar ]
# field-vchar   = VCHAR / obs-text

# No blank before the colon (RFC 9112 5.1, a MUST): a program that drops it sees "Transfer-Encoding : chunked" as framing, one that keeps it sees a
# field of another name. No line that begins with a blank either (5.2): whoever does not unfold it takes it for a field of its own.
field_name = take_while1(TCHAR).desc("field name")
# A bare CR or LF ends the value for some programs and not for others, which hides a field from one of them; so neither is in the class.
field_value = trimmed(FIELD_BYTES, WSP)
field_line = seq(field_name << tag(b":"), field_value << CRLF)
field_section = many(field_line) << CRLF

# --- RFC 9112, section 2.1: message -----------------------------------------------------------------------------------
# HTTP-message  = start-line CRLF *( field-line CRLF ) CRLF [ message-body ]

request_head: Fused[RequestHead] = fuse(
    record(RequestHead, opt(CRLF) >> method << SP, target << SP, minor << CRLF, field_section), unroll=True
)
response_head: Fused[ResponseHead] = fuse(
    record(ResponseHead, minor << SP, status, reason << CRLF, field_section), unroll=True
)
