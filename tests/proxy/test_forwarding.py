import pytest

from sozu.parsers.result import Done
from sozu.parsers.views import RequestView, ResponseView, build_request_view, build_response_view
from sozu.proxy.forwarding import (
    asked_for,
    downstream_head,
    hostname,
    keeps_alive,
    origin_fields,
    upstream_head,
    wants_upgrade,
)

REQUEST = build_request_view((b"user-agent", b"te"))
RESPONSE = build_response_view((b"date",))


def request(line: bytes, *fields: bytes) -> RequestView:
    outcome = REQUEST.fused(b"\r\n".join((line, *fields, b"", b"")))
    assert isinstance(outcome, Done)
    return outcome.value


def response(line: bytes, *fields: bytes) -> ResponseView:
    outcome = RESPONSE.fused(b"\r\n".join((line, *fields, b"", b"")))
    assert isinstance(outcome, Done)
    return outcome.value


def sent(view: RequestView) -> bytes:
    """The head that a backend gets, without anything of ours."""
    return upstream_head(view, *asked_for(view, "fallback:80")) + b"\r\n"


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        (b"a.example", b"a.example"),
        (b"a.example:8080", b"a.example"),
        (b"[::1]:8080", b"[::1]"),
        (b"[0:0::1]", b"[::1]"),
        (b"", b""),
    ],
)
def test_a_hostname_has_no_port(authority: bytes, name: bytes) -> None:
    assert hostname(authority) == name


@pytest.mark.parametrize(
    ("minor", "connection", "keeps"),
    [
        (b"1", None, True),
        (b"1", b"keep-alive", True),
        (b"1", b"Keep-Alive, X", True),
        (b"1", b"close", False),
        (b"1", b"X, CLOSE", False),
        (b"0", None, False),
        (b"0", b"Keep-Alive", True),
        (b"0", b"keep-alive, close", False),
    ],
)
def test_who_keeps_a_connection(minor: bytes, connection: bytes | None, *, keeps: bool) -> None:
    fields = () if connection is None else (b"Connection: " + connection,)
    assert keeps_alive(request(b"GET / HTTP/1." + minor, b"Host: a", *fields)) is keeps
    assert keeps_alive(response(b"HTTP/1." + minor + b" 200 OK", *fields)) is keeps


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ((b"Connection: Upgrade", b"Upgrade: websocket"), True),
        ((b"Connection: keep-alive, upgrade", b"Upgrade: a, b/2"), True),
        ((b"Upgrade: websocket",), False),
        ((b"Connection: upgrade",), False),
        ((b"Connection: Upgrade", b"Upgrade: h2c"), False),
        ((b"Connection: Upgrade", b"Upgrade: websocket, h2c"), False),
    ],
)
def test_which_upgrades_are_passed_on(fields: tuple[bytes, ...], *, wanted: bool) -> None:
    assert wants_upgrade(request(b"GET / HTTP/1.1", b"Host: a", *fields)) is wanted
    assert not wants_upgrade(request(b"GET / HTTP/1.0", b"Host: a", *fields))


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        (b"GET /a?b HTTP/1.1", (b"host.example", b"/a?b")),
        (b"GET http://there.example/a?b HTTP/1.1", (b"there.example", b"/a?b")),
        (b"GET http://there.example:81?b HTTP/1.1", (b"there.example:81", b"/?b")),
        (b"GET http://there.example HTTP/1.1", (b"there.example", b"/")),
        (b"OPTIONS http://there.example HTTP/1.1", (b"there.example", b"*")),
        (b"OPTIONS * HTTP/1.1", (b"host.example", b"*")),
    ],
)
def test_what_is_asked_for(line: bytes, asked: tuple[bytes, bytes]) -> None:
    assert asked_for(request(line, b"Host: host.example"), "fallback") == asked


def test_over_a_unix_socket_a_client_without_host_asks_for_none() -> None:
    view = request(b"GET /x HTTP/1.0")
    assert asked_for(view, "unix:/run/front.sock") == (b"", b"/x")


def test_a_plain_head_passes_as_it_came() -> None:
    view = request(b"GET /a HTTP/1.1", b"hOST: a", b"X-Odd:  value ", b"X-Odd: again")
    assert upstream_head(view, *asked_for(view, "")) == (
        b"GET /a HTTP/1.1\r\nhOST: a\r\nX-Odd:  value \r\nX-Odd: again\r\n"
    )


def test_an_absolute_target_replaces_the_host() -> None:
    view = request(b"GET http://there.example/x HTTP/1.1", b"Host: lie.example", b"A: 1")
    assert sent(view) == b"GET /x HTTP/1.1\r\nHost: there.example\r\nA: 1\r\n\r\n"


def test_an_http_1_0_head_gets_a_host_and_loses_its_expectation() -> None:
    view = request(b"GET /x HTTP/1.0", b"Expect: 100-continue", b"A: 1")
    assert sent(view) == b"GET /x HTTP/1.1\r\nHost: fallback:80\r\nA: 1\r\n\r\n"


def test_trailers_are_asked_for_in_our_own_name() -> None:
    view = request(b"GET / HTTP/1.1", b"Host: a", b"Connection: TE", b"TE: gzip, trailers")
    assert sent(view) == b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: te\r\n\r\n"


def test_an_upgrade_and_trailers_share_a_connection_field() -> None:
    view = request(b"GET / HTTP/1.1", b"Host: a", b"Connection: Upgrade, TE", b"TE: trailers", b"Upgrade: x")
    assert sent(view) == b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nTE: trailers\r\nConnection: upgrade, te\r\n\r\n"


def test_a_response_is_passed_on_in_our_version() -> None:
    view = response(b"HTTP/1.0 404 Not\tHere", b"Connection: close, X-A", b"X-A: 1", b"B: 2", b"Content-Length: 3")
    assert downstream_head(view) == b"HTTP/1.1 404 Not\tHere\r\nB: 2\r\nContent-Length: 3\r\n"
    assert downstream_head(view, frozenset((b"content-length",))) == b"HTTP/1.1 404 Not\tHere\r\nB: 2\r\n"


def test_who_asked_over_ipv4() -> None:
    assert origin_fields(b"192.0.2.1:4711", b"http", "127.0.0.1:8080") == (
        b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n"
        b'Forwarded: proto=http;for="192.0.2.1:4711";by="127.0.0.1:8080"\r\n'
    )


def test_who_asked_over_ipv6() -> None:
    assert origin_fields(b"[2001:db8::1]:4711", b"http", "[::1]:8080") == (
        b"X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 8080\r\n"
        b'Forwarded: proto=http;for="[2001:db8::1]:4711";by="[::1]:8080"\r\n'
    )


def test_who_asked_over_a_unix_socket_has_no_name() -> None:
    assert origin_fields(b"", b"http", "unix:/run/sozu") == (
        b"X-Forwarded-For: unknown\r\nX-Forwarded-Proto: http\r\nForwarded: proto=http;for=unknown\r\n"
    )
