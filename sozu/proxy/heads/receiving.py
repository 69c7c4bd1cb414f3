"""Receiving a head: which fields the data path looks at, and what to do while the head is not whole.

Grammar, strictness and limits are the parsers' (sozu.parsers.views, head_reader); here they meet a stream. Nearly every head comes
in one packet and costs one match; one that drips in costs every byte once. What follows a head is put back to the stream.
"""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from sozu.parsers.head_reader import FIELD_LIMIT, HEAD_LIMIT, SHORTEST_FIELD, TARGET_LIMIT, HeadReader
from sozu.parsers.heads.known_fields import DROPPED_FROM_REQUESTS
from sozu.parsers.reasons import Reason, Refusal, refusal
from sozu.parsers.result import Done, Error
from sozu.parsers.views import View, ViewParser, build_request_view, build_response_view
from sozu.proxy.heads.remembering import LONGEST_REMEMBERED, Memory
from sozu.proxy.stream import HEAD_SIZE, Stream

V = TypeVar("V", bound=View)
M = TypeVar("M")

USER_AGENT, TE, DATE = 0, 1, 0  # where the fields that only the proxy wants are in `more` of a request and of a response
SHORT: Final = FIELD_LIMIT * SHORTEST_FIELD  # bytes: a head this short can break no limit
ROOMY: Final = min(HEAD_LIMIT, TARGET_LIMIT)  # bytes: this short, none but that on the number of its fields
TRUSTED_FIELDS: Final = frozenset(b"forwarded x-forwarded-for x-forwarded-proto x-forwarded-port x-forwarded-host x-forwarded-prefix".split())
END: Final = b"\r\n\r\n"
END_SIZE: Final = len(END)


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


class Heads(Generic[V, M]):
    """Receives heads of one kind, on any stream, and tells what they mean."""

    # A weak reference is all that the Memory keeps: an entrance that nobody uses any more must not live on because it remembers.
    __slots__ = ("__weakref__", "_fused", "_memory", "_parser", "_understand", "known")

    def __init__(self, parser: ViewParser[V], understand: Callable[[V], M], memory: Memory) -> None:
        """`understand` is pure, until the memory is told to forget."""
        self._parser = parser
        self._fused = parser.fused
        self._understand = understand
        self._memory = memory
        self.known: dict[bytes, M] = {}
        memory.join(self)

    def receive(self, stream: Stream, data: bytes) -> M:
        """What the head that begins with `data`, which is not empty, means. Raises BadHead, HeadEnded, Broken."""
        meaning = self.take(stream, data)
        return self.wait(stream, data) if meaning is None else meaning

    def take(self, stream: Stream, data: bytes) -> M | None:
        """The same at once, if the head is sound, short, and all there: nearly always. Else None, and nothing has happened."""
        # Where there is no end yet these are three bytes, which no pattern takes for a head. An empty line before a request, which has to be
        # passed over (RFC 9112 section 2.2), may look like the end: that is read in `wait`.
        end = data.find(END) + END_SIZE
        head = data[:end]
        meaning = self.known.get(head) or self.read(head)
        if meaning is not None and (rest := data[end:]):
            # In front of what the stream still holds. To overwrite that has lost pipelined requests: of more than 16 kB behind a chunked body, all
            # after the first 16 kB.
            stream.leftover = rest + stream.leftover
        return meaning

    def read(self, head: bytes) -> M | None:
        """The same for what ends with its first empty line, and is not known."""
        outcome = self._fused(head)
        size = len(head)
        # What is known by its bytes must be a head to the last of them, and nothing that is wrong is ever remembered.
        if type(outcome) is not Done or outcome.end != size:
            return None
        # The pattern knows no limits. Where one may be broken the reader has to say at which byte, the same however the head came; the count
        # has the start line and the empty one in it, so a few good heads go the long way too.
        if size > SHORT and (size > ROOMY or head.count(b"\n") > FIELD_LIMIT):
            return None
        meaning = self._understand(outcome.value)
        if size <= LONGEST_REMEMBERED and self._memory.is_known_face(head):
            self._memory.keep(self, head, meaning)
        return meaning

    def wait(self, stream: Stream, data: bytes) -> M:
        """For what is long, wrong, or not all there. A view keeps alive what it was read from, so no more is shown to it than HEAD_SIZE."""
        reader = HeadReader(self._parser)
        # What came behind the first 16 kB may be a body of the same packet: a view of the head would hold it as long as the exchange lasts.
        stream.leftover = data[HEAD_SIZE:] + stream.leftover
        # A reader for each such head: its state is what has come so far, and two connections must not share that.
        outcome = reader.feed(data[:HEAD_SIZE])
        while type(outcome) is not Done:
            if isinstance(outcome, Error):
                raise BadHead(outcome)
            data = stream.read()
            if not data:
                raise HeadEnded
            outcome = reader.feed(data)
        stream.leftover = bytes(outcome.rest) + stream.leftover
        return self._understand(outcome.value)


REQUEST_VIEW: Final = build_request_view((b"user-agent", b"te"))
RESPONSE_VIEW: Final = build_response_view((b"date",))
# What a trusted proxy before us says of its client is passed on.
TRUSTING_VIEW: Final = build_request_view((b"user-agent", b"te"), DROPPED_FROM_REQUESTS - TRUSTED_FIELDS)
