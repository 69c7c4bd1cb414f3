"""A client of a TLS listener from its accept to the end of its handshake; then it is a session like any other.

All of it runs in the hub, in steps as records come, and nothing parks: an unfinished handshake costs no greenlet, and it may cost nobody else time. It
has one deadline; what goes wrong is one line in the log, and an alert for the client. Who speaks HTTP without TLS is told so, in HTTP.
"""

from dataclasses import dataclass
import logging
import ssl
from typing import Final, Protocol

from sozu.command.certificates.pem import BadCertificate
from sozu.command.edits.networks import Networks
from sozu.parsers.result import Done, Error
from sozu.parsers.wire.client_hello import HelloReader
from sozu.parsers.wire.hello_message import ClientHello
from sozu.parsers.wire.quick_hello import Wish, quick_wish, whole_message
from sozu.proxy.deadlines import NEVER
from sozu.proxy.stream import Broken, Stream
from sozu.proxy.tls.choosing import DECODE_ERROR, INTERNAL_ERROR, Alert, Choice, Passage
from sozu.proxy.tls.engine import Engine
from sozu.proxy.tls.openssl import Unsupported
from sozu.proxy.tls.stream import TlsStream
from sozu.proxy.traffic import Traffic

log = logging.getLogger("sozu.proxy")

# One second each: long enough for a client far away to take an alert or a last request, short enough that nobody keeps a descriptor by it.
LINGER_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 1.0
METHODS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")  # with what HTTP begins, and no handshake
PLAIN_HTTP: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
)
ADVICE: Final = b"This port speaks HTTPS: the address begins with https://\n"


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a handshake came to."""

    choice: Choice
    version: str
    client_certificate: bytes | None


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who has come, and where; `number` tells connections of a worker apart. What one says of its clients is taken if it is one of those `believed`."""

    client: bytes
    listener: str
    number: int
    believed: Networks | None = None


class Doorkeeper(Protocol):
    """Who decides about clients, and takes them over."""

    def recall(self, wish: Wish, listener: str) -> Choice | None:
        """What a client with this wish gets, if that is known already."""

    def choose(self, hello: ClientHello, listener: str, wish: Wish | None) -> Choice | Passage | Alert:
        """What a client gets."""

    def without_hello(self, listener: str) -> Passage | None:
        """Where a client goes that begins with something else, if it is for anybody."""

    def pass_on(self, stream: Stream, visitor: Visitor, passage: Passage) -> None:
        """The connection is to go there unopened; what has been read of it is left over on the stream, which is yours."""

    def context(self, choice: Choice) -> ssl.SSLContext:
        """What OpenSSL needs for it. Raises BadCertificate, ssl.SSLError or Unsupported."""

    def welcome(self, stream: TlsStream, visitor: Visitor, agreed: Agreed) -> None:
        """The handshake is over: the stream is yours."""


class Arrival:
    """One client in its handshake."""

    __slots__ = ("_choice", "_doorkeeper", "_reader", "_since", "_stream", "_told", "_traffic", "_visitor", "_wish", "deadline", "stream")

    def __init__(self, traffic: Traffic, stream: TlsStream, visitor: Visitor, doorkeeper: Doorkeeper) -> None:
        self._traffic, self._visitor, self._doorkeeper = traffic, visitor, doorkeeper
        self._stream = stream
        self.stream: Stream = stream  # the same, as others see it
        self._reader: HelloReader | None = None
        self._wish: Wish | None = None
        self._choice: Choice | None = None
        self._told = False
        self._since = traffic.clock.now
        # One for all of the handshake, not one for each record: else a byte now and then would hold a descriptor
        # for ever. It is `timeouts.request`, since to whoever waits a handshake is the first part of his request.
        self.deadline = traffic.clock.after(traffic.settings.timeouts.request)
        # Among the sessions from here on: what is counted as open has to be found by a drain, by the sweep of deadlines, and by who looks for room.
        traffic.sessions.add(self)
        stream.when_bytes(self._read_hello)

    # ---- for those who end sessions ----

    @property
    def idle_since(self) -> float:
        """A full worker may close who does not come to the point."""
        # Never infinite, as it is for one who is busy: to connect and say nothing is the cheapest attack there is, and must not be safe from eviction.
        return self._since

    def throw(self, failure: Exception) -> None:
        """There is no exchange yet, but somebody who has gone."""
        self._fail(str(failure))

    @property
    def listener(self) -> str:
        """Where it came."""
        return self._visitor.listener

    def drain(self) -> None:
        """It may come to its one request, if it is quick."""
        # Not closed: the first request may be on its way behind the hello, and its client could not know whether it was carried out.
        self.deadline = min(self.deadline, self._traffic.clock.next + DRAIN_SECONDS)

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = NEVER
        self._fail("the client took too long")

    def close(self) -> None:
        """End now."""
        # A deadline, a drain and a failure may all end it in one turn of the loop: connections are counted down once.
        if self in self._traffic.sessions:
            self._traffic.sessions.remove(self)
            self._traffic.counters.connections_open -= 1
            self._stream.close()

    # ---- the hello ----

    def _read_hello(self) -> None:
        try:
            data = self._stream.take_bytes()
        except Broken as broken:
            self._fail(str(broken))
            return
        if not data:
            self._nothing(data)
        elif self._reader is not None or not self._served_as_before(data):
            self._read_closely(data)

    def _served_as_before(self, data: bytes) -> bool:
        """The first bytes are all of the hello, as a rule, and most hellos ask for what others have asked for."""
        # Nothing is lost where it is not: the same bytes are read closely then, from their beginning.
        message = whole_message(data)
        self._wish = wish = None if message is None else quick_wish(message)
        choice = None if wish is None else self._doorkeeper.recall(wish, self._visitor.listener)
        if choice is not None:
            self._serve(choice, data)
        return choice is not None

    def _read_closely(self, data: bytes) -> None:
        # Made here and not at the accept: most hellos are recalled, and a reader is the dearest thing that an Arrival would have.
        if self._reader is None:
            self._reader = HelloReader()
        outcome = self._reader.feed(data)
        if isinstance(outcome, Done):
            self._answer(outcome.value)
        elif isinstance(outcome, Error):
            self._refuse_bytes(outcome)
        else:
            self._stream.when_bytes(self._read_hello)

    def _nothing(self, data: bytes | None) -> None:
        """A false alarm, or the end; who comes and goes without a word is a health check."""
        if data is None:
            self._stream.when_bytes(self._read_hello)
        # A line in the log for each health check of a balancer would be most of the log.
        elif self._reader is not None:
            self._fail("closed in the middle of its hello")
        else:
            self.close()

    def _refuse_bytes(self, error: Error) -> None:
        received = self._received
        # First: at a tcp listener what is no TLS is the cluster's business, also where it begins like HTTP.
        passage = self._doorkeeper.without_hello(self._visitor.listener)
        if passage is not None:
            self._pass_on(passage)
        # In plain text, since whoever speaks it cannot read an alert: a browser would show a broken connection, and nobody would look at the scheme.
        elif received[0] in METHODS:
            self._refuse("plain HTTP", PLAIN_HTTP % (len(ADVICE), ADVICE))
        else:
            expected = " or ".join(sorted(error.expected))
            self._refuse(f"not a ClientHello: expected {expected} at byte {error.position}", Alert(DECODE_ERROR, "").record)

    def _answer(self, hello: ClientHello) -> None:
        choice = self._doorkeeper.choose(hello, self._visitor.listener, self._wish)
        if isinstance(choice, Alert):
            self._refuse(choice.reason, choice.record)
        elif isinstance(choice, Passage):
            self._pass_on(choice)
        else:
            self._serve(choice, self._received)

    @property
    def _received(self) -> bytearray:
        assert self._reader is not None, "something was read"
        return self._reader.received

    def _pass_on(self, passage: Passage) -> None:
        # Without counting down: the connection is the tunnel's now, and counted as open until that ends.
        self._traffic.sessions.remove(self)
        stream = self._stream.plain()
        # Every byte from the first one, also what came behind the hello: the backend's handshake has to see what the client has signed for.
        stream.leftover = bytes(self._received)
        self._doorkeeper.pass_on(stream, self._visitor, passage)

    def _serve(self, choice: Choice, hello: bytes | bytearray) -> None:
        self._choice = choice
        try:
            engine = Engine(self._doorkeeper.context(choice))
        # The master has tried each certificate before it was committed, so this is rare: no descriptor is left
        # to load it by, say. It costs one client his handshake, and the worker goes on with the others.
        except (BadCertificate, ssl.SSLError, Unsupported) as error:
            self._unusable(choice, str(error))
            self._refuse("the certificate cannot be used", Alert(INTERNAL_ERROR, "").record)
            return
        # OpenSSL gets the bytes that we have read, whole: the transcript that both sides hash begins with them (RFC 8446 section 4.4.1).
        engine.feed(hello)
        self._stream.begin(engine)
        self._go_on()

    def _unusable(self, choice: Choice, why: str) -> None:
        log.error("event=certificate_unusable fingerprint=%s reason=%r", choice.certificates[0].fingerprint, why)

    # ---- the handshake ----

    def _go_on(self) -> None:
        try:
            over = self._stream.step()
        except Broken as broken:
            self._fail(str(broken))
            return
        # More may have come with the end of the handshake: `glance` looks, since no watcher would tell of what is in memory already.
        if over:
            self._finish()
        else:
            self._stream.when_bytes(self._receive)

    def _receive(self) -> None:
        try:
            self._stream.receive()
        except Broken as broken:
            self._fail(str(broken))
        else:
            self._go_on()

    def _finish(self) -> None:
        choice, engine = self._choice, self._stream.engine
        assert choice is not None, "there was a hello"
        # The session that follows puts itself there, and two entries for a connection would be one too many for a drain.
        self._traffic.sessions.remove(self)
        # Only what was verified: with no authority to verify by there can be none, whatever the client has sent.
        shown = None if choice.terms.client_ca is None else engine.peer_certificate
        self._doorkeeper.welcome(self._stream, self._visitor, Agreed(choice, engine.version, shown))

    # ---- when it fails ----

    def _refuse(self, reason: str, answer: bytes) -> None:
        """Say why not, and see that it arrives: bytes of the client that nobody reads would make the kernel take it back."""
        self._tell(reason)
        # Closed at once with bytes unread, the kernel sends a reset, and that may overtake the answer in the client's kernel (RFC 9112 section 9.6).
        self.deadline = self._traffic.clock.after(LINGER_SECONDS)
        self._stream.send_last_bytes(answer)
        self._stream.when_bytes(self._linger)

    def _linger(self) -> None:
        try:
            more = self._stream.take_bytes()
        except Broken:
            more = b""
        if more == b"":
            self.close()
        else:
            self._stream.when_bytes(self._linger)

    def _fail(self, reason: str) -> None:
        self._tell(reason)
        self.close()

    def _tell(self, reason: str) -> None:
        """Once: what comes after an alert is no news."""
        if not self._told:
            self._told = True
            name = None if self._choice is None else self._choice.server_name
            visitor = self._visitor
            log.info("event=handshake_failed listener=%s client=%s name=%s reason=%r", visitor.listener, visitor.client.decode(), name, reason)
