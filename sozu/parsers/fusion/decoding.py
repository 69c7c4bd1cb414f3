"""From match to value: which parts of the pattern are groups, and the Python expression that makes the value out of them.

Rules that CPython's `re` imposes (found by the tests, on several versions):
    * no group inside a repeated body: gh-101955 gives `SystemError` or wrong spans. A repetition is one group as a whole; its bytes,
      known to be right, are then split by a second pattern, with `findall` where that gives the very values we want.
    * a group that did not take part is None, but `findall` says b"" for it: bodies with a choice are split with `finditer`.
    * which branch of a choice was taken is told by a group that always takes part in that branch, an empty one if need be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sozu.parsers.fusion.analysis import NOTHING, first
from sozu.parsers.fusion.emission import Emitter, byte_set, choice, quantified, run, with_last
from sozu.parsers.tree import EVERY_BYTE, Alt, Const, Label, Lit, Map, Node, Opt, Rep, Run, Seq, Slice, Trim, nullable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Part:
    """A piece of pattern, the expression of its value, and the group (if any) that takes part whenever the piece does."""

    __slots__ = ("expression", "group", "pattern")

    def __init__(self, pattern: bytes, expression: str, group: int | None = None) -> None:
        self.pattern = pattern
        self.expression = expression
        self.group = group


class Tuples(dict[int, "Callable[[tuple[Any, ...]], list[Any]]"]):
    """By number of the last group that took part: the function that makes the list of tuples out of the groups up to there.

    Each is compiled when it is first asked for. What is written out like that is made in two thirds of the time that `zip` takes.
    """

    def __init__(self, begin: int, width: int) -> None:
        super().__init__()
        self.begin = begin
        self.width = width

    def __missing__(self, last: int) -> Callable[[tuple[Any, ...]], list[Any]]:
        items = (range(first, first + self.width) for first in range(self.begin, last, self.width))
        written = ", ".join(tuple_of([f"groups[{at}]" for at in item]) for item in items)
        made: Callable[[tuple[Any, ...]], list[Any]] = eval(f"lambda groups: [{written}]")  # noqa: S307 - numbers alone
        self[last] = made
        return made


class Decoder:
    """Numbers the groups of one pattern and names the objects that its expression refers to."""

    def __init__(self, dialect: Emitter, scope: dict[str, Any], unroll: int = 0) -> None:
        """`unroll` items of a repetition get groups of their own: `part` raises ValueError if their values are more than groups, or groups follow."""
        self.dialect = dialect
        self.scope = scope
        self.unroll = unroll
        self.groups: list[str] = []
        self.certain = True
        self.named: int | None = None  # how many groups have a name in the generated function, if not all

    def part(self, node: Node, *, last: bool = True) -> Part:
        """Pattern and value of `node`; `last` as in Emitter.emit."""
        match node:
            # The value is known beforehand, so it costs no group. A folded literal has one: its value is what was there, in its own case.
            case Lit(text, False):
                return Part(self.dialect.emit(node), repr(text))
            case Lit() | Run() | Slice():
                return self.capture(self.dialect.emit(node, last=last))
            case Trim(members, blank):
                return self.trimmed(members, blank, last=last)
            case Seq():
                return self.sequence(node, last=last)
            case Alt(items):
                return self.alternatives(items, last=last)
            case Opt(item, default):
                return self.optional(item, default, last=last)
            case Rep():
                return self.repetition(node, last=last)
            case Const(item, value):
                return Part(self.dialect.emit(item, last=last), self.bind("c", value))
            case Map():
                return self.mapped(node, last=last)
            case _:
                return self.part(node.item, last=last)

    def bind(self, prefix: str, thing: Any) -> str:
        """A new name for `thing` in the scope that all levels of one function share."""
        # The decoders of repeated items share this scope, so a counter of each decoder's own would give two things one name.
        name = f"{prefix}{len(self.scope)}"
        self.scope[name] = thing
        return name

    def capture(self, pattern: bytes) -> Part:
        """A group around `pattern`."""
        # The number of a group is its place in this list, so parts have to be made in the order in which their patterns stand. Groups never
        # nest: what is inside of one is emitted, not decoded.
        if self.named is not None:
            raise ValueError("cannot be unrolled: the list has a value behind it")
        self.groups.append(self.bind("g", None))
        return Part(b"(" + pattern + b")", self.groups[-1], len(self.groups))

    def trimmed(self, members: frozenset[int], blank: frozenset[int], *, last: bool) -> Part:
        """A run without the blanks at its ends."""
        if self.dialect.quick:
            # The blank before the value is outside of the group and the look-behind costs no byte: the group is the value as it is.
            before, value, after = self.dialect.quick_trim(members, blank, last=last)
            part = self.capture(value)
            part.pattern = before + part.pattern + after
            return part
        # A run of OWS, value and OWS cannot be LL(1): a blank may be inside of the value or behind it. So the run takes all and gives back.
        # The backtracking here is over the blanks at the end alone, once.
        part = self.capture(choice(quantified(byte_set(members), 0, None) + byte_set(members - blank), b""))
        part.pattern = run(blank, 0, None) + part.pattern + self.dialect.run(blank, 0, None, last=last)
        return part

    def sequence(self, node: Seq, *, last: bool) -> Part:
        """Only the items whose values are wanted get groups."""
        pattern, values, group = b"", [], None
        for number, (item, is_last) in enumerate(with_last(node.items, last=last)):
            # A group costs `re` time for each match, and the generated function a slot of `groups()`: `<<` and `>>` throw most values away.
            if node.pick not in (None, number):
                pattern += self.dialect.emit(item, last=is_last)
                continue
            part = self.part(item, last=is_last)
            pattern += part.pattern
            values.append(part.expression)
            # Any group that surely takes part may be the witness of the whole sequence; with one at hand no empty marker is needed.
            group = group or part.group
        return Part(pattern, tuple_of(values) if node.pick is None else values[0], group)

    def mapped(self, node: Map, *, last: bool) -> Part:
        """A call; where a tuple would be built only to be spread, its parts are the arguments."""
        part = self.part(node.item, last=last)
        # Fused, the function is called once the whole match stands. Step by step it also runs in branches that are given up later, so it
        # must be free of effects: else both readings would differ.
        arguments = f"(*{part.expression})" if node.spread else f"({part.expression})"
        if node.spread and isinstance(node.item, Seq) and node.item.pick is None:
            arguments = part.expression
        part.expression = self.bind("f", node.function) + arguments
        return part

    def alternatives(self, items: tuple[Node, ...], *, last: bool) -> Part:
        """The value of the branch that was taken."""
        # The last branch needs no witness: if no other took part, it did.
        branches = [self.branch(item, last=last) for item in items[:-1]]
        parts = [*(part for part, _ in branches), self.part(items[-1], last=last)]
        expression = parts[-1].expression
        for part, witness in reversed(branches):
            expression = f"({part.expression} if {witness} is not None else {expression})"
        # From here on a group may be absent. `findall` would say b"" for it, which is a value, and so must not be used.
        self.certain = False
        return Part(self.dialect.choice(items, [part.pattern for part in parts], last=last), expression)

    def branch(self, item: Node, *, last: bool) -> tuple[Part, str]:
        """A branch and its witness. Groups are numbered as they come in the pattern, so a witness is made before the next branch."""
        part = self.part(item, last=last)
        return part, self.witness(part)

    def optional(self, item: Node, default: Any, *, last: bool) -> Part:
        """The item's value or the default."""
        part = self.part(item, last=last)
        witness = self.witness(part)
        expression = part.expression
        # Where the value is the witness itself, the None of a group that took no part already is what `opt` gives.
        if expression != witness or default is not None:
            expression = f"({expression} if {witness} is not None else {self.bind('c', default)})"
        self.certain = False
        return Part(self.dialect.optional(item, part.pattern, last=last), expression)

    def witness(self, part: Part) -> str:
        """The name of a group that tells whether `part` took part."""
        if part.group is None:
            # Behind the part's own pattern, never in front: the groups inside have their numbers already, and one before them would shift them all.
            marker = self.capture(b"")
            part.pattern += marker.pattern
            return marker.expression
        return self.groups[part.group - 1]

    def repetition(self, node: Rep, *, last: bool) -> Part:
        """One group for all, and a second pattern that splits it into the items."""
        # Where the match may end here the streaming dialect has to add its proof behind the repetition; a nest of optional items has no place
        # for it. With bounds the nest would have to count. Both are left to the usual way.
        if self.unroll and not last and (node.least, node.most) == (0, None):
            return self.unrolled(node.item)
        whole = self.capture(self.dialect.repetition(node.item, node.least, node.most, last=last))
        whole.expression = self.items(self.quickest(node.item), whole.expression)
        return whole

    def unrolled(self, item: Node) -> Part:
        """The first items get groups of their own: cheaper than to find them again. The rest of them is split as usual.

        `(?:item(?:item(?:item(rest)|)|)|)`: how many there were is told by the number of the last group that took part, which is why
        nothing with a group may come after it.
        """
        begin = len(self.groups)
        parts = [self.flat(item) for _ in range(self.unroll)]
        width = (len(self.groups) - begin) // self.unroll
        # At least one item, or the group takes no part. With none allowed it would always take part, empty, and `lastindex` would always point
        # to it, so that no head would ever take the cheap way.
        more = self.capture(self.dialect.repetition(item, 1, None, last=False))
        pattern = b"(?:" + more.pattern + b"|)"
        for part in reversed(parts):
            pattern = b"(?:" + part.pattern + pattern + b"|)"
        # The generated function gives names only to the groups before the list: forty-eight pairs would be ninety-six assignments.
        self.named = begin
        end = begin + width * self.unroll
        tuples = self.bind("t", Tuples(begin, width))
        many = f"[*{tuples}[{end}](groups), *{self.items(self.quickest(item), f'groups[{end}]')}]"
        return Part(pattern, f"({tuples}[last](groups) if (last := match.lastindex or 0) <= {end} else {many})")

    def flat(self, item: Node) -> Part:
        """An item that is the tuple of its groups: `Tuples` makes its value of them alone, and would lose a map or a constant."""
        begin, certain, self.certain = len(self.groups), self.certain, True
        part = self.part(item, last=False)
        # A group that may be absent could be the last one, by which the items are counted.
        if not self.certain or part.expression != tuple_of(self.groups[begin:]):
            raise ValueError("cannot be unrolled: the value of an item is more than its groups")
        self.certain = certain
        return part

    def quickest(self, item: Node) -> Node:
        """How to look at an item for the second time."""
        return relaxed(item) if self.dialect.quick else item

    def items(self, node: Node, whole: str) -> str:
        """The list of the items' values: `findall` if that gives just the values, else a comprehension."""
        # The plain dialect, not the streaming one: the bytes of the group are all there, however much more the input may become.
        inner = Decoder(Emitter(quick=self.dialect.quick), self.scope)
        item = inner.part(node)
        pattern = re.compile(item.pattern)
        plain = inner.groups[0] if len(inner.groups) == 1 else tuple_of(inner.groups)
        # `findall` makes the list in C. It may do so only where its tuples are the very values: no map, no constant, no group that may be absent.
        if inner.groups and inner.certain and item.expression == plain:
            return f"{self.bind('f', pattern.findall)}({whole})"
        groups, finditer = self.bind("f", re.Match.groups), self.bind("f", pattern.finditer)
        return f"[{item.expression} for {tuple_of(inner.groups)} in map({groups}, {finditer}({whole}))]"


def tuple_of(values: list[str]) -> str:
    """The source of a tuple."""
    return "(" + "".join(f"{value}, " for value in values) + ")"


def relaxed(node: Node, after: frozenset[int] = NOTHING) -> Node:
    """The same tree for input that is known to match: a run that only `:` can follow is everything but `:`, which scans three times faster.

    `after` is what must follow, if it is known. Nothing below a choice is touched: its first byte still has to decide.
    """
    match node:
        # One byte must follow, and the run cannot hold it: on bytes that have matched before, "everything up to it" is then the same run.
        # Without the quick pattern's check before it this would take any byte at all.
        case Run(members, least, None) if len(after) == 1 and not after & members:
            return Run(EVERY_BYTE - after, least, None)
        # The quick pattern has seen exactly one blank, then a value that ends in none. The exact one allows others, so it never asks for this.
        case Trim(members, blank) if len(after) == 1 and not after & members:
            return Seq((Lit(bytes([max(blank)])), Run(EVERY_BYTE - after, 1, None)), 1)
        case Seq(items, pick):
            return Seq(tuple(relaxed_sequence(items, after)), pick)
        case Slice(item):
            return Slice(relaxed(item, after))
        case Const(item, value):
            return Const(relaxed(item, after), value)
        case Map(item, function, spread):
            return Map(relaxed(item, after), function, spread)
        case Label(item, name):
            return Label(relaxed(item, after), name)
    return node


def relaxed_sequence(items: tuple[Node, ...], after: frozenset[int]) -> Iterator[Node]:
    """Each item is followed by the next one, if that cannot be empty."""
    for number, item in enumerate(items):
        follower = items[number + 1] if number + 1 < len(items) else None
        # A follower that may be empty lets others come next: then no single byte is known to close the run.
        known = after if follower is None else NOTHING if nullable(follower) else first(follower)
        yield relaxed(item, known)
