"""Where requests come in over TLS: what is known of them besides their heads, because of the connection on which they come.

Connections to one name, with one version and one certificate of the client's, have one entrance, and what heads mean is remembered there; so all of
this costs a request nothing. Held are the last ones that were used.
"""

from base64 import b64encode
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from sozu.command.certificates.names import covers
from sozu.parsers.body import NO_BODY
from sozu.parsers.reasons import Reason, Refusal, refusal
from sozu.parsers.views import RequestView
from sozu.proxy.entry import with_tls
from sozu.proxy.forwarding import added_origin, completed, hostname, origin_fields, told_scheme
from sozu.proxy.heads import REQUEST_VIEW, TRUSTING_VIEW
from sozu.proxy.meaning import Asked, understand_request
from sozu.proxy.tls.arrival import Agreed, Visitor
from sozu.proxy.traffic import Entrance, Entrances

# The names are the clients' to choose, where a wildcard or the default answers all of them: without a bound each would leave an entrance behind.
MOST: Final = 256  # entrances: each may remember heads
SCHEME: Final = b"https"


class Way(NamedTuple):  # made, hashed and compared for each connection, which is cheap so
    """What connections through one entrance have in common. `names`: for whom the certificates speak; None if any host may be asked for."""

    listener: str
    version: str
    server_name: str | None
    names: tuple[str, ...] | None
    client_certificate: bytes | None
    trusted: bool = False


def way(visitor: Visitor, agreed: Agreed) -> Way:
    """After the handshake of this visitor."""
    choice = agreed.choice
    return Way(visitor.listener, agreed.version, choice.server_name, choice.names, agreed.client_certificate, visitor.believed is not None)


class TlsEntrances:
    """The entrances of a worker's TLS listeners, which follow its tables with the plain ones."""

    __slots__ = ("_entrances", "_plain")

    def __init__(self, plain: Entrances) -> None:
        self._plain = plain
        self._entrances: dict[Way, Entrance] = {}

    def of(self, way: Way) -> Entrance:
        """The entrance on this way."""
        # Out and in again: a dict keeps the order of insertion, so the first one is always the least used.
        entrance = self._entrances.pop(way, None)
        if entrance is None:
            if len(self._entrances) >= MOST:
                del self._entrances[next(iter(self._entrances))]
            # A trusted proxy's X-Forwarded lines are kept by this view; from anybody else they are cut out before anyone can believe them.
            view = TRUSTING_VIEW if way.trusted else REQUEST_VIEW
            entrance = Entrance(way.listener, self._understanding(way), _origin(way), self._plain.memory, view)
        self._entrances[way] = entrance  # the latest is the last
        return entrance

    def _understanding(self, way: Way) -> Callable[[RequestView], Asked]:
        plain = self._plain

        def understand(view: RequestView) -> Asked:
            scheme = told_scheme(view, SCHEME) if way.trusted else SCHEME
            asked = understand_request(view, way.listener, plain.routes, plain.settings, scheme, plain.registry.rosters)
            texts = with_tls(asked.texts, way.version, way.server_name)
            head = completed(asked.head, SCHEME, way.listener) if way.trusted else asked.head
            # Once for each head that is remembered, and not for each request: an entrance is for one set of names.
            framing = _directed(asked, way)
            # What is refused is not usual: misdirected requests that were usual otherwise went to a backend once, since an errand looks for no refusal.
            usual = asked.usual and framing is asked.framing
            return msgspec.structs.replace(asked, head=head, texts=texts, framing=framing, usual=usual)

        return understand


def _directed(asked: Asked, way: Way) -> object:
    """The framing, or the refusal of a request that is for another host than the client could know to be here (RFC 9110 section 7.4)."""
    # What is wrong with the request goes before where it went: a client that smuggles should be told 400, and the log the reason.
    if way.names is None or (asked.framing is not NO_BODY and isinstance(asked.framing, Refusal)):
        return asked.framing
    host = hostname(asked.texts.authority).decode("latin-1").lower().removesuffix(".")  # as routes have it
    return asked.framing if _names_none(asked) or covers(way.names, host) else refusal(Reason.HOST_MISDIRECTED)


def _names_none(asked: Asked) -> bool:
    """An HTTP/1.0 client need not name a host."""
    return asked.view.host is None and asked.view.target.startswith(b"/")


def _origin(way: Way) -> Callable[[bytes], bytes]:
    """The lines that tell who asks; of a client's certificate, all of it (RFC 9440 section 2.2), as no client can write it."""
    shown = b"" if way.client_certificate is None else b"Client-Cert: :%b:\r\n" % b64encode(way.client_certificate)

    def origin(client: bytes) -> bytes:
        lines = added_origin(client, way.listener) if way.trusted else origin_fields(client, SCHEME, way.listener)
        return lines + shown

    return origin


