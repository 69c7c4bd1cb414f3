import hashlib
import socket

import gevent
import pytest

from sozu.proxy import bodies
from sozu.proxy.bodies import ANSWER_SIZE, BUFFER, LANDING, LEAST, MOST, land, next_size
from sozu.proxy.stream import HEAD_SIZE, READ_SIZE, Stream
from tests.proxy.lab import Lab, Peer, field, names, settle

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
GET_1_0 = b"GET / HTTP/1.0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LENGTH_POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
CHUNKED_POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED_OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"5;name=value\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n"
LARGE = bytes(range(256)) * 16384  # 4 MiB


# ---- request bodies ----


def test_a_body_in_the_first_packet_goes_out_with_the_head(lab: Lab) -> None:
    client, origin, _ = lab.exchange(LENGTH_POST % 5 + b"hello")
    assert origin.received == b"hello"
    origin.send(OK)
    client.answer()
    assert lab.entry().bytes_in == 5


def test_a_body_that_comes_later_is_streamed(lab: Lab) -> None:
    client, origin, _ = lab.exchange(LENGTH_POST % 10)
    client.send(b"01234")
    assert origin.read(5) == b"01234"
    client.send(b"56789" + GET)
    assert origin.read(5) == b"56789"
    origin.send(OK)
    client.answer()
    assert origin.head().startswith(b"GET / ")
    settle()
    assert lab.log.entries[0].bytes_in == 10


def test_a_chunked_body_passes_as_it_came(lab: Lab) -> None:
    client, origin, head = lab.exchange(CHUNKED_POST)
    assert field(head, b"transfer-encoding") == b"chunked"
    for start in range(0, len(CHUNKS), 7):
        client.send(CHUNKS[start : start + 7])
        settle()
    assert origin.read(len(CHUNKS)) == CHUNKS
    origin.send(OK)
    assert client.answer()[1] == b"ok"
    client.send(GET)
    assert origin.head().startswith(b"GET ")


def test_a_request_after_a_chunked_body_is_the_next_request(lab: Lab) -> None:
    client, origin, _ = lab.exchange(CHUNKED_POST + CHUNKS + GET)
    assert origin.read(len(CHUNKS)) == CHUNKS
    origin.send(OK)
    client.answer()
    assert origin.head().startswith(b"GET ")


def test_requests_after_a_chunked_body_are_all_answered(lab: Lab) -> None:
    many = 2 * HEAD_SIZE // len(GET)
    client = lab.client(CHUNKED_POST + CHUNKS + GET * many)
    origin = lab.origin()
    for _ in range(1 + many):
        origin.head()
        settle()
        origin.send(OK)
        client.answer()


def test_a_chunked_body_that_breaks_is_refused_and_the_backend_never_gets_its_end(lab: Lab) -> None:
    client, origin, _ = lab.exchange(CHUNKED_POST + b"5\r\nhello\r\n")
    client.send(b"zz\r\n")
    assert client.answer()[0].startswith(b"HTTP/1.1 400 ")
    assert origin.rest() == b"5\r\nhello\r\n"
    assert lab.entry().ended == "refused: chunk-size at byte 10 of the body"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_arrives_whole(lab: Lab, *, chunked: bool) -> None:
    body = b"".join(b"10000\r\n%b\r\n" % LARGE[at : at + 65536] for at in range(0, len(LARGE), 65536)) + b"0\r\n\r\n"
    sent = body if chunked else LARGE
    client, origin, _ = lab.exchange(CHUNKED_POST if chunked else LENGTH_POST % len(LARGE))
    sender = gevent.spawn(client.send, sent)
    received = origin.read(len(sent))
    sender.get(timeout=5)
    assert hashlib.sha256(received).digest() == hashlib.sha256(sent).digest()
    origin.send(OK)
    assert client.answer()[1] == b"ok"


# ---- responses ----


def test_a_chunked_response_passes_as_it_came(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(CHUNKED_OK + CHUNKS[:20])
    settle()
    origin.send(CHUNKS[20:])
    assert field(client.head(), b"transfer-encoding") == b"chunked"
    assert client.read(len(CHUNKS)) == CHUNKS
    client.send(GET)
    assert origin.head()


def test_a_chunked_response_that_breaks_has_no_last_chunk(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(CHUNKED_OK + b"5\r\nhello\r\n")
    settle()
    origin.send(b"zz\r\n\r\n0\r\n\r\n")
    client.head()
    assert client.rest() == b"5\r\nhello\r\n"


def test_a_large_response_arrives_whole(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    sender = gevent.spawn(origin.send, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
    head, body = client.answer()
    sender.get(timeout=5)
    assert hashlib.sha256(body).digest() == hashlib.sha256(LARGE).digest()
    assert lab.entry().bytes_out == len(head) + len(LARGE)
    assert len(lab.backend().idle) == 1


def test_a_large_response_takes_a_pipe_however_much_came_with_its_head(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    piped: list[object] = []
    monkeypatch.setattr(bodies, "relay_through", lambda *them: piped.append(them))
    client, origin, _ = lab.exchange(GET)
    sender = gevent.spawn(origin.send, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
    assert client.answer()[1] == LARGE
    sender.get(timeout=5)
    assert len(piped) == 1


def test_a_response_waits_for_a_client_that_does_not_read(lab: Lab) -> None:
    _, origin, _ = lab.exchange(GET)
    sender = gevent.spawn(origin.send, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
    settle()
    assert not sender.ready()
    assert lab.session()._greenlet is not None
    lab.wait(61)
    assert (lab.entry().ended or "").startswith("client: ") or lab.entry().ended == "timed out"
    sender.kill()


def test_a_response_without_length_gets_chunks_and_the_connection_goes_on(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
    settle()
    origin.send(b" world")
    origin.close()
    head = client.head()
    assert field(head, b"transfer-encoding") == b"chunked"
    assert client.read(26) == b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    client.send(GET)
    lab.origin().head()


def test_a_response_of_an_http_1_0_backend_is_passed_on_in_our_version(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(b"HTTP/1.0 200 Fine\r\nContent-Length: 2\r\n\r\nok")
    head, body = client.answer()
    assert head.startswith(b"HTTP/1.1 200 Fine\r\n")
    assert body == b"ok"
    assert lab.backend().idle == []


@pytest.mark.parametrize(
    ("request_bytes", "response"),
    [
        (GET.replace(b"GET", b"HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        (GET.replace(b"GET", b"HEAD"), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (GET.replace(b"GET", b"HEAD"), b"HTTP/1.1 200 OK\r\n\r\n"),
        (GET, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n"),
    ],
)
def test_a_response_without_body_ends_with_its_head(lab: Lab, request_bytes: bytes, response: bytes) -> None:
    client, origin, _ = lab.exchange(request_bytes)
    origin.send(response)
    assert client.head().startswith(response[:15])
    client.send(GET)
    assert origin.head().startswith(b"GET ")


# ---- HTTP/1.0 clients ----


def test_an_http_1_0_request_goes_out_as_http_1_1_with_a_host(lab: Lab) -> None:
    client, origin, head = lab.exchange(b"GET /x HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")
    assert head.startswith(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n")
    assert b"expect" not in names(head)
    origin.send(OK)
    answer, body = client.answer()
    assert (field(answer, b"connection"), body) == (b"close", b"ok")
    assert client.rest() == b""


def test_an_http_1_0_client_may_keep_its_connection(lab: Lab) -> None:
    client, origin, _ = lab.exchange(b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")
    origin.send(OK)
    assert field(client.answer()[0], b"connection") == b"keep-alive"
    client.send(GET_1_0)
    assert origin.head()


def test_an_http_1_0_client_gets_no_chunks(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET_1_0)
    origin.send(CHUNKED_OK + CHUNKS[:20])
    settle()
    origin.send(CHUNKS[20:])
    head = client.head()
    assert b"transfer-encoding" not in names(head)
    assert client.rest() == b"hello world"


def test_an_http_1_0_client_gets_no_interim_answer(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET_1_0)
    origin.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)
    assert client.head().startswith(b"HTTP/1.1 200 ")


# ---- interim and early answers ----


def test_interim_answers_are_passed_on(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
    assert client.head() == b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    origin.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)
    assert client.head().startswith(b"HTTP/1.1 103 ")
    assert client.answer()[1] == b"ok"


def test_no_answer_begins_in_the_middle_of_an_interim_one(lab: Lab) -> None:
    client, origin, _ = lab.exchange(CHUNKED_POST)
    lab.session().stream._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    origin.send(b"HTTP/1.1 103 Early Hints\r\nX: " + b"x" * 12_000 + b"\r\n\r\n")
    settle()
    assert lab.session().stream.full
    client.send(b"no chunk\r\n")
    settle()
    assert b"HTTP/1.1 400" not in client.rest()
    assert "chunk" in (lab.entry().ended or "")


def test_an_expectation_that_is_honoured(lab: Lab) -> None:
    client, origin, head = lab.exchange(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert field(head, b"expect") == b"100-continue"
    origin.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert client.head().startswith(b"HTTP/1.1 100 ")
    client.send(b"hello")
    assert origin.read(5) == b"hello"
    origin.send(OK)
    assert client.answer()[1] == b"ok"


def test_an_expectation_that_is_refused_ends_the_connection(lab: Lab) -> None:
    client, origin, _ = lab.exchange(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    origin.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
    assert field(client.head(), b"connection") == b"close"
    client.end()
    assert client.rest() == b""
    assert not origin.is_open()


def test_an_early_answer_reaches_a_client_that_is_still_sending(lab: Lab) -> None:
    client, origin, _ = lab.exchange(LENGTH_POST % len(LARGE))
    sender = gevent.spawn(client.send, LARGE)
    settle()
    origin.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!")
    head, body = client.answer()
    assert head.startswith(b"HTTP/1.1 413 ")
    assert (field(head, b"connection"), body) == (b"close", b"no!")
    sender.kill()
    client.close()
    assert lab.entry().ended == "answered before the request's body had come"


def test_a_backend_that_answers_and_closes_without_reading_is_heard(lab: Lab) -> None:
    client, origin, _ = lab.exchange(LENGTH_POST % len(LARGE))
    origin.send(b"HTTP/1.1 403 No\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!")
    origin.close()
    assert client.answer()[1] == b"no!"


def test_a_body_may_end_after_its_answer_has_begun(lab: Lab) -> None:
    client, origin, _ = lab.exchange(LENGTH_POST % 10)
    origin.send(CHUNKED_OK + b"5\r\nhello\r\n")
    client.head()
    assert client.read(10) == b"5\r\nhello\r\n"
    client.send(b"0123456789")
    assert origin.read(10) == b"0123456789"
    origin.send(b"0\r\n\r\n")
    assert client.read(5) == b"0\r\n\r\n"


# ---- how much at once ----


def test_what_is_behind_a_head_is_left_where_it_landed(ends: tuple[Stream, Peer]) -> None:
    stream, peer = ends
    peer.send(b"head\r\n\r\n" + LARGE[:READ_SIZE])
    assert land(stream) == b"head\r\n\r\n"
    assert stream.leftover == LARGE[:READ_SIZE]
    assert memoryview(stream.leftover).obj is BUFFER.obj


@pytest.mark.parametrize("data", [b"", b"head\r\n\r\nbody", b"head\r\n\r\n" + bytes(HEAD_SIZE - 8), b"x" * ANSWER_SIZE])
def test_what_is_little_or_no_head_lands_as_it_is(ends: tuple[Stream, Peer], data: bytes) -> None:
    stream, peer = ends
    peer.send(data)
    peer.end()
    assert land(stream, LANDING) == data
    assert stream.leftover == b""


@pytest.mark.parametrize("size", [HEAD_SIZE + 1, READ_SIZE])
@pytest.mark.parametrize("keep", [True, False])
def test_a_body_that_landed_is_not_lost_when_the_client_does_not_take_it(lab: Lab, size: int, *, keep: bool) -> None:
    client, origin, _ = lab.exchange(GET if keep else GET.replace(b"Host", b"Connection: close\r\nHost"))
    lab.session().stream._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    origin.send(b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: %d\r\n\r\n" % size + LARGE[:size])
    settle()
    assert lab.session().stream.full
    BUFFER[:READ_SIZE] = bytes(READ_SIZE)
    assert client.answer()[1] == LARGE[:size]
    assert keep or client.rest() == b""


def test_a_body_that_lands_with_an_interim_response_is_not_lost(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET)
    answer = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: %d\r\n\r\n" % READ_SIZE
    origin.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer + LARGE[:READ_SIZE])
    assert client.head().startswith(b"HTTP/1.1 103 ")
    assert client.answer()[1] == LARGE[:READ_SIZE]


def test_much_behind_an_answer_that_has_no_body_ends_the_connection(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET.replace(b"GET", b"HEAD"))
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + LARGE[:READ_SIZE])
    client.head()
    assert origin.rest() == b""
    assert client.is_open()


def test_a_body_that_landed_is_not_lost_where_the_next_request_came_behind_a_body(lab: Lab) -> None:
    client, origin, _ = lab.exchange(CHUNKED_POST)
    client.send(b"1\r\n.\r\n0\r\n\r\n" + GET)
    assert origin.read(11) == b"1\r\n.\r\n0\r\n\r\n"
    lab.session().stream._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    origin.send(b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: %d\r\n\r\n" % READ_SIZE + LARGE[:READ_SIZE])
    settle()
    assert lab.session().stream.full
    BUFFER[:ANSWER_SIZE] = bytes(ANSWER_SIZE)
    assert client.answer()[1] == LARGE[:READ_SIZE]


def test_who_sends_requests_ahead_gets_small_pieces(lab: Lab) -> None:
    client, origin, _ = lab.exchange(GET + GET)
    answer = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: %d\r\n\r\n" % READ_SIZE + LARGE[:READ_SIZE]
    origin.send(answer)
    assert client.answer()[1] == LARGE[:READ_SIZE]
    origin.head()
    origin.send(answer)
    assert client.answer()[1] == LARGE[:READ_SIZE]


@pytest.mark.parametrize("size", [HEAD_SIZE, READ_SIZE, READ_SIZE + HEAD_SIZE])
def test_a_body_that_comes_with_its_head_arrives_whole(lab: Lab, size: int) -> None:
    client, origin, _ = lab.exchange(GET)
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + LARGE[:size] + OK)  # and more than was asked for
    client.head()
    assert client.read(size) == LARGE[:size]
    settle()
    assert lab.log.entries[0].bytes_out > size


@pytest.mark.parametrize("first", [HEAD_SIZE // 2, HEAD_SIZE - 100, HEAD_SIZE, READ_SIZE - 1])
@pytest.mark.parametrize("keep", [True, False])
def test_a_body_that_comes_in_part_with_its_head_arrives_whole(lab: Lab, first: int, *, keep: bool) -> None:
    client, origin, _ = lab.exchange(GET if keep else GET.replace(b"Host", b"Connection: close\r\nHost"))
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % READ_SIZE + LARGE[:first])
    client.head()
    assert client.read(first) == LARGE[:first]
    origin.send(LARGE[first:READ_SIZE])
    assert client.read(READ_SIZE - first) == LARGE[first:READ_SIZE]
    if not keep:
        assert client.rest() == b""


def test_pieces_grow_only_while_the_receiver_keeps_up() -> None:
    assert next_size(READ_SIZE, 100, lambda _: MOST) == READ_SIZE
    assert next_size(READ_SIZE, READ_SIZE, lambda _: MOST) == 2 * READ_SIZE
    assert next_size(MOST, MOST, lambda _: 2 * MOST) == MOST
    assert next_size(MOST, MOST, lambda _: 3 * READ_SIZE) == 3 * READ_SIZE
    assert next_size(MOST, MOST, lambda _: -5) == LEAST
