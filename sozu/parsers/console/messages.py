"""A stream of HTTP/1 messages as events: head, payload, end, one message after the other, however the stream is cut.

For the command line, for tests and for tools that look at recorded traffic. The proxy has no use for it: it moves bodies without looking
at them (sozu/proxy). The pieces are the same: the view and its rules, the body's framing, the chunked reader.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from sozu.parsers.body import CHUNKED, NO_BODY, Framing, Length, request_framing, response_framing
from sozu.parsers.chunked import ChunkedReader, Trailers
from sozu.parsers.head_reader import HeadReader
from sozu.parsers.reasons import Reason, Refusal, bad_gateway, refusal
from sozu.parsers.result import Done, Error, Incomplete
from sozu.parsers.views import RequestView, ResponseView, ViewParser, request_view, response_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Head(msgspec.Struct, frozen=True):
    """A head from `start` to `end` of the stream; its payload, if the framing has any, follows."""

    start: int
    end: int
    view: RequestView | ResponseView
    framing: Framing


class Payload(msgspec.Struct, frozen=True):
    """More payload of the message whose head came last. How it is divided depends on how the stream came."""

    data: bytes


class End(msgspec.Struct, frozen=True):
    """The message ended at `end` of the stream."""

    end: int
    trailers: Trailers


class Refused(msgspec.Struct, frozen=True):
    """The stream broke a rule at `position`; nothing after it has a meaning. A rule about a whole head counts as broken at its end."""

    position: int
    refusal: Refusal
    expected: frozenset[str] = frozenset()


class Unfinished(msgspec.Struct, frozen=True):
    """The stream ended inside a message that began at `start`; at least `needed` bytes are missing."""

    start: int
    needed: int


Event: TypeAlias = Head | Payload | End | Refused | Unfinished


# Bytes. A step copies what it leaves, so a thousand messages in one piece would be copied a thousand times.
PIECE: Final = 8192
Step: TypeAlias = "Callable[[bytes, list[Event]], bytes]"


class MessageReader:
    """Feed it a stream piece by piece, then `finish`. Views, framing rules and limits are those of the proxy.

    `framing` says how the body after a view ends; `refuse` makes the refusal that goes with a reason and a position.
    """

    def __init__(
        self,
        view: ViewParser[Any],
        framing: Callable[[Any], Framing | Refusal],
        refuse: Callable[[Reason, int], Refusal],
    ) -> None:
        self._heads: HeadReader[Any] = HeadReader(view)
        self._chunks = ChunkedReader()
        self._framing = framing
        self._refuse = refuse
        self._step: Step = self._read_head
        self._seen = 0  # bytes of the stream
        # Offsets are those of the stream and not of a piece: the same report for the same bytes, however a shell or a recording has cut them.
        self._start = 0  # where in the stream the message began
        self._body = 0  # where its body began
        self._left = 0  # payload that a counted body lacks

    def feed(self, data: bytes) -> list[Event]:
        """What these bytes tell. A step takes what it can, adds its events and returns the rest."""
        events: list[Event] = []
        for at in range(0, len(data), PIECE):
            piece = data[at : at + PIECE]
            self._seen += len(piece)
            # This ends: each step takes a byte or more, or leaves nothing. A piece may hold many messages, and what one step leaves is the next one's.
            while piece:
                piece = self._step(piece, events)
        return events

    def finish(self) -> list[Event]:
        """What the end of the stream tells."""
        events: list[Event] = []
        # `==` and not `is`: a bound method is a new object each time that it is asked for.
        if self._step == self._read_endless:
            # Only for a body until close is the end of the stream its proper end (RFC 9112 6.3, rule 8); whatever else it meets is cut short.
            events.append(End(self._seen, []))
        elif self._step == self._read_head:
            self._cut_head(events)
        # After a refusal nothing is said of the end: bytes behind it have no meaning, so none of them can be missing.
        elif self._step != self._ignore:
            events.append(Unfinished(self._start, max(1, self._left or self._chunks.payload_left)))
        return events

    def _cut_head(self, events: list[Event]) -> None:
        """The stream ends within a head, unless none has begun."""
        # The reader looks when a line has ended or doubled, so bytes that are already wrong may be held unread. At the end of the stream "wrong" is
        # the truth and "more to come" is not.
        outcome = self._heads.look()
        if isinstance(outcome, Error):
            self._stop(self._start, outcome, events)
        elif self._heads.has_begun:
            # One byte, since nobody knows how much a head lacks: each line might be its last.
            events.append(Unfinished(self._start, 1))

    def _read_head(self, data: bytes, events: list[Event]) -> bytes:
        outcome = self._heads.feed(data)
        if isinstance(outcome, Error):
            return self._stop(self._start, outcome, events)
        if isinstance(outcome, Incomplete):
            return b""
        rest = bytes(outcome.rest)
        self._body = self._seen - len(rest)
        framing = self._framing(outcome.value)
        # At the head's end: it is the head as a whole that breaks such a rule (two framings, no Host), and no single byte.
        if isinstance(framing, Refusal):
            return self._stop(self._body, Error(0, frozenset([framing.reason.rule.text]), framing.reason), events)
        events.append(Head(self._start, self._body, outcome.value, framing))
        self._begin(framing)
        # Ended here and not by the next step: a step is only called while there are bytes, and the last message of a stream may have none behind it.
        return self._end(rest, [], events) if framing is NO_BODY else rest

    def _begin(self, framing: Framing) -> None:
        """Choose the step that reads this body."""
        # A step for each kind of body instead of a flag that every step asks: what may come next is said in one place.
        if isinstance(framing, Length):
            self._left = framing.size
            self._step = self._read_counted
        elif framing is CHUNKED:
            # A new reader for each body: offsets and the bounds on extensions and trailers are those of one body.
            self._chunks = ChunkedReader()
            self._step = self._read_chunked
        else:
            # Tunnels too: their bytes are another protocol's, of which nothing is known but that they end with the stream.
            self._step = self._read_endless

    def _read_counted(self, data: bytes, events: list[Event]) -> bytes:
        payload, rest = data[: self._left], data[self._left :]
        events.append(Payload(payload))
        self._left -= len(payload)
        return rest if self._left else self._end(rest, [], events)

    def _read_chunked(self, data: bytes, events: list[Event]) -> bytes:
        outcome = self._chunks.feed(data)
        # Before the outcome is looked at: payload in front of an error has come, and was right.
        events += [Payload(data[start:end]) for start, end in self._chunks.spans]
        match outcome:
            case Done(rest, trailers):
                return self._end(bytes(rest), trailers, events)
            case Error():
                return self._stop(self._body, outcome, events)
        return b""

    def _read_endless(self, data: bytes, events: list[Event]) -> bytes:
        events.append(Payload(data))
        return b""

    def _ignore(self, _data: bytes, _events: list[Event]) -> bytes:
        return b""

    def _end(self, rest: bytes, trailers: Trailers, events: list[Event]) -> bytes:
        """The next message begins."""
        self._start = self._seen - len(rest)
        events.append(End(self._start, trailers))
        self._step = self._read_head
        return rest

    def _stop(self, offset: int, error: Error, events: list[Event]) -> bytes:
        """Nothing more is read. `offset` is where in the stream the error's positions begin."""
        # Both readers name the rule for each error that they tell; without one there would be no status to go with it.
        assert isinstance(error.reason, Reason)
        position = offset + error.position
        events.append(Refused(position, self._refuse(error.reason, position), error.expected))
        self._step = self._ignore
        return b""


def request_reader() -> MessageReader:
    """Requests, one after the other, as a listener reads them."""
    return MessageReader(request_view, request_framing, refusal)


def response_reader(methods: Iterable[bytes] = ()) -> MessageReader:
    """Responses to requests with these methods, in that order, then to GET (a 1xx is not the response: it takes no method)."""
    asked = chain(methods, repeat(b"GET"))
    # Whether there is a body depends on what was asked (RFC 9112 6.3, rule 1): an answer to HEAD announces a length that does not come, and without
    # its method the next response would be taken for the body.
    method = next(asked)

    def framing(view: ResponseView) -> Framing | Refusal:
        nonlocal method
        found = response_framing(view, method)
        if view.status >= FINAL:
            method = next(asked)
        return found

    return MessageReader(response_view, framing, bad_gateway)


FINAL: Final = 200
