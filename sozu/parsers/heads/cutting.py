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
class Cuts:
    """Numbers of groups of a view's pattern: each ends at the index that it is named after. Without lines to cut they take no part."""

    # Two pairs and one mark more, however many names there are. A group for each name had every match carry them all, for the two or three lines that
    # nearly every head has at most.
    begin_first: int
    first: int  # after the first line to cut
    begin_second: int
    second: int
    more: int  # after the last one, if there are more than two


def cutter(names: Iterable[bytes], cuts: Cuts, group: int = 0, after: int = 0) -> Callable[[View], bytes]:
    """The method of a view that gives its head without the lines named in `names`, or without its start line too.

    What it gives begins `after` bytes from the end of `group`, which is in the start line; with the head, if no group is named.
    """
    begin_first, first, begin_second, second, more = (
        cuts.begin_first,
        cuts.first,
        cuts.begin_second,
        cuts.second,
        cuts.more,
    )
    # A line goes together with the LF before it, and leaves its own LF to the next one: so each name is known by the LF in front of it, and lines to
    # cut that follow each other are all found. No CR needs a look: the grammar lets none stand alone.
    without_all = re.compile(rb"\n(?i:%b):[^\n]*+(?=\n)" % b"|".join(map(re.escape, sorted(names)))).sub

    def passed(view: View) -> bytes:
        match = view.source
        data: bytes = match.string
        # Ends of groups alone are asked for: an index costs no copy of bytes, and a group without a part in the match answers -1. The last CRLF is
        # the empty line: it stays away, since whoever sends the head adds lines of his own before it.
        begin, end, one = match.end(group) + after if group else match.start(), match.end() - 2, match.end(first)
        if one < 0:
            return data[begin:end]
        two = match.end(second)
        if two < 0:
            return data[begin : match.end(begin_first)] + data[one:end]
        if match.end(more) < 0:
            return data[begin : match.end(begin_first)] + data[one : match.end(begin_second)] + data[two:end]
        # What stands before the first of them is kept as it is. The LF at `at - 1` ends that, and is there only so that the pattern finds the first
        # line.
        at = match.end(begin_first)
        return data[begin:at] + without_all(b"", data[at - 1 : end])[1:]

    return passed
