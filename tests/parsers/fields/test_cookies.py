import pytest

from sozu.parsers.fields.cookies import SetCookie, cookie, set_cookie
from sozu.parsers.result import Error
from sozu.parsers.whole import whole
from tests.parsers.three_ways import reads


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        (b"a=b", [(b"a", b"b")]),
        (b"a=b; c=d", [(b"a", b"b"), (b"c", b"d")]),
        (b"a=b;c=d", [(b"a", b"b"), (b"c", b"d")]),
        (b" a = b ; c = d e ", [(b"a", b"b"), (b"c", b"d e")]),
        (b"a=b=c", [(b"a", b"b=c")]),
        (b'a="b,c"', [(b"a", b'"b,c"')]),
        (b"a=; a=1", [(b"a", b""), (b"a", b"1")]),
        (b"bare", [(b"", b"bare")]),
        (b"=x", [(b"", b"x")]),
        (b"", []),
        (b"; ;; a=1;", [(b"a", b"1")]),
        (b'{"json": "yes"}', [(b"", b'{"json": "yes"}')]),
        (b"a=\xc3\xa9", [(b"a", b"\xc3\xa9")]),
    ],
)
def test_cookies_are_read_as_browsers_send_them(value: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
    reads(cookie, value, pairs, after=b"\r\n")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a=b", SetCookie(b"a", b"b", {})),
        (b"a=b; Path=/; HttpOnly", SetCookie(b"a", b"b", {b"path": b"/", b"httponly": b""})),
        (b"a=b;;max-age = 1;Max-Age=2", SetCookie(b"a", b"b", {b"max-age": b"2"})),
        (
            b"a=b; expires=Sun, 06 Nov 1994 08:49:37 GMT",
            SetCookie(b"a", b"b", {b"expires": b"Sun, 06 Nov 1994 08:49:37 GMT"}),
        ),
        (b"bare; Secure", SetCookie(b"", b"bare", {b"secure": b""})),
    ],
)
def test_a_set_cookie_has_a_name_a_value_and_attributes(value: bytes, expected: SetCookie) -> None:
    reads(set_cookie, value, expected, after=b"\r\n")


@pytest.mark.parametrize("value", [b"a=b\0", b"a\x7f=b", b"a=b;\n"])
def test_no_cookie_holds_a_control_character(value: bytes) -> None:
    found = whole(cookie, value)

    assert isinstance(found, Error)
    assert value[found.position] in b"\0\x7f\n"
