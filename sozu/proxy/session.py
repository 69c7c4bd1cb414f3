"""One HTTP/1 client connection: it reads requests one after the other, has each carried out, and owns no greenlet between them.

What comes is looked at in the hub. A usual request to a connection that is at hand becomes an errand (errand.py), any other one an exchange (exchange.py), which
takes a greenlet. Pipelined requests wait in `stream.leftover` until the answer before them is out, so answers come in order. How a response is
framed for this client is in answering/. All of it is the HTTP/1 form of a Front.
"""

import _socket
from functools import partial
import logging
from time import monotonic
from typing import Any, Final

from greenlet import getcurrent

from sozu.parsers.body import NO_BODY
from sozu.parsers.reasons import Refusal
from sozu.parsers.views import RequestView
from sozu.proxy.answering import Answerer
from sozu.proxy.answering.dressing import dressed
from sozu.proxy.bodies import NO_BYTES, incoming
from sozu.proxy.deadlines import NEVER, Late
from sozu.proxy.entry import Texts
from sozu.proxy.errand import Errand
from sozu.proxy.exchange import Exchange
from sozu.proxy.failures import ClientGone, Failure, Refused
from sozu.proxy.forwarding import client_name
from sozu.proxy.heads import BadHead, HeadEnded
from sozu.proxy.meaning import Asked
from sozu.proxy.record import Record
from sozu.proxy.registry import LiveBackend
from sozu.proxy.stream import Broken, Stream
from sozu.proxy.traffic import Entrance, Traffic

log = logging.getLogger("sozu.proxy")

LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 1 << 20
DRAIN_SECONDS: Final = 1.0
NOTHING_READ: Final = Texts()


class Session(Answerer):
    """See Front for what exchanges use; `drain` and `close` are for those who end sessions from outside."""

    __slots__ = ("_entrance", "_errand", "_greenlet", "_idle_since", "number")

    def __init__(self, traffic: Traffic, stream: Stream, client: bytes, entrance: Entrance, number: int) -> None:
        """`number` is the connection's: how many this worker had accepted with it."""
        super().__init__(traffic, stream, client)
        self._entrance = entrance
        self._greenlet: Any = None  # of the running exchange; None between exchanges
        self._errand: Errand | None = None  # that is being run
        self._idle_since = traffic.clock.now
        self.number = number
        traffic.sessions.add(self)
        if stream.leftover:
            self._wake()
        else:
            stream.when_readable(self._wake)

    # ---- between exchanges ----

    def _wake(self) -> None:
        """Something has come, or the end. In the hub, which reports faults of our own."""
        goes_on = False
        try:
            data = self.stream.grab()
            if data:
                self._begin(data)
            elif data is None:
                self.stream.when_readable(self._wake)
            goes_on = data != b""
        except Broken:  # between two requests: there is nobody to tell
            goes_on = False
        finally:
            if not goes_on:
                self._end()

    def _begin(self, data: bytes) -> None:
        traffic, started = self._traffic, monotonic()
        asked = self._entrance.take(self.stream, data)
        chosen = None
        if asked is not None and asked.usual and not self.stream.leftover and not self.draining:
            assert asked.roster is not None, "a usual request has one"
            chosen = asked.roster.sole or asked.roster.choose()
            back = None if chosen is None else traffic.pool.take(chosen, asked.idempotent)
            if back is not None:
                self._errand = errand = back.errand or Errand(traffic, back)
                errand.run(self, asked, self._entrance.origins(self.client), started)
                return
        traffic.spares.run(partial(self._serve, partial(self._exchange, data, started, asked, chosen)))

    def rest(self) -> None:
        """Nothing is being done: be idle."""
        clock = self._traffic.clock
        self._errand = self._request = None
        self._idle_since = clock.now
        self.deadline = clock.next + (DRAIN_SECONDS if self.draining else self._traffic.settings.timeouts.front)
        self.stream.when_readable(self._wake)

    def go_on(self, request: RequestView, exchange: "partial[None]") -> None:
        """An errand has become an exchange."""
        self._request = request
        self._errand = None
        self._traffic.spares.run(partial(self._serve, exchange))

    def _serve(self, exchange: "partial[None]") -> None:
        """Carry this out, and what else has come; then be idle, or closed. In a greenlet."""
        self._greenlet = getcurrent()
        stream, goes_on = self.stream, False
        try:
            exchange()
            while self.keep and stream.leftover:
                data, started = stream.read(), monotonic()
                self._exchange(data, started, self._entrance.take(stream, data))
            if self.keep:
                goes_on = True
            else:
                self._linger()
        except (Broken, Late, Failure):  # between two requests, or after the last one: there is nobody to tell
            goes_on = False
        except Exception:
            log.exception("session=failed client=%r", self.client)
            goes_on = False
        self._greenlet = None
        if goes_on:
            self.rest()
        else:
            self._end()

    def _linger(self) -> None:
        """Let the client read our last answer: bytes of it that we never read would make the kernel send a reset (RFC 9112 section 9.6)."""
        if self.unread or self.stream.leftover:
            self.deadline = self._traffic.clock.after(LINGER_SECONDS)
            self.stream.leftover = b""
            self.stream.end()
            left = LINGER_BYTES
            while left > 0 and (piece := self.stream.read()):
                left -= len(piece)

    def expire(self) -> None:
        """The deadline has passed: throw it where the exchange waits, or close what is idle."""
        self.deadline = NEVER
        if self._busy:
            self.throw(Late())
        else:
            self._end()

    def throw(self, failure: Exception) -> None:
        """See Front."""
        if self._greenlet is not None:
            self._greenlet.throw(failure)
        elif self._errand is not None:
            self._errand.fail(failure)

    @property
    def _busy(self) -> bool:
        return self._greenlet is not None or self._errand is not None

    @property
    def idle_since(self) -> float:
        """Since when nothing has happened; NEVER while something does."""
        return NEVER if self._busy else self._idle_since

    @property
    def request(self) -> RequestView | None:
        """What is being answered; None between requests."""
        return self._request if self._errand is None else self._errand.request

    @property
    def listener(self) -> str:
        """Where it came in."""
        return self._entrance.listener

    destination = listener

    def drain(self) -> None:
        """Answer one more request at most, telling the client so. One that was active a moment ago may have it on its way to us."""
        self.draining = True
        if not self._busy:
            moment = self._idle_since + DRAIN_SECONDS
            if moment <= self._traffic.clock.now:
                self._end()
            else:
                self.deadline = min(self.deadline, moment)

    def close(self) -> None:
        """End now."""
        if self._busy:
            self._traffic.hub.loop.run_callback(self.throw, ClientGone("closed by the proxy"))
        else:
            self._end()

    def _end(self) -> None:
        if self in self._traffic.sessions:
            self._traffic.sessions.remove(self)
            self._traffic.counters.connections_open -= 1
            self.stream.close()

    # ---- requests ----

    def _exchange(self, data: bytes, started: float, asked: Asked | None, chosen: LiveBackend | None = None) -> None:
        """Carry out or refuse the request that begins with `data`: what it asks, unless its head is long, wrong, or not all there."""
        traffic, entrance = self._traffic, self._entrance
        try:
            asked = asked or self._wait_for_head(data)
        except (BadHead, HeadEnded, Late) as fault:
            self._refuse(Record(next(traffic.ids), self.number, self.client, NOTHING_READ, started), _explain(fault))
            return
        self._request = asked.view
        exchange = Exchange(next(traffic.ids), self.number, self.client, asked.texts, started)
        if not asked.keep:
            self.keep = False
        if asked.framing is NO_BODY:
            exchange.run(traffic, self, asked, NO_BYTES, entrance.origins(self.client), chosen=chosen)
        elif isinstance(asked.framing, Refusal):
            self._refuse(exchange, dressed(Refused.because(asked.framing), asked, traffic.routes))
        else:
            exchange.run(traffic, self, asked, incoming(asked.framing, self.stream), entrance.origins(self.client))

    def _wait_for_head(self, data: bytes) -> Asked:
        self.deadline = self._traffic.clock.after(self._traffic.settings.timeouts.request)
        return self._entrance.wait(self.stream, data)

    def _refuse(self, record: Record, failure: Failure) -> None:
        """What follows cannot be trusted: answer, and read no further."""
        self.keep = False
        self.unread = True
        record.ended = str(failure)
        record.status = failure.status
        try:
            if failure.status:
                self.answer_ourselves(record, failure)
        finally:
            record.close(self._traffic.books)


def serve_connection(traffic: Traffic, sock: _socket.socket, peer: Any, listener: str) -> None:
    """Begin to serve a client on an accepted, non-blocking socket, which is ours from now on. Called in the hub; does not switch."""
    number = traffic.counters.connections_accepted  # nobody accepts between the accept and here
    Session(traffic, Stream(sock, traffic.hub), client_name(sock.family, peer), traffic.entrances[listener], number)


def _explain(fault: Exception) -> Failure:
    """What a head that could not be read means for the client."""
    if isinstance(fault, BadHead):
        return Refused.because(fault.refusal)
    if isinstance(fault, HeadEnded):
        return ClientGone("the client closed in the middle of a head")
    return Refused("client too slow with its head", 408)
