import _socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import socket
from typing import Any

import gevent
from gevent.server import StreamServer
import pytest

from sozu.command.terms import CheckKind, Health, ProxyProtocol
from sozu.parsers.result import Done, run
from sozu.parsers.wire.proxy_header import Command
from sozu.parsers.wire.proxy_protocol import proxy_protocol
from sozu.proxy.health.asking import is_well
from sozu.proxy.loop.connect import Preface, connect
from sozu.proxy.stream import Stream

Answer = Callable[[Any], object]


@contextmanager
def origin(answer: Answer) -> Iterator[str]:
    server = StreamServer(("127.0.0.1", 0), lambda sock, _: answer(sock))
    server.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.stop()


def ask(name: str, version: ProxyProtocol | None = None, **health: Any) -> bool:
    host, _, port = name.rpartition(":")

    def to(preface: Preface) -> Stream:
        stream = connect(socket.AF_INET, (host, int(port)), gevent.get_hub())
        stream.write(preface if isinstance(preface, bytes) else preface(stream))
        return stream

    return is_well(to, name, Health(**{"timeout": 2} | health), version)


def saying(text: bytes, heard: list[bytes] | None = None) -> Answer:
    def answer(sock: Any) -> None:
        data = sock.recv(65536)
        if heard is not None:
            heard.append(data)
        sock.sendall(text)
        sock.close()

    return answer


@pytest.mark.parametrize(
    ("text", "status", "well"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", (), True),
        (b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\nbody", (), True),
        (b"HTTP/1.1 302 Found\r\n\r\n", (), True),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", (), False),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", (404,), True),
        (b"HTTP/1.1 200 OK\r\n\r\n", (404,), False),
        (b"HTTP/1.1 200 OK\r\n", (), False),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", (), True),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n", (), False),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", (), False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, (), False),
        (b"SSH-2.0-x\r\n\r\n", (), False),
        (b"", (), False),
    ],
)
def test_the_status_says_whether_it_is_well(text: bytes, status: tuple[int, ...], well: bool) -> None:  # noqa: FBT001
    with origin(saying(text)) as name:
        assert ask(name, status=status) is well


def test_it_is_asked_as_a_host_would_be() -> None:
    heard: list[bytes] = []
    with origin(saying(b"HTTP/1.1 200 OK\r\n\r\n", heard)) as name:
        assert ask(name, path="/up", host="shop.example")
    assert heard[0].startswith(b"GET /up HTTP/1.1\r\nHost: shop.example\r\n")


def test_a_response_in_pieces_is_one() -> None:
    def answer(sock: Any) -> None:
        sock.recv(65536)
        for piece in (b"HTTP/1.1 103 Early Hints\r\n", b"\r\nHTTP/1.1 200", b" OK\r\n\r\n"):
            sock.sendall(piece)
            gevent.idle()
        sock.close()

    with origin(answer) as name:
        assert ask(name)


def test_a_header_is_for_the_connection_itself() -> None:
    """Some servers refuse UNKNOWN, so version 1 has the addresses that the kernel knows anyhow."""
    heard: list[bytes] = []
    with origin(saying(b"HTTP/1.1 200 OK\r\n\r\n", heard)) as name:
        assert ask(name, version=ProxyProtocol.V1)
        assert ask(name, version=ProxyProtocol.V2)
    own, _, port = heard[0].partition(b"\r\n")[0].rpartition(b" ")
    assert own.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
    assert port == name.rpartition(":")[2].encode()
    found = run(proxy_protocol, heard[1])
    assert isinstance(found, Done)
    assert found.value.command is Command.LOCAL


def test_where_there_are_no_addresses_a_header_names_nobody() -> None:
    ours, theirs = socket.socketpair()
    raw = _socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=ours.detach())
    assert well_over(raw)
    with theirs:
        assert theirs.recv(100) == b"PROXY UNKNOWN\r\n"


def test_one_that_has_gone_before_the_header_is_not_well() -> None:
    assert not well_over(_socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))


def well_over(sock: _socket.socket) -> bool:
    def to(preface: Preface) -> Stream:
        assert not isinstance(preface, bytes)
        stream = Stream(sock, gevent.get_hub())
        stream.queued = preface(stream)
        return stream

    return is_well(to, "unix:/x", Health(kind=CheckKind.TCP), ProxyProtocol.V1)


def test_one_that_says_nothing_in_time_is_not_well() -> None:
    with origin(lambda _: gevent.get_hub().switch()) as name:
        assert not ask(name, timeout=0.05)


def test_one_that_cannot_be_reached_is_not_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        name = f"127.0.0.1:{taken.getsockname()[1]}"
        assert ask(name, kind=CheckKind.TCP)
    assert not ask(name, kind=CheckKind.TCP)
