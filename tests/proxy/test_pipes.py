import _socket
from collections.abc import Iterator
import os
import socket

import gevent
from gevent import get_hub
import pytest

from sozu.proxy.bodies import MOST, Ended, LengthBody, Pace, relay
from sozu.proxy.clock import Clock
from sozu.proxy.loop.pipes import MOST_KEPT, MOST_LENT, PIPES, Pipe, Pipes
from sozu.proxy.stream import Stream

SIZE = 3 * MOST + 4321
DATA = os.urandom(4096) * (SIZE // 4096 + 1)


class Front:
    deadline = 0.0


class Ends:
    """An origin, a body from it, and a client to relay it to."""

    def __init__(self, size: int = SIZE) -> None:
        self.streams = [Stream(_raw(sock), get_hub()) for pair in (socket.socketpair(), socket.socketpair()) for sock in pair]
        self.origin, self.source, self.sink, self.client = self.streams
        self.body = LengthBody(self.source, size)
        self.relaying = gevent.spawn(relay, self.body, self.sink, Pace(Front(), Clock(), 1, 1))


def _raw(sock: socket.socket) -> _socket.socket:
    sock.setblocking(False)
    return _socket.socket(sock.family, sock.type, sock.proto, fileno=sock.detach())


@pytest.fixture
def ends() -> Iterator[Ends]:
    ends = Ends()
    yield ends
    ends.relaying.kill()
    for stream in ends.streams:
        stream.close()


def idle_pipes() -> int:
    return len(PIPES._idle)


def test_a_large_body_goes_through_a_pipe_and_arrives_whole(ends: Ends) -> None:
    gevent.spawn(ends.origin.send, DATA[:SIZE])
    received = bytearray()
    while len(received) < SIZE:
        received += ends.client.read(1 << 20)
    ends.relaying.get(timeout=5)
    assert received == DATA[:SIZE]
    assert ends.body.complete
    assert idle_pipes()


def test_a_body_that_ends_early_is_told(ends: Ends) -> None:
    ends.origin.send(b"half")
    ends.origin.close()
    with pytest.raises(Ended):
        ends.relaying.get(timeout=5)
    assert ends.client.read() == b"half"


def test_a_pipe_with_bytes_in_it_is_not_used_again(ends: Ends) -> None:
    before = idle_pipes()
    gevent.spawn(ends.origin.send, DATA[:SIZE])
    for _ in range(20):
        gevent.idle()  # nobody reads: the receiver's kernel is full, and the pipe holds what it did not take
    ends.relaying.kill()
    assert idle_pipes() <= before


def test_only_so_many_are_lent_and_only_a_few_are_kept() -> None:
    pipes = Pipes()
    lent = [pipes.take() for _ in range(MOST_LENT)]
    assert pipes.take() is None
    for pipe in lent:
        assert pipe is not None
        pipes.give(pipe)
    assert len(pipes._idle) == MOST_KEPT
    for pipe in pipes._idle:
        pipe.close()


def test_without_descriptors_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: int) -> tuple[int, int]:
        raise OSError(24, "")

    monkeypatch.setattr(os, "pipe2", none_left)
    assert Pipes().take() is None


def test_a_pipe_is_large_where_the_system_lets_us() -> None:
    pipe = Pipe()
    assert len(pipe) == 0
    pipe.close()
