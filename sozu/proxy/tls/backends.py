"""TLS to backends: a cluster's terms become a context, and a connection is one only when the backend has proved who it is.

The name that it must prove is the terms', else the host of its address. What fails is Broken like a refused connection: the exchange tries another
backend, and in the end the client gets 502 and the log the reason. A new connection goes on with the session of the last one to the same backend,
if the backend allows: then neither has to prove anything again.
"""

import _socket
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
import ssl
from typing import Any

from gevent.hub import Hub
import msgspec

from sozu.command.certificates.loading import load
from sozu.command.certificates.pem import BadCertificate
from sozu.command.certificates.terms import BackendTls
from sozu.command.draft import Change
from sozu.command.facts import Certificate, Cluster
from sozu.command.hostnames import BadHostname, normal_hostname
from sozu.proxy.loop.connect import Preface, connected
from sozu.proxy.pool import Dial, Pool
from sozu.proxy.registry import LiveBackend, Registry
from sozu.proxy.stream import Broken
from sozu.proxy.tls.contexts import CIPHERS, GROUPS, PROTOCOLS
from sozu.proxy.tls.engine import Engine
from sozu.proxy.tls.openssl import Library
from sozu.proxy.tls.stream import TlsStream
from sozu.proxy.tls.trust import trust_system

MOST_SESSIONS = 4096  # backends whose last session is kept: about 2 kB each
Certificates = Callable[[], Mapping[str, Certificate]]  # by fingerprint
Place = tuple[ssl.SSLContext, str, str, Any]  # the only context that may go on, whom to be, a backend's name, the address behind it


class BackendStream(TlsStream):
    """A connection to a backend, which leaves its session behind."""

    __slots__ = ("_sessions", "place")

    def __init__(self, sock: _socket.socket, hub: Hub, sessions: "Sessions") -> None:
        super().__init__(sock, hub)
        self._sessions = sessions
        self.place: Place | None = None  # where it is the last one

    def close(self) -> None:
        """See Stream."""
        # Before the engine parts with OpenSSL's object, after which there is no session to be had.
        self._sessions.leave(self)
        super().close()


class Sessions:
    """The session with which the next connection to a backend goes on: that of the last one, also while it is open."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: OrderedDict[Place, object] = OrderedDict()

    def begin(self, place: Place, stream: BackendStream) -> None:
        """This is the last one now."""
        stream.place = place
        # The stream, not its session: in TLS 1.3 tickets come behind the handshake, so it is asked when somebody wants one.
        self._last[place] = stream
        self._last.move_to_end(place)
        if len(self._last) > MOST_SESSIONS:
            self._last.popitem(last=False)

    def leave(self, stream: BackendStream) -> None:
        """It closes. One that has failed leaves nothing."""
        # Only the last one: an older connection that closes later would put back a session that has been used, or is about to run out.
        if stream.place is not None and self._last.get(stream.place) is stream:
            self._last[stream.place] = _session_of(stream)

    def forget(self, contexts: Collection[ssl.SSLContext]) -> None:
        """Nobody uses these any more."""
        for place in [place for place in self._last if place[0] in contexts]:
            del self._last[place]

    def find(self, place: Place) -> object:
        """None if there is none yet."""
        last = self._last.get(place)
        return _session_of(last) if isinstance(last, BackendStream) else last


def _session_of(stream: BackendStream) -> object:
    engine = stream.engine
    # What a fatal alert has ended may not be gone on with (RFC 5246 section 7.2.2), and would fail again if it were.
    return engine.session if engine.failure is None else None


class SecureBackends:
    """Tells the pool how to reach the clusters that have terms."""

    __slots__ = ("_certificates", "_contexts", "_hub", "_library", "_pool", "_registry", "_sessions", "_users")

    def __init__(self, pool: Pool, registry: Registry, hub: Hub, library: Library | None, certificates: Certificates) -> None:
        self._pool, self._registry, self._hub, self._library = pool, registry, hub, library
        self._certificates = certificates
        # One is 21 KiB and a millisecond, and of ten thousand clusters few are asked for in the first second.
        self._contexts: dict[BackendTls, ssl.SSLContext] = {}  # made when they are first needed
        self._users: Counter[BackendTls] = Counter()  # how many clusters have these terms
        self._sessions = Sessions()

    def follow(self, changes: Iterable[Change]) -> None:
        """From now on these terms hold. Idle connections under others are closed: no request may ride on one in plain text when it should not."""
        dials: dict[str, Dial] = dict(self._pool.dials)
        seen = list(changes)
        for change in seen:
            if isinstance(change.before, Cluster):
                dials.pop(change.before.cluster, None)
            if isinstance(change.after, Cluster) and change.after.tls is not None:
                dials[change.after.cluster] = partial(self._dial, change.after.tls)
            # Not for each change of a cluster: another weight or limit is no reason to lose a hundred connections.
            if terms_in(change.before) != terms_in(change.after):
                self._close_idle(change)
        self._pool.dials = dials
        self._forget(seen)

    def _forget(self, seen: Sequence[Change]) -> None:
        """Contexts on terms that no cluster has any more, and with certificates that have gone or have another chain."""
        unused = self._counted(seen)
        gone = {change.before.fingerprint for change in seen if isinstance(change.before, Certificate)}
        # By both: terms that nobody has would keep a context for ever, since each change of
        # them makes another; and one whose certificate was replaced shows the old one.
        over = [terms for terms in self._contexts if terms in unused or terms.certificate in gone]
        if over:
            self._sessions.forget({self._contexts.pop(terms) for terms in over})

    def _counted(self, seen: Sequence[Change]) -> set[BackendTls]:
        """Count the clusters again; the terms that none has any more."""
        touched = set()
        for change in seen:
            # Counted in steps, and not by a walk over ten thousand clusters for each transaction.
            for fact, more in ((change.before, -1), (change.after, 1)):
                if (terms := terms_in(fact)) is not None:
                    self._users[bare(terms)] += more
                    touched.add(bare(terms))
        unused = {terms for terms in touched if not self._users[terms]}
        for terms in unused:
            del self._users[terms]
        return unused

    def _close_idle(self, change: Change) -> None:
        roster = self._registry.rosters.get(str((change.after or change.before or Cluster(cluster="")).key))
        for backend in () if roster is None else roster.members.values():
            backend.forget_idle()

    def _dial(self, terms: BackendTls, backend: LiveBackend, family: int, address: Any, preface: Preface) -> TlsStream:
        # `done` and not an except: what comes from outside while we park here (a deadline, a client that has gone) has to close the connection as well.
        stream, done = connected(family, address, self._hub, partial(BackendStream, sessions=self._sessions)), False
        try:
            if preface:
                # In plain text and before the hello: a PROXY header stands before TLS, and is for whoever ends it.
                stream.send_bytes(preface if isinstance(preface, bytes) else preface(stream))
            place = self.context(terms), whom(terms, backend.name), backend.name, address
            stream.begin(self._engine(place))
            stream.handshake()
            # Only when the handshake is over: one whose server has not proved who it is must leave nothing to go on with.
            self._sessions.begin(place, stream)
            done = True
        except (BadCertificate, ssl.SSLError, BadHostname) as error:
            raise Broken(stream, OSError(f"TLS: {error}")) from error
        finally:
            if not done:
                stream.close()
        return stream

    def _engine(self, place: Place) -> Engine:
        context, name, _, _ = place
        return Engine(context, server_name=name, server=False, session=self._sessions.find(place))

    def __len__(self) -> int:
        """How many contexts there are now."""
        return len(self._contexts)

    def context(self, terms: BackendTls) -> ssl.SSLContext:
        """What OpenSSL needs for these terms. Raises BadCertificate or ssl.SSLError."""
        terms = bare(terms)
        context = self._contexts.get(terms)
        if context is None:
            shown = None if terms.certificate is None else self._certificates()[terms.certificate]
            context = self._contexts[terms] = backend_context(terms, self._library, shown)
        return context


def bare(terms: BackendTls) -> BackendTls:
    """What is asked of a context: whom a backend must prove to be is asked by the engine, so that a thousand names need one context."""
    return msgspec.structs.replace(terms, server_name=None)


def terms_in(fact: object) -> BackendTls | None:
    """A cluster's terms; of all else none."""
    return fact.tls if isinstance(fact, Cluster) else None


def backend_context(terms: BackendTls, library: Library | None, shown: Certificate | None = None) -> ssl.SSLContext:
    """A client's context on these terms, which shows this certificate. Raises BadCertificate or ssl.SSLError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    # Nothing here reads h2: a backend that speaks both is told which of them it will be.
    context.set_alpn_protocols(PROTOCOLS)
    if library is not None:
        library.set_groups(context, GROUPS)
    if not terms.verify:
        # First, or Python refuses to turn the verification off.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif terms.ca is None:
        trust_system(context)
    else:
        context.load_verify_locations(cadata=terms.ca)
    if shown is not None:
        load(context, shown)
    return context


def whom(terms: BackendTls, address: str) -> str:
    """Who a backend must prove to be, as certificates have it: in A-labels, without a last dot or brackets. Raises BadHostname."""
    return normal_hostname(terms.server_name or _host_of(address)).strip("[]")


def _host_of(address: str) -> str:
    """The host of `host:port`; of a unix socket, this machine."""
    return "localhost" if address.startswith("unix:") else address.rpartition(":")[0]
