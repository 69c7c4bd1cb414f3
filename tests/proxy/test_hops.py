
import pytest

from sozu.proxy.policy.hops import hops_left, via
from tests.proxy.lab import Lab, field, names, opened

OK = b"HTTP/1.0 200 OK\r\nVia: 1.1 first\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        (b"Host: a\r\n", None),
        (b"Max-Forwards: 0\r\n", 0),
        (b"max-forwards:\t10 \r\nHost: a\r\n", 10),
        (b"Max-Forwards: 5\r\nMax-Forwards: 3\r\n", 3),
        (b"Max-Forwards: -1\r\n", None),
        (b"Max-Forwards: +1\r\n", None),
        (b"Max-Forwards: \r\n", None),
        (b"Max-Forwards: 1_0\r\n", None),
        (b"Max-Forwards: 9999999999\r\n", None),
    ],
)
def test_what_max_forwards_says(fields: bytes, left: int | None) -> None:
    assert hops_left(fields) == left


def test_via_names_the_version_in_which_the_message_came() -> None:
    assert via("sozu", 0) == b"Via: 1.0 sozu\r\n"


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE"])
def test_each_hop_counts_down(lab: Lab, method: bytes) -> None:
    lab.client(method + b" / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n")
    assert field(lab.origin().head(), b"max-forwards") == b"2"


@pytest.mark.parametrize(("method", "said"), [(b"GET", b"0"), (b"OPTIONS", b"many")])
def test_what_does_not_count_passes(lab: Lab, method: bytes, said: bytes) -> None:
    lab.client(method + b" / HTTP/1.1\r\nHost: a\r\nMax-Forwards: " + said + b"\r\n\r\n")
    assert field(lab.origin().head(), b"max-forwards") == said


@pytest.mark.parametrize("target", [b"/", b"*"])
def test_options_that_may_go_no_further_is_answered_here(lab: Lab, target: bytes) -> None:
    client = lab.client(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
    head, body = client.answer()
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert (body, b"OPTIONS" in field(head, b"allow")) == (b"", True)
    assert b"date" in names(head)
    assert lab.no_origin()
    assert (lab.entry().status, lab.entry().ended) == (200, "Max-Forwards is 0")


def test_trace_that_may_go_no_further_shows_what_came_without_what_is_secret(lab: Lab) -> None:
    request = b"TRACE /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nX-Seen: 1\r\n"
    client = lab.client(request + b"Cookie: c\r\nAuthorization: Basic x\r\n\r\n")
    head, body = client.answer()
    assert field(head, b"content-type") == b"message/http"
    assert body == request + b"\r\n"
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert lab.origin().head()


def test_a_body_that_nobody_wants_ends_the_connection(lab: Lab) -> None:
    client = lab.client(b"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nContent-Length: 9\r\n\r\n")
    assert field(client.answer()[0], b"connection") == b"close"
    client.close()


def test_via_is_added_behind_that_of_others_both_ways() -> None:
    with opened(Lab(via="sozu")) as lab:
        client = lab.client(b"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 before\r\n\r\n")
        origin = lab.origin()
        head = origin.head()
        assert head.index(b"Via: 1.0 before\r\n") < head.index(b"Via: 1.1 sozu\r\n")
        origin.send(OK)
        head, _ = client.answer()
        assert head.index(b"Via: 1.1 first\r\n") < head.index(b"Via: 1.0 sozu\r\n")


def test_without_a_name_no_via_is_added(lab: Lab) -> None:
    lab.client(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"via" not in names(lab.origin().head())
