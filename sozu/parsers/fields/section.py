r"""Lines of a field section, picked by their names: after a head was read, for whoever needs a field that has no slot in its view.

The section is sound: the grammar of http1.py has read it, or we wrote it, each line with its CRLF and without the empty line. There a name
begins behind every LF and ends at the first colon, and a bare search for names finds what reading all fields would find (RFC 9112
section 5); the tests hold the two equal. So nothing is read twice.
"""

from __future__ import annotations

from functools import cache
import re
from typing import TYPE_CHECKING

from sozu.parsers.abnf import WSP

if TYPE_CHECKING:
    from collections.abc import Callable


def without(section: bytes, names: frozenset[bytes]) -> bytes:
    """The section but for the lines of these names. Names are in lower case here, and in any case there."""
    # The LF put before it stands for the end of the start line: so the first line is found like the others.
    return lines_of(names).sub(b"", b"\n" + section)[1:]


def values(section: bytes, name: bytes) -> list[bytes]:
    """The values of all lines of that name, in their order, without the blanks around them (RFC 9110 section 5.3 says what several mean)."""
    # The pattern takes all up to the LF, CR and all: no CR stands within a value that the grammar has let through.
    return [line.strip(WSP + b"\r") for line in values_of(name)(b"\n" + section)]


@cache
def lines_of(names: frozenset[bytes]) -> re.Pattern[bytes]:
    """The LF in front of such a line, and the line up to its own LF. Made once for each set of names: the program's, not a client's."""
    return re.compile(rb"\n(?i:%b):[^\n]*+(?=\n)" % b"|".join(map(re.escape, sorted(names))))


@cache
def values_of(name: bytes) -> Callable[[bytes], list[bytes]]:
    """What stands behind the colon of such lines."""
    return re.compile(rb"\n(?i:%b):([^\n]*+)" % re.escape(name)).findall
