"""How a connection is served: by what its listener speaks, after what it says of its client, and by whom that is believed."""

import _socket
from collections.abc import Callable
from functools import partial
from typing import Any

from sozu.command.edits.networks import Networks
from sozu.command.facts import Listener, Protocol
from sozu.proxy.forwarding import client_name
from sozu.proxy.proxied import ProxiedArrival
from sozu.proxy.proxied.told import ToldSession
from sozu.proxy.session import Session
from sozu.proxy.stream import Stream
from sozu.proxy.tls.arrival import Visitor
from sozu.proxy.tls.gate import Gate
from sozu.proxy.traffic import Traffic
from sozu.proxy.tunnel import Course, TunnelSession

Serve = Callable[[_socket.socket, Any, str], None]


class Way:
    """The way in at one listener that is not the usual one. Called in the hub with an accepted socket; does not switch."""

    __slots__ = ("_gate", "_listener", "_proxy_from", "_traffic", "_trusted")

    def __init__(self, traffic: Traffic, gate: Gate, listener: Listener) -> None:
        self._traffic = traffic
        self._gate = gate
        self._listener = listener
        # Read once for each listener, and not for each connection.
        self._proxy_from = Networks(listener.proxy_from)
        self._trusted = Networks(listener.trusted)

    def __call__(self, sock: _socket.socket, peer: Any, address: str) -> None:
        """Serve this connection."""
        client = client_name(sock.family, peer)
        # The port is the client's to choose, and says nothing of who it is.
        source = client.rpartition(b":")[0].strip(b"[]")
        # The connection's number is taken now: a PROXY header may be long in coming, and others are accepted meanwhile.
        begin = partial(self._begin, self._traffic.counters.connections_accepted, self._trusted if self._trusted.holds(source) else None)
        # By the address of who connects, never by whether the bytes look like a header: anybody could write one, and be whom he likes.
        if self._proxy_from.holds(source):
            ProxiedArrival(self._traffic, sock, client, address, begin)
        else:
            begin(sock, client, "")

    def _begin(self, number: int, believed: Networks | None, sock: _socket.socket, client: bytes, destination: str) -> None:
        listener, traffic = self._listener, self._traffic
        # Asked for each connection: a frontend with `passthrough` may come to a tcp listener
        # without any change of the listener itself, which would make another Way.
        if listener.protocol is Protocol.HTTPS or self._gate.asks_names(listener.address):
            self._gate.greet(sock, Visitor(client, listener.address, number, believed))
            return
        stream = Stream(sock, traffic.hub)
        if listener.protocol is Protocol.TCP:
            TunnelSession(traffic, stream, client, Course(listener.address, listener.cluster, destination=destination or listener.address), number)
        else:
            begin(traffic, stream, client, listener.address, number, believed=believed)


def believed_of(listener: Listener, peer: bytes) -> Networks | None:
    """Those whose word is taken here for their clients, if this peer (`IP:port`) is one of them."""
    believed = Networks(listener.trusted)
    return believed if listener.trusted and believed.holds(peer.rpartition(b":")[0].strip(b"[]")) else None


def begin(traffic: Traffic, stream: Stream, client: bytes, listener: str, number: int, *, believed: Networks | None) -> Session:
    """A session of plain HTTP."""
    if believed is None:
        return Session(traffic, stream, client, traffic.entrances[listener], number)
    return ToldSession(traffic, stream, client, traffic.trusting[listener], number, believed=believed)


def way_of(traffic: Traffic, gate: Gate, listener: Listener) -> Serve | None:
    """None for the usual one."""
    if listener.proxy_from or listener.trusted or listener.protocol is Protocol.TCP:
        return Way(traffic, gate, listener)
    # None and not a way like the others: a plain http listener is the usual case, and its connections go to a session in one call.
    return gate.serve if listener.protocol is Protocol.HTTPS else None
