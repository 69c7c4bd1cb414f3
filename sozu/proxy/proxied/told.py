"""Clients of trusted proxies: each request has one of its own, whom the proxy names in X-Forwarded-For. Limits, address lists and the log mean that one.

The field is read from its end, where the proxy that we know has written: whom a trusted one names is believed, and if he is a trusted proxy too, so is what
stands before him. Anything further on may have been written by anybody. Forwarded (RFC 7239) is read the same way where the other field is not there.
"""

from collections.abc import Iterable

from sozu.command.edits.networks import Networks
from sozu.parsers.fields.forwarded import forwarded, node, x_forwarded_for
from sozu.parsers.fields.section import values
from sozu.parsers.result import Error
from sozu.parsers.views import RequestView
from sozu.parsers.whole import whole
from sozu.proxy.meaning import Asked
from sozu.proxy.session import Session
from sozu.proxy.stream import Stream
from sozu.proxy.traffic import Entrance, Traffic


class ToldSession(Session):
    """A connection of a trusted proxy; `client` is the proxy between requests, and whom it names during one. It stands before its entrance itself."""

    __slots__ = ("_believed", "_peer", "_shared")

    def __init__(self, traffic: Traffic, stream: Stream, client: bytes, entrance: Entrance, number: int, *, believed: Networks) -> None:
        """`believed` are the addresses of all trusted proxies."""
        # Before `super`, which may read the first request at once (Session._wake) and asks for all three.
        self._peer, self._believed, self._shared = client, believed, entrance
        super().__init__(traffic, stream, client, entrance, number)

    @property  # type: ignore[override]
    def _entrance(self) -> "ToldSession":
        """Where heads are taken, and lines given that tell who we are: here, so that nothing of it costs a connection that is nobody's proxy."""
        return self

    @_entrance.setter
    def _entrance(self, entrance: Entrance) -> None:
        """It is the shared one."""

    @property
    def listener(self) -> str:
        """Where it came in."""
        return self._shared.listener

    def take(self, stream: Stream, data: bytes) -> Asked | None:
        """See Entrance."""
        # Until its head is read a request is the proxy's own: what is refused before must not be put down to the client of the one before.
        self.client = self._peer
        asked = self._shared.take(stream, data)
        return None if asked is None else self._told(asked)

    def wait(self, stream: Stream, data: bytes) -> Asked:
        """See Entrance."""
        return self._told(self._shared.wait(stream, data))

    def origins(self, _: bytes) -> bytes:
        """See Entrance: the proxy that we know is added to what it has said."""
        return self._shared.origins(self._peer)

    def rest(self) -> None:
        """See Session."""
        self.client = self._peer
        super().rest()

    def _told(self, asked: Asked) -> Asked:
        self.client = told_client(asked.view, self._peer, self._believed)
        return asked


def told_client(request: RequestView, peer: bytes, believed: Networks) -> bytes:
    """Whom a trusted peer names, as `IP:port`, with port 0 if it does not say; the peer itself if it names nobody, or nonsense."""
    found = peer
    for text in reversed(_named(request.passed_fields())):
        client = _client(text)
        if client is None:
            break
        found = client
        # He is nobody's proxy that we know, so whatever stands before him he may have made up.
        if not believed.holds(client.rpartition(b":")[0].strip(b"[]")):
            break
    return found


def _named(fields: bytes) -> list[bytes]:
    """Who asked, by way of whom; what cannot be read ends the list, since nothing before it can be believed."""
    # The older field first: a proxy that writes only this may well pass on a Forwarded that its client has made up.
    lines = values(fields, b"x-forwarded-for")
    if lines:
        return [name for line in lines for name in _listed(whole(x_forwarded_for, line))]
    elements = (element for line in values(fields, b"forwarded") for element in _listed(whole(forwarded, line)))
    return [element.get(b"for", b"") if isinstance(element, dict) else b"" for element in elements]


def _listed(outcome: object) -> Iterable[bytes]:
    # An empty name stands for what cannot be read. It is nobody's, so the walk from the end stops there and does not pass it by.
    return [b""] if isinstance(outcome, Error) or not isinstance(outcome, list) else outcome


def _client(text: bytes) -> bytes | None:
    """The address in `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`; None for what is none."""
    # X-Forwarded-For has no grammar of its own: many write IPv6 without brackets, and the last group would be read as a port.
    bare = b"[%b]" % text if text.count(b":") > 1 and not text.startswith(b"[") else text
    party = whole(node, bare)
    # RFC 7239 section 6: a node may be `unknown`, or an obfuscated name that begins with an underscore. Neither is an address that a
    # limit or a list could mean; a port may be obfuscated as well.
    if isinstance(party, Error) or party is None or party.name.startswith("_") or party.name.lower() == "unknown":
        return None
    port = party.port if (party.port or "").isdigit() else 0
    return f"{party.name}:{port}".encode()
