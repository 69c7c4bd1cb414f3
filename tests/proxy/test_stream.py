import _socket
from collections.abc import Callable, Iterator
import os
import socket
import ssl
from typing import Any

import gevent
from gevent.hub import get_hub
from greenlet import getcurrent
import pytest
import trustme

from sozu.proxy.loop.connect import connect
from sozu.proxy.loop.landing import WITNESS
from sozu.proxy.loop.outbox import Outbox
from sozu.proxy.loop.room import SMALL_PIECE
from sozu.proxy.stream import HEAD_SIZE, READ_SIZE, Broken, Stream
from sozu.proxy.tls.engine import Engine
from sozu.proxy.tls.sending import MOST_UNASKED
from sozu.proxy.tls.stream import TlsStream

MEBIBYTE = 1 << 20

Pair = tuple[Any, Any]


def raw(sock: socket.socket) -> _socket.socket:
    sock.setblocking(False)
    return _socket.socket(sock.family, sock.type, sock.proto, fileno=sock.detach())


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        left = socket.create_connection(listener.getsockname())
        right, _ = listener.accept()
    return left, right


def plain_pair(sockets: tuple[socket.socket, socket.socket]) -> tuple[Stream, Stream]:
    left, right = sockets
    return Stream(raw(left), get_hub()), Stream(raw(right), get_hub())


def tls_pair(sockets: tuple[socket.socket, socket.socket]) -> tuple[TlsStream, TlsStream]:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    left, right = (TlsStream(raw(sock), get_hub()) for sock in sockets)
    left.begin(Engine(server))
    right.begin(Engine(client, server_name="localhost", server=False))
    gevent.joinall([gevent.spawn(stream.handshake) for stream in (left, right)], raise_error=True)
    return left, right


@pytest.fixture(params=["plain", "unix", "tls"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    sockets = tcp_pair() if request.param == "plain" else socket.socketpair()
    streams: Pair = tls_pair(sockets) if request.param == "tls" else plain_pair(sockets)
    yield streams
    for stream in streams:
        stream.close()


def settle() -> None:
    """Let the loop run until nothing is ready any more."""
    for _ in range(3):
        gevent.idle()


def test_what_one_sends_the_other_reads(pair: Pair) -> None:
    left, right = pair
    left.send(b"hello")
    assert right.read() == b"hello"


def test_a_request_lands_where_the_master_can_read_it(pair: Pair) -> None:
    left, right = pair
    for data in (b"GET /first HTTP/1.1", b"GET /2"):
        right.when_readable(int)
        left.send(data)
        settle()
        assert right.grab() == data
        assert os.pread(WITNESS, len(data), 0) == data


def test_what_is_left_over_is_the_next_request(pair: Pair) -> None:
    _, right = pair
    right.leftover = b"GET /"
    assert right.grab() == b"GET /"


def test_reading_parks_until_something_comes(pair: Pair) -> None:
    left, right = pair
    reader = gevent.spawn(right.read)
    settle()
    assert not reader.ready()
    left.send(b"late")
    assert reader.get(timeout=5) == b"late"


def test_written_bytes_leave_together_at_the_flush(pair: Pair) -> None:
    left, right = pair
    left.write(b"one ")
    left.write(b"two ")
    left.send(b"three")
    left.flush()
    received = b""
    while len(received) < 13:
        received += right.read()
    assert received == b"one two three"


def test_queued_bytes_leave_without_anyone_parking(pair: Pair) -> None:
    left, right = pair
    left.write(b"queued")
    left.send_queued()
    left.send_queued()
    assert right.read() == b"queued"


def test_what_the_kernel_does_not_take_leaves_when_it_does_and_in_order(pair: Pair) -> None:
    left, right = pair
    data = bytes(range(256)) * (8 * MEBIBYTE // 256)
    left.write(data)
    left.send_queued()
    assert left.queued
    sender = gevent.spawn(left.send, b"the end")
    received = bytearray()
    while len(received) < len(data) + 7:
        received += right.read()
    sender.get(timeout=5)
    assert received == data + b"the end"
    assert not left.queued


def test_what_was_queued_before_the_close_is_sent(pair: Pair) -> None:
    left, right = pair
    left.write(b"last words")
    left.close()
    assert right.read() == b"last words"


def test_what_is_sent_last_leaves_with_the_end(pair: Pair) -> None:
    left, right = pair
    left.write(b"last ")
    left.send_last(b"words")
    left.end()
    words = b""
    while len(words) < len(b"last words"):
        words += right.read()
    assert words == b"last words"
    assert right.read() == b""


def test_what_is_sent_last_may_be_more_than_the_kernel_takes() -> None:
    left, right = plain_pair(tcp_pair())
    data = bytes(range(256)) * 40_000
    sender = gevent.spawn(left.send_last, data)
    settle()
    assert not sender.ready()
    received = b""
    while len(received) < len(data):
        received += right.read()
    assert received == data
    sender.get(timeout=5)
    left.close()
    right.close()


@pytest.mark.parametrize("queued", [b"", b"queued"])
def test_a_head_and_a_piece_leave_together_behind_what_was_queued(pair: Pair, queued: bytes) -> None:
    left, right = pair
    piece = bytearray(8 * MEBIBYTE)
    left.write(queued)
    sender = gevent.spawn(left.send_both, b"head", memoryview(piece))
    settle()
    assert not sender.ready()
    piece[:] = b"x" * len(piece)  # the shared buffer is used again
    received = bytearray()
    while len(received) < len(queued) + 4 + len(piece):
        received += right.read()
    sender.get(timeout=5)
    assert received == queued + b"head" + bytes(8 * MEBIBYTE)


def test_a_failure_of_queued_bytes_ends_the_stream_for_its_reader() -> None:
    left, right = plain_pair(tcp_pair())
    reader = gevent.spawn(left.read)
    settle()
    right.reset()
    left.write(b"to nobody")
    left.send_queued()  # takes the error that a read would have met
    assert not left.queued
    assert reader.get(timeout=5) == b""
    left.close()


def test_leftover_comes_first(pair: Pair) -> None:
    left, right = pair
    left.send(b"second")
    right.leftover = b"first"
    assert [right.read(3), right.read(), right.read()] == [b"fir", b"st", b"second"]


def test_read_into_fills_a_buffer_and_takes_leftover_first(pair: Pair) -> None:
    left, right = pair
    left.send(b"abc")
    right.leftover = b"xyz"
    buffer = memoryview(bytearray(8))
    assert (right.read_into(buffer[:2]), bytes(buffer[:2])) == (2, b"xy")
    assert (right.read_into(buffer), bytes(buffer[:1])) == (1, b"z")
    assert (right.read_into(buffer), bytes(buffer[:3])) == (3, b"abc")


def test_much_leftover_and_what_is_behind_it_make_one_piece() -> None:
    left, right = plain_pair(tcp_pair())
    buffer = memoryview(bytearray(READ_SIZE))
    right.leftover = bytes(HEAD_SIZE)
    assert right.read_into(buffer) == HEAD_SIZE  # there is nothing yet
    left.send(b"more")
    settle()
    right.leftover = bytes(HEAD_SIZE)
    assert right.read_into(buffer) == HEAD_SIZE + len(b"more")
    assert bytes(buffer[HEAD_SIZE : HEAD_SIZE + 4]) == b"more"
    left.reset()
    settle()
    right.leftover = bytes(HEAD_SIZE)
    with pytest.raises(Broken, match="ECONNRESET"):
        right.read_into(buffer)
    right.close()


def test_an_end_is_read_as_nothing_and_the_other_way_stays_open(pair: Pair) -> None:
    left, right = pair
    left.send(b"last")
    left.end()
    assert [right.read(), right.read()] == [b"last", b""]


def test_half_closed_streams_still_carry_an_answer() -> None:
    left, right = plain_pair(tcp_pair())
    left.end()
    assert right.read() == b""
    right.send(b"answer")
    assert left.read() == b"answer"
    left.close()
    right.close()


def test_sending_parks_while_the_peer_does_not_read_and_loses_nothing(pair: Pair) -> None:
    left, right = pair
    data = bytes(range(256)) * (8 * MEBIBYTE // 256)
    buffer = bytearray(data)

    def send() -> None:
        left.send(memoryview(buffer))

    sender = gevent.spawn(send)
    settle()
    assert not sender.ready()
    buffer[:] = bytes(len(buffer))  # the shared buffer is reused while the sender is parked
    received = bytearray()
    while len(received) < len(data):
        received += right.read()
    sender.get(timeout=5)
    assert received == data


def test_who_waits_to_write_is_not_forgotten_when_what_was_queued_is_sent_later(pair: Pair) -> None:
    left, right = pair
    data = bytes(4 * MEBIBYTE)

    def send() -> None:
        Outbox(get_hub()).put(left, b"small")
        left.send(data)

    sender = gevent.spawn(send)
    settle()
    assert not sender.dead
    size = 0
    with gevent.Timeout(20):
        while size < len(data) + 5:
            size += len(right.read(MEBIBYTE))
    sender.get(timeout=20)


def test_nobody_waits_for_room_when_all_has_left(pair: Pair) -> None:
    left, right = pair
    left.write(b"one ")
    left._when_writable(left.send_queued)  # as if the kernel had taken nothing
    left.send(b"two")
    with gevent.Timeout(20):
        settle()
    assert not left._writer.active
    assert right.read() == b"one two"


def test_an_idle_stream_calls_once_when_something_comes(pair: Pair) -> None:
    left, right = pair
    called: list[str] = []
    right.when_readable(lambda: called.append("woken"))
    settle()
    assert called == []
    left.send(b"first")
    left.send(b"second")
    settle()
    assert called == ["woken"]
    assert right.grab().startswith(b"first")


def test_who_is_called_grabs_all_that_has_come(pair: Pair) -> None:
    left, right = pair
    called: list[int] = []
    left.send(b"an answer")
    left.send(b", and what nobody asked for")
    right.when_readable(lambda: called.append(1))
    settle()
    assert called == [1]
    buffer = memoryview(bytearray(100))
    assert bytes(buffer[: right.grab_into(buffer)]) == b"an answer, and what nobody asked for"


def test_a_peer_who_asks_for_much_and_reads_nothing_is_broken() -> None:
    left, right = tls_pair(tcp_pair())
    called: list[int] = []
    right.when_readable(lambda: called.append(1))
    right.engine._said += bytes(MOST_UNASKED + 1)  # what OpenSSL answers to questions of its own kind
    right._receive_and_look()
    assert called == [1]
    with pytest.raises(Broken, match="asks for much"):
        right.grab()
    left.close()
    right.close()


def test_grabbing_never_waits(pair: Pair) -> None:
    left, right = pair
    buffer = memoryview(bytearray(100))
    assert right.grab() is None
    assert right.grab_into(buffer) is None
    for grabbed in (right.grab, lambda: bytes(buffer[: right.grab_into(buffer)])):
        called: list[str] = []
        right.when_readable(lambda called=called: called.append("woken"))
        left.send(b"something")
        settle()
        assert called
        assert grabbed() == b"something"


def test_an_idle_stream_calls_at_the_end_too(pair: Pair) -> None:
    left, right = pair
    called: list[str] = []
    right.when_readable(lambda: called.append("woken"))
    left.end()
    settle()
    assert called == ["woken"]
    assert right.grab() == b""


def test_a_wait_can_be_ended_from_outside(pair: Pair) -> None:
    left, right = pair
    reader = gevent.spawn(right.read)
    settle()
    reader.kill(KeyError("late"), block=False)
    settle()
    assert isinstance(reader.exception, KeyError)
    left.send(b"for the next reader")
    assert right.read() == b"for the next reader"


def test_two_greenlets_may_read_and_write_at_once(pair: Pair) -> None:
    left, right = pair
    data = b"z" * (2 * MEBIBYTE)

    def echo() -> None:
        seen = 0
        while seen < len(data):
            piece = right.read()
            seen += len(piece)
            right.send(piece)

    gevent.spawn(echo)
    sender = gevent.spawn(left.send, data)
    received = 0
    while received < len(data):
        received += len(left.read())
    sender.get(timeout=5)


def test_unread_bytes_without_a_waiter_do_not_spin() -> None:
    left, right = plain_pair(tcp_pair())
    turns: list[int] = []
    right.when_readable(lambda: turns.append(1))
    left.send(b"unread")
    settle()
    assert turns == [1]
    assert right._armed is False
    assert right.read() == b"unread"
    left.close()
    right.close()


def test_a_reset_is_broken_and_names_the_stream() -> None:
    left, right = plain_pair(tcp_pair())
    left.reset()
    with pytest.raises(Broken, match="ECONNRESET") as caught:
        right.read()
    assert caught.value.stream is right
    right.close()


def test_sending_to_one_who_has_gone_is_broken() -> None:
    left, right = plain_pair(socket.socketpair())
    right.close()
    with pytest.raises(Broken, match="EPIPE"):
        left.send(b"hello")
    left.close()


def test_room_is_what_the_kernel_takes_at_once() -> None:
    left, right = plain_pair(tcp_pair())
    before = left.room(0)
    left.send(bytes(before))
    assert left.room(before) <= before - READ_SIZE
    left.close()
    right.close()


def test_a_peer_that_takes_nothing_gets_small_pieces() -> None:
    left, right = plain_pair(tcp_pair())
    left.send(bytes(READ_SIZE))
    assert left.room(READ_SIZE) > SMALL_PIECE
    left.send(bytes(2 * READ_SIZE))
    left.send(bytes(READ_SIZE))
    assert left.room(READ_SIZE) <= SMALL_PIECE
    left.close()
    right.close()


def test_closing_twice_is_harmless() -> None:
    left, right = plain_pair(socket.socketpair())
    left.close()
    left.close()
    right.close()


def test_connecting_gives_a_stream() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = connect(socket.AF_INET, listener.getsockname(), get_hub())
        accepted, _ = listener.accept()
    with accepted:
        stream.send(b"hello")
        assert accepted.recv(10) == b"hello"
    stream.close()


def refused_port() -> tuple[str, int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address: tuple[str, int] = probe.getsockname()
    return address


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_refused_connection_is_broken(family: int, tmp_path: Any) -> None:
    address: Any = refused_port() if family == socket.AF_INET else str(tmp_path / "nobody")
    with pytest.raises(Broken, match=r"ECONNREFUSED|ENOENT"):
        connect(family, address, get_hub())


def test_woken_greenlets_run_where_they_waited() -> None:
    left, right = plain_pair(socket.socketpair())
    here: list[object] = []

    def read(then: Callable[[object], None]) -> None:
        right.read()
        then(getcurrent())

    reader = gevent.spawn(read, here.append)
    settle()
    left.send(b"x")
    reader.get(timeout=5)
    assert here == [reader]
    left.close()
    right.close()
