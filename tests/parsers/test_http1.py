import pytest

from sozu.parsers.fuse import fuse
from sozu.parsers.http1 import (
    RequestHead,
    ResponseHead,
    field_line,
    field_section,
    request_head,
    request_line,
    response_head,
    status_line,
)
from tests.parsers.three_ways import reads, refuses

GET = b"GET / HTTP/1.1\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


def test_request_line_is_read() -> None:
    reads(fuse(request_line), b"GET /a?b HTTP/1.1\r\n", (b"GET", b"/a?b", 1))
    reads(fuse(request_line), b"\r\nM-SEARCH * HTTP/1.0\r\n", (b"M-SEARCH", b"*", 0), after=b"x")


def test_status_line_is_read() -> None:
    reads(fuse(status_line), b"HTTP/1.1 200 OK\r\n", (1, 200, b"OK"))
    reads(fuse(status_line), b"HTTP/1.0 404 \r\n", (0, 404, b""))
    reads(fuse(status_line), b"HTTP/1.1 999\r\n", (1, 999, b""))
    reads(fuse(status_line), b"HTTP/1.1 200 \tvoil\xe0 \r\n", (1, 200, b"\tvoil\xe0 "))


def test_field_line_is_read() -> None:
    reads(fuse(field_line), b"Host: a\r\n", (b"Host", b"a"), after=b"\r\n")
    reads(fuse(field_line), b"X:\t a \t b\t \r\n", (b"X", b"a \t b"))
    reads(fuse(field_line), b"X:\r\n", (b"X", b""))
    reads(fuse(field_line), b"X: \xff\r\n", (b"X", b"\xff"))


def test_heads_are_read() -> None:
    fields = [(b"Host", b"a"), (b"Empty", b""), (b"Host", b"b")]
    lines = b"Host: a\r\nEmpty: \r\nHost:b\r\n\r\n"
    reads(request_head, GET + lines, RequestHead(b"GET", b"/", 1, fields), after=b"body")
    reads(response_head, OK + lines, ResponseHead(1, 200, b"OK", fields), after=b"body")
    reads(request_head, GET + b"\r\n", RequestHead(b"GET", b"/", 1, []))
    reads(fuse(field_section), b"\r\n", [])


@pytest.mark.parametrize(
    ("line", "position"),
    [
        (b"GET / HTTP/1.1\n", 14),  # bare LF
        (b"GET / HTTP/1.1\rX", 15),  # bare CR
        (b"GET / HTTP/1.1\r\r\n", 15),
        (b"\r\n\r\nGET / HTTP/1.1\r\n", 2),  # one empty line is tolerated, not two
        (b"\nGET / HTTP/1.1\r\n", 0),
        (b" GET / HTTP/1.1\r\n", 0),
        (b"G(T / HTTP/1.1\r\n", 1),
        (b"GET  / HTTP/1.1\r\n", 4),
        (b"GET\t/ HTTP/1.1\r\n", 3),
        (b"GET /  HTTP/1.1\r\n", 6),
        (b"GET / HTTP/1.1 \r\n", 14),
        (b"GET /\x00 HTTP/1.1\r\n", 5),
        (b"GET /\x7f HTTP/1.1\r\n", 5),
        (b"GET /\xc3\xa9 HTTP/1.1\r\n", 5),
        (b"GET /\r\n", 5),  # HTTP/0.9
        (b"GET / HTTP/1.2\r\n", 13),
        (b"GET / HTTP/2.0\r\n", 11),
        (b"GET / HTTP/11\r\n", 12),
        (b"GET / http/1.1\r\n", 6),
        (b"GET / HTTP/1.10\r\n", 14),
    ],
)
def test_request_line_is_strict(line: bytes, position: int) -> None:
    refuses(fuse(request_line), line, position)


@pytest.mark.parametrize(
    ("line", "position"),
    [
        (b"HTTP/1.1 200 OK\n", 15),
        (b"HTTP/1.1  200 OK\r\n", 9),
        (b"HTTP/1.1 20 OK\r\n", 11),
        (b"HTTP/1.1 2x0 OK\r\n", 10),
        (b"HTTP/1.1 099 OK\r\n", 9),
        (b"HTTP/1.1 2000 OK\r\n", 12),
        (b"HTTP/1.1 200 O\x00\r\n", 14),
        (b"HTTP/1.1 200OK\r\n", 12),
        (b"HTTP/2.0 200 OK\r\n", 5),
        (b"\r\nHTTP/1.1 200 OK\r\n", 0),
        (b"ICY 200 OK\r\n", 0),
    ],
)
def test_status_line_is_strict(line: bytes, position: int) -> None:
    refuses(fuse(status_line), line, position)


@pytest.mark.parametrize(
    ("line", "position"),
    [
        (b"X: a\n", 4),
        (b"X: a\rb\r\n", 5),
        (b"X: a\r\r\n", 5),
        (b" X: a\r\n", 0),
        (b"X : a\r\n", 1),
        (b"X\t: a\r\n", 1),
        (b"X\r\n", 1),
        (b": a\r\n", 0),
        (b"X(: a\r\n", 1),
        (b"\xc3: a\r\n", 0),
        (b"X\x00: a\r\n", 1),
        (b"X: a\x00b\r\n", 4),
        (b"X: a\x0bb\r\n", 4),
        (b"X: \x7f\r\n", 3),
    ],
)
def test_field_line_is_strict(line: bytes, position: int) -> None:
    refuses(fuse(field_line), line, position)
    refuses(request_head, GET + line, len(GET) + position)


def test_folded_lines_are_refused_where_the_fold_begins() -> None:
    refuses(request_head, GET + b"X: a\r\n b\r\n\r\n", len(GET) + 6)
    refuses(response_head, OK + b" X: a\r\n\r\n", len(OK))
