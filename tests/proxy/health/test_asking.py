from collections.abc import Callable, Iterator
from contextlib import contextmanager
import socket
from typing import Any

import gevent
from gevent.server import StreamServer
import pytest

from sozu.command.terms import CheckKind, Health, ProxyProtocol
from sozu.proxy.health.asking import is_well
from sozu.proxy.loop.connect import connect
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

    def to(preface: bytes) -> Stream:
        stream = connect(socket.AF_INET, (host, int(port)), gevent.get_hub())
        stream.write(preface)
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
        assert ask(name, version=ProxyProtocol.V1)
    assert heard[0].startswith(b"GET /up HTTP/1.1\r\nHost: shop.example\r\n")
    assert heard[1].startswith(b"PROXY UNKNOWN\r\n")


def test_one_that_says_nothing_in_time_is_not_well() -> None:
    with origin(lambda _: gevent.get_hub().switch()) as name:
        assert not ask(name, timeout=0.05)


def test_one_that_cannot_be_reached_is_not_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        name = f"127.0.0.1:{taken.getsockname()[1]}"
        assert ask(name, kind=CheckKind.TCP)
    assert not ask(name, kind=CheckKind.TCP)
