"""What a regular expression means. Facts without behaviour: grammar.py makes them, automaton.py reads them.

`^`, `$`, lazy quantifiers and the names of groups do not appear: they do not change which whole texts an expression matches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class OneOf:
    """One byte out of `members`; `inverted`, one that is not. (In either case of letters `[^a]` takes neither `a` nor `A`, so it cannot be all but `a`.)"""

    # Kept as it is written, not turned into the 256 less its members: whether letters match in either case is known only to who compiles.
    members: frozenset[int]
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """All items, one after the other; without items, the empty text."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any one of the items."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Repetition:
    """The item `least` to `most` times (None: any number)."""

    item: Expression
    least: int
    most: int | None


Expression: TypeAlias = OneOf | Sequence | Choice | Repetition
