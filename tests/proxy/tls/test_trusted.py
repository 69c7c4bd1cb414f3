"""What a trusted proxy before a TLS listener says of its clients."""

from gevent import get_hub

from sozu.command.routes import RouteTable
from sozu.command.settings import Settings
from sozu.proxy.registry import Registry
from sozu.proxy.stream import Stream
from sozu.proxy.tls.entrance import TlsEntrances, Way
from sozu.proxy.traffic import Entrances
from tests.proxy.lab import pair, roomy

CLIENT = b"192.0.2.1:4711"
GET = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.5\r\n\r\n"


def lines(*, trusted: bool) -> bytes:
    plain = Entrances(Settings(command_socket="", journal=""), Registry(), roomy())
    plain.follow(RouteTable(), plain.settings)
    entrance = TlsEntrances(plain).of(Way("127.0.0.1:8443", "TLSv1.3", "a", None, None, trusted))
    sock, peer = pair()
    stream = Stream(sock, get_hub())
    asked = entrance.receive(stream, GET)
    stream.close()
    peer.close()
    return asked.head + entrance.origins(CLIENT)


def test_it_is_passed_on_and_the_proxy_is_added() -> None:
    head = lines(trusted=True)

    assert head.count(b"X-Forwarded-For: ") == 2
    assert head.index(b"203.0.113.5") < head.index(b"X-Forwarded-For: 192.0.2.1")
    assert (head.count(b"X-Forwarded-Proto: https"), head.count(b"X-Forwarded-Port: 8443")) == (1, 1)


def test_of_others_nothing_is_passed_on() -> None:
    head = lines(trusted=False)

    assert b"203.0.113.5" not in head
    assert head.count(b"X-Forwarded-Proto: https") == 1
