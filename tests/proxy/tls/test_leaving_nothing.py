"""A closed connection frees its memory at once: 25 kB that the garbage collector does not see, and it comes seldom in a worker."""

from collections.abc import Iterator
import gc
import ssl
from weakref import ref

import gevent
import pytest

from sozu.command.certificates.sealing import TicketSecret
from sozu.command.certificates.terms import Tls
from sozu.proxy.stream import Broken
from sozu.proxy.tls.contexts import Contexts
from sozu.proxy.tls.engine import Engine
from sozu.proxy.tls.openssl import probe
from sozu.proxy.tls.stream import TlsStream
from tests.proxy.test_stream import raw, tcp_pair
from tests.proxy.tls.ends import certificate_for, client_context


class Seen(TlsStream):
    """One that a test may look for."""


@pytest.fixture(autouse=True)
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def server_context() -> ssl.SSLContext:
    return Contexts(probe(), TicketSecret(b"secret")).of((certificate_for("a.example"),), Tls())


def opened() -> tuple[Seen, Seen]:
    hub = gevent.get_hub()
    left, right = (Seen(raw(sock), hub) for sock in tcp_pair())
    left.begin(Engine(server_context()))
    right.begin(Engine(client_context(), server_name="a.example", server=False))
    gevent.joinall([gevent.spawn(stream.handshake) for stream in (left, right)], raise_error=True)
    return left, right


def failure(stream: Seen) -> str:
    try:
        stream.read()
    except Broken as broken:  # pytest.raises would hold it, and with it the stream
        return str(broken)
    return ""


@pytest.mark.parametrize("way", ["close", "reset"])
def test_one_that_is_closed_is_gone(way: str) -> None:
    streams = opened()
    left = ref(streams[0])
    for stream in streams:
        getattr(stream, way)()
    del streams, stream
    assert left() is None


def test_one_that_has_failed_is_gone() -> None:
    left, right = opened()
    left._sock.send(b"\x17\x03\x03\x00\x05junk!")
    assert failure(right) == "TLS: decryption failed or bad record mac"
    seen = ref(right)
    right.close()
    left.close()
    del right
    gevent.idle()  # it was the hub that woke us: let it come to the end of that
    assert seen() is None
