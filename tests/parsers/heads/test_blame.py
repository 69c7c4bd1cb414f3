import pytest

from sozu.parsers.heads.blame import blame_request, blame_response
from sozu.parsers.reasons import Reason


def at_caret(text: bytes) -> tuple[bytes, int]:
    """`^` stands in front of the byte to blame."""
    return text.replace(b"^", b""), text.index(b"^")


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"G^(T / HTTP/1.1\r\n", Reason.METHOD),
        (b"\r\nG^(T / HTTP/1.1\r\n", Reason.METHOD),
        (b"GET /^\0 HTTP/1.1\r\n", Reason.TARGET),
        (b"GET / HTTP/^2\r\n", Reason.VERSION),
        (b"GET / HTTP/1.1^ \r\n", Reason.REQUEST_LINE),
        (b"GET ^ / HTTP/1.1\r\n", Reason.REQUEST_LINE),
        (b"GET / HTTP/1.1\r\nA^(: 1\r\n", Reason.FIELD_NAME),
        (b"GET / HTTP/1.1\r\nA: ^\0\r\n", Reason.FIELD_VALUE),
        (b"GET / HTTP/1.1\r\nA^ : 1\r\n", Reason.FIELD_LINE),
        (b"GET / HTTP/1.1\r\nA: 1\r\n^ fold\r\n", Reason.FIELD_LINE),
        (b"GET / HTTP/1.1\r\nA: 1^\nB: 2\r\n", Reason.FIELD_LINE),
        (b"GET / HTTP/1.1\r\nA: 1\r^B: 2\r\n", Reason.FIELD_LINE),
    ],
)
def test_an_offset_in_a_request_names_the_rule(head: bytes, reason: Reason) -> None:
    assert blame_request(*at_caret(head)) is reason


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"HTTP/^2 200 OK\r\n", Reason.VERSION),
        (b"HTTP/1.1 2^x0 OK\r\n", Reason.STATUS_LINE),
        (b"HTTP/1.1 200 O^\0\r\n", Reason.STATUS_LINE),
        (b"HTTP/1.1 200 OK\r\nA^(: 1\r\n", Reason.FIELD_NAME),
    ],
)
def test_an_offset_in_a_response_names_the_rule(head: bytes, reason: Reason) -> None:
    assert blame_response(*at_caret(head)) is reason
