"""Every known difference between us and h11 or httptools, and why we stay with it.

One row says: where we answer `ours` to the first message of a stream, these peers answer `theirs`. `ours` is a reason code of ours, or
ACCEPT; `theirs` is ACCEPT, OTHER, or the peer's words up to the first colon. `at` narrows a row to the bytes that may stand where we stop,
`only` to inputs that hold these bytes in either case.
test_differential.py fails on a difference that is not listed here, and on a row whose sample no longer shows it.

Where both accept a message it is the same one: start line, fields, body. The one exception is llhttp's, with a blank that is a tab.
"""

from __future__ import annotations

from typing import Final

import msgspec

ACCEPT: Final = "accept"
OTHER: Final = "another message"  # both accept, but not the same
INCOMPLETE: Final = "incomplete"
HEAD: Final = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED: Final = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
OK: Final = b"HTTP/1.1 200 OK\r\n"
TAB: Final = OK + b"Transfer-Encoding: chunked\t\r\n\r\n"

CONTROLS: Final = bytes(
    {*range(1, 0x20), 0x7F} - {*b"\t\n\x0b\x0c\r"}
)  # what h11 takes in values, though it is no white space


class Difference(msgspec.Struct, frozen=True):
    """One row; `sample` is of the first of `kinds`."""

    peers: tuple[str, ...]
    kinds: tuple[str, ...]
    ours: str
    sample: bytes
    why: str
    theirs: str = ACCEPT
    at: bytes | None = None
    only: bytes = b""

    def covers(self, peer: str, kind: str, answers: tuple[str, str], data: bytes, at: bytes) -> bool:
        """Is this the difference in question? `answers` are ours and theirs, `at` is the byte where we stop."""
        named = peer in self.peers and kind in self.kinds and answers == (self.ours, self.theirs)
        return named and (self.at is None or at in self.at) and self.only in data.lower()


H11: Final = ("h11",)
LLHTTP: Final = ("httptools",)
BOTH: Final = ("h11", "httptools")
REQUESTS: Final = ("request",)
RESPONSES: Final = ("response",)
ANY: Final = ("request", "response")

DIFFERENCES: Final = (
    # --- We are stricter: start lines ---------------------------------------------------------------------------------
    Difference(
        LLHTTP,
        REQUESTS,
        "method",
        b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "llhttp skips CR and LF in any number and order before a request",
    ),
    Difference(
        H11, REQUESTS, "request-line", b"GET / HTTP/1.1\nHost: a\r\n\r\n", "a line that ends in LF alone", at=b"\n"
    ),
    Difference(
        LLHTTP,
        REQUESTS,
        "request-line",
        b"GET /\r\n\r\n",
        "HTTP/0.9, which llhttp reads as a request without fields, several blanks, several empty lines before the first line",
        at=b"\r\n ",
    ),
    Difference(
        BOTH,
        REQUESTS,
        "target",
        b"GET /#f HTTP/1.1\r\nHost: a\r\n\r\n",
        "a fragment in a target: proxies and origins cut it at different places",
    ),
    Difference(
        BOTH,
        REQUESTS,
        "target-form",
        b"POST * HTTP/1.1\r\nHost: a\r\n\r\n",
        "forms are not the business of a parser of messages; they are of one that routes",
    ),
    Difference(
        BOTH, REQUESTS, "connect", b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "a reverse proxy opens no tunnels"
    ),
    Difference(
        BOTH,
        ANY,
        "version",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "HTTP/1.2 and above are read as if they were 1.1, HTTP/2.0 and 0.9 as if they were HTTP/1",
    ),
    Difference(
        H11,
        RESPONSES,
        "status-line",
        b"HTTP/1.1 200 O\x1bK\n\r\n",
        "control characters in the reason, and LF as the end of a line",
        at=CONTROLS + b"\n",
    ),
    Difference(
        LLHTTP,
        RESPONSES,
        "status-line",
        b"HTTP/1.1 099 x\r\n\r\n",
        "a status below 100; any byte but CR and LF in the reason",
    ),
    # --- Field lines --------------------------------------------------------------------------------------------------
    Difference(
        H11,
        ANY,
        "field-line",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        "lines that end in LF alone, and folded lines, which h11 unfolds as old RFCs said",
        at=b"\n \t",
    ),
    Difference(
        H11,
        ANY,
        "field-value",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n",
        "control characters in values, NUL excepted",
        at=CONTROLS,
    ),
    Difference(LLHTTP, REQUESTS, "host-missing", b"GET / HTTP/1.1\r\n\r\n", "llhttp looks at no Host"),
    Difference(
        LLHTTP, REQUESTS, "host-twice", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "llhttp looks at no Host"
    ),
    Difference(
        BOTH,
        REQUESTS,
        "host-invalid",
        b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "the value of Host is whatever a field value may be",
    ),
    Difference(BOTH, REQUESTS, "expectation", HEAD + b"Expect: x\r\n\r\n", "expectations are the application's matter"),
    Difference(
        BOTH,
        ANY,
        "framing-look-alike",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\n",
        "right by the RFC: but origins turn _ into - and the like",
    ),
    Difference(
        BOTH,
        ANY,
        "connection-option",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n",
        "right for who cuts nothing out; a proxy does",
    ),
    # --- Framing ------------------------------------------------------------------------------------------------------
    Difference(
        H11,
        ANY,
        "length-and-coding",
        CHUNKED[:-2] + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
        "h11 lets Transfer-Encoding win, as RFC 9112 6.3 allows, and tells of both",
    ),
    Difference(
        H11,
        ANY,
        "length-invalid",
        HEAD + b"Content-Length: 3,3\r\n\r\nabc",
        "a list of equal lengths, which RFC 9110 8.6 allows to mend",
        at=b", \t",
    ),
    Difference(
        H11,
        ANY,
        "length-twice",
        HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "equal lengths on two lines, which RFC 9110 8.6 allows to mend",
    ),
    Difference(
        H11,
        RESPONSES,
        "length-invalid",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 1234567890123456789\r\n\r\n",
        "19 digits, which fit into 64 bits; h11 takes twenty",
        at=b"0123456789",
    ),
    Difference(
        LLHTTP,
        ANY,
        "length-invalid",
        b"CONNECT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1234567890123456789\r\n\r\n",
        "19 digits, which fit into 64 bits; after CONNECT, Upgrade and 101 llhttp stops at the head",
        at=b"0123456789",
    ),
    Difference(
        BOTH,
        ANY,
        "coding-in-http-1.0",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "read as in HTTP/1.1",
    ),
    Difference(
        LLHTTP,
        ANY,
        "coding-unknown",
        b"CONNECT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: a\r\n\r\n",
        "any coding whose last one is chunked; without that, a request that upgrades, a response that then ends with its connection",
    ),
    Difference(
        LLHTTP,
        ("response", "request"),
        "coding-twice",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: a\r\n\r\n",
        "two lines are one list; that of a response need not end in chunked",
    ),
    Difference(
        BOTH,
        RESPONSES,
        "body-forbidden",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
        "the announced body is ignored",
    ),
    # --- Chunks -------------------------------------------------------------------------------------------------------
    Difference(
        H11, ANY, "chunk-size", CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n", "blanks between size and end of line", at=b"\r"
    ),
    Difference(
        BOTH,
        ANY,
        "chunk-size-overflow",
        CHUNKED + b"0000000000000003\r\nabc\r\n0\r\n\r\n",
        "more digits: h11 takes twenty, llhttp any number of zeros",
    ),
    Difference(
        H11,
        ANY,
        "chunk-extension",
        CHUNKED + b"3;\r\nabc\r\n0\r\n\r\n",
        "h11 takes anything after the semicolon as an extension",
    ),
    Difference(
        LLHTTP,
        ANY,
        "chunk-extension",
        CHUNKED + b"3;=b\r\nabc\r\n0\r\n\r\n",
        "extensions without a name or value, or with more than one",
        at=b';=\r"',
    ),
    Difference(
        H11,
        ANY,
        "trailer-line",
        CHUNKED + b"0\r\n\n",
        "as in heads: LF alone, folding, control characters",
        at=CONTROLS + b"\n \t",
    ),
    Difference(
        BOTH, ANY, "trailer-forbidden", CHUNKED + b"0\r\nHost: b\r\n\r\n", "trailers are the application's matter"
    ),
    # --- Limits: theirs are elsewhere ---------------------------------------------------------------------------------
    Difference(
        BOTH,
        ANY,
        "head-too-large",
        HEAD + b"X: " + b"a" * 17000 + b"\r\n\r\n",
        "theirs are other, or their user's matter",
    ),
    Difference(
        BOTH, ANY, "too-many-fields", HEAD + b"a:b\r\n" * 200 + b"\r\n", "theirs are other, or their user's matter"
    ),
    Difference(
        BOTH,
        REQUESTS,
        "target-too-long",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        "theirs are other, or their user's matter",
    ),
    Difference(
        BOTH,
        ANY,
        "trailers-too-large",
        CHUNKED + b"0\r\n" + (b"X: " + b"a" * 900 + b"\r\n") * 10 + b"\r\n",
        "no bound on trailers",
    ),
    Difference(
        BOTH,
        ANY,
        "chunk-extensions-too-large",
        CHUNKED + b"1;" + b"a" * 900 + (b"\r\nx\r\n1;" + b"a" * 900) * 20 + b"\r\nx\r\n0\r\n\r\n",
        "no bound on extensions",
    ),
    Difference(
        BOTH,
        ANY,
        "chunk-line-too-long",
        CHUNKED + b"1;" + b"a" * 1100 + b"\r\nx\r\n0\r\n\r\n",
        "no bound on extensions",
    ),
    # --- They are stricter --------------------------------------------------------------------------------------------
    Difference(
        H11,
        REQUESTS,
        ACCEPT,
        b"\r\nGET / HTTP/1.0\r\n\r\n",
        "one empty line before a request, which RFC 9112 2.2 asks us to ignore",
        "no request line received",
    ),
    Difference(
        H11,
        ANY,
        ACCEPT,
        CHUNKED + b"5 ; a\t;\tb= c\r\nhello\r\n0\r\n\r\n",
        "blanks around an extension, which RFC 9112 7.1.1 says to parse",
        "illegal chunk header",
    ),
    Difference(
        LLHTTP,
        ANY,
        ACCEPT,
        CHUNKED + b"5 ; a\t;\tb= c\r\nhello\r\n0\r\n\r\n",
        "the same",
        "Invalid character in chunk size",
    ),
    Difference(
        LLHTTP,
        REQUESTS,
        ACCEPT,
        b"GETC / HTTP/1.1\r\nHost: a\r\n\r\n",
        "llhttp has a list of methods; a proxy must not",
        "Expected space after method",
    ),
    Difference(
        LLHTTP, REQUESTS, ACCEPT, b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "the same", "Invalid method encountered"
    ),
    Difference(
        LLHTTP,
        REQUESTS,
        ACCEPT,
        b"ANNOUNCE / HTTP/1.0\r\n\r\n",
        "to llhttp some methods are RTSP's alone",
        "Invalid method for HTTP/x.x request",
    ),
    Difference(
        H11,
        RESPONSES,
        ACCEPT,
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "whether 101 was asked for is for who asked: sozu/proxy looks",
        "Received server _SWITCH_UPGRADE event without a pending proposal",
    ),
    Difference(
        LLHTTP,
        ANY,
        ACCEPT,
        CHUNKED + b"5;a;\tb=c\r\nhello\r\n0\r\n\r\n",
        "the same",
        "Invalid character in chunk extensions name",
    ),
    Difference(
        LLHTTP,
        ANY,
        ACCEPT,
        CHUNKED + b"5;a=b ;c\r\nhello\r\n0\r\n\r\n",
        "the same",
        "Invalid character in chunk extensions value",
    ),
    Difference(
        LLHTTP,
        ANY,
        ACCEPT,
        CHUNKED + b'5;a="b" ;c\r\nhello\r\n0\r\n\r\n',
        "the same",
        "Invalid character in chunk extensions quote value",
    ),
    Difference(
        LLHTTP,
        ANY,
        ACCEPT,
        CHUNKED + b"5;a; b=c\r\nhello\r\n0\r\n\r\n",
        "the same",
        "Invalid character in chunk extensions",
    ),
    # --- They read another message ------------------------------------------------------------------------------------
    Difference(
        LLHTTP,
        RESPONSES,
        ACCEPT,
        TAB + b"0\r\n\r\n",
        "to llhttp a tab after `chunked` makes it another coding, so that the body ends with the connection; RFC 9110 5.5 excludes it from the value",
        OTHER,
        only=b"\t\r\n",
    ),
    Difference(LLHTTP, RESPONSES, INCOMPLETE, TAB, "the same", only=b"\t\r\n"),
    Difference(LLHTTP, RESPONSES, "chunk-size", TAB + b"x", "the same", only=b"\t\r\n"),
    Difference(LLHTTP, RESPONSES, "chunk-size-overflow", TAB + b"0" * 16, "the same", only=b"\t\r\n"),
    Difference(LLHTTP, RESPONSES, "chunk-end", TAB + b"1\r\nxy", "the same", only=b"\t\r\n"),
    Difference(LLHTTP, RESPONSES, "chunk-extension", TAB + b"1;?", "the same", only=b"\t\r\n"),
    Difference(LLHTTP, RESPONSES, "trailer-line", TAB + b"0\r\n:", "the same", only=b"\t\r\n"),
    Difference(
        LLHTTP,
        REQUESTS,
        ACCEPT,
        HEAD + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
        "the same",
        "Request has invalid `Transfer-Encoding`",
    ),
    Difference(
        LLHTTP,
        REQUESTS,
        ACCEPT,
        HEAD + b"Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc",
        "llhttp leaves the body of a request that asks for an upgrade to the new protocol; RFC 9110 7.8 has the request end first",
        OTHER,
        only=b"upgrade",
    ),
)
