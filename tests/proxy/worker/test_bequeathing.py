"""Two labs are two workers: one drains, the other is its heir."""

from collections.abc import Callable, Iterator
import errno
import os
import socket

import gevent
import pytest

from sozu.command.facts import Listener, Protocol
from sozu.proxy.worker.bequeathing import AT_ONCE, Way, seat
from sozu.proxy.worker.drain import drain_sessions
from tests.proxy.lab import LISTENER, Lab, Peer, client_over_tcp, field, opened, settle

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"
HERE = Listener(protocol=Protocol.HTTP, address=LISTENER)


class House:
    """`old` drains for the benefit of `new`, whose configuration has one listener at most."""

    def __init__(self, old: Lab, new: Lab) -> None:
        self.old, self.new = old, new
        self.listener: Listener | None = HERE
        ours, theirs = socket.socketpair()
        self.way, self._other = Way(ours.detach()), Way(theirs.detach())
        self.taking = gevent.spawn(self._take)
        settle()

    def _take(self) -> None:
        for guest, sock in self._other.guests():
            seat(self.new.traffic, self.listener, sock, guest)

    def move(self) -> None:
        self.way.move(self.old.traffic.sessions)
        settle()

    def close(self) -> None:
        self.way.close()
        self.taking.get()


@pytest.fixture
def house() -> Iterator[House]:
    with opened(Lab()) as old, opened(Lab()) as new:
        house = House(old, new)
        yield house
        house.close()


def ask(lab: Lab, client: Peer) -> bytes:
    """One exchange; the head that came to the backend."""
    client.send(GET)
    origin = lab.origin()
    head = origin.head()
    origin.send(OK)
    assert client.head().startswith(b"HTTP/1.1 200")
    settle()
    origin.close()
    return head


def test_an_idle_client_goes_on_at_the_heir_on_the_same_connection(house: House) -> None:
    client = house.old.client()
    ask(house.old, client)
    house.move()
    assert (house.way.moved, house.old.traffic.sessions) == (1, set())
    assert field(ask(house.new, client), b"x-forwarded-for") == b"192.0.2.1"


def test_nobody_goes_to_an_heir_who_has_not_said_that_he_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sozu.proxy.worker.drain._LOOKS", 1)
    ours, heirs = socket.socketpair()
    with opened(Lab()) as old, heirs:
        client, way = old.client(), Way(ours.detach())
        drain = gevent.spawn(drain_sessions, old.traffic.sessions, lambda: 60.0, way)
        while not old.session().draining:
            gevent.sleep(0)
        assert way.moved == 0
        assert client.is_open()
        drain.kill()
        way.close()


def test_an_heir_who_dies_before_he_is_there_is_none() -> None:
    ours, heirs = socket.socketpair()
    with opened(Lab()) as old:
        old.client()
        way = Way(ours.detach())
        settle()
        heirs.close()
        way.move(old.traffic.sessions)
        assert not any(map(way.may_take, old.traffic.sessions))
        way.close()


def test_what_came_meanwhile_is_answered_by_the_heir(house: House) -> None:
    client = house.old.client()
    settle()
    client.sock.setblocking(True)
    client.sock.sendall(GET)  # nobody has looked yet
    house.way.move(house.old.traffic.sessions)
    origin = house.new.origin()
    origin.head()
    origin.send(OK)
    assert client.head().startswith(b"HTTP/1.1 200")


def test_a_busy_client_goes_when_its_exchange_has_ended(house: House) -> None:
    client, origin, _ = house.old.exchange(GET)
    house.move()
    assert house.way.moved == 0
    origin.send(OK)
    head = client.head()
    settle()
    house.move()
    assert b"close" not in head.lower()
    assert house.way.moved == 1
    ask(house.new, client)


def test_who_is_silent_may_be_so_no_longer_than_before(house: House) -> None:
    house.old.client()
    (before,) = [session.deadline for session in house.old.traffic.sessions]
    house.move()
    assert [session.deadline for session in house.new.traffic.sessions] == [before]


def test_a_crowd_goes_in_several_messages(house: House) -> None:
    for _ in range(AT_ONCE + 2):
        house.old.client()
    house.move()
    assert len(house.new.traffic.sessions) == AT_ONCE + 2


def test_where_a_descriptor_is_wanting_everybody_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    clients = [house.old.client() for _ in range(3)]
    settle()
    really, most = os.dup, [1, 1]

    def scarce(descriptor: int) -> int:
        if not most:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        most.pop()
        return really(descriptor)

    monkeypatch.setattr(os, "dup", scarce)
    house.move()
    monkeypatch.undo()

    assert house.way.moved == 0
    assert len(house.old.traffic.sessions) == 3
    for client in clients:
        ask(house.old, client)


def test_a_client_over_tcp_is_who_he_was(house: House) -> None:
    client = client_over_tcp(house.old.traffic)
    house.old.peers.append(client)
    host, port = client.sock.getsockname()
    house.move()
    assert [session.client for session in house.new.traffic.sessions if hasattr(session, "client")] == [f"{host}:{port}".encode()]


def test_whom_the_heir_trusts_is_trusted_there(house: House) -> None:
    house.listener = Listener(protocol=Protocol.HTTP, address=LISTENER, trusted=("127.0.0.1",))
    client = client_over_tcp(house.old.traffic)
    house.old.peers.append(client)
    house.move()
    client.send(GET[:-2] + b"X-Forwarded-For: 203.0.113.5\r\n\r\n")
    assert b"203.0.113.5" in house.new.origin().head()


@pytest.mark.parametrize(
    "listener", [None, Listener(protocol=Protocol.HTTP, address=LISTENER, active=False), Listener(protocol=Protocol.HTTPS, address=LISTENER)]
)
def test_who_comes_by_a_listener_that_is_not_there_is_closed(house: House, listener: Listener | None) -> None:
    house.listener = listener
    client = house.old.client()
    house.move()
    assert client.rest() == b""
    assert house.new.traffic.counters.connections_open == 0


def test_a_client_that_has_left_on_the_way_is_forgotten(house: House) -> None:
    client = client_over_tcp(house.old.traffic)
    settle()
    client.sock.close()
    house.way.move(house.old.traffic.sessions)
    settle()
    assert house.new.traffic.sessions == set()


def test_an_heir_that_is_lost_takes_nobody_else(house: House) -> None:
    settle()
    house.taking.kill()
    house.old.client()
    house.move()
    staying = house.old.client()
    house.move()
    assert not house.way.may_take(house.old.session())
    assert staying.is_open()


def draining(house: House, seconds: Callable[[], float]) -> "gevent.Greenlet[..., int]":
    return gevent.spawn(drain_sessions, house.old.traffic.sessions, seconds, house.way)


def test_a_drain_gives_away_who_is_idle_and_waits_for_who_is_busy(house: House) -> None:
    idle = house.old.client()
    busy, origin, _ = house.old.exchange(GET)
    drain = draining(house, lambda: 60.0)
    ask(house.new, idle)
    origin.send(OK)
    busy.head()
    assert drain.get() == 0
    ask(house.new, busy)


def test_who_was_busy_at_every_look_is_told_to_close(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sozu.proxy.worker.drain._LOOKS", 1)
    busy, origin, _ = house.old.exchange(GET)
    drain = draining(house, lambda: 60.0)
    while not house.old.session().draining:
        gevent.sleep(0)
    origin.send(OK)
    assert field(busy.head(), b"connection") == b"close"
    assert drain.get() == 0
