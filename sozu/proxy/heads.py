"""Receiving a head: which fields the data path looks at, and what to do while the head is not whole.

Grammar, strictness and limits are the parsers' (sozu.parsers.views, head_reader); here they meet a stream. Nearly every head comes
in one packet and costs one match; one that drips in costs every byte once. What follows a head is put back to the stream.
"""

import os
from typing import Final, Generic, TypeVar

from sozu.parsers.head_reader import FIELD_LIMIT, HEAD_LIMIT, SHORTEST_FIELD, TARGET_LIMIT, HeadReader
from sozu.parsers.reasons import Reason, Refusal, refusal
from sozu.parsers.result import Done, Error
from sozu.parsers.views import RequestView, ResponseView, View, ViewParser, build_request_view, build_response_view
from sozu.proxy.stream import HEAD_SIZE, Stream

V = TypeVar("V", bound=View)

USER_AGENT, TE, DATE = 0, 1, 0  # where the fields that only the proxy wants are in `more` of a request and of a response
SHORT: Final = FIELD_LIMIT * SHORTEST_FIELD  # bytes: a head this short can break no limit
ROOMY: Final = min(HEAD_LIMIT, TARGET_LIMIT)  # bytes: this short, none but that on the number of its fields
END: Final = b"\r\n\r\n"

# Clients and backends repeat themselves to the byte: views of the last heads are kept, 1 MB at most. Benchmarks turn it off to see what reading costs.
REMEMBERED: Final = 0 if os.environ.get("SOZU_HEAD_MEMO") == "off" else 256
LONGEST_REMEMBERED: Final = 2048  # bytes


class HeadEnded(Exception):
    """The stream ended in the middle of a head."""


class BadHead(Exception):
    """The head breaks a rule."""

    def __init__(self, error: Error) -> None:
        super().__init__(str(error))
        self.error = error

    @property
    def refusal(self) -> Refusal:
        """As the refusal of a request."""
        reason = self.error.reason
        return refusal(reason if isinstance(reason, Reason) else Reason.FIELD_LINE, self.error.position)


class Heads(Generic[V]):
    """Receives heads of one kind, on any stream."""

    __slots__ = ("_fused", "_known", "_parser")

    def __init__(self, parser: ViewParser[V]) -> None:
        self._parser = parser
        self._fused = parser.fused
        self._known: dict[bytes, V] = {}  # by their bytes, of which views are pure functions

    def receive(self, stream: Stream, data: bytes) -> V:
        """The view of the head that begins with `data`, which is not empty. Raises BadHead, HeadEnded, Broken."""
        end = data.find(END) + len(END)
        head = data[:end]
        view = self._known.get(head) if REMEMBERED else None
        if view is None:
            view = self._read(head)
            if view is None:
                return self._receive_slowly(stream, data)
        stream.leftover = data[end:] + stream.leftover
        return view

    def _read(self, head: bytes) -> V | None:
        """The view of what ends with the first empty line, if that is a sound head and short."""
        outcome = self._fused(head)
        size = len(head)
        if type(outcome) is not Done or outcome.end != size:
            return None
        if size > SHORT and (size > ROOMY or head.count(b"\n") > FIELD_LIMIT):
            return None
        if size <= LONGEST_REMEMBERED and REMEMBERED:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[head] = outcome.value
        return outcome.value

    def _receive_slowly(self, stream: Stream, data: bytes) -> V:
        """What is long, wrong, or not all there. A view keeps alive what it was read from, so no more is shown to it than HEAD_SIZE."""
        reader = HeadReader(self._parser)
        stream.leftover = data[HEAD_SIZE:] + stream.leftover
        outcome = reader.feed(data[:HEAD_SIZE])
        while type(outcome) is not Done:
            if isinstance(outcome, Error):
                raise BadHead(outcome)
            data = stream.read()
            if not data:
                raise HeadEnded
            outcome = reader.feed(data)
        stream.leftover = bytes(outcome.rest) + stream.leftover
        return outcome.value


REQUESTS: Final[Heads[RequestView]] = Heads(build_request_view((b"user-agent", b"te")))
RESPONSES: Final[Heads[ResponseView]] = Heads(build_response_view((b"date",)))
