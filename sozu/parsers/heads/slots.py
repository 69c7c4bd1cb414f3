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

from sozu.parsers.abnf import ALPHA, FIELD_BYTES, TCHAR
from sozu.parsers.fusion.analysis import cases
from sozu.parsers.fusion.emission import byte_set, escaped, literal, not_after, repeated, run
from sozu.parsers.heads.cutting import Cuts
from sozu.parsers.heads.usual import BLANK
from sozu.parsers.tree import Alt, Lit, Run, Seq, Trim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sozu.parsers.fusion.decoding import Decoder
    from sozu.parsers.reasons import Reason
    from sozu.parsers.regular import Regular
    from sozu.parsers.tree import Node

LETTERS: Final = frozenset(ALPHA)
NOT_LETTERS: Final = frozenset(TCHAR) - LETTERS
LOOK_ALIKES: Final = (b"contentlength", b"transferencoding")
# Names that many heads have, with an initial that a framing field has too: such a line has a branch before those for strangers, or it would be tried
# by all of them first.
OFTEN_WANTED: Final = (b"cookie",)
OFTEN_FIRST: Final = b"hcauxsr"  # the initials of field names by their frequency, as far as it matters
DASH: Final = ord("-")
# A branch that only fails leaves the line to the next branch, the one for any other name; this ends the match as a whole.
POISON: Final = (
    rb"(?s:.)*+"  # takes all there is and gives nothing back, so that the end of the head can no longer match
)
# It may be empty here, and the grammar's token may not: the initial has been matched before it.
NAME: Final = run(frozenset(TCHAR), 0, None)
BLANKS: Final = run(frozenset(BLANK), 0, None)
VALUE: Final = run(frozenset(FIELD_BYTES), 0, None)
CR: Final = literal(b"\r", fold=False)
LF: Final = literal(b"\n", fold=False)
EOL: Final = CR + LF
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

    def __init__(
        self, decoder: Decoder, slots: Mapping[bytes, Slot], cuts: frozenset[bytes], *, capital: bool
    ) -> None:
        """Of `slots`, by name, the values are captured; the lines named in `cuts` leave marks.

        `capital`: known names begin with a capital, as most programs write them. That is an eighth faster, and the groups are the same.
        """
        self.decoder = decoder
        self.capital = capital
        self.slots = slots
        self.cuts = cuts
        # The framing names without their dash are known in every view, even in one without slots for them: what looks like them is never passed over
        # as a stranger.
        self.known = (*slots, *sorted(cuts.difference(slots)), *LOOK_ALIKES)
        self.values: dict[bytes, str] = {}
        self.pattern = repeated(b"|".join(self.branches()), 0, None) + EOL

    def group(self, pattern: bytes) -> tuple[int, bytes]:
        """A new group: its number, and `pattern` in it."""
        part = self.decoder.capture(pattern)
        return len(self.decoder.groups), part.pattern

    def branches(self) -> Iterator[bytes]:
        """The branches for all lines, the usual ones first.

        `re` passes over a branch that begins with a literal in 0.7 ns and over one that begins with a class in 4.5 ns. So what parts from
        the known names early has a branch of its own, with its initial written as a literal; but for the families of wanted names that
        nearly every head has, where that would be a detour. The seldom ones share a branch: the end of the head, which every head has,
        is known after passing over all of them.
        """
        initials = [bytes([initial]) for initial in sorted({name[0] for name in self.known}, key=rarity)]
        families = [[name for name in self.known if name.startswith(initial)] for initial in initials]
        yield byte_set(LETTERS.difference(*(cases(initial[0]) for initial in initials))) + OTHER
        wanted = [names for names in families if self.is_often_wanted(names)]
        frequent = [names for names in families if names not in wanted and names[0][0] in OFTEN_FIRST]
        seldom = [names for names in families if names[0][0] not in OFTEN_FIRST]
        yield from (self.initial(names) + self.family(names, never=names) for names in wanted)
        for names in frequent:
            yield from self.often_wanted_lines(names)
            yield from self.strangers(names)
        yield self.cut_lines()
        yield from (self.initial(names) + self.family(names, never=self.slots.keys() & names) for names in frequent)
        kin = [
            b"(?<=" + self.initial(names) + b")" + self.family(names, never=self.slots.keys() & names)
            for names in seldom
        ]
        yield self.initial([name for names in seldom for name in names]) + b"(?:" + b"|".join(kin) + b")"

    def initials(self, name: bytes) -> list[int]:
        """What a known name may begin with."""
        return [*name[:1].upper()] if self.capital else sorted(cases(name[0]))

    def initial(self, names: Iterable[bytes]) -> bytes:
        """What any of these names may begin with."""
        return byte_set(frozenset(initial for name in names for initial in self.initials(name)))

    def is_often_wanted(self, names: list[bytes]) -> bool:
        """Is there a name that many heads have and whose value is captured? Not with the framing names: see `strangers`."""
        return (
            names[0][0] in OFTEN_FIRST
            and not self.cuts.issuperset(names)
            and not any(name in LOOK_ALIKES for name in names)
        )

    def often_wanted_lines(self, names: list[bytes]) -> Iterator[bytes]:
        """Of a family with framing names: the lines that can be told before all others."""
        for name in names:
            if name in OFTEN_WANTED and name in self.slots.keys() - self.cuts:
                yield self.initial(names) + rest(name) + self.slot_value(self.slots[name]) + EOL

    def family(self, names: list[bytes], never: Iterable[bytes]) -> bytes:
        """The lines whose names share an initial, after it, and that are not cut. Those of `never` must not pass as any other line."""
        # Of the slots those that no earlier branch has captured: a slot has one group, so the order of the yields in `branches` decides who gets it.
        wanted = [name for name in names if name in self.slots.keys() - self.cuts - self.values.keys()]
        branches = [rest(name) + self.slot_value(self.slots[name]) + EOL for name in wanted]
        branches += [look_alike(name) + POISON for name in names if name in LOOK_ALIKES]
        # This commits a known name: where its own branch did not like the value, the branch for any other line must not take it. `re` tries branches
        # in turn and would.
        guard = b"(?!" + b"|".join(rest(name) for name in names if name in never) + b")" if never else b""
        return b"(?:" + b"|".join([*branches, *next_words(names), guard + OTHER]) + b")"

    def slot_value(self, slot: Slot) -> bytes:
        """After the colon of a slot's name: capture the value, if it is one to take quickly and the first of that name."""
        # The group opens behind name and colon, never before: CPython gives wrong spans, or a SystemError, for a group that a repeated branch has
        # captured and then given up (gh-101955).
        part = self.decoder.part(slot.quick.tree, last=False)
        self.values[slot.name] = part.expression
        trimmed = not_after(frozenset(BLANK)) if holds_blanks(slot.quick.tree) else b""
        # `(?(n)(?!))` is the rule "once": it fails if group n has a value already. It costs nothing where a name comes once, and needs no second look
        # at the values.
        return b"(?(%d)(?!))" % (part.group or 0) + BLANKS + part.pattern + trimmed

    def cut_lines(self) -> bytes:
        """All lines to cut are one branch, which marks where they begin and their LF: see cutting.py."""
        begin_second, at_second = self.group(b"")
        begin_first, at_first = self.group(b"")
        names = sorted(self.cuts, key=lambda name: (rarity(name[0]), name))
        lines = b"|".join(spelling for name in names for spelling in self.cut_line(name))
        more, lf_of_others = self.group(LF)
        second, lf_of_second = self.group(LF)
        first, lf_of_first = self.group(LF)
        self.marks = Cuts(begin_first, first, begin_second, second, more)
        # Where lines begin is marked before their name is read, so also by lines that then are none to cut. No harm: what counts is `first` and
        # `second`, the LFs behind a whole line, and until these are set each try marks anew.
        begin = b"(?(%d)(?(%d)|%b)|%b)" % (first, second, at_second, at_first)
        return (
            b"(?="
            + self.initial(names)
            + b")"
            + begin
            + b"(?:%b)(?(%d)(?(%d)%b|%b)|%b)" % (lines, first, second, lf_of_others, lf_of_second, lf_of_first)
        )

    def cut_line(self, name: bytes) -> list[bytes]:
        """A line to cut, up to its CR. Without a value to capture it can be written twice, each with a literal at its beginning."""
        # One group cannot stand twice in a pattern, so a line with a value to capture begins with a class; the others begin with a literal for either
        # case.
        if name in self.slots:
            return [self.initial([name]) + rest(name) + self.slot_value(self.slots[name]) + CR]
        return [escaped(initial) + rest(name) + VALUE + CR for initial in self.initials(name)]

    def strangers(self, names: list[bytes]) -> Iterator[bytes]:
        """Lines whose name has the initial of `names` and parts from them at the second letter, or at the third if they share the second.

        Where a framing field is among them, only by a letter: what begins as one and goes on with a dash may be a look-alike.
        """
        seconds = following(names, 1)
        for initial in self.initials(names[0]):
            if len(names) > 1 and len({name[1:2] for name in names}) == 1:
                yield escaped(initial) + byte_set(seconds) + byte_set(parting(names) - following(names, 2)) + OTHER
            yield escaped(initial) + byte_set(parting(names) - seconds) + OTHER


def rarity(initial: int) -> tuple[int, int]:
    """A key that sorts frequent initials first."""
    place = OFTEN_FIRST.find(initial)
    return (place if place >= 0 else len(OFTEN_FIRST), initial)


def next_words(names: list[bytes]) -> Iterator[bytes]:
    """Lines whose name begins like one of `names` and parts from all of them where a word begins; after the initial.

    Accept-Language beside Accept-Encoding, Upgrade-Insecure-Requests beside Upgrade, Content-Type beside Content-Length: seen in every head.
    """
    ends = ((name + b"-", end) for name in names for end, byte in enumerate(name + b"-", 1) if byte == DASH)
    begins = {name[:end]: None for name, end in ends}
    for begin in begins:
        after = following([name for name in names if name.startswith(begin)], len(begin))
        yield spelled(begin) + byte_set(parting(names) - after) + OTHER


def following(names: Iterable[bytes], place: int) -> frozenset[int]:
    """What stands at `place` in these names, in either case; a colon after the last byte of one."""
    return frozenset().union(*(cases((name + b":")[place]) for name in names))


def parting(names: list[bytes]) -> frozenset[int]:
    """By what a name may part from `names` and be another one. From a framing field by a letter alone: see `look_alike`."""
    return LETTERS if any(name in LOOK_ALIKES for name in names) else frozenset(TCHAR)


def holds_blanks(node: Node) -> bool:
    """May what `node` matches have a blank in it?"""
    match node:
        case Run(members) | Trim(members):
            return not members.isdisjoint(BLANK)
        case Lit(text):
            return not set(text).isdisjoint(BLANK)
        case Seq(items) | Alt(items):
            return any(map(holds_blanks, items))
        case _:
            return holds_blanks(node.item)


def rest(name: bytes) -> bytes:
    """A known name after its initial, and the colon."""
    return spelled(name) + b":"


def spelled(name: bytes) -> bytes:
    """A name after its initial, in any case."""
    return b"(?i:" + literal(name[1:], fold=False) + b")"  # twice as fast as classes of two letters


def look_alike(name: bytes) -> bytes:
    """What could be taken for the framing field `name`, after its initial."""
    blind = run(NOT_LETTERS, 0, None)
    # No colon is asked for, so longer names (`Content-Length-Old`) end the match as well: they are harmless, seldom, and read carefully.
    return b"".join(blind + byte_set(cases(letter)) for letter in name[1:])
