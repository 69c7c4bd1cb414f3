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
    # Counted from the end: what nobody rolls back to any more is the oldest, so where records are large that goes first.
    sizes = list(accumulate(len(line) for line in reversed(lines[-kept:])))
    staying = max(1, sum(size <= most for size in sizes))
    early, late = lines[:-staying], lines[-staying:]
    if not early:
        # Lines that stay are copied as bytes and never read: their checks, and fields of a newer version, stay what they are.
        return [line + b"\n" for line in late]
    records = records_in(path, early)
    # The state, not a sum of the orders: what came and went again leaves nothing, so a journal of many changes to few objects gets
    # short.
    orders = tuple(orders_of(state_after(path, records)))
    # The base has the number of the last record that went into it: the line behind it follows by one, as `records_in` demands.
    base = msgspec.structs.replace(records[-1], orders=orders, base=True)
    return [line_of(base), *(line + b"\n" for line in late)]
