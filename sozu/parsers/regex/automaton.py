"""An expression as a table: from each state, for each sort of byte, the next state. One look-up a byte, and never back: linear by construction.

Two classic steps. Glushkov (1961): every place in the expression where a byte is taken is a *position*; which positions may come first, which
may follow each, which may be last. Rabin and Scott (1959): a state of the table is the set of positions that may have taken the last byte.
Sets of positions are Python's integers, a bit for each. Both steps are bounded, so that no expression holds whoever compiles it.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Final, NamedTuple

from sozu.parsers.abnf import ALPHA
from sozu.parsers.regex.grammar import regex
from sozu.parsers.regex.tree import Choice, Expression, OneOf, Repetition, Sequence
from sozu.parsers.result import Error
from sozu.parsers.tree import EVERY_BYTE
from sozu.parsers.whole import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST: Final = 1000  # bytes of an expression
# Counts are written out, so a few characters, "((a{99}){99}){99}", stand for a million positions. This stops them while they are laid out,
# also where the parts take no byte and so are no positions.
MOST_PARTS: Final = 2000  # of an expression in which what is counted is written out
MOST_POSITIONS: Final = 500  # twice as many would take four times as long: a fifth of a second for `((a{0,99}){0,10})`
# `(a|b)*a(a|b){n}` needs two to the power of n: the automaton has to remember which of the last n bytes were an `a`. An operator sees it refused
# with the reason, in place of a master that does not answer. What is not ambiguous has a state for each position, the first and the dead one.
MOST_STATES: Final = MOST_POSITIONS + 2
REMEMBERED: Final = 1024  # expressions: tables of routes are built again with each change
CASE: Final = 0x20  # the bit that tells `a` from `A`
START: Final = -1  # the set before the first byte; the empty one is that from which nothing matches any more


class BadRegex(ValueError):
    """No expression that we take; the text says what would be one, `position` where it stops being one (None: as a whole)."""

    def __init__(self, text: str, position: int | None = None) -> None:
        super().__init__(text)
        self.position = position


class Part(NamedTuple):
    """A part of an expression: may it take nothing, which positions may take its first byte and its last one."""

    nullable: bool
    first: int
    last: int


class Regex:
    """A compiled expression. `table[state + sort]` is the next state, a multiple of the number of sorts; `final` are those that match."""

    __slots__ = ("_final", "_sorts", "_table", "pattern")

    def __init__(self, pattern: str, sorts: bytes, table: tuple[int, ...], final: frozenset[int]) -> None:
        self.pattern = pattern
        self._sorts = sorts
        self._table = table
        self._final = final

    def matches(self, text: bytes) -> bool:
        """Does the expression match all of the text? About 25 ns a byte."""
        table, state = self._table, 0
        # translate() is one pass in C, and leaves few sorts, so that the table is small. States are multiples of the width: one sum is the index.
        for sort in text.translate(self._sorts):
            state = table[state + sort]
        return state in self._final

    def may_begin(self, text: bytes) -> bool:
        """Does the expression match anything that begins with this text?"""
        # For rules that could never hold: `path_regex: api` is refused when it is written, as all paths begin with "/".
        table, state, width = self._table, 0, max(self._sorts) + 1
        for sort in text.translate(self._sorts):
            state = table[state + sort]
        # All states that can still be reached: that there is a way on is not enough, it may lead to a class that holds no byte.
        reached, seen = [state], {state}
        for begin in reached:  # grows meanwhile
            if begin in self._final:
                return True
            ahead = set(table[begin : begin + width]) - seen
            seen |= ahead
            reached += ahead
        return False


@lru_cache(maxsize=REMEMBERED)
def compile_regex(pattern: str, *, fold: bool = False) -> Regex:
    """The compiled expression; with `fold`, or if it begins with `(?i)`, letters match in either case. Raises BadRegex."""
    expression, folded = _parsed(pattern)
    positions = Positions(fold=fold or folded)
    part = positions.add(expression)
    return _tabulated(pattern, positions, part)


def _parsed(pattern: str) -> tuple[Expression, bool]:
    if len(pattern) > LONGEST:
        raise BadRegex(f"an expression has at most {LONGEST} characters, this one {len(pattern)}")
    # Before the grammar sees bytes: the offset of its errors would count those of UTF-8 and not the characters that the operator has typed.
    foreign = next((at for at, letter in enumerate(pattern) if not letter.isascii()), None)
    if foreign is not None:
        raise BadRegex(f'"{pattern[foreign]}" is not ASCII: write what is sent for it, in a path its escape as in "%C3%BC", in a hostname the A-label as in "xn--bcher-kva"', foreign)
    found = whole(regex, pattern.encode())
    if isinstance(found, Error):
        wanted = ", ".join(sorted(found.expected))
        raise BadRegex(f"character {found.position + 1}: expected {wanted}", found.position)
    fold, expression = found
    return expression, fold is not None


class Positions:
    """The positions of an expression: `members[n]` are the bytes that number n takes, `follow[n]` who may come after it."""

    def __init__(self, *, fold: bool) -> None:
        self.members: list[frozenset[int]] = []
        self.follow: list[int] = []
        self._fold = fold
        self._parts = 0

    def add(self, node: Expression) -> Part:
        """Lay out one more part."""
        self._parts += 1
        # Inside of the recursion: afterwards would be too late for the memory.
        if self._parts > MOST_PARTS or len(self.members) >= MOST_POSITIONS:
            raise BadRegex(f"the expression is too long: with its counts written out it takes more than {MOST_POSITIONS} characters")
        match node:
            case OneOf(members, inverted):
                # Before it is inverted: `[^a]` in either case excludes both letters. The other way round it would take both.
                members = _folded(members) if self._fold else members
                return self._one(EVERY_BYTE - members if inverted else members)
            case Sequence(items):
                return self._sequence([self.add(item) for item in items])
            case Choice(items):
                return self._choice([self.add(item) for item in items])
            case _:
                return self._repetition(node)

    def _one(self, members: frozenset[int]) -> Part:
        bit = 1 << len(self.members)
        self.members.append(members)
        self.follow.append(0)
        return Part(nullable=False, first=bit, last=bit)

    def _choice(self, parts: list[Part]) -> Part:
        first = reduce(or_, (part.first for part in parts))
        return Part(any(part.nullable for part in parts), first, reduce(or_, (part.last for part in parts)))

    def _sequence(self, parts: list[Part]) -> Part:
        whole_ = Part(nullable=True, first=0, last=0)
        for part in parts:
            self._link(whole_.last, part.first)
            whole_ = Part(
                whole_.nullable and part.nullable,
                # Only while nothing before it has to be there may a part take the first byte; likewise the last one, from the other end.
                whole_.first | part.first if whole_.nullable else whole_.first,
                whole_.last | part.last if part.nullable else part.last,
            )
        return whole_

    def _repetition(self, node: Repetition) -> Part:
        """Written out: the copies that must be there, then those that may, or one that may come again and again."""
        item = node.item
        parts = [self.add(item) for _ in range(node.least)]
        if node.most is None:
            # `a{2,}` is the second `a`, which may come again: a third copy would be a position more and mean the same.
            again = parts.pop() if parts else self.add(item)._replace(nullable=True)
            self._link(again.last, again.first)
            return self._sequence([*parts, again])
        # Each copy may be absent by itself. Nested, `(a(a)?)?`, they would say the same with one way to be read, but here a set of positions
        # holds all readings at once.
        optional = [self.add(item)._replace(nullable=True) for _ in range(node.most - node.least)]
        return self._sequence([*parts, *optional])

    def _link(self, before: int, after: int) -> None:
        for position in _bits(before):
            self.follow[position] |= after


def _folded(members: frozenset[int]) -> frozenset[int]:
    return members | {byte ^ CASE for byte in members if byte in ALPHA}


def _bits(mask: int) -> Iterator[int]:
    while mask:
        # From bit to bit, not over all: most positions are followed by one other.
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _sorted_bytes(members: list[frozenset[int]]) -> tuple[bytes, list[int]]:
    """Bytes that the same positions take are of one sort: the sort of each byte, and who takes each sort."""
    # A letter that an expression does not name behaves as all others that it does not name: columns of the table shrink from 256 to a handful.
    takers = [sum(1 << at for at, taken in enumerate(members) if byte in taken) for byte in range(256)]
    sorts = {mask: sort for sort, mask in enumerate(dict.fromkeys(takers))}
    return bytes(sorts[mask] for mask in takers), list(sorts)


def _tabulated(pattern: str, positions: Positions, part: Part) -> Regex:
    """Number the sets of positions that can be reached; where nothing can come any more is one of them."""
    kinds, takers = _sorted_bytes(positions.members)
    numbers = {START: 0}  # by who took the last byte
    states = [START]
    table: list[int] = []
    # Breadth first from the beginning, so only sets that some text leads to are made. All subsets of 500 positions would be 2**500.
    for took in states:  # grows meanwhile
        ahead = part.first if took == START else reduce(or_, map(positions.follow.__getitem__, _bits(took)), 0)
        for mask in takers:
            here = ahead & mask
            if here not in numbers:
                numbers[here] = len(states)
                states.append(here)
            table.append(numbers[here] * len(takers))
        # Asked after each state and not at the end: the work of a refused expression is bounded as well, and done in the loop of the master.
        if len(states) > MOST_STATES:
            raise BadRegex(f"the expression is too ambiguous: it takes more than {MOST_STATES} states, as a counted part behind an unbounded one does")
    last = {number * len(takers) for number, took in enumerate(states) if took != START and took & part.last}
    return Regex(pattern, kinds, tuple(table), frozenset(last | {0}) if part.nullable else frozenset(last))
