"""Listeners whose connections are not served in the usual way."""

from collections.abc import Iterator
import socket

from gevent.socket import create_connection
import pytest

from sozu.command.certificates.sealing import TicketSecret
from sozu.command.facts import Listener, Protocol
from sozu.parsers.wire.proxy_header import Command, Endpoint, Family, ProxyHeader, Transport
from sozu.parsers.wire.proxy_protocol import write_proxy_header
from sozu.proxy.tls.gate import Gate
from sozu.proxy.worker.ways import Way, way_of
from tests.proxy.lab import Lab, Peer, field, opened, settle


def gate_of(lab: Lab) -> Gate:
    return Gate(lab.traffic, None, TicketSecret(b""))


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"
SOURCE = Endpoint("198.51.100.7", 1234)
V2 = write_proxy_header(ProxyHeader(2, Command.PROXY, Family.INET, Transport.STREAM, SOURCE, Endpoint("192.0.2.9", 80)))
V1 = b"PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\n"
UNKNOWN = b"PROXY UNKNOWN\r\n"
LOCAL = write_proxy_header(ProxyHeader(2, Command.LOCAL))


@pytest.fixture
def lab() -> Iterator[Lab]:
    with opened(Lab()) as lab:
        yield lab


def connect(lab: Lab, data: bytes, **settings: object) -> Peer:
    """A client from 127.0.0.1."""
    listener = Listener(**{"protocol": Protocol.HTTP, "address": "127.0.0.1:8080"} | settings)  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = create_connection(server.getsockname())
        accepted, peer = server.accept()
    client.sendall(data)
    accepted.setblocking(False)
    raw = socket.socket.__base__(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())  # type: ignore[misc]
    lab.traffic.counters.connections_open += 1
    lab.traffic.hub.loop.run_callback(Way(lab.traffic, gate_of(lab), listener), raw, peer, listener.address)
    settle()
    peer_of_ours = Peer(client)
    lab.peers.append(peer_of_ours)
    return peer_of_ours


@pytest.mark.parametrize(
    ("header", "client"), [(V2, b"198.51.100.7"), (V1, b"2001:db8::7"), (UNKNOWN, b"127.0.0.1"), (LOCAL, b"127.0.0.1")]
)
@pytest.mark.parametrize("cut", [0, 1, 13])
def test_a_request_comes_from_whom_the_header_names(lab: Lab, header: bytes, client: bytes, cut: int) -> None:
    peer = connect(lab, header[:cut] if cut else header + GET, proxy_from=("127.0.0.0/8",))
    if cut:
        peer.send(header[cut:] + GET)
    origin = lab.origin()
    assert field(origin.head(), b"x-forwarded-for") == client
    origin.send(OK)
    assert peer.head().startswith(b"HTTP/1.1 200")
    peer.send(GET)
    assert field(origin.head(), b"x-forwarded-for") == client


@pytest.mark.parametrize("data", [GET, b"PROXY TCP4 nonsense\r\n", b"PROXY"])
def test_a_listed_source_that_sends_no_header_is_cut(lab: Lab, data: bytes) -> None:
    peer = connect(lab, data, proxy_from=("127.0.0.1",))
    if data == b"PROXY":
        peer.end()
    assert peer.rest_or_reset()[0] == b""
    assert lab.traffic.counters.connections_open == 0


def test_a_header_that_does_not_come_is_not_waited_for_long(lab: Lab) -> None:
    peer = connect(lab, b"", proxy_from=("127.0.0.1",))
    lab.wait(11)
    assert peer.rest() == b""


def test_a_source_that_is_not_listed_speaks_for_itself(lab: Lab) -> None:
    peer = connect(lab, V1 + GET, proxy_from=("192.0.2.0/24",))
    assert peer.head()[9:12] in (b"400", b"505")
    connect(lab, GET, proxy_from=("192.0.2.0/24",))
    assert field(lab.origin().head(), b"x-forwarded-for") == b"127.0.0.1"


def test_a_tunnel_is_opened_for_whom_the_header_names(lab: Lab) -> None:
    peer = connect(lab, V2 + b"hello", protocol=Protocol.TCP, cluster="c", proxy_from=("127.0.0.1",))
    origin = lab.origin()
    assert origin.read(5) == b"hello"
    origin.close()
    peer.close()
    assert lab.entry().client == b"198.51.100.7:1234"


TOLD = b"X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\nForwarded: for=203.0.113.5;proto=https\r\nX-Forwarded-Host: shop.example\r\nX-Forwarded-Prefix: /shop\r\n"


def test_what_a_trusted_proxy_says_is_passed_on_and_added_to(lab: Lab) -> None:
    connect(lab, GET[:-2] + TOLD + b"\r\n", trusted=("127.0.0.1",))
    head = lab.origin().head()
    lines = [line for line in head.split(b"\r\n") if b"orwarded" in line]
    assert lines[:5] == TOLD.split(b"\r\n")[:5]
    assert lines[5] == b"X-Forwarded-Port: 8080"
    assert lines[6] == b"X-Forwarded-For: 127.0.0.1"
    assert lines[7].startswith(b'Forwarded: for="127.0.0.1:')


def test_what_a_trusted_proxy_does_not_say_is_said_of_itself(lab: Lab) -> None:
    connect(lab, GET, trusted=("127.0.0.1",))
    head = lab.origin().head()
    assert (field(head, b"x-forwarded-proto"), field(head, b"x-forwarded-for")) == (b"http", b"127.0.0.1")


def test_what_others_say_of_their_clients_is_not_believed(lab: Lab) -> None:
    connect(lab, GET[:-2] + TOLD + b"\r\n", trusted=("192.0.2.1",))
    head = lab.origin().head()
    assert (field(head, b"x-forwarded-proto"), field(head, b"x-forwarded-for")) == (b"http", b"127.0.0.1")
    assert b"203.0.113.5" not in head
    assert b"shop" not in head


def test_a_plain_listener_has_no_way_of_its_own(lab: Lab) -> None:
    assert way_of(lab.traffic, gate_of(lab), Listener(protocol=Protocol.HTTP, address="127.0.0.1:8080")) is None
    assert way_of(lab.traffic, gate_of(lab), Listener(protocol=Protocol.TCP, address="127.0.0.1:8080")) is not None
