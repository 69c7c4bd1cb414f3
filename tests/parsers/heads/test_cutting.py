import re

import pytest

from sozu.parsers.heads.cutting import Cuts, cutter
from sozu.parsers.views import RequestView

START = b"GET / HTTP/1.1\r\n"
LINE = rb"(?:(?!x:)[^\r]+\r\n)*"
# Groups: the start line; begin and end of the first line to cut; of the second; the end of the last one.
PATTERN = re.compile(rb"([^\r]+)\r\n%b(?:()x:[^\r]*\r(\n)%b(?:()x:[^\r]*\r(\n)%b(?:x:[^\r]*\r(\n)%b)*)?)?\r\n" % (LINE, LINE, LINE, LINE))
CUTS = Cuts(2, 3, 4, 5, 6)


def view_of(lines: list[bytes], before: bytes = b"") -> RequestView:
    data = before + START + b"".join(line + b"\r\n" for line in lines) + b"\r\nbody"
    return RequestView(PATTERN.match(data, len(before)), b"GET", b"/", 1)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"a: 1"],
        [b"x: 1"],
        [b"x: 1", b"a: 1"],
        [b"a: 1", b"x: 1"],
        [b"x: 1", b"x: 2"],
        [b"a: 1", b"x: 1", b"x: 2", b"b: 1"],
        [b"x: 1", b"a: 1", b"x: 2"],
        [b"x: 1", b"a: 1", b"x: 2", b"b: 1", b"x: 3"],
        [b"x: 1", b"x: 2", b"x: 3", b"x: 4"],
        [b"a: 1", b"x: 1", b"b: 1", b"x: 2", b"c: 1", b"x: 3", b"x: 4", b"d: 1"],
    ],
)
def test_marked_lines_are_left_out_wherever_they_stand(lines: list[bytes]) -> None:
    kept = b"".join(line + b"\r\n" for line in lines if not line.startswith(b"x"))
    fields = cutter([b"x"], CUTS, 1, len(b"\r\n"))
    head = cutter([b"x"], CUTS)
    for before in (b"", b"before\r\n"):
        assert fields(view_of(lines, before)) == kept
        assert head(view_of(lines, before)) == START + kept
