"""How a connection is served: by what its listener speaks, after what it says of its client, and by whom that is believed."""

import _socket
from collections.abc import Callable
from functools import partial
from typing import Any

from sozu.command.edits.networks import Networks
from sozu.command.facts import Listener, Protocol
from sozu.proxy.forwarding import client_name
from sozu.proxy.proxied import ProxiedArrival
from sozu.proxy.session import Session
from sozu.proxy.stream import Stream
from sozu.proxy.traffic import Traffic
from sozu.proxy.tunnel import TunnelSession

Serve = Callable[[_socket.socket, Any, str], None]


class Way:
    """The way in at one listener that is not the usual one. Called in the hub with an accepted socket; does not switch."""

    __slots__ = ("_listener", "_proxy_from", "_traffic", "_trusted")

    def __init__(self, traffic: Traffic, listener: Listener) -> None:
        self._traffic = traffic
        self._listener = listener
        self._proxy_from = Networks(listener.proxy_from)
        self._trusted = Networks(listener.trusted)

    def __call__(self, sock: _socket.socket, peer: Any, address: str) -> None:
        """Serve this connection."""
        stream, client = Stream(sock, self._traffic.hub), client_name(sock.family, peer)
        source = client.rpartition(b":")[0].strip(b"[]")
        begin = partial(self._begin, source, self._traffic.counters.connections_accepted)
        if self._proxy_from.holds(source):
            ProxiedArrival(self._traffic, stream, client, address, begin)
        else:
            begin(stream, client)

    def _begin(self, source: bytes, number: int, stream: Stream, client: bytes) -> None:
        listener, traffic = self._listener, self._traffic
        if listener.protocol is Protocol.TCP:
            TunnelSession(traffic, stream, client, listener, number)
            return
        entrances = traffic.trusting if self._trusted.holds(source) else traffic.entrances
        Session(traffic, stream, client, entrances[listener.address], number)


def way_of(traffic: Traffic, listener: Listener) -> Serve | None:
    """None for the usual one."""
    plain = listener.protocol is not Protocol.TCP and not listener.proxy_from and not listener.trusted
    return None if plain else Way(traffic, listener)
