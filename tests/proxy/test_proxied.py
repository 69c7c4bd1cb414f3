import _socket
from typing import Any

import pytest

from sozu.command.facts import Cluster
from sozu.command.terms import ProxyProtocol
from sozu.parsers.result import Done, run
from sozu.parsers.wire.proxy_header import Command, Endpoint, Family
from sozu.parsers.wire.proxy_protocol import proxy_protocol
from sozu.proxy.proxied import ProxiedArrival, proxy_header
from tests.proxy.lab import LISTENER, Lab, opened, pair, settle

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("client", "listener", "line"),
    [
        (b"192.0.2.1:4711", "127.0.0.1:8080", b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 8080\r\n"),
        (b"[2001:db8::1]:4711", "[::1]:8080", b"PROXY TCP6 2001:db8::1 ::1 4711 8080\r\n"),
        (b"[2001:db8::1]:4711", "127.0.0.1:8080", b"PROXY TCP6 2001:db8::1 :: 4711 8080\r\n"),
        (b"192.0.2.1:4711", "unix:/run/x.sock", b"PROXY TCP4 192.0.2.1 0.0.0.0 4711 0\r\n"),
        (b"", "unix:/run/x.sock", b"PROXY UNKNOWN\r\n"),
    ],
)
def test_version_1_is_a_line(client: bytes, listener: str, line: bytes) -> None:
    assert proxy_header(ProxyProtocol.V1, client, listener) == line


def test_version_2_says_the_same() -> None:
    found = run(proxy_protocol, proxy_header(ProxyProtocol.V2, b"192.0.2.1:4711", "127.0.0.1:8080"))
    assert isinstance(found, Done)
    assert (found.value.family, found.value.source) == (Family.INET, Endpoint("192.0.2.1", 4711))
    nobody = run(proxy_protocol, proxy_header(ProxyProtocol.V2, b"", "unix:/x"))
    assert isinstance(nobody, Done)
    assert nobody.value.command is Command.LOCAL


def test_each_request_goes_over_a_connection_that_says_for_whom() -> None:
    with opened(Lab()) as lab:
        lab.change(Cluster(cluster="c", proxy_protocol=ProxyProtocol.V1))
        for name in (b"192.0.2.1:1", b"192.0.2.2:2"):
            client = lab.client(GET, name=name)
            origin = lab.origin()
            assert origin.head().startswith(b"PROXY TCP4 %b 127.0.0.1 %b 8080\r\nGET / " % (name[:-2], name[-1:]))
            origin.send(OK)
            assert client.head().startswith(b"HTTP/1.1 200")
            assert origin.rest() == b""
            assert not lab.backend().idle


class Alarmed(_socket.socket):
    """One whose watcher gives a false alarm before something comes."""

    alarms = 0

    def recv(self, *arguments: Any) -> bytes:
        self.alarms += 1
        if self.alarms == 1:
            raise BlockingIOError(11, "")
        return super().recv(*arguments)


def test_a_false_alarm_cuts_nobody() -> None:
    raw, peer = pair()
    begun: list[tuple[bytes, str]] = []
    sock = Alarmed(raw.family, raw.type, raw.proto, fileno=raw.detach())

    def begin(ours: _socket.socket, client: bytes, destination: str) -> None:
        begun.append((client, destination))
        ours.close()

    with opened(Lab()) as lab:
        lab.traffic.counters.connections_open += 1
        ProxiedArrival(lab.traffic, sock, b"10.0.0.1:1", LISTENER, begin)
        peer.send(b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 80\r\n")
        settle()
        lab.traffic.counters.connections_open -= 1
        peer.close()
    assert begun == [(b"192.0.2.1:4711", "198.51.100.1:80")]
