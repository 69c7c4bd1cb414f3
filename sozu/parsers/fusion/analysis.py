"""The certificate: a tree whose pattern matches in linear time, and exactly as the combinators read it.

Possessive patterns alone are not enough: `(?>a++b|a)*+` is quadratic. What suffices is LL(1), the condition of typed algebraic parsing and
of flap: with one byte in hand it is certain which way to go. That is: alternatives begin with different bytes; what may be repeated or
left out begins with other bytes than what may follow it; a run does not eat into what follows; only the last alternative may be empty.
`decisions` lists every place where a match has to choose, `clashes` those where one byte does not decide, in words that name the rules involved.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from sozu.parsers.regular import class_name, shown
from sozu.parsers.tree import Alt, Const, Label, Lit, Map, Node, Opt, Rep, Run, Seq, Slice, Trim, nullable

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING: Final[frozenset[int]] = frozenset()
# A clash of its own kind: an empty alternative that is not the last shares no first byte with the others, so comparing sets would pass it.
# Yet it always matches, and a committed choice never comes to those behind it.
HIDES: Final = "hides"  # the relation of an empty alternative to those behind it


def first(node: Node) -> frozenset[int]:
    """The bytes that a match of `node` may begin with (an empty match aside)."""
    match node:
        case Lit(text, fold):
            return cases(text[0]) if fold and text else frozenset(text[:1])
        case Run(members, _, most):
            # `times(a, 0, 0)` is legal where a count is worked out: it takes nothing, so what it could take must not count as a clash.
            return NOTHING if most == 0 else members
        case Trim(members):
            return members
        case Seq(items):
            return first_of_sequence(items)
        case Alt(items):
            return NOTHING.union(*map(first, items))
        case Rep(item, _, most):
            return NOTHING if most == 0 else first(item)
        case _:
            return first(node.item)


def first_of_sequence(items: tuple[Node, ...]) -> frozenset[int]:
    """An item that may be empty lets the next one's bytes come first as well."""
    found = NOTHING
    for item in items:
        # As long as an item may be empty the next one's bytes count too. To stop too early would certify what is not LL(1), and a match
        # could then take another way than the combinators; to go on too long would refuse grammars that are fine.
        found |= first(item)
        if not nullable(item):
            break
    return found


def cases(byte: int) -> frozenset[int]:
    """The byte in both cases, if it is an ASCII letter."""
    # bytes.lower changes ASCII letters alone, and so does `(?i:)` in a pattern of bytes. str would fold more (the Kelvin sign is a k to it).
    return frozenset(bytes([byte]).lower() + bytes([byte]).upper())


@dataclass(frozen=True, slots=True)
class Decision:
    """One point of the certificate: with one byte in hand, `mine` says go on with `node`, `theirs` says do not."""

    node: Node
    mine: frozenset[int]
    theirs: frozenset[int]
    relation: str = "before"

    @property
    def clash(self) -> str | None:
        """Why this byte does not decide; None when it does."""
        if self.relation == HIDES:
            return f"{name(self.node)} may be empty, so that no later alternative is ever tried"
        # One byte that both sides may begin with is enough to refuse: whether it hurts depends on the input, and the input is an attacker's.
        both = self.mine & self.theirs
        return f"{name(self.node)} {self.relation} something that also begins with {class_name(both)}" if both else None

    def __str__(self) -> str:
        """How the certificate shows it."""
        theirs = class_name(self.theirs) if self.theirs else "the end of the match"
        return f"{name(self.node)}: goes on with {class_name(self.mine)}, {self.relation} {theirs}"


def clashes(node: Node) -> Iterator[str]:
    """Every reason why `node` must not be fused."""
    return (clash for decision in decisions(node) if (clash := decision.clash) is not None)


# `follow` is empty at the top: what an outer, plain combinator puts behind the tree is not a part of the match. There the streaming
# dialect asks for proof that the match has ended (prefix.py), so the certificate need not know.
def decisions(node: Node, follow: frozenset[int] = NOTHING) -> Iterator[Decision]:
    """Every point at which a match of `node`, followed by one of `follow`, has to choose."""
    match node:
        # A run of fixed length chooses nothing. It is let off even where its bytes may follow it as well: without that no binary record,
        # which is one `take` after the other, could be fused.
        case Run(members, least, most) if least != most:
            yield Decision(node, members, follow)
        case Trim(members):
            yield Decision(node, members, follow)
        case Seq(items):
            yield from sequence_decisions(items, follow)
        case Alt(items):
            yield from choice_decisions(items, follow)
        case Opt(item):
            yield Decision(node, first(item), follow)
            yield from decisions(item, follow)
        case Rep(item, least, most):
            if least != most:
                yield Decision(node, first(item), follow)
            # Behind an item the next one may come, so its own first bytes follow it. This refuses `many(take_while1(DIGIT))`, which the
            # combinators would read as one item and a backtracking pattern as several.
            yield from decisions(item, follow | first(item))
        case Slice(item) | Const(item) | Map(item) | Label(item):
            yield from decisions(item, follow)


def sequence_decisions(items: tuple[Node, ...], follow: frozenset[int]) -> Iterator[Decision]:
    """Each item is followed by what the later ones begin with, and by `follow` if they may all be empty."""
    for number, item in enumerate(items):
        later = items[number + 1 :]
        after = first_of_sequence(later)
        yield from decisions(item, after | follow if all(map(nullable, later)) else after)


def choice_decisions(items: tuple[Node, ...], follow: frozenset[int]) -> Iterator[Decision]:
    """Alternatives are told apart by their first byte; the empty one by what follows."""
    # Every pair, not only neighbours: with one byte in hand the engine must know the branch whatever the order in which they are written.
    for one, other in combinations(items, 2):
        yield Decision(one, first(one), first(other), "or else")
    for item in items[:-1]:
        if nullable(item):
            yield Decision(item, first(item), follow, HIDES)
    for item in items:
        # An empty last branch means that the choice may be left out: then it is told from what follows, as an optional item is.
        if nullable(items[-1]):
            yield Decision(item, first(item), follow)
        yield from decisions(item, follow)


def name(node: Node) -> str:
    """How a node is called in a report."""
    match node:
        case Lit(text):
            return shown(text)
        case Run(members) | Trim(members):
            return class_name(members)
        case Label(_, label):
            return label
        case Seq(items):
            return " ".join(map(name, items))
        case Alt(items):
            return "(" + " | ".join(map(name, items)) + ")"
        case Opt(item):
            return f"[{name(item)}]"
        case Rep(item, least, most):
            return f"{least}*{'' if most is None else most}({name(item)})"
        case _:
            return name(node.item)
