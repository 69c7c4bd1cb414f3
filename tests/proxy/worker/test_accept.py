import _socket
from collections.abc import Iterator
from contextlib import contextmanager
import errno
import os
from pathlib import Path
import resource
import socket
from typing import Any

import gevent
from gevent import get_hub
import pytest

from sozu.proxy.counters import Counters
from sozu.proxy.worker.accept import AcceptLoop
from sozu.proxy.worker.reserve import HELD, Reserve, sessions_at_most
from tests.procfs import descriptors
from tests.proxy.lab import all_descriptors_taken

NAME = "127.0.0.1:8080"


class House:
    """An accept loop, what it took, and clients."""

    def __init__(self, most: int) -> None:
        self.counters = Counters()
        self.taken: list[tuple[_socket.socket, Any, str]] = []
        self.clients: list[socket.socket] = []
        self.idle = 0
        self.loop = AcceptLoop(get_hub(), self.counters, most, lambda *them: self.taken.append(them), self.make_room)
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = self.listening.getsockname()

    def open(self) -> None:
        self.loop.open(NAME, _socket.socket(fileno=os.dup(self.listening.fileno())))

    def call(self, times: int) -> None:
        self.clients += [socket.create_connection(self.address) for _ in range(times)]

    def let_go(self) -> None:
        self.taken.pop()[0].close()
        self.counters.connections_open -= 1

    def make_room(self) -> int:
        """One of those who are idle goes."""
        if not self.idle:
            return 0
        self.idle -= 1
        self.let_go()
        return 1

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


def test_who_is_idle_goes_for_who_comes(house: House) -> None:
    house.idle = 2
    house.open()
    house.call(53)
    turns()
    assert (house.counters.connections_accepted, house.counters.connections_open) == (52, 50)


def test_a_pause_is_told_once_however_long_it_lasts(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.open()
    house.call(51)
    for _ in range(5):
        turns()
        house.loop.look_again()
    turns()
    assert [record.getMessage() for record in caplog.records] == ["event=accept_paused reason=max_connections connections=50"]
    house.let_go()
    house.loop.look_again()
    turns()
    house.loop.look_again()
    assert [record.getMessage() for record in caplog.records][1:] == ["event=accept_resumed connections=50"]


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


def test_the_last_ones_too_are_served_in_the_hub_where_a_session_may_begin_at_once(house: House) -> None:
    greenlets: list[object] = []

    def serve(*them: Any) -> None:
        house.taken.append(them)
        greenlets.append(gevent.getcurrent())

    loop = AcceptLoop(get_hub(), house.counters, 50, serve, house.make_room)
    loop.open(NAME, _socket.socket(fileno=os.dup(house.listening.fileno())))
    house.call(2)
    loop.close_all()

    assert greenlets == [get_hub()] * 2


def test_what_is_borrowed_is_accepted_on_until_it_is_given_back(house: House) -> None:
    house.open()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as other:
        house.loop.borrow(1, NAME, _socket.socket(fileno=os.dup(other.fileno())))
        house.clients.append(socket.create_connection(other.getsockname()))
        turns()
        assert [listener for _, _, listener in house.taken] == [NAME]
        house.loop.give_back(1)
        house.clients.append(socket.create_connection(other.getsockname()))
        turns()

        assert len(house.taken) == 1
        other.accept()[0].close()


def test_what_is_borrowed_goes_with_its_listener(house: House) -> None:
    house.open()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as other:
        house.loop.borrow(1, NAME, _socket.socket(fileno=os.dup(other.fileno())))
        house.loop.borrow(1, "127.0.0.1:1", _socket.socket(fileno=os.dup(other.fileno())))
        house.loop.close(NAME)
        house.clients.append(socket.create_connection(other.getsockname()))
        turns()

        assert house.taken == []


def test_who_waits_at_a_borrowed_door_whose_listener_goes_is_let_in_first(house: House) -> None:
    house.open()
    with socket.create_server(("127.0.0.1", 0), backlog=128) as other:
        house.loop.borrow(1, NAME, _socket.socket(fileno=os.dup(other.fileno())))
        house.clients += [socket.create_connection(other.getsockname()) for _ in range(3)]
        house.loop.close(NAME)
    assert len(house.taken) == 3


def test_a_quicker_neighbour_is_no_error(house: House) -> None:
    house.open()
    house.loop._wake(house.loop._doors[NAME])
    assert house.taken == []


def test_a_door_knows_how_many_wait(house: House) -> None:
    house.open()
    door = house.loop._doors[NAME]
    house.call(3)
    assert door.waiting() == 3
    turns()
    assert door.waiting() == 0
    assert len(house.taken) == 3


def test_a_crowd_at_a_unix_socket_is_taken_too(house: House, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "door"))
        listening.listen(128)
        house.loop.open("unix:door", _socket.socket(fileno=os.dup(listening.fileno())))
        for _ in range(40):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(tmp_path / "door"))
            house.clients.append(client)
        turns()
    assert len(house.taken) == 40


@contextmanager
def no_descriptor() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_descriptors_it_pauses_gives_its_reserve_free_and_resumes(house: House) -> None:
    house.open()
    house.call(1)
    before = descriptors()
    with no_descriptor():
        turns()
        house.loop.look_again()
        turns()
    assert house.taken == []
    assert before - descriptors() == HELD
    turns()
    assert house.taken == []  # paused: the loop does not try by itself
    house.loop.look_again()
    turns()
    assert len(house.taken) == 1
    assert descriptors() == before + 1


def test_who_is_inside_gets_the_reserve_and_nobody_is_let_in_until_it_is_back(house: House) -> None:
    house.open()
    before = descriptors()
    assert house.loop.spare()
    assert before - descriptors() == HELD
    assert not house.loop.spare()
    house.call(1)
    turns()
    assert house.taken == []
    house.loop.look_again()
    turns()
    assert len(house.taken) == 1


def test_who_is_idle_goes_so_that_the_reserve_comes_back(house: House) -> None:
    house.open()
    house.call(HELD)
    turns()
    house.loop.spare()
    with all_descriptors_taken():
        house.idle = HELD
        for _ in range(HELD):
            assert not house.loop.spare()
            house.loop.look_again()
        assert house.loop.spare()


def test_without_descriptors_who_is_idle_goes(house: House) -> None:
    house.open()
    house.call(1)
    turns()
    house.idle = 1
    house.call(1)
    with all_descriptors_taken():
        turns()
    assert house.counters.connections_accepted == 2
    assert len(house.taken) == 1


def test_a_reserve_is_held_as_a_whole_or_not_at_all() -> None:
    reserve = Reserve(4)
    before = descriptors()
    with no_descriptor():
        reserve.release()
        assert not reserve.refill()
    assert descriptors() == before - 4
    assert reserve.refill()
    assert descriptors() == before
    reserve.release()


def test_sessions_are_bounded_by_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert sessions_at_most(5) == 5
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors() + HELD + 40, hard))
    try:
        assert 18 <= sessions_at_most(10_000) <= 20
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_broken_listening_socket_ends_the_worker(house: House) -> None:
    with pytest.raises(SystemError, match="accept"):
        house.loop._fail(OSError(errno.EBADF, "bad"))
