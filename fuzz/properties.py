"""What holds for every KIND and every input: one function for tests, for coverage-guided fuzzing, and for shrinking what they find.

`check(kind, data)` raises AssertionError, or whatever else escaped from a parser: both are bugs.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sozu.parsers import Complete, Done, Error, Incomplete, Outcome, Regular, run
from sozu.parsers.chunked import ChunkedReader
from sozu.parsers.command import FrameReader
from sozu.parsers.console.messages import Event, Head, MessageReader, Payload, Refused, request_reader, response_reader
from sozu.parsers.kinds import KINDS
from sozu.parsers.reasons import Reason, Refusal
from sozu.parsers.views import View

LIMITS = {Reason.HEAD_TOO_LARGE, Reason.TOO_MANY_FIELDS, Reason.TARGET_TOO_LONG}
LONG = 3000


def check(kind: str, data: bytes) -> None:
    """All properties that this kind has."""
    outcome = run(KINDS[kind], data)
    is_sane(outcome, data)
    is_stable(kind, data, outcome)
    agrees_when_complete(kind, data, outcome)
    parser = KINDS[kind]
    if isinstance(parser, Regular):
        reads_alike(parser, data)
    for property_ in STREAMS.get(kind, ()):
        property_(data)


def is_sane(outcome: Outcome[Any], data: bytes) -> None:
    """Positions lie inside the input, an error expects something, more is needed where nothing is decided."""
    match outcome:
        case Done(end=end, rest=rest):
            assert 0 <= end <= len(data)
            assert bytes(rest) == data[end:]
        case Error(position=position, expected=expected):
            assert 0 <= position <= len(data)
            assert expected
        case Incomplete(needed):
            assert needed.hint() >= 1


def is_stable(kind: str, data: bytes, outcome: Outcome[Any]) -> None:
    """What was decided stays so, whatever follows; and what an Incomplete asks for suffices never to decide earlier."""
    if isinstance(outcome, Incomplete):
        return
    for more in (b"\0", b"a", b"\r\n", b" "):
        later = run(KINDS[kind], data + more)
        assert type(later) is type(outcome)
        assert summary(later) == summary(outcome)


def agrees_when_complete(kind: str, data: bytes, outcome: Outcome[Any]) -> None:
    """The end of the input changes nothing about what was decided before it."""
    closed = run(KINDS[kind], Complete(data))
    assert not isinstance(closed, Incomplete)
    if isinstance(outcome, Done):
        assert summary(closed) == summary(outcome)


def reads_alike(parser: Regular[Any], data: bytes) -> None:
    """A fused grammar reads as its tree does, step by step."""
    by_steps: Regular[Any] = Regular(parser.tree)
    for given in (data, Complete(data)):
        assert summary(run(parser, given)) == summary(run(by_steps, given))


def summary(outcome: Outcome[Any]) -> Any:
    """What two readings have to agree on."""
    match outcome:
        case Done(value=value, end=end):
            return "done", end, value
        case Error(position=position):
            return "error", position
    return "incomplete"


def splits(data: bytes) -> list[list[bytes]]:
    """Ways to cut the input: byte by byte unless it is long, in small pieces, once in the middle."""
    sizes = (1, 3, 17) if len(data) < LONG else (97, 1021)
    cuts = [[data[at : at + size] for at in range(0, len(data), size)] for size in sizes]
    return [*cuts, [data[: len(data) // 2], data[len(data) // 2 :]]]


def tells_the_same_events(make: Callable[[], MessageReader]) -> Callable[[bytes], None]:
    """A stream of messages gives the same events however it is cut."""

    def holds(data: bytes) -> None:
        whole = events(make(), [data])
        for pieces in splits(data):
            found = events(make(), pieces)
            assert found == whole or (meets_a_limit(found) and isinstance(whole[-1], Refused))

    return holds


def meets_a_limit(found: list[Any]) -> bool:
    """A head over a limit is refused however it comes; but which limit, or which fault, is met first depends on how much comes at once."""
    return isinstance(found[-1], Refused) and found[-1].refusal.reason in LIMITS


def events(reader: MessageReader, pieces: Iterable[bytes]) -> list[Any]:
    """Events with their payload joined; a view is compared by what it says."""
    found: list[Any] = []
    for event in [*(event for piece in pieces for event in reader.feed(piece)), *reader.finish()]:
        if isinstance(event, Payload) and found and isinstance(found[-1], bytes):
            found[-1] += event.data
        else:
            found.append(told(event))
    return [event for event in found if event != b""]


def told(event: Event) -> Any:
    """The event, comparable."""
    match event:
        case Payload(data):
            return data
        case Head(start, end, view, framing):
            fields = {
                name: getattr(view, name) for name in view.__struct_fields__ if name not in View.__struct_fields__
            }
            return start, end, fields, view.passed_head(), framing
    return event


def follows_chunks_alike(data: bytes) -> None:
    """A chunked body has the same payload, end, and fault however it is cut; and it is what the grammar says, limits aside."""
    whole = chunked(data, [data])
    for pieces in splits(data):
        assert chunked(data, pieces) == whole
    by_grammar = run(KINDS["chunked"], data)
    if isinstance(by_grammar, Done) and whole[0] == "done":
        assert whole == ("done", by_grammar.end, b"".join(by_grammar.value.chunks), by_grammar.value.trailers)
    else:
        assert whole[0] == summary(by_grammar)[0] if isinstance(by_grammar, Error) else True


def chunked(data: bytes, pieces: list[bytes]) -> tuple[Any, ...]:
    """Outcome, position, payload, trailers."""
    reader, payload, seen = ChunkedReader(), b"", 0
    for piece in pieces:
        outcome = reader.feed(piece)
        payload += b"".join(piece[start:end] for start, end in reader.spans)
        if isinstance(outcome, Done):
            return "done", seen + outcome.end, payload, outcome.value
        if isinstance(outcome, Error):
            assert isinstance(outcome.reason, Reason)
            assert 0 <= outcome.position <= len(data)
            return "error", outcome.position, outcome.reason
        seen += len(piece)
    return "incomplete", payload


def frames_alike(data: bytes) -> None:
    """Frames do not depend on how they come."""
    whole = FrameReader(limit=64).feed(data)
    for pieces in splits(data):
        reader, frames = FrameReader(limit=64), []
        for piece in pieces:
            found = reader.feed(piece)
            if isinstance(found, Refusal):
                assert isinstance(whole, Refusal)
                break
            frames += found
        else:
            assert frames == whole


STREAMS: dict[str, tuple[Callable[[bytes], None], ...]] = {
    "request": (tells_the_same_events(request_reader),),
    "response": (tells_the_same_events(response_reader),),
    "chunked": (follows_chunks_alike,),
    "command": (frames_alike,),
}
