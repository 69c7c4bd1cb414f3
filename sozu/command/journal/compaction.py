"""A shorter journal that says the same: its earliest records become one, from which the rest goes on. Pure."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import msgspec

from sozu.command.journal.record import line_of, records_in
from sozu.command.journal.replaying import state_after
from sozu.command.state import orders_of


def compacted(path: Path, lines: Sequence[bytes], kept: int, most: int) -> list[bytes]:
    """The lines, with their line feeds, of a journal with the last `kept` records of this one, fewer where they have more than `most` bytes.

    The last record always stays: who made it tells a restart whether a file may win. Raises JournalError.
    """
    sizes = list(accumulate(len(line) for line in reversed(lines[-kept:])))
    staying = max(1, sum(size <= most for size in sizes))
    early, late = lines[:-staying], lines[-staying:]
    if not early:
        return [line + b"\n" for line in late]
    records = records_in(path, early)
    orders = tuple(orders_of(state_after(path, records)))
    base = msgspec.structs.replace(records[-1], orders=orders, base=True)
    return [line_of(base), *(line + b"\n" for line in late)]
