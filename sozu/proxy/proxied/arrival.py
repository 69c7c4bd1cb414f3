"""A connection that begins by saying for whom it is: the header is read first, then it is served as if that client had connected.

Only for sources that the listener lists; all others are served as themselves, and a header of theirs is the nonsense that it is to HTTP. A listed source that
sends none is cut: to guess would let anybody behind it choose his address. The header is looked at where it waits in the kernel (MSG_PEEK) and taken out
when all of it is there, to the byte: what follows may be HTTP, TLS or anything else, and is for whoever reads there next. Nothing here parks.
"""

import _socket
from collections.abc import Callable
import logging
import os
from typing import Final

from sozu.parsers.result import Done, Error, run
from sozu.parsers.wire.proxy_header import Endpoint, Party, ProxyHeader
from sozu.parsers.wire.proxy_protocol import proxy_protocol
from sozu.proxy.deadlines import NEVER
from sozu.proxy.stream import Stream
from sozu.proxy.traffic import Traffic

log = logging.getLogger("sozu.proxy")

LONGEST: Final = 4096  # bytes: two addresses and more TLVs than anybody sends

Begin = Callable[[_socket.socket, bytes, str], object]  # called in the hub, with the client's `IP:port`, and where he went (empty if nobody says)


class ProxiedArrival:
    """Waits for the header, then has `begin` called. A session like others meanwhile, for those who end them."""

    __slots__ = ("_begin", "_peer", "_seen", "_since", "_sock", "_traffic", "deadline", "listener", "stream")

    def __init__(self, traffic: Traffic, sock: _socket.socket, peer: bytes, listener: str, begin: Begin) -> None:
        """`peer` is who has connected: whom it is for if the header does not say."""
        self._traffic = traffic
        self._sock = sock
        self._peer = peer
        self._begin = begin
        self._seen = 0  # bytes of the header
        self._since = traffic.clock.now
        self.stream = Stream(sock, traffic.hub)
        self.listener = listener
        # As long as for a head: until it has spoken, a connection is a descriptor that anybody could take from us for nothing.
        self.deadline = traffic.clock.after(traffic.settings.timeouts.request)
        traffic.sessions.add(self)
        self.stream.when_readable(self._look)

    def _look(self) -> None:
        try:
            data = self._sock.recv(LONGEST, _socket.MSG_PEEK)
        except BlockingIOError:
            # Woken for nothing, which the kernel may do.
            self.stream.when_readable(self._look)
            return
        except OSError as error:
            self._fail(str(error))
            return
        outcome = run(proxy_protocol, data)
        if isinstance(outcome, Done):
            self._hand_over(outcome.end, outcome.value)
        elif isinstance(outcome, Error):
            self._fail(f"wrong at byte {outcome.position}")
        # Below SO_RCVLOWAT only an end or an error makes a socket readable: no more bytes than last time means that no more will come.
        elif len(data) in (self._seen, LONGEST):
            self._fail("closed in the middle" if len(data) < LONGEST else "without end")
        else:
            self._wait_for_more(len(data))

    def _wait_for_more(self, seen: int) -> None:
        """Than what is there already, or we should be woken at once, again and again."""
        self._seen = seen
        self._sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVLOWAT, seen + 1)
        self.stream.when_readable(self._look)

    def _hand_over(self, size: int, header: ProxyHeader) -> None:
        if self._seen:
            # Whoever reads next must be woken by the first byte; the option would otherwise stay with the connection.
            self._sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVLOWAT, 1)
        # All of it is there, as the peek has shown: this cannot fail for want of bytes, and leaves what follows to whoever reads next.
        self._sock.recv(size)
        # Whoever comes next has watchers of his own: these are closed, and with them our name for the connection, not the connection.
        kept = _socket.socket(self._sock.family, self._sock.type, self._sock.proto, os.dup(self._sock.fileno()))
        kept.setblocking(False)
        # Not `close`: the connection goes on, and `connections_open` counts it without a break.
        self._traffic.sessions.remove(self)
        self.stream.close()
        self._begin(kept, client_in(header, self._peer), _named(header.destination).decode())

    def _fail(self, reason: str) -> None:
        log.debug("event=no_proxy_header listener=%s peer=%s reason=%r", self.listener, self._peer.decode(), reason)
        self.close()

    # ---- from outside ----

    @property
    def idle_since(self) -> float:
        """A full worker may close who does not come to the point."""
        return self._since

    def expire(self) -> None:
        """The header has not come in time."""
        self.deadline = NEVER
        self._fail("the client took too long")

    def throw(self, failure: Exception) -> None:
        """There is no exchange yet, but somebody who has gone."""
        self._fail(str(failure))

    def drain(self) -> None:
        """Its first request may be in the same packet: it is served, and told that it is the last."""

    def close(self) -> None:
        """End now."""
        if self in self._traffic.sessions:
            self._traffic.sessions.remove(self)
            self._traffic.counters.connections_open -= 1
            self.stream.close()


def client_in(header: ProxyHeader, peer: bytes) -> bytes:
    """The client's `IP:port`; the peer's own for LOCAL, and where nobody is named."""
    return _named(header.source) or peer


def _named(party: Party) -> bytes:
    if not isinstance(party, Endpoint):
        return b""
    return f"[{party.host}]:{party.port}".encode() if ":" in party.host else f"{party.host}:{party.port}".encode()
