"""Random HTTP/1 heads: valid ones, those with a familiar defect, and arbitrary mutations of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fuzz.grammars import mutated

if TYPE_CHECKING:
    from random import Random

METHODS: Final = (b"GET", b"POST", b"M-SEARCH", b"CONNECT", b"OPTIONS")
TARGETS: Final = (b"/", b"/a/b?c=d", b"*", b"http://h/x", b"h:80", b'/%41|"[]', b"/#f", b"/\xe9", b"/" + b"x" * 300)
VERSIONS: Final = (
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HTTP/1.2",
    b"http/1.1",
    b"HTTP/2.0",
    b"HTTP/1.1 ",
)
STATUSES: Final = (
    b"200 OK",
    b"204 ",
    b"404",
    b"099 x",
    b"99 x",
    b"1000 x",
    b"101 Switching Protocols",
    b"200 \xe9t\xe9",
)
NAMES: Final = tuple(
    b"Host host Content-Length content-length Transfer-Encoding TRANSFER-ENCODING Connection connection Keep-Alive Expect Upgrade "
    b"TE Trailer X-Forwarded-For x-forwarded-proto X-Forwarded-Hosts X-Forwarded Forwarded Proxy-Connection HTTP2-Settings Sozu-Id "
    b"Close Cookie Accept User-Agent Content-Type Content-Lengths Contents X Co C T Te Tea Up Upgrade-Insecure-Requests Sec-Fetch-Site "
    b"Content_Length Content-Length1 1Content-Length C-ontentLength Transfer.Encoding Transfer_-Encoding tRaNsFeReNcOdInG "
    b"Set-Cookie ETag _x 9 ! K Ke Proxy Proxy-Authorization Hos Hosts".split()
)
VALUES: Final = (
    *b"a a.b:80 [::1]:8080 [::1 a:99999 a:123456 a/b @ 0 5 +5 007 1234567890123456789 123456789012345678 0x5 1_0 3,3".split(),
    *b"chunked CHUNKED xchunked gzip,chunked close Close keep-alive upgrade websocket 100-continue text/html,*/*;q=0.8 gz\xe9".split(),
    *(
        b"",
        b"5 5",
        b"close, X-A",
        b"keep-alive, Upgrade",
        b"host",
        b"a, content-length",
        b"Trailer",
        b"close ,, te",
        b"a b",
        b"chunked\x0b",
    ),
    *(
        b"\xff",
        b"a\tb",
        b"a\x00b",
        b"a\x7fb",
        b"1; mode=block",
        b"trailers, deflate;q=0.5",
        b'"quoted, string"',
        b"x" * 70,
    ),
)
DIRT: Final = b"\r\n :\t\x00\x7f\xff\x0b,;a0-_/[]HTconl"


def request(rng: Random) -> bytes:
    """A request head, more often right than wrong, perhaps with bytes after it."""
    line = b" ".join((rng.choice(METHODS), usually(rng, TARGETS), usually(rng, VERSIONS)))
    return spoilt(rng, rng.choice((b"", b"", b"", b"\r\n")) + line + b"\r\n" + fields(rng))


def response(rng: Random) -> bytes:
    """A response head, likewise."""
    return spoilt(rng, usually(rng, VERSIONS) + b" " + usually(rng, STATUSES) + b"\r\n" + fields(rng))


def usually(rng: Random, choices: tuple[bytes, ...]) -> bytes:
    """The first one in two of three cases."""
    return choices[0] if rng.random() < 0.67 else rng.choice(choices)


def fields(rng: Random) -> bytes:
    """Field lines and the empty line, with some variety of blanks."""
    lines = []
    for _ in range(rng.choice((0, 1, 1, 2, 3, 4, 6))):
        before, after = rng.choice((b" ", b" ", b" ", b"", b"\t ")), rng.choice((b"", b"", b"", b"", b" ", b" \t"))
        lines.append(rng.choice(NAMES) + b":" + before + rng.choice(VALUES) + after + b"\r\n")
    return b"".join(lines) + b"\r\n"


def spoilt(rng: Random, head: bytes) -> bytes:
    """As it is, with something after it, cut off, or mutated."""
    match rng.randrange(5):
        case 0:
            return head[: rng.randint(0, len(head))]
        case 1:
            return mutated(rng, head, DIRT)
        case 2:
            return head + bytes(rng.choices(DIRT, k=rng.randint(1, 5)))
        case _:
            return head
