"""What a ClientHello gets: certificates on some terms, the way to who has them, or an alert. Facts in, a decision out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from sozu.command.certificates.names import covers
from sozu.command.certificates.table import CertificateTable
from sozu.command.certificates.terms import Tls
from sozu.command.facts import Certificate
from sozu.command.state import FrontendKey
from sozu.parsers.wire.hello_message import ClientHello
from sozu.parsers.wire.quick_hello import Wish

# RFC 8446 section 6; RFC 7301 section 3.2; RFC 6066 section 3
DECODE_ERROR: Final = 50
INTERNAL_ERROR: Final = 80
UNRECOGNIZED_NAME: Final = 112
NO_APPLICATION_PROTOCOL: Final = 120
FATAL: Final = 2
Terms = Mapping[str, Tls]  # of listeners
USUAL: Final = Tls()
# A bound because clients choose the words: any of them could otherwise fill a worker's memory with names that nobody has.
MOST_KNOWN: Final = 2048  # names, as clients wrote them
SPOKEN: Final = frozenset((b"http/1.1", b"http/1.0"))


@dataclass(frozen=True, slots=True)
class Alert:
    """Why there is no handshake: a number for the client, and words for the log."""

    number: int
    reason: str

    @property
    def record(self) -> bytes:
        """As it is sent before anything is encrypted (RFC 8446 sections 5.1 and 6)."""
        # In the clear and with the version that every client knows: nothing was agreed on yet.
        return bytes((21, 3, 3, 0, 2, FATAL, self.number))


@dataclass(frozen=True, slots=True)
class Passage:
    """Where a connection goes unopened, and what its client asked for (in lower case). `frontend`: who says so; None for the listener itself."""

    cluster: str
    server_name: str | None
    frontend: FrontendKey | None


@dataclass(frozen=True, slots=True)
class Choice:
    """What is served, what the client called it (in lower case), and for whom the certificates speak: None if any host may be asked for.

    `served`: certificates and terms again, in a form that is quickly compared.
    """

    certificates: tuple[Certificate, ...]
    terms: Tls
    server_name: str | None
    names: tuple[str, ...] | None
    served: bytes = field(default=b"", compare=False)


def _common(certificates: tuple[Certificate, ...]) -> tuple[str, ...]:
    """The names that each of them covers, by a name of its own or a wildcard."""
    # It is the client that decides by its ciphers which of them it sees, and nothing tells us: who has seen the
    # one with a single name must not read what belongs to the other names of its twin.
    first, *others = ((one, frozenset(one.names)) for one in certificates)
    # The usual pair has the same names: a client that asks for names which nobody has must not cost us a look at a thousand.
    if all(names == first[1] for _, names in others):
        return first[0].names
    each = [first, *others]
    return tuple(dict.fromkeys(name for one, _ in each for name in one.names if all(covers(names, name) for _, names in each)))


def key_of(certificates: tuple[Certificate, ...], terms: Tls) -> bytes:
    """The same for the same certificates on the same terms, and for no others."""
    # Fingerprints first, and in brackets of their own: `shown_by` reads them off without decoding what follows.
    return msgspec.json.encode((tuple(one.fingerprint for one in certificates), terms))


def shown_by(key: bytes) -> list[str]:
    """The fingerprints that a key was made of. A transaction asks this of all contexts, and cannot wait for the terms to be read."""
    return key.partition(b"]")[0].decode("ascii").split('"')[1::2]


def name_in(hello: ClientHello) -> str | None:
    """What the client asks for, in lower case."""
    # Names are compared without case (RFC 6066 section 3, RFC 5890). A client's own spelling is the key of `_known`, where it saves this step.
    return None if hello.server_name is None else hello.server_name.lower()


class Chooser:
    """Chooses by one table, and on the terms of the listeners. Neither changes, so what is wished for again need not be looked up again."""

    __slots__ = ("_known", "_terms", "_wishes", "table")

    def __init__(self, table: CertificateTable, terms: Terms) -> None:
        self.table = table
        self._terms = terms
        self._known: dict[tuple[str, str | None], Choice] = {}
        self._wishes: dict[tuple[str, Wish], Choice] = {}

    def recall(self, wish: Wish, listener: str) -> Choice | None:
        """What a client with this very wish got at this listener before."""
        return self._wishes.get((listener, wish))

    def choose(self, hello: ClientHello, listener: str, wish: Wish | None = None) -> Choice | Alert:
        """For a client at this listener; who has the same wish may recall it.

        A name that nobody has gets the default certificate, by which the client sees that it is not who it meant; what it asks for then is 421.
        """
        # Asked here, since Python's ssl does not: where no protocol is common it goes on without any,
        # and a client that speaks h2 only would get HTTP/1.1 (RFC 7301 section 3.2 wants the alert).
        if hello.alpn and SPOKEN.isdisjoint(hello.alpn):
            return Alert(NO_APPLICATION_PROTOCOL, "the client speaks only other protocols than HTTP/1.1")
        place = listener, hello.server_name
        choice = self._known.get(place) or self._look_up(listener, name_in(hello), place)
        if wish is not None and isinstance(choice, Choice):
            self._make_room()
            self._wishes[listener, wish] = choice
        return choice

    def _make_room(self) -> None:
        """Clients may write what they like."""
        # All at once: who fills it with rubbish costs others one look-up each, and an order of use would cost every handshake something.
        if max(len(self._known), len(self._wishes)) >= MOST_KNOWN:
            self._known.clear()
            self._wishes.clear()

    def _look_up(self, listener: str, name: str | None, place: tuple[str, str | None]) -> Choice | Alert:
        certificates = self.table.find(listener, name)
        if not certificates:
            return Alert(UNRECOGNIZED_NAME, "this listener has no certificate")
        terms = self._terms.get(listener) or USUAL
        names = _common(certificates) if terms.strict else None
        choice = Choice(certificates, terms, name, names, key_of(certificates, terms))
        self._make_room()
        self._known[place] = choice
        return choice
