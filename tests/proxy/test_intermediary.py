"""What RFC 9110 and 9112 ask of an intermediary, beyond bodies (test_bodies.py) and heads (test_forwarding.py): end to end."""


import pytest

from tests.proxy.lab import Lab, field, names, settle

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
EXPECTING = b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TRAILED = b"2\r\nhi\r\n0\r\nX-Sum: 5\r\n\r\n"


# ---- Expect, with every kind of origin (RFC 9110 section 10.1.1) ----


def test_an_origin_that_ignores_the_expectation_gets_the_body_when_the_client_is_tired_of_waiting(lab: Lab) -> None:
    client, origin, head = lab.exchange(EXPECTING)
    assert field(head, b"expect") == b"100-continue"
    client.send(b"12345")
    assert origin.read(5) == b"12345"
    origin.send(OK)
    assert client.answer()[1] == b"ok"
    client.send(GET)
    assert origin.head()


def test_an_origin_that_says_continue_late_is_passed_on(lab: Lab) -> None:
    client, origin, _ = lab.exchange(EXPECTING)
    client.send(b"123")
    assert origin.read(3) == b"123"
    origin.send(CONTINUE)
    assert client.head() == CONTINUE
    client.send(b"45")
    origin.read(2)
    origin.send(CONTINUE + OK)
    assert client.head() == CONTINUE
    assert client.answer()[1] == b"ok"


def test_a_body_that_came_with_the_expectation_goes_along(lab: Lab) -> None:
    client, origin, _ = lab.exchange(EXPECTING + b"12345")
    assert origin.read(5) == b"12345"
    origin.send(CONTINUE + OK)
    assert client.head() == CONTINUE
    assert client.answer()[1] == b"ok"


def test_an_expectation_of_an_http_1_0_client_means_nothing(lab: Lab) -> None:
    _, _, head = lab.exchange(EXPECTING.replace(b"HTTP/1.1", b"HTTP/1.0") + b"12345")
    assert b"expect" not in names(head)


# ---- trailers (RFC 9110 section 6.5) ----


def test_trailers_pass_to_the_client_that_wants_them(lab: Lab) -> None:
    client, origin, head = lab.exchange(b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers, gzip;q=0.5\r\nConnection: te\r\n\r\n")
    assert (field(head, b"te"), field(head, b"connection")) == (b"trailers", b"te")
    origin.send(b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n" + TRAILED)
    assert field(client.head(), b"trailer") == b"X-Sum"
    assert client.read(len(TRAILED)) == TRAILED
    client.send(GET)
    assert origin.head()


def test_trailers_pass_to_the_backend(lab: Lab) -> None:
    request = b"POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
    client, origin, head = lab.exchange(request)
    assert field(head, b"trailer") == b"X-Sum"
    for byte in TRAILED:
        client.send(bytes((byte,)))
        settle()
    assert origin.read(len(TRAILED)) == TRAILED


def test_an_http_1_0_client_gets_neither_trailers_nor_their_names(lab: Lab) -> None:
    client, origin, _ = lab.exchange(b"GET / HTTP/1.0\r\n\r\n")
    origin.send(b"HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n" + TRAILED)
    assert not {b"trailer", b"transfer-encoding"} & set(names(client.head()))
    assert client.rest() == b"hi"


# ---- versions and connections (RFC 9112 section 9) ----


@pytest.mark.parametrize(
    ("response", "kept"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: foo, Close\r\n\r\nok", False),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 200\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
    ],
)
def test_a_backend_says_whether_its_connection_goes_on(lab: Lab, response: bytes, *, kept: bool) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(response)
    client.head()
    settle()
    assert len(lab.backend().idle) == kept


def test_the_connection_of_a_backend_is_no_business_of_the_client(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    assert b"connection" not in names(client.answer()[0])
    client.send(GET)
    assert lab.origin().head()


def test_a_client_says_whether_its_connection_goes_on(lab: Lab) -> None:
    client, origin, head = lab.exchange(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert b"connection" not in names(head)
    origin.send(OK)
    assert field(client.answer()[0], b"connection") == b"close"
    assert client.rest() == b""
    assert len(lab.backend().idle) == 1


def test_empty_lines_before_a_request_are_passed_over(lab: Lab) -> None:
    client, origin, head = lab.exchange(b"\r\n" + GET)
    assert head.startswith(b"GET ")
    origin.send(OK)
    client.answer()
    client.send(b"\r\n" + GET)
    assert origin.head().startswith(b"GET ")


# ---- targets ----


def test_the_authority_of_an_absolute_target_replaces_host(lab: Lab) -> None:
    _, _, head = lab.exchange(b"GET http://b.example:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n")
    assert head.startswith(b"GET /x?y HTTP/1.1\r\n")
    assert field(head, b"host") == b"b.example:81"


@pytest.mark.parametrize("request_bytes", [b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", b"OPTIONS http://a HTTP/1.1\r\nHost: b\r\n\r\n"])
def test_options_for_the_whole_server_stays_so(lab: Lab, request_bytes: bytes) -> None:
    _, _, head = lab.exchange(request_bytes)
    assert head.startswith(b"OPTIONS * HTTP/1.1\r\n")
    assert field(head, b"host") == b"a"


# ---- dates (RFC 9110 section 6.6.1) ----


def test_a_date_is_kept_or_added(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(OK.replace(b"OK\r\n", b"OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"))
    assert field(client.answer()[0], b"date") == b"Mon, 01 Jan 2024 00:00:00 GMT"
    client.send(GET)
    origin.head()
    origin.send(OK)
    assert field(client.answer()[0], b"date").endswith(b" GMT")
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    assert field(client.answer()[0], b"date").endswith(b" GMT")


# ---- codings that others misread ----

TABS = [b"chunked\t", b"\tchunked", b" \t chunked \t ", b"CHUNKED\t"]


@pytest.mark.parametrize("value", TABS)
@pytest.mark.parametrize("body", [b"", b"2\r\nhi\r\n0\r\n\r\n"])
def test_chunked_beside_a_tab_is_written_plainly_to_a_backend(lab: Lab, value: bytes, body: bytes) -> None:
    client, origin, head = lab.exchange(b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:%b\r\nX: a\tb\r\n\r\n%b" % (value, body))
    assert [line for line in head.split(b"\r\n") if line.lower().startswith(b"transfer")] == [b"Transfer-Encoding: chunked"]
    assert field(head, b"x") == b"a\tb"
    client.close()
    origin.close()


@pytest.mark.parametrize("value", TABS)
def test_chunked_beside_a_tab_is_written_plainly_to_a_client(lab: Lab, value: bytes) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding:%b\r\nX: a\tb\r\n\r\n2\r\nhi\r\n0\r\n\r\n" % value)
    head = client.head()
    assert [line for line in head.split(b"\r\n") if line.lower().startswith(b"transfer")] == [b"Transfer-Encoding: chunked"]
    assert field(head, b"x") == b"a\tb"
    assert client.read(12) == b"2\r\nhi\r\n0\r\n\r\n"


def test_chunked_beside_a_tab_has_no_coding_for_an_old_client(lab: Lab) -> None:
    client, origin, _ = lab.exchange(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    origin.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    assert b"transfer-encoding" not in names(client.head())
    assert client.rest() == b"hi"
