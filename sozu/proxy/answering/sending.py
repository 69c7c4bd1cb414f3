"""Sending a response that is large, not all there, or not to be passed on as it is. What is small and plain, the session sends at once."""

from typing import Protocol

from sozu.command.facts import Timeouts
from sozu.parsers.body import CHUNKED, Framing, Length
from sozu.parsers.views import ResponseView
from sozu.proxy.answering.plans import Plan, plan_answer
from sozu.proxy.bodies import ANSWER_SIZE, LEAST, Body, arrived, incoming, relay
from sozu.proxy.forwarding import CRLF, downstream_head, plainly_chunked
from sozu.proxy.heads import DATE
from sozu.proxy.policy.hops import via
from sozu.proxy.policy.limits import download_pace, seconds_to_take
from sozu.proxy.record import Record
from sozu.proxy.stream import HEAD_SIZE, READ_SIZE, Piece, Stream
from sozu.proxy.traffic import Traffic


class Client(Protocol):
    """The part of a session that is needed here."""

    stream: Stream
    deadline: float
    keep: bool
    min_rate: int
    until_close: bool


class CarefulAnswer:
    """One answer to a client; its body comes from `source`. `send` may clear `client.keep`."""

    __slots__ = ("_client", "_record", "_source", "_timeouts", "_traffic")

    def __init__(self, client: Client, traffic: Traffic, record: Record, source: Stream, timeouts: Timeouts) -> None:
        self._client = client
        self._traffic = traffic
        self._record = record
        self._source = source
        self._timeouts = timeouts

    def send(self, response: ResponseView, framing: Framing, minor: int) -> None:
        """To a client of HTTP/1.`minor`."""
        client, source = self._client, self._source
        plan = plan_answer(minor, framing, keep=client.keep)
        client.keep = plan.keep
        head = self._head(response, plan)
        if plan.wrap is None and type(framing) is Length:
            if len(source.leftover) == framing.size <= HEAD_SIZE:
                answer, source.leftover = head + source.leftover, b""
                self._send_small(answer)
                return
            # Not for a client whose next request is here already: it may read nothing for long, and is given small pieces (see below).
            if not client.stream.leftover and (piece := arrived(source, framing.size)) is not None:
                self._send_whole(head, piece)
                return
        # From here on a break may leave half a body that only the end of the connection bounds: `cut` has to know.
        client.until_close = plan.until_close
        if framing is CHUNKED and plan.wrap is None:
            head = plainly_chunked(head)
        self._send_with_body(head, plan.framed(incoming(framing, source)))

    def _head(self, response: ResponseView, plan: Plan) -> bytes:
        lines = [downstream_head(response, plan.cut), plan.fields, b"Sozu-Id: %b\r\n" % self._record.request_id]
        if response.more[DATE] is None:  # RFC 9110 section 6.6.1
            lines.append(b"Date: %b\r\n" % self._traffic.clock.http_date)
        if self._traffic.settings.via is not None:
            lines.append(via(self._traffic.settings.via, response.minor))
        return b"".join((*lines, CRLF))

    def _send_small(self, answer: bytes) -> None:
        self._record.bytes_out = len(answer)
        if self._client.keep:
            self._traffic.outbox.post(self._client.stream, answer)
        else:
            self._client.stream.send_last(answer)

    def _send_whole(self, head: bytes, piece: Piece) -> None:
        client, size = self._client, len(head) + len(piece)
        client.deadline = self._traffic.clock.after(seconds_to_take(size, self._timeouts.front, client.min_rate))
        self._record.bytes_out = size
        client.stream.send_both(head, piece)

    def _send_with_body(self, head: bytes, body: Body) -> None:
        client, traffic, record, timeouts = self._client, self._traffic, self._record, self._timeouts
        pace = download_pace(client, traffic.clock, timeouts.back, timeouts.front, client.min_rate)
        # The deadline was the backend's until now; the first send below may already wait for the client.
        pace.before_write(0)
        first, most = ANSWER_SIZE, READ_SIZE
        if client.stream.leftover:
            # Who has sent his next request already may not be reading: what he would leave to us to hold shall be little.
            first, most = HEAD_SIZE, LEAST
            # That request may have come behind a body, after the answer was asked for: then much has landed in the buffer that all share, and
            # what does not leave with the head was overwritten by the next one's answer while this client did not read.
            self._source.leftover = bytes(self._source.leftover)
        piece = body.read(first) if self._source.leftover else b""  # all of it, or no pipe could take the rest
        record.bytes_out = len(head) + len(piece)
        client.stream.send_both(head, piece)
        del head, piece  # the relay may take long
        try:
            relay(body, client.stream, pace, most)
        finally:
            # Also where it breaks off, so that the log tells how far it came.
            record.bytes_out += pace.count
