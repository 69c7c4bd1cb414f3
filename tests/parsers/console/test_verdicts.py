import pytest

from sozu.parsers.console.verdicts import ACCEPT, INCOMPLETE, Answer, Verdict, judge


@pytest.mark.parametrize(
    ("kind", "data", "verdict"),
    [
        ("request", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", ACCEPT),
        ("request", b"GET / HTTP/1.1\r\n\r\n", Verdict(Answer.REFUSE, 18, "host-missing")),
        ("request", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na", INCOMPLETE),
        ("request", b"", INCOMPLETE),
        ("response", b"HTTP/1.1 200 OK\r\n\r\nbody", ACCEPT),
        ("chunked", b"0\r\n\r\n", ACCEPT),
        ("chunked", b"0", INCOMPLETE),
        ("chunked", b"x", Verdict(Answer.REFUSE, 0, "chunk-size")),
        ("uri", b"/a", ACCEPT),
        ("uri", b"/a b", Verdict(Answer.REFUSE, 2)),
        ("command", b"{}\0", ACCEPT),
        ("command", b"{}", INCOMPLETE),
        ("proxy-protocol", b"GET", Verdict(Answer.REFUSE, 0)),
        ("date", b"Sun, 06 Nov 1994 08:49:37 GMT", ACCEPT),
    ],
)
def test_an_input_gets_one_verdict(kind: str, data: bytes, verdict: Verdict) -> None:
    assert judge(kind, data) == verdict
