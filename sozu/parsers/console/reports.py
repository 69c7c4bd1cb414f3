"""What the command line says about an input that comes in blocks: generators of objects for JSON, in bounded memory.

`first` reads one value and counts what follows; `every` reads value after value; `steps` shows what a parser says of each beginning. A report's
`outcome` is done, error or incomplete; an error has a caret.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from sozu.parsers.body import Length
from sozu.parsers.chunked import ChunkedReader
from sozu.parsers.console.messages import End, Head, MessageReader, Payload, Refused
from sozu.parsers.console.rendering import caret, error_shown, plain, reason_shown, shown
from sozu.parsers.console.verdicts import READERS, read
from sozu.parsers.head_reader import HEAD_LIMIT
from sozu.parsers.kinds import KINDS, WHOLE_VALUES
from sozu.parsers.result import Done, Error, Incomplete, run
from sozu.parsers.views import View
from sozu.parsers.wire.http2 import HEADER_SIZE, LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sozu.parsers.body import Framing
    from sozu.parsers.console.messages import Event

Report = dict[str, Any]
# Input comes from anywhere, also from `yes |`: whatever is held of it has a bound here.
LARGEST_VALUE: Final = HEADER_SIZE + LARGEST  # bytes: what may be held of one value; the longest frame of HTTP/2
EAGER: Final = 64 * 1024  # bytes: up to here a value is read again with everything that comes
# At least BEFORE of rendering.py: an error at the first byte of a block shows as much in front of it as any other.
CONTEXT: Final = 64  # bytes of the block before that an error may point into
MOST_AT_ONCE: Final = 2 * HEAD_LIMIT  # bytes: as far back from the end of a stream may an error in a message be
# An Error and not the outcome of a part: a value that is cut at the bound might be right in itself, and would be reported as done.
TOO_LONG: Final = Error(LARGEST_VALUE, frozenset({"the end"}))
# How a view was found is no fact about the message, and which further slots it has is our settings' matter.
HIDDEN: Final = {*View.__struct_fields__, "more"}
PAYLOAD_SHOWN: Final = 64 * 1024  # bytes: a longer chunked body is counted, not shown


def first(kind: str, blocks: Iterable[bytes]) -> Iterator[Report]:
    """One report: the value at the beginning of the input."""
    blocks = iter(blocks)
    if kind == "chunked":
        # A body may be longer than any memory, so it is not held and read by the grammar as other kinds are, but followed by the proxy's own reader.
        report, rest = body_report(blocks)
        yield report | {"rest": len(rest) + sum(map(len, blocks))} if report["outcome"] == "done" else report
        return
    data, more = beginning(blocks)
    report = value_report(kind, data)
    if report["outcome"] == "done":
        report["rest"] += sum(map(len, chain(more, blocks)))
    yield {"kind": kind, **report}


def beginning(blocks: Iterator[bytes]) -> tuple[bytes, list[bytes]]:
    """As much of the input as a value may have, and the block that was one too many."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        # With room for the line's end, which is no part of the value: else a value of just the largest size would be called too long.
        if size > LARGEST_VALUE + len(b"\r\n"):
            return b"".join(held), [block]
        held.append(block)
        size += len(block)
    return b"".join(held), []


def value_report(kind: str, data: bytes) -> Report:
    """The outcome on an input that has ended; the line end of a text file is not a part of its value."""
    if kind not in WHOLE_VALUES:
        return shown(read(kind, data), data)
    # One line end, not strip(): blanks at the end are bytes of the value, and some grammars refuse them.
    text = data.removesuffix(b"\n").removesuffix(b"\r")
    return shown(TOO_LONG if len(text) > LARGEST_VALUE else read(kind, text), text)


def body_report(blocks: Iterator[bytes], start: int = 0) -> tuple[Report, bytes]:
    """A chunked body of any length that begins at `start` of the stream, counted as it goes by; and what is left of the last block."""
    reader, payload, seen, size, last = ChunkedReader(), bytearray(), start, 0, b""
    for block in blocks:
        outcome = reader.feed(block)
        for begin, end in reader.spans:
            size += end - begin
            # Once over the bound, nothing more is kept; what has been kept is not shown either, as half a payload looks like a whole one.
            payload += block[begin:end] if size <= PAYLOAD_SHOWN else b""
        if isinstance(outcome, Done):
            text = plain(payload) if size <= PAYLOAD_SHOWN else None
            value = {"size": size, "payload": text, "trailers": plain(outcome.value)}
            report = {"kind": "chunked", "outcome": "done", "end": seen + outcome.end, "value": value}
            return report, block[outcome.end :]
        if isinstance(outcome, Error):
            # The reader counts from its body, reports count from the stream.
            moved = Error(start + outcome.position, outcome.expected, outcome.reason)
            return {"kind": "chunked", **error_shown(moved, last + block, seen - len(last))}, b""
        seen += len(block)
        last = block[-CONTEXT:]
    return {"kind": "chunked", "outcome": "incomplete", "needed": max(1, reader.payload_left)}, b""


def every(kind: str, blocks: Iterable[bytes]) -> Iterator[Report]:
    """A report for each value, one after the other; offsets are those of the stream. Messages come with what their bodies were."""
    if kind in READERS:
        yield from messages(kind, blocks)
    # No byte of such a value closes it, so among several the line has to.
    elif kind in WHOLE_VALUES:
        for line in lines(blocks):
            yield {"kind": kind, **value_report(kind, line)}
    elif kind == "chunked":
        yield from bodies(iter(blocks))
    else:
        yield from values(kind, blocks)


def lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a text, without their ends. Of a line that is too long, just enough is kept to tell."""
    held = bytearray()
    for block in blocks:
        *ends, rest = block.split(b"\n")
        for end in ends:
            # What is held is joined once for each line, not for each block: a line that comes in a thousand blocks is not copied a thousand times.
            yield bytes(held + end)
            held.clear()
        held += rest[: LARGEST_VALUE + len(b"\r\n") - len(held)]
    if held:
        yield bytes(held)


def bodies(blocks: Iterator[bytes]) -> Iterator[Report]:
    """Chunked body after chunked body."""
    held, start = b"", 0
    # What one body leaves of its last block begins the next, and is read before another block is asked for: an input may end there.
    while held := held or next(blocks, b""):
        report, held = body_report(chain([held], blocks), start)
        yield {**report, "start": start}
        if report["outcome"] != "done":
            return
        start = report["end"]


def values(kind: str, blocks: Iterable[bytes]) -> Iterator[Report]:
    """Value after value; what is left of a block waits for the next one. A long value is not looked at again for every block."""
    held, start, due = b"", 0, 1
    for block in chain(blocks, [b""]):  # the last one says that no more will come
        held += block
        while held and (len(held) >= due or not block):
            outcome = read(kind, held)
            if isinstance(outcome, Incomplete) and block and len(held) <= LARGEST_VALUE:
                # An eighth more each time, so that the sum of all looks is a small multiple of the value. Looked at for each block, a frame of 16 MB would be
                # read 256 times.
                due = len(held) + max(outcome.needed.hint(), (len(held) - EAGER) // 8)
                break
            yield {"kind": kind, **placed(shown(outcome, held), start)}
            # Behind an error nobody knows where the next value begins; and what is incomplete at the end of the input is the last one.
            if not isinstance(outcome, Done):
                return
            held, start, due = held[outcome.end :], start + outcome.end, 1


def placed(report: Report, start: int) -> Report:
    """A report on the value at `start` of a stream: offsets count from where the stream began, and what follows is not the value's."""
    offsets: Report = {name: start + report[name] for name in ("end", "position") if name in report}
    kept = {name: fact for name, fact in report.items() if name not in {"rest", "line", "column"}}
    # Lines and columns go, too: they would count from the value's beginning, beside offsets that count from the stream's.
    return {"start": start, **kept, **offsets}


def messages(kind: str, blocks: Iterable[bytes]) -> Iterator[Report]:
    """A report for each message of a stream, when it has ended."""
    reader: MessageReader = READERS[kind]()
    report: Report = {}
    before, seen, block = b"", 0, b""  # the end of what came before the block, and how much that was in all
    # The end is a turn of its own, so that what `finish` tells goes the same way as all else, with its caret.
    for each in chain(blocks, [None]):
        if each is not None:
            # An error may lie in a block that has gone by, since a head is looked at line by line; so the end of what went before is kept for the caret.
            before, seen, block = (before + block)[-MOST_AT_ONCE:], seen + len(block), each
        for event in reader.finish() if each is None else reader.feed(block):
            report = told(event, report, kind)
            if report.get("outcome") == "error":
                report["caret"] = caret(before + block, report["position"] - (seen - len(before)))
            if report.get("outcome"):
                yield report


def told(event: Event, report: Report, kind: str) -> Report:
    """The report of the current message, with one more event in it."""
    match event:
        case Head(start, end, view, framing):
            fields = {name: plain(value) for name, value in known(view)}
            return {
                "kind": kind,
                "start": start,
                "head": end - start,
                **fields,
                "framing": framing_shown(framing),
                "payload": 0,
            }
        case Payload(data):
            # A new report each time: one that has been yielded must not change in the hands of whoever keeps it.
            return {**report, "payload": report["payload"] + len(data)}
        case End(end, trailers):
            return {**report, "end": end, "trailers": plain(trailers), "outcome": "done"}
        case Refused(position, refusal, expected):
            status = {"status": refusal.status, "expected": sorted(expected), **reason_shown(refusal.reason)}
            return {"kind": kind, "outcome": "error", "position": position, **status}
    return {"kind": kind, "outcome": "incomplete", "start": event.start, "needed": event.needed}


def known(view: Any) -> list[tuple[str, Any]]:
    """The fields of a view that are there."""
    names = view.__struct_fields__
    return [(name, getattr(view, name)) for name in names if name not in HIDDEN and getattr(view, name) is not None]


def framing_shown(framing: Framing) -> Any:
    """`no-body`, `chunked`… or the number of bytes."""
    return framing.size if isinstance(framing, Length) else framing.value


def steps(kind: str, blocks: Iterable[bytes], size: int) -> Iterator[Report]:
    """What the grammar says of each beginning of the input that is `size` bytes longer than the one before, up to its verdict."""
    data, _ = beginning(iter(blocks))
    for end in range(size, len(data) + size, size):
        piece = data[:end]
        # The last step may say "the input has ended", all others must not: they show what the grammar says to a stream that may go on.
        outcome = read(kind, data) if end >= len(data) else run(KINDS[kind], piece)
        yield {"kind": kind, "fed": len(piece), **shown(outcome, piece)}
        if not isinstance(outcome, Incomplete):
            return
