from collections.abc import Iterator
import errno
from itertools import islice
import socket
from typing import Any

from gevent import get_hub
from gevent.socket import socket as cooperative
import pytest

from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster, Frontend
from sozu.command.settings import Settings
from sozu.proxy.access_log import NoLog
from sozu.proxy.counters import Counters
from sozu.proxy.forwarding import client_name
from sozu.proxy.registry import Registry
from sozu.proxy.traffic import Traffic
from tests.proxy.lab import Peer, client_over_tcp, field, settle

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def listening() -> Iterator[Any]:
    """A socket that plays the backend."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield cooperative(listener.family, listener.type, fileno=listener.detach())


@pytest.fixture
def traffic(listening: Any) -> Iterator[Traffic]:
    traffic = Traffic(Settings(command_socket="", journal=""), Registry(), Counters(), NoLog(), slot=3)
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    facts = Cluster(cluster="c"), Frontend(cluster="c", hostname="*"), Backend(cluster="c", address=address)
    effects = [Change(None, fact) for fact in facts]
    draft = traffic.registry.draft()
    draft.after(effects)
    traffic.registry.publish(draft)
    traffic.routes = traffic.routes.after(effects)
    traffic.start()
    yield traffic
    for roster in traffic.registry.rosters.values():
        for live in roster.members.values():
            live.retire()
    traffic.stop()
    listening.close()
    settle()
    assert not traffic.sessions
    assert not traffic.deadlines.watched


def test_a_request_goes_through_over_tcp(traffic: Traffic, listening: Any) -> None:
    client = client_over_tcp(traffic)
    client.send(GET)
    origin = Peer(listening.accept()[0])
    head = origin.head()
    assert field(head, b"x-forwarded-for") == b"127.0.0.1"
    assert field(head, b"sozu-id").endswith(b"-3-000")
    origin.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert client.answer()[1] == b"ok"
    assert traffic.counters.backend_connections == 1
    client.close()
    origin.close()


def test_a_request_that_was_there_first_is_served_at_once_and_its_connection_closed(traffic: Traffic, listening: Any) -> None:
    client = client_over_tcp(traffic, b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
    assert traffic.counters.exchanges_open == 1
    origin = Peer(listening.accept()[0])
    origin.head()
    origin.send(b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok")
    answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nok")
    assert field(answer.removesuffix(b"ok"), b"connection") == b"close"
    client.close()
    origin.close()


def test_a_backend_that_is_down_is_502_at_once(traffic: Traffic, listening: Any) -> None:
    listening.close()
    client = client_over_tcp(traffic)
    client.send(GET)
    assert client.answer()[0].startswith(b"HTTP/1.1 502 ")
    assert traffic.counters.backend_failures == 1
    client.close()


def test_a_reset_in_mid_body_is_never_a_good_end_for_http_1_0(traffic: Traffic, listening: Any) -> None:
    client = client_over_tcp(traffic)
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    origin = Peer(listening.accept()[0])
    origin.head()
    origin.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
    assert client.head()
    origin.reset()
    settle()
    assert client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET
    client.close()


def test_ids_count_up() -> None:
    traffic = Traffic(Settings(command_socket="", journal=""), Registry(), Counters(), NoLog())
    ids = list(islice(traffic.ids, 600))
    assert [int(made.rpartition(b"-0-")[2], 16) for made in ids] == list(range(600))
    assert len({made.rpartition(b"-0-")[0] for made in ids}) == 1
    assert traffic.hub is get_hub()


@pytest.mark.parametrize(
    ("family", "peer", "name"),
    [
        (socket.AF_INET, ("192.0.2.1", 5), b"192.0.2.1:5"),
        (socket.AF_INET6, ("2001:db8::1", 5, 0, 0), b"[2001:db8::1]:5"),
        (socket.AF_UNIX, "", b""),
    ],
)
def test_the_name_of_a_client(family: int, peer: Any, name: bytes) -> None:
    assert client_name(family, peer) == name
