"""The answering half of a client's HTTP/1 connection: what exchanges say to it, and how it is left behind. Receiving is session.py's.

What is small and plain goes out as it is; the rest is planned and sent with care (plans.py, sending.py).
"""

from typing import Final

from sozu.command.facts import Timeouts
from sozu.parsers.body import Framing
from sozu.parsers.views import RequestView, ResponseView
from sozu.proxy.answering.plans import own_answer
from sozu.proxy.answering.sending import CarefulAnswer
from sozu.proxy.failures import Failure
from sozu.proxy.forwarding import CRLF, SOZU_ID, downstream_head
from sozu.proxy.heads import END
from sozu.proxy.meaning import Answered
from sozu.proxy.policy.limits import seconds_to_take
from sozu.proxy.record import Record
from sozu.proxy.stream import HEAD_SIZE, Stream
from sozu.proxy.traffic import Traffic

CLOSE_AND_ID: Final = b"Connection: close\r\n" + SOZU_ID


class Answerer:
    """See Front. `draining`: the next answer is to be the last one; `until_close`: the answer under way ends with the connection."""

    __slots__ = ("_request", "_traffic", "client", "deadline", "draining", "keep", "min_rate", "stream", "unread", "until_close")

    def __init__(self, traffic: Traffic, stream: Stream, client: bytes) -> None:
        self._traffic = traffic
        self._request: RequestView | None = None
        self.draining = traffic.draining
        self.until_close = False
        self.stream = stream
        self.client = client
        self.keep = True
        self.unread = False
        self.min_rate = 0
        self.deadline = traffic.clock.next + traffic.settings.timeouts.request

    def answer_interim(self, answered: Answered) -> None:
        """See Front. "A server MUST NOT send a 1xx response to an HTTP/1.0 client" (RFC 9110 section 15.2)."""
        if self._request is not None and self._request.minor:
            # At once, since a client may wait for its 100 before it sends a body. It is not counted in `bytes_out`: after it a failure
            # can still be told, as the final response has not begun.
            self.stream.send(answered.head + CRLF)

    def answer_at_once(self, record: Record, answered: Answered, source: Stream, timeouts: Timeouts) -> None:
        """See Front."""
        # With this answer, and not by closing afterwards: a client that was told nothing may have its next request on the way.
        if self.draining:
            self.keep = False
        record.status = answered.view.status
        ours = SOZU_ID if self.keep else CLOSE_AND_ID
        if answered.simple > HEAD_SIZE:
            self._answer_large(record, b"".join((answered.head, ours, record.request_id, END)), source, timeouts)
            return
        answer = b"".join((answered.head, ours, record.request_id, END, source.leftover))
        source.leftover = b""
        # Before it is sent: from here on some of it may be out, and what fails must be a cut and no second answer (Exchange._fail).
        record.bytes_out = len(answer)
        if self.keep:
            self._traffic.outbox.post(self.stream, answer)
        else:
            self.stream.send_last(answer)

    def _answer_large(self, record: Record, head: bytes, source: Stream, timeouts: Timeouts) -> None:
        # Off the source first: it may go back to its pool only with nothing left over.
        body, source.leftover = source.leftover, b""
        record.bytes_out = size = len(head) + len(body)
        # A small answer goes to the outbox and nobody waits; this one may park until the client reads.
        self.deadline = self._traffic.clock.next + seconds_to_take(size, timeouts.front, self.min_rate)
        self.stream.send_both(head, body)

    def answer(self, record: Record, answered: Answered, framing: Framing, source: Stream, timeouts: Timeouts) -> None:
        """See Front."""
        assert self._request is not None, "there is an exchange"
        if self.draining:
            self.keep = False
        record.status = answered.view.status
        CarefulAnswer(self, self._traffic, record, source, timeouts).send(answered.view, framing, self._request.minor)

    def answer_switch(self, record: Record, response: ResponseView) -> None:
        """See Front."""
        self.keep = False
        record.status = response.status
        # Both fields are about one connection (RFC 9110 section 7.8), and the backend's own were cut with all that is hop-by-hop.
        ours = b"Connection: upgrade\r\nUpgrade: %b\r\nSozu-Id: %b\r\n\r\n" % (response.upgrade or b"", record.request_id)
        head = downstream_head(response) + ours
        record.bytes_out = len(head)
        self.stream.send(head)

    def answer_ourselves(self, record: Record, failure: Failure) -> None:
        """See Front."""
        traffic = self._traffic
        if self.draining:
            self.keep = False
        # If it is a deadline that has passed (504), there is none now: a client that reads nothing would keep the greenlet in the send below.
        self.deadline = traffic.clock.after(traffic.settings.timeouts.front)
        # Of an answer of our own we are the origin, and one with a clock MUST date it (RFC 9110 section 6.6.1).
        date = b"Date: %b\r\n" % traffic.clock.http_date
        answer = own_answer(traffic.settings, failure, record, self._request, date, close=not self.keep)
        record.bytes_out = len(answer)
        self.stream.send(answer)

    def cut(self) -> None:
        """See Front. Elsewhere the length or the missing last chunk tells; where only the end would, it must be no good end."""
        self.keep = self.unread = False
        if self.until_close:
            self.stream.reset()
