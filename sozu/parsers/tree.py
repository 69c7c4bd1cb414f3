"""The syntax tree that a regular grammar carries: what it matches and which value it gives.

Everything about a grammar is derived from this one tree: the reading step by step (regular.py), the pattern, the prefix pattern, the
certificate and the generated function (fusion/). Nodes are facts without behaviour. Meaning is a PEG's: choice is committed, repetition
is greedy and gives nothing back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_BYTE: Final = frozenset(range(256))


@dataclass(frozen=True, slots=True)
class Lit:
    """Exactly these bytes; with `fold`, ASCII letters match in either case. Value: the bytes that matched."""

    text: bytes
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """`least` to `most` bytes out of `members` (None: any number), as many as there are. Value: those bytes."""

    members: frozenset[int]
    least: int
    most: int | None


# A node of its own, because no sequence of the others says it and fuses: in `OWS value OWS` a blank may belong to the value or to what
# follows, and one byte does not tell. The run takes all blanks; only the value is cut.
@dataclass(frozen=True, slots=True)
class Trim:
    """As many bytes out of `members` as there are. Value: those bytes less the `blank` ones at both ends (OWS value OWS)."""

    members: frozenset[int]
    blank: frozenset[int]


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other. Value: that of item number `pick`, or the tuple of all."""

    items: tuple[Node, ...]
    # By number, so that `<<` and `>>` need no function: a Map is opaque to the decoder, while a picked item needs but one group.
    pick: int | None = None


@dataclass(frozen=True, slots=True)
class Alt:
    """The first that matches, once and for all."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Opt:
    """The item if it is there. Value: its value, or `default`."""

    item: Node
    default: Any = None


@dataclass(frozen=True, slots=True)
class Rep:
    """The item `least` to `most` times (None: any number), as often as it is there. Value: the list of values."""

    item: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Slice:
    """The item; value: the bytes that it matched (nom's recognize)."""

    item: Node


# Not a Map that ignores its argument: the decoder sees that no bytes are wanted and makes no group for them.
@dataclass(frozen=True, slots=True)
class Const:
    """The item; value: always `value`."""

    item: Node
    value: Any


@dataclass(frozen=True, slots=True)
class Map:
    """The item; value: `function` of its value, or with `spread`, of the parts of its value (a tuple)."""

    item: Node
    function: Callable[..., Any]
    spread: bool = False


# For errors alone. Patterns look through it, so a name costs nothing where nothing is wrong.
@dataclass(frozen=True, slots=True)
class Label:
    """The item, called `name` in errors that strike at its first byte."""

    item: Node
    name: str


Node: TypeAlias = Lit | Run | Trim | Seq | Alt | Opt | Rep | Slice | Const | Map | Label


def nullable(node: Node) -> bool:
    """Can the node match without taking a byte?"""
    match node:
        case Lit(text):
            return not text
        case Run(_, least):
            return least == 0
        case Trim() | Opt():
            return True
        case Seq(items):
            return all(map(nullable, items))
        case Alt(items):
            return any(map(nullable, items))
        # Repetition of a nullable item is refused when it is written, but trees may be made by hand: then the answer must still be right.
        case Rep(item, least):
            return least == 0 or nullable(item)
        case _:
            return nullable(node.item)
