import _socket
from collections.abc import Iterator
import errno
import os
import resource
import socket
from typing import Any

import gevent
from gevent import get_hub
import pytest

from sozu.proxy.counters import Counters
from sozu.proxy.worker.accept import AcceptLoop

NAME = "127.0.0.1:8080"


class House:
    """An accept loop, what it took, and clients."""

    def __init__(self, most: int) -> None:
        self.counters = Counters()
        self.taken: list[tuple[_socket.socket, Any, str]] = []
        self.clients: list[socket.socket] = []
        self.loop = AcceptLoop(get_hub(), self.counters, most, lambda *them: self.taken.append(them))
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = self.listening.getsockname()

    def open(self) -> None:
        self.loop.open(NAME, _socket.socket(fileno=os.dup(self.listening.fileno())))

    def call(self, times: int) -> None:
        self.clients += [socket.create_connection(self.address) for _ in range(times)]

    def let_go(self) -> None:
        self.taken.pop()[0].close()
        self.counters.connections_open -= 1

    def close(self) -> None:
        self.loop.close_all()
        for sock in [*self.clients, self.listening, *(sock for sock, _, _ in self.taken)]:
            sock.close()


@pytest.fixture
def house() -> Iterator[House]:
    house = House(most=50)
    yield house
    house.close()


def turns(count: int = 4) -> None:
    """Let the loop run until it has nothing to do, so many times."""
    for _ in range(count):
        gevent.idle()


def test_a_connection_is_handed_over_raw_and_non_blocking_and_counted(house: House) -> None:
    house.open()
    house.call(1)
    turns()
    ((sock, peer, listener),) = house.taken
    assert type(sock) is _socket.socket
    assert not os.get_blocking(sock.fileno())
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert (peer, listener) == (house.clients[0].getsockname(), NAME)
    assert (house.counters.connections_accepted, house.counters.connections_open) == (1, 1)


def test_a_crowd_is_taken_in_several_turns(house: House) -> None:
    house.open()
    house.call(40)
    turns()
    assert len(house.taken) == 40


def test_connections_beyond_the_limit_wait_until_there_is_room(house: House) -> None:
    house.open()
    house.call(52)
    turns()
    assert len(house.taken) == 50
    house.loop.look_again()
    turns()
    assert len(house.taken) == 50
    house.let_go()
    house.loop.look_again()
    turns()
    assert house.counters.connections_accepted == 51


def test_a_listener_that_opens_during_a_pause_waits_too(house: House) -> None:
    house.counters.connections_open = 50
    house.open()
    house.call(1)
    turns()
    house.loop.open("other", _socket.socket(fileno=os.dup(house.listening.fileno())))
    turns()
    assert house.taken == []
    house.counters.connections_open = 0
    house.loop.look_again()
    turns()
    assert len(house.taken) == 1


def test_a_closed_door_leaves_its_backlog_to_whoever_shares_the_socket(house: House) -> None:
    house.open()
    assert house.loop.listeners == {NAME}
    house.loop.close(NAME)
    assert house.loop.listeners == set()
    house.call(1)
    turns()
    assert house.taken == []
    sock, _ = house.listening.accept()
    sock.close()


def test_who_waits_at_a_door_that_closes_is_let_in_first(house: House) -> None:
    house.open()
    house.call(40)
    house.loop.close(NAME)
    assert len(house.taken) == 40


def test_a_quicker_neighbour_is_no_error(house: House) -> None:
    house.open()
    house.loop._take(house.loop._doors[NAME])
    assert house.taken == []


def test_without_descriptors_it_pauses_and_resumes(house: House) -> None:
    house.open()
    house.call(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        turns()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert house.taken == []
    turns()
    assert house.taken == []  # paused: the loop does not try by itself
    house.loop.look_again()
    turns()
    assert len(house.taken) == 1


def test_a_broken_listening_socket_ends_the_worker(house: House) -> None:
    with pytest.raises(SystemError, match="accept"):
        house.loop._fail(OSError(errno.EBADF, "bad"))
