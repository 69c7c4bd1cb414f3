"""What a worker's TLS listeners share: the table of certificates, the terms, the contexts; and the way from an accepted socket to a session.

Live where the rest of a worker's configuration is facts: `follow` is told of each transaction in the breath in which it is published.
"""

import _socket
from collections.abc import Iterable
import ssl
from time import time
from typing import Any

from sozu.command.certificates.sealing import TicketSecret
from sozu.command.certificates.table import CertificateTable
from sozu.command.draft import Change
from sozu.command.facts import Certificate, Listener, Protocol
from sozu.command.routing.passing import PassingTable
from sozu.parsers.wire.hello_message import ClientHello
from sozu.parsers.wire.quick_hello import Wish
from sozu.proxy.forwarding import client_name
from sozu.proxy.proxied.told import ToldSession
from sozu.proxy.session import Session
from sozu.proxy.stream import Stream
from sozu.proxy.tls.arrival import Agreed, Arrival, Visitor
from sozu.proxy.tls.backends import SecureBackends
from sozu.proxy.tls.choosing import UNRECOGNIZED_NAME, Alert, Choice, Chooser, Passage, name_in
from sozu.proxy.tls.contexts import Contexts
from sozu.proxy.tls.entrance import TlsEntrances, way
from sozu.proxy.tls.openssl import Library
from sozu.proxy.tls.stream import TlsStream
from sozu.proxy.traffic import Traffic
from sozu.proxy.tunnel import Course, TunnelSession


class Gate:
    """See the module. `resumes` says whether sessions go on in later connections."""

    __slots__ = ("_backends", "_chooser", "_contexts", "_entrances", "_passing", "_tcp", "_traffic", "resumes")

    def __init__(self, traffic: Traffic, library: Library | None, secret: TicketSecret) -> None:
        """Tickets are sealed with what follows from the secret; without one, or without the library, there are none."""
        self._traffic = traffic
        self._contexts = Contexts(library, secret)
        self._entrances = TlsEntrances(traffic.entrances)
        # The table by a function: each transaction makes another chooser, and with it another table.
        self._backends = SecureBackends(traffic.pool, traffic.registry, traffic.hub, library, lambda: self._chooser.table.certificates)
        self._chooser = Chooser(CertificateTable(), {})
        self._passing = PassingTable()
        self._tcp: dict[str, str | None] = {}  # where tcp listeners lead
        self.resumes = library is not None and bool(secret.value)

    def follow(self, changes: Iterable[Change], listeners: Iterable[Listener]) -> None:
        """From now on these certificates are served, at these listeners. Sessions that are open go on."""
        seen = list(changes)
        known = list(listeners)
        terms = {listener.address: listener.tls for listener in known if listener.tls is not None}
        # A new one each time, with nothing remembered: what a wish got before may be another certificate now.
        self._chooser = Chooser(self._chooser.table.after(seen), terms)
        self._tcp = {listener.address: listener.cluster for listener in known if listener.protocol is Protocol.TCP}
        self._passing = self._passing.after(seen)
        self._backends.follow(seen)
        # Also of a certificate that has only another chain or other listeners now: its contexts show what was, and are made anew when they are asked for.
        gone = {change.before.fingerprint for change in seen if isinstance(change.before, Certificate)}
        if gone:
            self._contexts.forget(gone)

    def look(self) -> None:
        """Is it time for tickets to be sealed with other keys? Called each second."""
        self._contexts.age(time())

    def serve(self, sock: _socket.socket, peer: Any, listener: str) -> None:
        """Begin to serve a client on an accepted, non-blocking socket, which is ours from now on. Called in the hub; does not switch."""
        traffic = self._traffic
        self.greet(sock, Visitor(client_name(sock.family, peer), listener, traffic.counters.connections_accepted))

    def greet(self, sock: _socket.socket, visitor: Visitor) -> None:
        """The same for one of whom more is known."""
        Arrival(self._traffic, TlsStream(sock, self._traffic.hub), visitor, self)

    def asks_names(self, listener: str) -> bool:
        """Has this tcp listener connections that go where their ClientHello says?"""
        return listener in self._passing.own

    def recall(self, wish: Wish, listener: str) -> Choice | None:
        """See Doorkeeper."""
        # Where something is passed on, the hello has to be read: a name that was served a moment ago may have become somebody else's.
        return None if self._passing.frontends else self._chooser.recall(wish, listener)

    def choose(self, hello: ClientHello, listener: str, wish: Wish | None = None) -> Choice | Passage | Alert:
        """See Doorkeeper."""
        if self._passing.frontends:
            name, is_tcp = name_in(hello), listener in self._tcp
            found = self._passing.find(listener, name, shared=not is_tcp, is_served=self._is_served if not is_tcp else _never)
            if found is not None:
                return Passage(found.cluster, name, found.key)
            if is_tcp:
                # With the name, which stands in the tunnel's line of the log though no frontend has asked for it.
                return self.without_hello(listener, name) or Alert(UNRECOGNIZED_NAME, "this listener passes on other names only")
        return self._chooser.choose(hello, listener, wish)

    def _is_served(self, hostname: str) -> bool:
        return self._traffic.routes.has_hostname(hostname)

    def without_hello(self, listener: str, server_name: str | None = None) -> Passage | None:
        """See Doorkeeper."""
        cluster = self._tcp.get(listener)
        return None if cluster is None else Passage(cluster, server_name, None)

    def pass_on(self, stream: Stream, visitor: Visitor, passage: Passage) -> None:
        """See Doorkeeper."""
        course = Course(visitor.listener, passage.cluster, passage.server_name, passage.frontend)
        TunnelSession(self._traffic, stream, visitor.client, course, visitor.number)

    def context(self, choice: Choice) -> ssl.SSLContext:
        """See Doorkeeper."""
        return self._contexts.of(choice.certificates, choice.terms, choice.served)

    def welcome(self, stream: TlsStream, visitor: Visitor, agreed: Agreed) -> None:
        """See Doorkeeper."""
        entrance = self._entrances.of(way(visitor, agreed))
        # Before the session is made, which begins at once with what is left over: a
        # request that came with the end of the handshake waits for no turn of the loop.
        stream.glance()
        if visitor.believed is None:
            Session(self._traffic, stream, visitor.client, entrance, visitor.number)
        else:
            ToldSession(self._traffic, stream, visitor.client, entrance, visitor.number, believed=visitor.believed)


def _never(_hostname: str) -> bool:
    """A tcp listener opens nothing."""
    return False
