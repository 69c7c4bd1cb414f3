"""What nearly all exchanges are: a request without a body, a connection at hand, and a small answer in one piece. Two callbacks, no greenlet.

`run` sends the request; when the answer has come it is passed on. Nothing here parks. Where something would have to wait, is out of the ordinary
or fails, an Exchange goes on in a greenlet from just there (exchange.py), as if it had done the beginning itself. docs/decisions/006.md has the reasons.
"""

from functools import partial
from time import monotonic
from typing import Any, Final, Protocol

from sozu.parsers.views import RequestView
from sozu.proxy.back import Back, Begun, Event
from sozu.proxy.bodies import LANDING, NO_BYTES, landed
from sozu.proxy.exchange import Exchange
from sozu.proxy.forwarding import SOZU_ID
from sozu.proxy.front import Front
from sozu.proxy.heads import END
from sozu.proxy.meaning import Answered, Asked
from sozu.proxy.stream import HEAD_SIZE, Broken
from sozu.proxy.traffic import Traffic

# Typed as anything: between two runs the attributes hold nobody, so that a connection in the pool keeps no session alive.
_NOBODY: Final[Any] = None


class Sender(Front, Protocol):
    """A Front that has an errand run, one at a time."""

    number: int  # the connection's
    draining: bool

    def rest(self) -> None:
        """It is done."""

    def go_on(self, request: RequestView, exchange: "partial[None]") -> None:
        """It takes a greenlet to carry this out, which is the rest of it."""


class Errand:
    """One for each connection to a backend, which runs it again and again. Between times it knows nobody."""

    __slots__ = ("_asked", "_back", "_origin", "_request_id", "_sender", "_started", "_traffic")

    def __init__(self, traffic: Traffic, back: Back) -> None:
        self._traffic = traffic
        self._back = back
        back.errand = self
        self._sender: Sender = _NOBODY
        self._asked: Asked = _NOBODY

    @property
    def request(self) -> RequestView:
        """What is being answered."""
        return self._asked.view

    def run(self, sender: Sender, asked: Asked, origin: bytes, started: float) -> None:
        """Send a `usual` request (meaning.py); `origin` and `started` are an Exchange's. From here until the end it counts as an exchange, of the worker and of the backend."""
        traffic, back = self._traffic, self._back
        self._sender = sender
        self._asked = asked
        self._origin = origin
        self._started = started
        self._request_id = request_id = next(traffic.ids)
        # In one breath with the choice (Session._begin), as reach does: a backend that is removed meanwhile is not taken for drained.
        back.backend.exchanges += 1
        traffic.counters.exchanges_open += 1
        sender.deadline = traffic.clock.next + asked.timeouts.back
        # `put`, which never parks, also where the last request is still queued: a connection carries one exchange at a time, so that no more than
        # one head can wait there.
        traffic.outbox.put(back.stream, b"".join((asked.head, origin, SOZU_ID, request_id, END)))
        # In place of Back.leave: the watcher has been armed since the pool, so this costs no system call.
        back.stream.when_readable(self._arrive)

    def _arrive(self) -> None:
        """The answer is here, or a part of it, or the end of the stream."""
        stream, sender = self._back.stream, self._sender
        try:
            # Into the buffer that all share: nothing parks until the answer has been joined to bytes of its own.
            size = stream.grab_into(LANDING)
        except Broken as broken:
            self.fail(broken)
            return
        # Readiness is no promise: the kernel may wake us for nothing (select(2) warns of it), and EAGAIN is no failure.
        if size is None:
            stream.when_readable(self._arrive)
            return
        data = landed(stream, LANDING, size)
        answered = self._traffic.responses.take(stream, data) if data else None
        # Not all of a head, or a wrong one, or the end of the stream: there is one place where it is written what that means, and it is not here.
        if answered is None:
            self._go_on(data)
        # What is not simple is -1, which no length equals. What is left over lies in the shared buffer; the exchange runs at once and sends or
        # copies it before it parks, and nobody else receives in between.
        elif answered.simple != len(stream.leftover) or answered.simple > HEAD_SIZE or sender.draining or sender.stream.queued:
            self._go_on(answered)  # not all of it, or much, or the last one, or for somebody who takes nothing at present
        else:
            self._pass_on(answered)

    def _pass_on(self, answered: Answered) -> None:
        traffic, back, sender, asked, request_id = self._traffic, self._back, self._sender, self._asked, self._request_id
        answer = b"".join((answered.head, SOZU_ID, request_id, END, back.stream.leftover))
        # It lies in the shared buffer, and a connection in the pool has nothing left over.
        back.stream.leftover = b""
        traffic.outbox.put(sender.stream, answer)
        backend, started, now = back.backend, self._started, monotonic()
        # Before it is given back: whoever takes the connection finds an errand that knows nobody.
        self._sender = self._asked = _NOBODY
        # Whether the backend goes on is known from the head; that nothing is left over, from the length. So no doubt remains about it.
        if answered.keep:
            traffic.pool.give(back)
        else:
            back.close()
        backend.end()
        traffic.counters.exchanges_open -= 1
        # Written here and not by a Record, which would be made for nothing but to be closed in the same breath.
        entries = traffic.books.entries
        # As in Record.close: the first entry of a turn asks for the callback.
        if not entries:
            traffic.books.open()
        entries.append(
            # An Entry. The connection was at hand from the start, and the answer has come in one moment.
            (
                request_id,
                sender.number,
                sender.client,
                asked.texts,
                answered.view.status,
                started,
                started,
                now,
                now,
                backend.key[0],
                backend.name,
                0,
                len(answer),
                0,
                None,
            )
        )
        # Last: from here on the session waits for its client, and everything of this exchange is counted.
        sender.rest()

    def fail(self, failure: Exception) -> None:
        """It cannot go on like this: the sender is late, or gone, or the connection is."""
        # Or the answer, should it come after all, would call `_arrive` for nobody.
        self._back.stream.forget_readable()
        self._go_on(failure)
        failure.__traceback__ = None  # the frames it has passed hold it: a cycle, with the session and both connections in it

    def _go_on(self, event: Event) -> None:
        # Before `go_on`, which runs the exchange until it parks or ends: it may have given this connection back by the time it returns.
        sender, asked, self._sender, self._asked = self._sender, self._asked, _NOBODY, _NOBODY
        # With the id that the backend was sent and the moment at which the request came: the log is to tell of one exchange, not of two.
        exchange = Exchange(self._request_id, sender.number, sender.client, asked.texts, self._started)
        begun = Begun(self._back, event)
        sender.go_on(asked.view, partial(exchange.run, self._traffic, sender, asked, NO_BYTES, self._origin, begun=begun))

