"""What a grammar is made of, for `explain KIND`: its fused parts, and how plain code joins them.

Most kinds are one fused grammar and explain themselves. The others are more than regular: a length says how much follows, a value must mean
something, one part decides which comes next. What no pattern can say is said here in a sentence; the parts show tree, pattern and certificate.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sozu.parsers import chunked, uri
from sozu.parsers.fields import credentials, dates, forwarded, traceparent
from sozu.parsers.filter import grammar as filters
from sozu.parsers.fuse import Explained, explain, fuse
from sozu.parsers.http1 import request_head, response_head
from sozu.parsers.kinds import KINDS
from sozu.parsers.regular import Regular
from sozu.parsers.views import request_view, response_view
from sozu.parsers.wire import client_hello, hello_message, http2, proxy_v1, proxy_v2
from sozu.parsers.wire.proxy_header import Family


class Joined(msgspec.Struct, frozen=True):
    """How the parts come together, and the parts by their names."""

    how: str
    parts: dict[str, Explained]


# Views and heads are two grammars over the same bytes; whoever debugs a refusal has to know which of them he is looking at.
HEAD: Final = """\
A head is one match. Before it, the proxy's view of the same bytes is asked: what breaks a rule of the proxy is its Error, with the reason
code. A view reads usual heads by a pattern of its own, and all others by the head's grammar and the rules of heads/field_rules.py."""

# By hand, as only a sentence can say what `bind` and `verify` do: functions have no tree. A test holds that each kind is either fused as a whole
# or named here, so a new one cannot be forgotten.
JOINED: Final[dict[str, Joined]] = {
    "request": Joined(HEAD, {"view": request_view, "head": request_head}),
    "response": Joined(HEAD, {"view": response_view, "head": response_head}),
    "chunked": Joined(
        """\
`bind` takes as many bytes as a chunk line says, `many` repeats that up to the line that says zero; `verify` forbids trailers that would
frame, route or authenticate. ChunkedReader does the same on a stream: it asks the parts below, and counts payload without looking at it.""",
        {
            "first chunk line": chunked.FIRST_LINE,
            "end of a chunk and the next line": chunked.NEXT_LINE,
            "the same without extension": chunked.PLAIN,
            "trailer, or the end": chunked.TRAILER,
        },
    ),
    "uri": Joined(
        """\
`alt` tries origin-form, "*", absolute-form and authority-form; `verify` wants an IPv6 address between brackets, and a host. These
are plain combinators; of a value that is all there, `parse_target` reads the two forms that are met daily by the fused parts.""",
        {"origin-form": uri.ORIGIN, "absolute-form": uri.ABSOLUTE, "authority": uri.AUTHORITY},
    ),
    "proxy-protocol": Joined(
        """\
`alt` of both versions. Version 1 is one line; plain code then asks whether its IPv6 addresses are some. Version 2 is binary: `bind` takes
command and protocol from its start, `length_value` keeps what follows to its length, be_u16 `length_data` and `times` read its TLVs;
a checksum among them must be right.""",
        {
            "version 1": proxy_v1.LINE,
            "version 2, start": proxy_v2.START,
            **{
                f"version 2, {family} addresses": proxy_v2.ADDRESSES[family]
                for family in (Family.INET, Family.INET6, Family.UNIX)
            },
        },
    ),
    "client-hello": Joined(
        """\
HelloReader takes the handshake message out of as many TLS records as there are. The message is read by `length_value` and `length_data`
(its vectors), `times` and `bind` (its extensions, each by its own grammar), `verify` (what must not come twice or be empty).""",
        {
            "record header": client_hello.RECORD,
            "handshake header": client_hello.MESSAGE,
            "length of one byte": hello_message.u8,
            "length of two bytes": hello_message.u16,
            "list of numbers": hello_message.numbers,
        },
    ),
    "http2-frame": Joined(
        """\
Plain code: the header says how long the payload is and who reads it; tables say which sizes, streams and values a type may have.""",
        {
            "header": http2.HEADER,
            "payload of SETTINGS": http2.SETTINGS,
            "payload of PRIORITY": http2.DEPENDENCY,
            "payload of GOAWAY": http2.TWO_NUMBERS,
            "payload of RST_STREAM": http2.NUMBER,
            "payload of WINDOW_UPDATE": http2.NUMBER_31,
        },
    ),
    "forwarded": Joined(
        """\
The list is one match; `Sound` wants each parameter once in an element, and finds the names by another. The value of a `for` or `by` is a node, read when asked for;
`verify` wants its name to be an address, `unknown` or `_name`.""",
        {"list": forwarded.FORWARDED, "names": forwarded.NAMES, "node": forwarded.NODE},
    ),
    "date": Joined(
        "`alt` of three forms; a moment is made of the parts, and `verify` wants it to be one of the calendar.",
        {"IMF-fixdate": dates.IMF_FIXDATE, "asctime-date": dates.ASCTIME_DATE, "rfc850-date": dates.RFC850_DATE},
    ),
    "basic": Joined(
        "The credentials are one match; `Sound` wants them to be user:password in base64, and knows at which byte they no longer can be.",
        {"credentials": credentials.BASIC},
    ),
    "traceparent": Joined(
        "The value is one match; `Sound` refuses version ff, identifiers of zeros alone, and anything behind a version 00.",
        {"value": traceparent.VALUE},
    ),
    "filter": Joined(
        """\
Expressions nest, which no pattern can say: `sep_by` joins tests by "and" and "or", and parentheses call the same parser again, up to a
depth. Words are fused; constants are read step by step, so that an error can tell how a number might have gone on.""",
        {
            "blanks": filters.SPACE,
            "name": filters.identifier,
            "operator": filters.OPERATOR,
        },
    ),
}


def explained(kind: str) -> str:
    """Everything about a kind, to read: of each fused part its tree, patterns, certificate and generated function."""
    grammar = KINDS[kind]
    if isinstance(grammar, Regular):
        return explain(fuse(grammar))
    joined = JOINED[kind]
    parts = [f"== {name}\n{explain(part)}" for name, part in joined.parts.items()]
    # The sentence first: without it the parts look like alternatives.
    return "\n".join([f"-- how its fused parts ({', '.join(joined.parts)}) are joined\n{joined.how}\n", *parts])
