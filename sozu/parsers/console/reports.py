"""What the command line says about an input that comes in blocks: generators of objects for JSON, in bounded memory.

`first` reads one value and counts what follows; `every` reads value after value; `steps` shows what a parser says of each beginning. A report's
`outcome` is done, error or incomplete; the last one of an input decides the exit code.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from sozu.parsers.body import Length
from sozu.parsers.chunked import ChunkedReader
from sozu.parsers.console.messages import End, Head, MessageReader, Payload, Refused
from sozu.parsers.console.rendering import error_shown, plain, reason_shown, shown
from sozu.parsers.console.verdicts import READERS, read
from sozu.parsers.kinds import KINDS, WHOLE_VALUES
from sozu.parsers.result import Done, Error, Incomplete, run
from sozu.parsers.views import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sozu.parsers.body import Framing
    from sozu.parsers.console.messages import Event

Report = dict[str, Any]
LARGEST_VALUE: Final = 4 * 1024 * 1024  # bytes: what a parser may hold of one value
CONTEXT: Final = 64  # bytes of the block before that an error may point into
HIDDEN: Final = {*View.__struct_fields__, "more"}
PAYLOAD_SHOWN: Final = 64 * 1024  # bytes: a longer chunked body is counted, not shown


def first(kind: str, blocks: Iterable[bytes]) -> Iterator[Report]:
    """One report: the value at the beginning of the input."""
    blocks = iter(blocks)
    if kind == "chunked":
        yield body_report(blocks)
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
        if size >= LARGEST_VALUE:
            return b"".join(held), [block]
        held.append(block)
        size += len(block)
    return b"".join(held), []


def value_report(kind: str, data: bytes) -> Report:
    """The outcome on an input that has ended; the line end of a text file is not a part of its value."""
    text = data.removesuffix(b"\n").removesuffix(b"\r") if kind in WHOLE_VALUES else data
    return shown(read(kind, text), text)


def body_report(blocks: Iterator[bytes]) -> Report:
    """A chunked body of any length, counted as it goes by."""
    reader, payload, seen, size, last = ChunkedReader(), bytearray(), 0, 0, b""
    for block in blocks:
        outcome = reader.feed(block)
        for start, end in reader.spans:
            size += end - start
            payload += block[start:end] if size <= PAYLOAD_SHOWN else b""
        if isinstance(outcome, Done):
            text = plain(payload) if size <= PAYLOAD_SHOWN else None
            value = {"size": size, "payload": text, "trailers": plain(outcome.value)}
            rest = len(block) - outcome.end + sum(map(len, blocks))
            return {"kind": "chunked", "outcome": "done", "end": seen + outcome.end, "rest": rest, "value": value}
        if isinstance(outcome, Error):
            return {"kind": "chunked", **error_shown(outcome, last + block, seen - len(last))}
        seen += len(block)
        last = block[-CONTEXT:]
    return {"kind": "chunked", "outcome": "incomplete", "needed": max(1, reader.payload_left)}


def every(kind: str, blocks: Iterable[bytes]) -> Iterator[Report]:
    """A report for each value, one after the other; messages come with what their bodies were."""
    if kind in READERS:
        yield from messages(kind, blocks)
    elif kind in WHOLE_VALUES:
        for line in lines(blocks):
            yield {"kind": kind, **value_report(kind, line)}
    else:
        yield from values(kind, blocks)


def lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a text, without their ends."""
    held = b""
    for block in blocks:
        *whole_lines, held = (held + block).split(b"\n")
        yield from whole_lines
    if held:
        yield held


def values(kind: str, blocks: Iterable[bytes]) -> Iterator[Report]:
    """Value after value; what is left of a block waits for the next one."""
    blocks = iter(blocks)
    held, start = b"", 0
    for block in blocks:
        held += block
        while held:
            outcome = read(kind, held)
            if isinstance(outcome, Incomplete) and len(held) <= LARGEST_VALUE:
                break
            yield {"kind": kind, "start": start, **shown(outcome, held)}
            if not isinstance(outcome, Done):
                return
            held, start = held[outcome.end :], start + outcome.end
    if held:
        yield {"kind": kind, "start": start, **shown(read(kind, held), held)}


def messages(kind: str, blocks: Iterable[bytes]) -> Iterator[Report]:
    """A report for each message of a stream, when it has ended."""
    reader: MessageReader = READERS[kind]()
    report: Report = {}
    for block in chain(blocks, [None]):
        for event in reader.finish() if block is None else reader.feed(block):
            report = told(event, report, kind)
            if report.get("outcome"):
                yield report


def told(event: Event, report: Report, kind: str) -> Report:
    """The report of the current message, with one more event in it."""
    match event:
        case Head(start, end, view, framing):
            fields = {name: plain(value) for name, value in known(view)}
            return {"kind": kind, "start": start, "head": end - start, **fields, "framing": framing_shown(framing), "payload": 0}
        case Payload(data):
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
        outcome = read(kind, data) if end >= len(data) else run(KINDS[kind], piece)
        yield {"kind": kind, "fed": len(piece), **shown(outcome, piece)}
        if not isinstance(outcome, Incomplete):
            return
