"""A connection that begins by saying for whom it is: the header is read first, then it is served as if that client had connected.

Only for sources that the listener trusts; all others are served as themselves, and a header of theirs is the nonsense that it is to HTTP. A trusted source that
sends none is cut: to guess would let anybody behind it choose his address.
"""

from collections.abc import Callable
import logging
from typing import Any, Final

from greenlet import getcurrent

from sozu.parsers.result import Done, Error, run
from sozu.parsers.wire.proxy_header import Endpoint, Party, ProxyHeader
from sozu.parsers.wire.proxy_protocol import proxy_protocol
from sozu.proxy.deadlines import NEVER, Late
from sozu.proxy.failures import ClientGone, Failure
from sozu.proxy.stream import Broken, Stream
from sozu.proxy.traffic import Traffic

log = logging.getLogger("sozu.proxy")

LONGEST: Final = 4096  # bytes: two addresses and more TLVs than anybody sends

Begin = Callable[[Stream, bytes], object]  # called in the hub, with the client's `IP:port`


class ProxiedArrival:
    """Waits for the header, then has `begin` called. A session like others meanwhile, for those who end them."""

    __slots__ = ("_begin", "_greenlet", "_peer", "_traffic", "deadline", "listener", "stream")

    def __init__(self, traffic: Traffic, stream: Stream, peer: bytes, listener: str, begin: Begin) -> None:
        """`peer` is who has connected: whom it is for if the header does not say."""
        self._traffic = traffic
        self._peer = peer
        self._begin = begin
        self._greenlet: Any = None
        self.stream = stream
        self.listener = listener
        self.deadline = traffic.clock.after(traffic.settings.timeouts.request)
        traffic.sessions.add(self)
        traffic.spares.run(self._receive)

    def _receive(self) -> None:
        self._greenlet = getcurrent()
        client: bytes | None = None
        try:
            client = self._client()
        except (Broken, Late, Failure) as failure:
            log.debug("event=no_proxy_header listener=%s peer=%s reason=%r", self.listener, self._peer.decode(), str(failure))
        self._greenlet = None
        self._traffic.sessions.remove(self)
        if client is None:
            self._traffic.counters.connections_open -= 1
            self.stream.close()
        else:
            self._traffic.hub.loop.run_callback(self._begin, self.stream, client)

    def _client(self) -> bytes:
        """Whom the connection is for; what follows the header is left over."""
        data = b""
        while len(data) < LONGEST:
            piece = self.stream.read()
            if not piece:
                raise ClientGone("closed before its PROXY header")
            data += piece
            outcome = run(proxy_protocol, data)
            if isinstance(outcome, Done):
                self.stream.leftover = bytes(outcome.rest)
                return client_in(outcome.value, self._peer)
            if isinstance(outcome, Error):
                raise ClientGone(f"no PROXY header: wrong at byte {outcome.position}")
        raise ClientGone("a PROXY header without end")

    # ---- from outside ----

    @property
    def idle_since(self) -> float:
        """Never idle: what it waits for is on its way."""
        return NEVER

    def expire(self) -> None:
        """The header has not come in time."""
        self.deadline = NEVER
        self.throw(Late())

    def throw(self, failure: Exception) -> None:
        """Raise where it waits. Called in the hub."""
        if self._greenlet is not None:
            self._greenlet.throw(failure)

    def drain(self) -> None:
        """Its first request may be in the same packet: it is served, and told that it is the last."""

    def close(self) -> None:
        """End now."""
        self._traffic.hub.loop.run_callback(self.throw, ClientGone("closed by the proxy"))


def client_in(header: ProxyHeader, peer: bytes) -> bytes:
    """The client's `IP:port`; the peer's own for LOCAL, and where nobody is named."""
    return _named(header.source) or peer


def _named(party: Party) -> bytes:
    if not isinstance(party, Endpoint):
        return b""
    return f"[{party.host}]:{party.port}".encode() if ":" in party.host else f"{party.host}:{party.port}".encode()
