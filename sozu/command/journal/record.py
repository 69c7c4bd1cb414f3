"""One line of the journal: a committed transaction, and the check that tells a flipped bit. Pure.

    {"check":"5b1c0d3e","revision":12,"when":…,"uid":1000,"pid":4711,"command":"sozu cluster add blog","orders":[…]}

`check` is the CRC-32 of what follows it in the line. It finds what a disk does to a file; who wants to deceive the master has
its user's rights already. Lines of the first version have no check, and begin with their revision.
"""

from collections.abc import Iterable
from pathlib import Path
import zlib

import msgspec

from sozu.command.journal.errors import JournalDamaged
from sozu.command.orders import AnyOrder

SCHEMA = 1
_PREFIX, _MIDDLE = b'{"check":"', b'",'
_REST = len(_PREFIX) + 8 + len(_MIDDLE)  # where the checked part of a line begins
_UNCHECKED = b'{"revision":'


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One committed transaction: its number, when (seconds since 1970, UTC), who asked (peer of the socket), and the orders."""

    revision: int
    when: float
    uid: int
    pid: int
    command: str
    orders: tuple[AnyOrder, ...]
    # True where earlier records were left out: these orders build the state of this revision from nothing.
    base: bool = False
    # True when a master wrote it at its start to become what its file says: from there on nothing live would be lost.
    from_file: bool = False
    # A record says its schema when it is not the first: a newer master may have written it.
    schema: int = 1


def line_of(record: Record) -> bytes:
    """The record's line, with its line feed."""
    # The check is over the bytes as they stand in the line, not over the record: it can be tested without reading JSON, and another
    # version may write the same record with other spaces or in another order.
    rest = msgspec.json.encode(record)[1:]
    return b"".join((_PREFIX, b"%08x" % zlib.crc32(rest), _MIDDLE, rest, b"\n"))


def records_in(path: Path, lines: Iterable[bytes]) -> list[Record]:
    """The records of these lines, which have no line feeds. Raises JournalDamaged, which names the first line that makes no sense."""
    records: list[Record] = []
    for number, line in enumerate(lines, 1):
        record = record_in(path, number, line)
        # Each line is right by its own check when one is missing or there twice; only their numbers tell.
        if records and record.revision != records[-1].revision + 1:
            raise JournalDamaged(path, number, f"revision {record.revision} follows {records[-1].revision}")
        # Where the beginning is missing, orders would be carried out on nothing: most would be refused, and the rest would be a
        # configuration that nobody has ever made.
        if not records and record.revision != 1 and not record.base:
            raise JournalDamaged(path, number, f"it begins with revision {record.revision}: what was before is missing")
        records.append(record)
    return records


def record_in(path: Path, number: int, line: bytes) -> Record:
    """The record of one line. Raises JournalDamaged."""
    objection = _objection(line)
    if objection:
        raise JournalDamaged(path, number, f"{objection}: {line[:60]!r}")
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = f"{error}{_newer(line)}: {line[:60]!r}"
        raise JournalDamaged(path, number, why) from error


def _objection(line: bytes) -> str:
    if line.startswith(_PREFIX):
        # A view: a base record may have many megabytes, which need not be copied to be counted.
        rest = memoryview(line)[_REST:]
        return "" if line[:_REST] == b"".join((_PREFIX, b"%08x" % zlib.crc32(rest), _MIDDLE)) else "its check does not fit"
    # Only the very beginning that the first version wrote: a line whose check was destroyed must not pass for one that never had
    # any.
    return "" if line.startswith(_UNCHECKED) else "not a record"


_DECODER = msgspec.json.Decoder(Record)


def _newer(line: bytes) -> str:
    """Unknown fields are ignored, so records of a newer schema can mostly be read; an order we do not know cannot."""
    try:
        schema = msgspec.json.decode(line, type=_SchemaOnly).schema
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return f" (it was written by a newer version: schema {schema}, ours is {SCHEMA})" if schema > SCHEMA else ""


class _SchemaOnly(msgspec.Struct):
    schema: int = 1
