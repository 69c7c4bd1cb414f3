"""What a ClientHello gets: certificates on some terms, the way to who has them, or an alert. Pure: facts in, a decision out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sozu.command.certificates.table import CertificateTable
from sozu.command.certificates.terms import Tls
from sozu.command.facts import Certificate
from sozu.command.state import FrontendKey
from sozu.parsers.wire.hello_message import ClientHello

# RFC 8446 section 6; RFC 7301 section 3.2; RFC 6066 section 3
HANDSHAKE_FAILURE: Final = 40
DECODE_ERROR: Final = 50
INTERNAL_ERROR: Final = 80
UNRECOGNIZED_NAME: Final = 112
NO_APPLICATION_PROTOCOL: Final = 120
FATAL: Final = 2
Terms = Mapping[str, Tls]  # of listeners
USUAL: Final = Tls()
SPOKEN: Final = frozenset((b"http/1.1", b"http/1.0"))


@dataclass(frozen=True, slots=True)
class Alert:
    """Why there is no handshake: a number for the client, and words for the log."""

    number: int
    reason: str

    @property
    def record(self) -> bytes:
        """As it is sent before anything is encrypted (RFC 8446 sections 5.1 and 6)."""
        return bytes((21, 3, 3, 0, 2, FATAL, self.number))


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a connection goes unopened, and what its client asked for (in lower case). `frontend`: who says so; None for the listener itself."""

    cluster: str
    server_name: str | None
    frontend: FrontendKey | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What is served, and what the client called it (in lower case)."""

    certificates: tuple[Certificate, ...]
    terms: Tls
    server_name: str | None


def name_in(hello: ClientHello) -> str | None:
    """What the client asks for, in lower case."""
    return None if hello.server_name is None else hello.server_name.lower()


def choose(hello: ClientHello, listener: str, table: CertificateTable, terms: Terms) -> Choice | Alert:
    """For a client at this listener; `terms` are the listeners'.

    A name that nobody has gets the default certificate, by which the client sees that it is not who it meant; what it asks for then is 421.
    """
    if hello.alpn and SPOKEN.isdisjoint(hello.alpn):
        return Alert(NO_APPLICATION_PROTOCOL, "the client speaks only other protocols than HTTP/1.1")
    name = name_in(hello)
    certificates = table.find(listener, name)
    if not certificates:
        return Alert(UNRECOGNIZED_NAME, "this listener has no certificate")
    return Choice(certificates, terms.get(listener) or USUAL, name)
