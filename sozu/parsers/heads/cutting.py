"""The field lines for the other side: those of a head, but for the lines that end at the proxy.

The pattern of slots.py marks where the first and the second line to cut begin and end, and whether there are more. So what nearly every head
needs is two or three slices; only for the others a second pattern looks for the lines by their names.
"""

from __future__ import annotations

from dataclasses import dataclass
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sozu.parsers.views import View


@dataclass(frozen=True, slots=True)
class Marks:
    """Numbers of groups of a view's pattern: each ends at the index that it is named after. Without lines to cut they take no part."""

    lines: int  # the begin of all lines
    begin_first: int = 0
    first: int = 0  # after the first line to cut
    begin_second: int = 0
    second: int = 0
    more: int = 0  # after the last one, if there are more than two


def cutter(names: Iterable[bytes], marks: Marks) -> Callable[[View], bytes]:
    """The method of a view that gives its lines without those named in `names`."""
    lines, begin_first, first = marks.lines, marks.begin_first, marks.first
    begin_second, second, more = marks.begin_second, marks.second, marks.more
    without_all = re.compile(rb"\n(?i:%b):[^\n]*+(?=\n)" % b"|".join(map(re.escape, sorted(names)))).sub

    def passed_fields(view: View) -> bytes:
        match = view.source
        data: bytes = match.string
        begin, end, one = match.end(lines), match.end() - 2, match.end(first)
        if one < 0:
            return data[begin:end]
        two = match.end(second)
        if two < 0:
            return data[begin : match.end(begin_first)] + data[one:end]
        if match.end(more) < 0:
            return data[begin : match.end(begin_first)] + data[one : match.end(begin_second)] + data[two:end]
        return without_all(b"", data[begin - 1 : end])[1:]

    return passed_fields
