from collections.abc import Iterator

import pytest

from sozu.proxy.worker.departures import TICKS, Departures
from tests.proxy.lab import Lab, Peer, client_over_tcp, opened, settle

LARGE = 220_000  # bytes: more than the kernel takes towards a backend that does not read, and few enough that the end behind them has come
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with opened(Lab()) as lab:
        yield lab


def look(lab: Lab) -> None:
    """As the worker's tick does, until it is time."""
    departures = Departures(lab.traffic.sessions, lab.traffic.counters)
    for _ in range(TICKS):
        lab.traffic.hub.loop.run_callback(departures.look)
    settle()


def waiting(lab: Lab) -> tuple[Peer, Peer]:
    """A client over TCP whose backend is silent."""
    client = client_over_tcp(lab.traffic)
    lab.peers.append(client)
    client.send(GET)
    origin = lab.origin()
    origin.head()
    return client, origin


def test_a_client_that_resets_its_connection_is_waited_for_no_longer(lab: Lab) -> None:
    client, origin = waiting(lab)
    client.reset()
    look(lab)
    assert origin.rest() == b""
    assert (lab.entry().status, lab.entry().ended) == (0, "client: gone before its answer")
    assert lab.traffic.counters.backend_failures == 0
    assert not lab.traffic.sessions


def test_a_client_that_has_only_ended_its_side_gets_its_answer(lab: Lab) -> None:
    client, origin = waiting(lab)
    client.end()
    look(lab)
    origin.send(OK)
    assert client.answer()[1] == b"ok"


def test_a_tunnel_that_has_ended_both_ways_brings_all_that_the_client_said(lab: Lab) -> None:
    client = client_over_tcp(lab.traffic)
    lab.peers.append(client)
    client.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"))
    origin = lab.origin()
    origin.head()
    origin.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    client.head()
    client.send(bytes(LARGE))
    client.end()
    origin.end()
    assert client.rest() == b""
    look(lab)
    assert len(origin.rest()) == LARGE


def test_who_waits_stays_and_who_has_left_with_him_goes(lab: Lab) -> None:
    first, one = waiting(lab)
    second, other = waiting(lab)
    first.reset()
    look(lab)
    assert one.rest() == b""
    other.send(OK)
    assert second.answer()[1] == b"ok"


def test_one_who_is_ending_already_is_let_be(lab: Lab) -> None:
    client, origin = waiting(lab)
    session = lab.session()
    client.reset()
    deadline, session.deadline = session.deadline, float("inf")
    look(lab)
    assert origin.is_open()
    session.deadline = deadline
    look(lab)
    assert not origin.is_open()


def test_nobody_is_asked_about_while_nobody_is_busy(lab: Lab) -> None:
    client = lab.client()
    settle()
    look(lab)
    assert client.is_open()
