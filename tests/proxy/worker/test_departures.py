from collections.abc import Iterator

import pytest

from sozu.proxy.worker.departures import TICKS, Departures
from tests.proxy.lab import Lab, Peer, client_over_tcp, opened, settle

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


def test_a_client_of_a_unix_socket_that_closes_is_noticed_too(lab: Lab) -> None:
    client = lab.client(GET)
    origin = lab.origin()
    origin.head()
    client.close()
    look(lab)
    assert origin.rest() == b""


def test_a_client_that_has_only_ended_its_side_gets_its_answer(lab: Lab) -> None:
    client, origin = waiting(lab)
    client.end()
    look(lab)
    origin.send(OK)
    assert client.answer()[1] == b"ok"


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
