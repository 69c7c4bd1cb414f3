"""One verdict on one input: is it accepted as a whole, refused (where, why), or not all there?

Requests and responses are judged as a listener would: message after message with their bodies, under every rule. Any other kind is judged by
its grammar, at the beginning of the input; fields of a head must fill it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from sozu.parsers.chunked import ChunkedReader
from sozu.parsers.console.messages import Event, MessageReader, Refused, Unfinished, request_reader, response_reader
from sozu.parsers.kinds import KINDS, WHOLE_VALUES
from sozu.parsers.result import Done, Error, Incomplete, Outcome, run
from sozu.parsers.whole import whole

if TYPE_CHECKING:
    from collections.abc import Callable


class Answer(StrEnum):
    """What is made of an input."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    INCOMPLETE = "incomplete"


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer; position and reason of a refusal, the reason if its rule has a code."""

    answer: Answer
    position: int | None = None
    reason: str | None = None


ACCEPT: Final = Verdict(Answer.ACCEPT)
INCOMPLETE: Final = Verdict(Answer.INCOMPLETE)
READERS: Final[dict[str, Callable[[], MessageReader]]] = {"request": request_reader, "response": response_reader}


def judge(kind: str, data: bytes) -> Verdict:
    """The verdict on `data`, of which no more will come."""
    if kind in READERS:
        reader = READERS[kind]()
        # By the messages and not by the head's grammar alone: a smuggled request is found where the body of the one before it ends.
        return of_events([*reader.feed(data), *reader.finish()])
    # The reader and not the grammar of a whole body: it has the bounds and the reasons of the proxy, and a verdict is what the proxy would say.
    return of_outcome(ChunkedReader().feed(data) if kind == "chunked" else read(kind, data))


def read(kind: str, data: bytes) -> Outcome[Any]:
    """The grammar's outcome on an input that has ended: Incomplete where it would have waited for more to decide."""
    parser = KINDS[kind]
    waiting = parser.fused(data) if hasattr(parser, "fused") else run(parser, data)
    if kind not in WHOLE_VALUES:
        return waiting
    # A second reading, since the first cannot know that nothing follows: "close" in a stream may still become "closed".
    found = whole(parser, data)
    if not isinstance(found, Error):
        return Done(data, found, len(data))
    # For "http://", which may yet become right, "incomplete" is of more use than an error at its end.
    return waiting if isinstance(waiting, Incomplete) else found


def of_events(events: list[Event]) -> Verdict:
    """A stream of messages is judged by how it ends."""
    # The last event is enough: a reader says nothing more after a refusal, and what is unfinished comes last of all.
    match events[-1] if events else None:
        case Refused(position, refusal):
            return Verdict(Answer.REFUSE, position, str(refusal.reason))
        case Unfinished() | None:
            return INCOMPLETE
    return ACCEPT


def of_outcome(outcome: Outcome[Any]) -> Verdict:
    """The verdict that an outcome amounts to."""
    match outcome:
        case Error(position=position, reason=reason):
            return Verdict(Answer.REFUSE, position, str(reason) if reason else None)
        case Done():
            return ACCEPT
    return INCOMPLETE
