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

# A client that sends on and on would otherwise keep its descriptor, and a greenlet, for as long as it likes.
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 1 << 20
# A request may be on its way to us when we close, and a POST that meets the close is lost to its client: so whoever was told to go on
# gets a second, more than a round trip to anywhere.
DRAIN_SECONDS: Final = 1.0
NOTHING_READ: Final = Texts()


class Session(Answerer):
    """See Front for what exchanges use; `drain` and `close` are for those who end sessions from outside."""

    __slots__ = ("_entrance", "_errand", "_greenlet", "_idle_since", "number")

    def __init__(self, traffic: Traffic, stream: Stream, client: bytes, entrance: Entrance, number: int) -> None:
        """`number` is the connection's: how many this worker had accepted with it."""
        super().__init__(traffic, stream, client)
        self._entrance = entrance
        # At most one of these two is set: both are where a failure from outside has to arrive (`throw`).
        self._greenlet: Any = None  # of the running exchange; None between exchanges
        self._errand: Errand | None = None  # that is being run
        self._idle_since = traffic.clock.now
        self.number = number
        traffic.sessions.add(self)
        # What came behind a handshake is here already: the socket need not become readable for it.
        if stream.leftover:
            self._wake()
        else:
            stream.when_readable(self._wake)

    # ---- between exchanges ----

    def _wake(self) -> None:
        """Something has come, or the end. In the hub, which reports faults of our own."""
        # Until the last step has been taken: a fault of our own on the way ends the session too, and the hub reports it.
        goes_on = False
        try:
            data = self.stream.grab()
            if data:
                self._begin(data)
            # Woken for nothing, which the kernel may do: the client has neither spoken nor gone.
            elif data is None:
                self.stream.when_readable(self._wake)
            goes_on = data != b""
        except Broken:  # between two requests: there is nobody to tell
            goes_on = False
        finally:
            if not goes_on:
                self._end()

    def _begin(self, data: bytes) -> None:
        # Not the coarse clock: the log's duration and the histogram begin here. Before the head is looked at, which counts too.
        traffic, started = self._traffic, monotonic()
        asked = self._entrance.take(self.stream, data)
        chosen = None
        # Requests that came ahead have to be answered in their order, and the last answer says that it is the last: both take the greenlet's way.
        if asked is not None and asked.usual and not self.stream.leftover and not self.draining:
            assert asked.roster is not None, "a usual request has one"
            # Chosen once: where no connection is at hand the exchange goes on with the same backend, or the balancer would skip one (reach).
            chosen = asked.roster.sole or asked.roster.choose()
            back = None if chosen is None else traffic.pool.take(chosen, asked.idempotent)
            if back is not None:
                # It belongs to the connection and not to the session: of these there may be ten thousand idle ones, and it would cost each of them.
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
        # Before the exchange runs: an errand that has handed over knows no request any more, and `request` would ask it.
        self._errand = None
        self._traffic.spares.run(partial(self._serve, exchange))

    def _serve(self, exchange: "partial[None]") -> None:
        """Carry this out, and what else has come; then be idle, or closed. In a greenlet."""
        self._greenlet = getcurrent()
        # Only the end of the `try` says that it goes on: whatever is caught below ends the session.
        stream, goes_on = self.stream, False
        try:
            exchange()
            # What came ahead waits in `leftover`, so this read does not park; what is still in the kernel waits for `rest`.
            while self.keep and stream.leftover:
                data, started = stream.read(), monotonic()
                self._exchange(data, started, self._entrance.take(stream, data))
            if self.keep:
                goes_on = True
            else:
                self._linger()
        except (Broken, Late, Failure):  # between two requests, or after the last one: there is nobody to tell
            goes_on = False
        # The one handler of all faults of our own: a session ends, the worker and its other clients go on.
        except Exception:
            log.exception("session=failed client=%r", self.client)
            goes_on = False
        # From here on nothing parks, so nobody needs to be thrown at; and to throw into a greenlet that is spare again would hit another session.
        self._greenlet = None
        if goes_on:
            self.rest()
        else:
            self._end()

    def _linger(self) -> None:
        """Let the client read our last answer: bytes of it that we never read would make the kernel send a reset (RFC 9112 section 9.6)."""
        # Who was not asked whether he goes on may have sent more: with that unread, a close would drop even what has not left yet.
        if self.unread or self.stream.leftover or (self.draining and self.stream.grab()):
            self.deadline = self._traffic.clock.after(LINGER_SECONDS)
            self.stream.leftover = b""
            # The end of our side first, so that the client learns that its answer is whole while we still take what it sends.
            self.stream.end()
            left = LINGER_BYTES
            # Read and forgotten: bytes in the kernel's buffer at the close would turn it into a reset.
            while left > 0 and (piece := self.stream.read()):
                left -= len(piece)

    def expire(self) -> None:
        """The deadline has passed: throw it where the exchange waits, or close what is idle."""
        # Before the throw: what the exchange does to clean up may take longer than a tick, and the next sweep would throw into that.
        self.deadline = NEVER
        if self._busy:
            self.throw(Late())
        else:
            self._end()

    def throw(self, failure: Exception) -> None:
        """See Front."""
        if self._greenlet is not None:
            # It runs at once, and comes back here when it parks or ends: only from the hub, to which every park returns.
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
            # From when it became idle, and not from now: of thousands most go at once, and a drain is short.
            moment = self._idle_since + DRAIN_SECONDS
            # Idle for long, so hardly with a request on its way: nobody has to wait for the sweep.
            if moment <= self._traffic.clock.now:
                self._end()
            else:
                self.deadline = min(self.deadline, moment)

    def close(self) -> None:
        """End now."""
        if self._busy:
            # Not at once: whoever calls may be a greenlet, and a throw from there would not come back to it.
            self._traffic.hub.loop.run_callback(self._cut)
        else:
            self._end()

    def _cut(self) -> None:
        # Asked again: what was busy may have come to its end meanwhile, and be idle.
        if self._busy:
            self.throw(ClientGone("closed by the proxy"))
        else:
            self._end()

    def _end(self) -> None:
        # The set knows whether it is over: a sweep and a drain may both want it to end.
        if self in self._traffic.sessions:
            self._traffic.sessions.remove(self)
            self._traffic.counters.connections_open -= 1
            self.stream.close()

    # ---- requests ----

    def _exchange(self, data: bytes, started: float, asked: Asked | None, chosen: LiveBackend | None = None) -> None:
        """Carry out or refuse the request that begins with `data`: what it asks, unless its head is long, wrong, or not all there."""
        traffic, entrance = self._traffic, self._entrance
        try:
            # Here and not in the hub, since a head that drips parks for each piece.
            asked = asked or self._wait_for_head(data)
        except (BadHead, HeadEnded, Late) as fault:
            # There is no exchange yet, but a request to be logged and counted: a Record is the half of it that is needed.
            self._refuse(Record(next(traffic.ids), self.number, self.client, NOTHING_READ, started), _explain(fault))
            return
        # Before the exchange: its answer depends on what the client speaks.
        self._request = asked.view
        exchange = Exchange(next(traffic.ids), self.number, self.client, asked.texts, started)
        # Only ever cleared: whoever else has found a reason to end the connection is not overruled.
        if not asked.keep:
            self.keep = False
        if asked.framing is NO_BODY:
            exchange.run(traffic, self, asked, NO_BYTES, entrance.origins(self.client), chosen=chosen)
        elif isinstance(asked.framing, Refusal):
            self._refuse(exchange, dressed(Refused.because(asked.framing), asked, traffic.routes))
        else:
            # Without `chosen`: only a usual request has one, and that has no body.
            exchange.run(traffic, self, asked, incoming(asked.framing, self.stream), entrance.origins(self.client))

    def _wait_for_head(self, data: bytes) -> Asked:
        # The one before is over: behind a HEAD, what is no request got a refusal that announced a body and had none.
        self._request = None
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
            # In `finally`, as the client may not take even this answer: what was refused is in the log whatever becomes of it.
            record.close(self._traffic.books)


def serve_connection(traffic: Traffic, sock: _socket.socket, peer: Any, listener: str) -> None:
    """Begin to serve a client on an accepted, non-blocking socket, which is ours from now on. Called in the hub; does not switch."""
    number = traffic.counters.connections_accepted  # nobody accepts between the accept and here
    # Nobody keeps it here: it is in `traffic.sessions` for as long as it lives.
    Session(traffic, Stream(sock, traffic.hub), client_name(sock.family, peer), traffic.entrances[listener], number)


def _explain(fault: Exception) -> Failure:
    """What a head that could not be read means for the client."""
    if isinstance(fault, BadHead):
        return Refused.because(fault.refusal)
    if isinstance(fault, HeadEnded):
        return ClientGone("the client closed in the middle of a head")
    return Refused("client too slow with its head", 408)
