"""One HTTP/1 client connection: it reads requests one after the other, has each carried out, and owns no greenlet between them.

It is the HTTP/1 form of a Front. Pipelined requests wait in `stream.leftover` until the answer before them is out, so answers come in
order. What an exchange does is in exchange.py; how a response is framed for this client, in answering/.
"""

import _socket
import logging
from time import monotonic
from typing import Any, Final

from greenlet import getcurrent

from sozu.command.facts import Timeouts
from sozu.parsers.body import NO_BODY, Framing
from sozu.parsers.reasons import Refusal
from sozu.parsers.views import RequestView, ResponseView
from sozu.proxy.answering import CarefulAnswer, own_answer
from sozu.proxy.answering.dressing import dressed
from sozu.proxy.bodies import NO_BYTES, incoming
from sozu.proxy.deadlines import NEVER, Late
from sozu.proxy.entry import Texts
from sozu.proxy.exchange import Exchange
from sozu.proxy.failures import ClientGone, Failure, Refused
from sozu.proxy.forwarding import CRLF, SOZU_ID, client_name, downstream_head
from sozu.proxy.heads import END, BadHead, HeadEnded
from sozu.proxy.meaning import Answered, Asked
from sozu.proxy.policy.limits import seconds_to_take
from sozu.proxy.record import Record
from sozu.proxy.stream import HEAD_SIZE, Broken, Stream
from sozu.proxy.traffic import Entrance, Traffic

log = logging.getLogger("sozu.proxy")

LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 1 << 20
DRAIN_SECONDS: Final = 1.0
CLOSE_AND_ID: Final = b"Connection: close\r\n" + SOZU_ID
NOTHING_READ: Final = Texts()


class Session:
    """See Front for what exchanges use; `drain` and `close` are for those who end sessions from outside."""

    __slots__ = (
        "_draining", "_entrance", "_greenlet", "_idle_since", "_number", "_request", "_traffic", "client", "deadline", "keep", "min_rate", "stream", "unread", "until_close",
    )  # fmt: skip

    def __init__(self, traffic: Traffic, stream: Stream, client: bytes, entrance: Entrance, number: int) -> None:
        """`number` is the connection's: how many this worker had accepted with it."""
        self._traffic = traffic
        self._entrance = entrance
        self._greenlet: Any = None  # of the running exchange; None between exchanges
        self._idle_since = traffic.clock.now
        self._number = number
        self._draining = traffic.draining
        self._request: RequestView | None = None
        self.until_close = False  # does the answer under way end with the connection?
        self.stream = stream
        self.client = client
        self.keep = True
        self.unread = False
        self.min_rate = 0
        self.deadline = traffic.clock.next + traffic.settings.timeouts.request
        traffic.sessions.add(self)
        if stream.leftover:
            self._wake()
        else:
            stream.when_readable(self._wake)

    # ---- between exchanges ----

    def _wake(self) -> None:
        idle = self._traffic.spares.idle
        if idle:
            idle.pop()(self._serve)
        else:
            self._traffic.spares.run(self._serve)

    def _serve(self) -> None:
        """Serve what has come; then be idle, or closed."""
        self._greenlet = getcurrent()
        stream, goes_on = self.stream, False
        try:
            while data := stream.take_request():
                self._exchange(data)
                if not self.keep:
                    self._linger()
                    break
                if not stream.leftover:
                    goes_on = True  # there may be another one later
                    break
        except (Broken, Late, Failure):  # between two requests, or after the last one: there is nobody to tell
            goes_on = False
        except Exception:
            log.exception("session=failed client=%r", self.client)
            goes_on = False
        self._greenlet = None
        if goes_on:
            self._request = None
            clock = self._traffic.clock
            self._idle_since = clock.now
            self.deadline = clock.next + (DRAIN_SECONDS if self._draining else self._traffic.settings.timeouts.front)
            self.stream.when_readable(self._wake)
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
        if self._greenlet is None:
            self._end()
        else:
            self._greenlet.throw(Late)

    def throw(self, failure: Exception) -> None:
        """See Front."""
        if self._greenlet is not None:
            self._greenlet.throw(failure)

    @property
    def idle_since(self) -> float:
        """Since when nothing has happened; NEVER while something does."""
        return self._idle_since if self._greenlet is None else NEVER

    @property
    def request(self) -> RequestView | None:
        """What is being answered; None between requests."""
        return self._request

    @property
    def listener(self) -> str:
        """Where it came in."""
        return self._entrance.listener

    def drain(self) -> None:
        """Answer one more request at most, telling the client so. One that was active a moment ago may have it on its way to us."""
        self._draining = True
        if self._greenlet is None:
            moment = self._idle_since + DRAIN_SECONDS
            if moment <= self._traffic.clock.now:
                self._end()
            else:
                self.deadline = min(self.deadline, moment)

    def close(self) -> None:
        """End now."""
        if self._greenlet is None:
            self._end()
        else:
            self._traffic.hub.loop.run_callback(self.throw, ClientGone("closed by the proxy"))

    def _end(self) -> None:
        if self in self._traffic.sessions:
            self._traffic.sessions.remove(self)
            self._traffic.counters.connections_open -= 1
            self.stream.close()

    # ---- requests ----

    def _exchange(self, data: bytes) -> None:
        """Receive the request that begins with `data`, and carry it out or refuse it."""
        started, traffic, entrance = monotonic(), self._traffic, self._entrance
        try:
            asked = entrance.take(self.stream, data) or self._wait_for_head(data)
        except (BadHead, HeadEnded, Late) as fault:
            self._refuse(Record(next(traffic.ids), self._number, self.client, NOTHING_READ, started), _explain(fault))
            return
        self._request = asked.view
        exchange = Exchange(next(traffic.ids), self._number, self.client, asked.texts, started)
        if not asked.keep:
            self.keep = False
        if asked.framing is NO_BODY:
            exchange.run(traffic, self, asked, NO_BYTES, entrance.origins(self.client))
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

    # ---- answers ----

    def answer_interim(self, answered: Answered) -> None:
        """See Front. "A server MUST NOT send a 1xx response to an HTTP/1.0 client" (RFC 9110 section 15.2)."""
        if self._request is not None and self._request.minor:
            self.stream.send(answered.head + CRLF)

    def answer_at_once(self, record: Record, answered: Answered, source: Stream, timeouts: Timeouts) -> None:
        """See Front."""
        if self._draining:
            self.keep = False
        record.status = answered.view.status
        ours = SOZU_ID if self.keep else CLOSE_AND_ID
        if answered.simple > HEAD_SIZE:
            self._answer_large(record, b"".join((answered.head, ours, record.request_id, END)), source, timeouts)
            return
        answer = b"".join((answered.head, ours, record.request_id, END, source.leftover))
        source.leftover = b""
        record.bytes_out = len(answer)
        if self.keep:
            self._traffic.outbox.post(self.stream, answer)
        else:
            self.stream.send_last(answer)

    def _answer_large(self, record: Record, head: bytes, source: Stream, timeouts: Timeouts) -> None:
        body, source.leftover = source.leftover, b""
        record.bytes_out = size = len(head) + len(body)
        self.deadline = self._traffic.clock.next + seconds_to_take(size, timeouts.front, self.min_rate)
        self.stream.send_both(head, body)

    def answer(self, record: Record, answered: Answered, framing: Framing, source: Stream, timeouts: Timeouts) -> None:
        """See Front."""
        assert self._request is not None, "there is an exchange"
        if self._draining:
            self.keep = False
        record.status = answered.view.status
        CarefulAnswer(self, self._traffic, record, source, timeouts).send(answered.view, framing, self._request.minor)

    def answer_switch(self, record: Record, response: ResponseView) -> None:
        """See Front."""
        self.keep = False
        record.status = response.status
        ours = b"Connection: upgrade\r\nUpgrade: %b\r\nSozu-Id: %b\r\n\r\n" % (response.upgrade or b"", record.request_id)
        head = downstream_head(response) + ours
        record.bytes_out = len(head)
        self.stream.send(head)

    def answer_ourselves(self, record: Record, failure: Failure) -> None:
        """See Front."""
        traffic = self._traffic
        if self._draining:
            self.keep = False
        self.deadline = traffic.clock.after(traffic.settings.timeouts.front)
        date = b"Date: %b\r\n" % traffic.clock.http_date
        answer = own_answer(traffic.settings, failure, record, self._request, date, close=not self.keep)
        record.bytes_out = len(answer)
        self.stream.send(answer)

    def cut(self) -> None:
        """See Front. Elsewhere the length or the missing last chunk tells; where only the end would, it must be no good end."""
        self.keep = self.unread = False
        if self.until_close:
            self.stream.reset()


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
