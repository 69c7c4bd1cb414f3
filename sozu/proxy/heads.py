"""Receiving a head: which fields the data path looks at, and what to do while the head is not whole.

Grammar, strictness and limits are the parsers' (sozu.parsers.views, head_reader); here they meet a stream. Nearly every head comes
in one packet and costs one match; one that drips in costs every byte once. What follows a head is put back to the stream.
"""

from typing import Final, Generic, TypeVar

from sozu.parsers.head_reader import HeadReader
from sozu.parsers.reasons import Reason, Refusal, refusal
from sozu.parsers.result import Done, Error
from sozu.parsers.views import RequestView, ResponseView, View, ViewParser, build_request_view, build_response_view
from sozu.proxy.stream import Stream

V = TypeVar("V", bound=View)

HELD: Final = 16384  # a view keeps alive what it was read from: more of a body than this must not hang on it while the body is sent


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
    """Receives heads of one kind, on any stream. A reader belongs to a stream while a head is unfinished, else it is spare."""

    __slots__ = ("_parser", "_spare")

    def __init__(self, parser: ViewParser[V]) -> None:
        self._parser = parser
        self._spare: list[HeadReader[V]] = []

    def receive(self, stream: Stream, data: bytes) -> V:
        """The view of the head that begins with `data`, which is not empty. Raises BadHead, HeadEnded, Broken."""
        reader = self._spare.pop() if self._spare else HeadReader(self._parser)
        outcome = reader.feed(data)
        while type(outcome) is not Done:
            if isinstance(outcome, Error):
                raise BadHead(outcome)
            data = stream.read()
            if not data:
                raise HeadEnded
            outcome = reader.feed(data)
        stream.leftover = bytes(outcome.rest)
        if len(stream.leftover) > HELD:
            outcome = reader.feed(bytes(outcome.data[: outcome.end]))
            assert isinstance(outcome, Done), "it was one before"
        self._spare.append(reader)
        return outcome.value


REQUESTS: Final[Heads[RequestView]] = Heads(build_request_view((b"user-agent", b"te")))
RESPONSES: Final[Heads[ResponseView]] = Heads(build_response_view((b"date",)))


def user_agent_of(request: RequestView) -> bytes | None:
    """The User-Agent field."""
    return request.more[0]


def te_of(request: RequestView) -> bytes | None:
    """The TE field."""
    return request.more[1]


def date_of(response: ResponseView) -> bytes | None:
    """The Date field."""
    return response.more[0]
