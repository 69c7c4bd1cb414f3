"""TLS to backends: a cluster's terms become a context, and a connection is one only when the backend has proved who it is.

The name that it must prove is the terms', else the host of its address. What fails is Broken like a refused connection: the exchange tries another
backend, and in the end the client gets 502 and the log the reason.
"""

from collections.abc import Iterable
from functools import partial
import ssl
from typing import Any

from gevent.hub import Hub

from sozu.command.certificates.terms import BackendTls
from sozu.command.draft import Change
from sozu.command.facts import Cluster
from sozu.proxy.loop.connect import connected
from sozu.proxy.pool import Dial, Pool
from sozu.proxy.registry import LiveBackend, Registry
from sozu.proxy.tls.contexts import CIPHERS, GROUPS, PROTOCOLS
from sozu.proxy.tls.engine import Engine
from sozu.proxy.tls.openssl import Library
from sozu.proxy.tls.stream import TlsStream


class SecureBackends:
    """Tells the pool how to reach the clusters that have terms."""

    __slots__ = ("_contexts", "_hub", "_library", "_pool", "_registry")

    def __init__(self, pool: Pool, registry: Registry, hub: Hub, library: Library | None) -> None:
        self._pool, self._registry, self._hub, self._library = pool, registry, hub, library
        self._contexts: dict[BackendTls, ssl.SSLContext] = {}  # made when they are first needed

    def follow(self, changes: Iterable[Change]) -> None:
        """From now on these terms hold. Idle connections under others are closed: no request may ride on one in plain text when it should not."""
        dials: dict[str, Dial] = dict(self._pool.dials)
        for change in changes:
            if isinstance(change.before, Cluster):
                dials.pop(change.before.cluster, None)
            if isinstance(change.after, Cluster) and change.after.tls is not None:
                dials[change.after.cluster] = partial(self._dial, change.after.tls)
            if terms_in(change.before) != terms_in(change.after):
                self._close_idle(change)
        self._pool.dials = dials

    def _close_idle(self, change: Change) -> None:
        roster = self._registry.rosters.get(str((change.after or change.before or Cluster(cluster="")).key))
        for backend in () if roster is None else roster.members.values():
            backend.forget_idle()

    def _dial(self, terms: BackendTls, backend: LiveBackend, family: int, address: Any) -> TlsStream:
        stream, done = connected(family, address, self._hub, TlsStream), False
        try:
            stream.begin(Engine(self._context(terms), server_name=terms.server_name or host_of(backend.name), server=False))
            stream.handshake()
            done = True
        finally:
            if not done:
                stream.close()
        return stream

    def _context(self, terms: BackendTls) -> ssl.SSLContext:
        context = self._contexts.get(terms)
        if context is None:
            context = self._contexts[terms] = backend_context(terms, self._library)
        return context


def terms_in(fact: object) -> BackendTls | None:
    """A cluster's terms; of all else none."""
    return fact.tls if isinstance(fact, Cluster) else None


def backend_context(terms: BackendTls, library: Library | None) -> ssl.SSLContext:
    """A client's context on these terms."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(PROTOCOLS)
    if library is not None:
        library.set_groups(context, GROUPS)
    if not terms.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif terms.ca is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=terms.ca)
    return context


def host_of(address: str) -> str:
    """The host of `host:port`, without brackets; of a unix socket, this machine."""
    return "localhost" if address.startswith("unix:") else address.rpartition(":")[0].strip("[]")
