"""Every grammar that has a name outside: KIND → parser, with a sample for help, tests and benchmarks.

`python -m sozu.parsers KIND` and fuzz/corpus/KIND/ use these names. `request` and `response` read a head under all rules of the proxy and give
its whole field list; the fields of a head, from `forwarded` on, are read from complete input.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from parsy import Parser

from sozu.parsers.chunked import chunked_body
from sozu.parsers.command import FRAME
from sozu.parsers.fields.cookies import cookie, set_cookie
from sozu.parsers.fields.credentials import basic
from sozu.parsers.fields.dates import http_date
from sozu.parsers.fields.forwarded import forwarded, x_forwarded_for
from sozu.parsers.fields.lists import connection, expect, te, transfer_encoding
from sozu.parsers.fields.traceparent import traceparent
from sozu.parsers.filter.grammar import filter_expression
from sozu.parsers.fuse import parsy_reading
from sozu.parsers.http1 import request_head, response_head
from sozu.parsers.result import Done
from sozu.parsers.uri import uri
from sozu.parsers.views import request_view, response_view
from sozu.parsers.wire.client_hello import client_hello
from sozu.parsers.wire.http2 import http2_frame
from sozu.parsers.wire.proxy_protocol import proxy_protocol

if TYPE_CHECKING:
    from sozu.parsers.fuse import Fused
    from sozu.parsers.regular import Reading
    from sozu.parsers.result import Bytes, Outcome
    from sozu.parsers.views import ViewParser


class StrictHead(Parser):
    """The whole head, if the proxy's view of it breaks no rule."""

    def __init__(self, head: Fused[Any], view: ViewParser[Any]) -> None:
        self.head = head
        self.view = view

    def fused(self, data: Bytes, pos: int = 0) -> Outcome[Any]:
        """The view's error with its reason, else the head."""
        # The view first: it knows the rules across fields (two Hosts, a look-alike of Content-Length) and has the reason codes; the head's grammar alone would
        # accept what the proxy refuses, and these commands exist to tell what the proxy does.
        outcome = self.view.fused(data, pos)
        return self.head.fused(data, pos) if isinstance(outcome, Done) else outcome

    @cached_property
    def wrapped_fn(self) -> Reading:  # type: ignore[override]  # parsy sets it in its constructor
        """In parsy's convention."""
        return parsy_reading(self.fused)


KINDS: Final[dict[str, Parser]] = {
    "request": StrictHead(request_head, request_view),
    "response": StrictHead(response_head, response_view),
    "chunked": chunked_body,
    "uri": uri,
    "proxy-protocol": proxy_protocol,
    "client-hello": client_hello,
    "http2-frame": http2_frame,
    "command": FRAME,
    "forwarded": forwarded,
    "x-forwarded-for": x_forwarded_for,
    "cookie": cookie,
    "set-cookie": set_cookie,
    "connection": connection,
    "transfer-encoding": transfer_encoding,
    "te": te,
    "expect": expect,
    "date": http_date,
    "basic": basic,
    "traceparent": traceparent,
    "filter": filter_expression,
}

# Values that end where their input ends: nothing in the bytes closes them.
# By their place in the table: a kind that is added behind `forwarded` is read from complete input, one before it has to close itself.
WHOLE_VALUES: Final = frozenset(list(KINDS)[list(KINDS).index("forwarded") :]) | {"uri"}

SAMPLES: Final[dict[str, bytes]] = {
    "request": b"GET /talks?year=2017 HTTP/1.1\r\nHost: sozu.example\r\nAccept: */*\r\n\r\n",
    "response": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "chunked": b"5\r\nhello\r\n6;last=yes\r\n world\r\n0\r\nDigest: none\r\n\r\n",
    "uri": b"http://sozu.example:8080/talks?year=2017",
    "proxy-protocol": b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n",
    "client-hello": bytes.fromhex("1603010056010000520303")
    + bytes(range(32))
    + bytes.fromhex("00000213010100002700000011000f00000c")
    + b"sozu.example"
    + bytes.fromhex("0010000e000c02683208")
    + b"http/1.1",
    "http2-frame": bytes.fromhex("000008060000000000") + b"sozuping",
    "command": b'{"id": "1", "type": "status"}\0',
    "forwarded": b'for=192.0.2.1;proto=https, for="[2001:db8::1]:4711"',
    "x-forwarded-for": b"192.0.2.1, 2001:db8::1",
    "cookie": b"session=abc; theme=dark",
    "set-cookie": b"session=abc; Path=/; Secure; HttpOnly",
    "connection": b"keep-alive, Upgrade",
    "transfer-encoding": b"gzip;q=0.5, chunked",
    "te": b"trailers, deflate;q=0.5",
    "expect": b"100-continue",
    "date": b"Sun, 06 Nov 1994 08:49:37 GMT",
    "basic": b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "filter": b'status >= 500 and (cluster == "blog" or path ~ "/api/*")',
}
