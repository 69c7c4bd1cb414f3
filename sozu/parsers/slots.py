r"""The pattern of a head of which only a few fields are wanted: known names in slots, the rest checked and skipped.

    start-line *( known: its own quick value | any other field line ) CRLF

Known names stand in a trie by their first letter, the other letters first: `re` decides by one byte, so that a line costs 20 to 60 ns.
A name is *committed*: where the value is not one that the slot's quick grammar takes, no other branch takes the line, and the pattern
fails as a whole. So it does for a slot that comes twice, for a name that does not begin with a letter, and for a name that could be
taken for a framing field. Failing costs nothing but time: views.py then reads the head field by field and decides. What the pattern
must never do is match a head that this careful reading would refuse, or read otherwise; the tests hold the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from sozu.parsers.abnf import ALPHA, FIELD_BYTES, TCHAR, WSP
from sozu.parsers.fusion.analysis import cases
from sozu.parsers.fusion.emission import byte_set, choice, literal, not_after, repeated, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sozu.parsers.fusion.decoding import Decoder
    from sozu.parsers.reasons import Reason
    from sozu.parsers.regular import Regular

LETTERS: Final = frozenset(ALPHA)
NOT_LETTERS: Final = frozenset(TCHAR) - LETTERS
LOOK_ALIKES: Final = (b"contentlength", b"transferencoding")
EOL: Final = literal(b"\r\n", fold=False)
BLANKS: Final = run(frozenset(WSP), 0, None)
NAME: Final = run(frozenset(TCHAR), 0, None)
VALUE: Final = run(frozenset(FIELD_BYTES), 0, None) + not_after(frozenset(WSP))
OTHER: Final = NAME + b":" + VALUE + EOL


@dataclass(frozen=True, slots=True)
class Slot:
    """A wanted field. `quick` is a part of its values, those met daily; `fault` says of any value at which offset it is wrong, if it is.

    `twice` is the reason to refuse a second line of that name, None for a list: the values are then joined by `joint`.
    """

    name: bytes  # lower case
    quick: Regular[bytes]
    fault: Callable[[bytes], int | None]
    invalid: Reason
    twice: Reason | None = None
    joint: bytes = b", "


def section(decoder: Decoder, slots: Iterable[Slot], cuts: Iterable[bytes]) -> tuple[bytes, dict[bytes, str], list[str]]:
    """The pattern of the field section, the group of each slot's value, and the groups that take part if a line has to be cut."""
    wanted = {slot.name: slot for slot in slots}
    cuts = frozenset(cuts)
    values: dict[bytes, str] = {}
    marks: list[str] = []
    branches: list[bytes] = []
    names = sorted({*wanted, *cuts, *LOOK_ALIKES})
    for letter, group in groupby(names, lambda name: name[0]):
        known = list(group)
        lines: list[bytes] = []
        for name in known:
            if name in wanted:
                part = decoder.part(wanted[name].quick.tree, last=False)
                values[name] = part.expression
                lines.append(rest_of(name) + b"(?(%d)(?!))" % (part.group or 0) + BLANKS + part.pattern + EOL)
                marks.extend([f"{part.expression} is not None"] if name in cuts else [])
            elif name in cuts:
                # The mark stands where the line is over: a group in a branch that may still fail corrupts others (gh-101955).
                mark = decoder.capture(b"\\x0a")
                marks.append(mark.expression)
                lines.append(rest_of(name) + VALUE + b"\\x0d" + mark.pattern)
        guards = b"".join(b"(?!" + guard + b")" for guard in guarded(known))
        branches.append(byte_set(cases(letter)) + choice(*lines, guards + OTHER))
    others = LETTERS.difference(*(cases(name[0]) for name in names))
    return repeated(choice(byte_set(others) + OTHER, *branches), 0, None) + EOL, values, marks


def rest_of(name: bytes) -> bytes:
    """All of `name` but its first letter, and the colon."""
    return literal(name[1:] + b":", fold=True)


def guarded(known: list[bytes]) -> Iterator[bytes]:
    """What no other field may be called: the known names of this letter, and whatever looks like a framing field."""
    for name in known:
        if name in LOOK_ALIKES:
            blind = run(NOT_LETTERS, 0, None)
            yield b"".join(blind + byte_set(cases(letter)) for letter in name[1:])
        else:
            yield rest_of(name)


def cutter(cuts: Iterable[bytes]) -> bytes:
    """The pattern of a line to cut out of a field section that begins with the CRLF before it: from LF to before the next LF."""
    by_letter = [
        byte_set(cases(letter)) + choice(*map(rest_of, group))
        for letter, group in groupby(sorted(cuts), lambda name: name[0])
    ]
    return rb"\n" + choice(*by_letter) + rb"[^\n]*+"
