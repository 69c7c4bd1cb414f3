r"""The pattern of a head of which only a few fields are wanted: known names in slots, the rest checked and skipped.

    start-line *( known: its own quick value | any other field line ) CRLF

A name is *committed*: where the value is not one that the slot's quick grammar takes, no other branch takes the line, and the pattern
fails as a whole. So it does for a slot that comes twice, for a name that does not begin with a letter, and for a name that could be
taken for a framing field. Failing costs nothing but time: the careful reading of views.py then looks at the head field by field and decides. What the pattern
must never do is match a head that this careful reading would refuse, or read otherwise; the tests hold the two equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sozu.parsers.abnf import ALPHA, FIELD_BYTES, TCHAR, WSP
from sozu.parsers.fusion.analysis import cases
from sozu.parsers.fusion.emission import byte_set, escaped, literal, not_after, repeated, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sozu.parsers.fusion.decoding import Decoder
    from sozu.parsers.reasons import Reason
    from sozu.parsers.regular import Regular

LETTERS: Final = frozenset(ALPHA)
NOT_LETTERS: Final = frozenset(TCHAR) - LETTERS
LOOK_ALIKES: Final = (b"contentlength", b"transferencoding")
CONNECTION: Final = b"connection"
OFTEN_FIRST: Final = b"hcauxsr"  # the initials of field names by their frequency, as far as it matters
POISON: Final = rb"(?s:.)*+"  # takes all there is and gives nothing back, so that the end of the head can no longer match
NAME: Final = run(frozenset(TCHAR), 0, None)
BLANKS: Final = run(frozenset(WSP), 0, None)
VALUE: Final = run(frozenset(FIELD_BYTES), 0, None)
EOL: Final = literal(b"\r\n", fold=False)
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


class Section:
    """The pattern of a field section and its groups."""

    def __init__(self, decoder: Decoder, slots: Mapping[bytes, Slot], cuts: frozenset[bytes]) -> None:
        """Of `slots`, by name, the values are captured; lines named in `cuts` leave a mark."""
        self.decoder = decoder
        self.values: dict[bytes, str] = {}
        self.marks: dict[bytes, str] = {}
        self.wanted = slots
        self.cuts = cuts
        self.unwanted = cuts.difference(slots)
        decoder.groups.append(decoder.bind("g", None))
        self.lines = decoder.groups[-1]  # the group of all lines: it opens first
        self.pattern = b"(" + repeated(b"|".join(self.branches()), 0, None) + b")" + EOL

    def branches(self) -> Iterator[bytes]:
        """The branches for all lines, the usual ones first.

        `re` passes over a branch that begins with a literal in 0.7 ns and over one that begins with a class in 4.5 ns. So the names
        that part from the known ones early come first, with their initial written as a literal in either case.
        """
        known = (*self.wanted, *sorted(self.unwanted), *LOOK_ALIKES)
        initials = [bytes([initial]) for initial in sorted({name[0] for name in known}, key=rarity)]
        families = [[name for name in known if name.startswith(initial)] for initial in initials]
        yield byte_set(LETTERS.difference(*(cases(initial[0]) for initial in initials))) + OTHER
        for names in families:
            if names[0][0] in OFTEN_FIRST:
                yield from strangers(names)
        for names in families:
            yield byte_set(cases(names[0][0])) + self.family(names)

    def family(self, names: list[bytes]) -> bytes:
        """The rest of a line after the initial that `names` share. A known name is committed: no branch that is entered after it fails."""
        branches = [rest(name) + self.slot_value(self.wanted[name]) for name in names if name in self.wanted]
        branches += [rest(name) + self.dropped(name) for name in names if name in self.unwanted]
        branches += [look_alike(name) + POISON for name in names if name in LOOK_ALIKES]
        return b"(?:" + b"|".join([*branches, OTHER]) + b")"

    def slot_value(self, slot: Slot) -> bytes:
        """After the colon of a slot's name: capture the value, if it is one to take quickly and the first of that name."""
        part = self.decoder.part(slot.quick.tree, last=False)
        self.values[slot.name] = part.expression
        return committed(part.group or 0, BLANKS + part.pattern + not_after(frozenset(WSP)) + EOL)

    def dropped(self, name: bytes) -> bytes:
        """After the colon of a line to cut: its LF is a group, which tells where the line ends."""
        mark = self.decoder.capture(rb"\x0a")
        self.marks[name] = mark.expression
        return committed(mark.group or 0, VALUE + rb"\x0d" + mark.pattern)

    def choice_of_cut(self) -> str:
        """The expression of the function that cuts lines out, or None: most often no line or just Connection is there."""
        others = [mark for name, mark in sorted(self.marks.items())]
        others += [f"{self.values[name]} is not None" for name in sorted(self.cuts & self.values.keys() - {CONNECTION})]
        return f"cut if {' or '.join(others)} else None if {self.values[CONNECTION]} is None else cut_one"

    def cut_source(self, template: str) -> str:
        """The source of the functions that cut. A value's line ends two bytes after it; an LF is the end of its line."""
        groups = {**{self.values[name]: " + 2" for name in self.cuts & self.values.keys()}, **dict.fromkeys(self.marks.values(), "")}
        tests = [
            f"if (end := match.end({self.number(group)})) > 0: ends.append(end{more} - begin)" for group, more in groups.items()
        ]
        return template.format(
            lines=self.number(self.lines), connection=self.number(self.values[CONNECTION]), tests="\n    ".join(tests)
        )

    def number(self, group: str) -> int:
        """Of a named group."""
        return self.decoder.groups.index(group) + 1


def rarity(initial: int) -> tuple[int, int]:
    """A key that sorts frequent initials first."""
    place = OFTEN_FIRST.find(initial)
    return (place if place >= 0 else len(OFTEN_FIRST), initial)


def strangers(names: list[bytes]) -> Iterator[bytes]:
    """Lines whose name has the initial of `names` and parts from them at the second letter, or at the third if they share the second.

    Where a framing field is among them, only by a letter: what begins as one and goes on with a dash may be a look-alike.
    """
    parting = LETTERS if any(name in LOOK_ALIKES for name in names) else frozenset(TCHAR)
    seconds = frozenset().union(*(cases(name[1]) for name in names))
    for initial in sorted(cases(names[0][0])):
        if len(names) > 1 and len({name[1] for name in names}) == 1:
            thirds = frozenset().union(*(cases(name[2]) for name in names))
            yield escaped(initial) + byte_set(seconds) + byte_set(parting - thirds) + OTHER
        yield escaped(initial) + byte_set(parting - seconds) + OTHER


def rest(name: bytes) -> bytes:
    """A known name after its initial, and the colon."""
    return b"(?i:" + literal(name[1:], fold=False) + b"):"  # twice as fast as classes of two letters


def committed(group: int, pattern: bytes) -> bytes:
    """`pattern`, once: where it does not match, or its group did before, the match as a whole is lost."""
    return b"(?:(?(%d)(?!))" % group + pattern + b"|" + POISON + b")"


def look_alike(name: bytes) -> bytes:
    """What could be taken for the framing field `name`, after its initial."""
    blind = run(NOT_LETTERS, 0, None)
    return b"".join(blind + byte_set(cases(letter)) for letter in name[1:])
