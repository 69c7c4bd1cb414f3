"""What a worker's TLS listeners share: the table of certificates, the terms, the contexts; and the way from an accepted socket to a session.

Live where the rest of a worker's configuration is facts: `follow` is told of each transaction in the breath in which it is published.
"""

import _socket
from collections.abc import Iterable
import ssl
from typing import Any

from sozu.command.certificates.table import CertificateTable
from sozu.command.draft import Change
from sozu.command.facts import Certificate, Listener
from sozu.parsers.wire.hello_message import ClientHello
from sozu.proxy.forwarding import client_name
from sozu.proxy.session import Session
from sozu.proxy.tls.arrival import Agreed, Arrival, Visitor
from sozu.proxy.tls.backends import SecureBackends
from sozu.proxy.tls.choosing import Alert, Choice, Terms, choose
from sozu.proxy.tls.contexts import Contexts
from sozu.proxy.tls.entrance import TlsEntrances, way
from sozu.proxy.tls.openssl import Library
from sozu.proxy.tls.stream import TlsStream
from sozu.proxy.traffic import Traffic


class Gate:
    """See the module. `resumes` says whether sessions go on in later connections."""

    __slots__ = ("_backends", "_contexts", "_entrances", "_table", "_terms", "_traffic", "resumes")

    def __init__(self, traffic: Traffic, library: Library | None, secret: bytes) -> None:
        """Tickets are sealed with what follows from the secret; without one, or without the library, there are none."""
        self._traffic = traffic
        self._contexts = Contexts(library, secret)
        self._entrances = TlsEntrances(traffic.entrances)
        self._backends = SecureBackends(traffic.pool, traffic.registry, traffic.hub, library)
        self._table = CertificateTable()
        self._terms: Terms = {}
        self.resumes = library is not None and bool(secret)

    def follow(self, changes: Iterable[Change], listeners: Iterable[Listener]) -> None:
        """From now on these certificates are served, at these listeners. Sessions that are open go on."""
        seen = list(changes)
        self._table = self._table.after(seen)
        self._terms = {listener.address: listener.tls for listener in listeners if listener.tls is not None}
        self._backends.follow(seen)
        for change in seen:
            if isinstance(change.before, Certificate):
                self._contexts.forget(change.before.fingerprint)

    def serve(self, sock: _socket.socket, peer: Any, listener: str) -> None:
        """Begin to serve a client on an accepted, non-blocking socket, which is ours from now on. Called in the hub; does not switch."""
        traffic = self._traffic
        self.greet(sock, Visitor(client_name(sock.family, peer), listener, traffic.counters.connections_accepted))

    def greet(self, sock: _socket.socket, visitor: Visitor) -> None:
        """The same for one of whom more is known."""
        Arrival(self._traffic, TlsStream(sock, self._traffic.hub), visitor, self)

    def choose(self, hello: ClientHello, listener: str) -> Choice | Alert:
        """See Doorkeeper."""
        return choose(hello, listener, self._table, self._terms)

    def context(self, choice: Choice) -> ssl.SSLContext:
        """See Doorkeeper."""
        return self._contexts.of(choice.certificates, choice.terms)

    def welcome(self, stream: TlsStream, visitor: Visitor, agreed: Agreed) -> None:
        """See Doorkeeper."""
        stream.glance()
        entrance = self._entrances.of(way(visitor, agreed))
        Session(self._traffic, stream, visitor.client, entrance, visitor.number)
