"""A syntax tree for the eye: one line a node, what it holds indented below it. Numbers in front are ABNF's, `1*[0-9]` is one digit or more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sozu.parsers.regular import class_name, shown
from sozu.parsers.tree import Alt, Const, Label, Lit, Map, Node, Opt, Rep, Run, Seq, Slice, Trim

if TYPE_CHECKING:
    from collections.abc import Iterator


def outline(node: Node) -> str:
    """The whole tree."""
    return "\n".join(lines(node))


def lines(node: Node, depth: int = 0) -> Iterator[str]:
    """The line of the node, and those of its items."""
    yield "  " * depth + heading(node)
    for item in items_of(node):
        yield from lines(item, depth + 1)


def items_of(node: Node) -> tuple[Node, ...]:
    """What the node is made of."""
    match node:
        case Lit() | Run() | Trim():
            return ()
        case Seq(items) | Alt(items):
            return items
    return (node.item,)


def heading(node: Node) -> str:
    """The node without its items."""
    match node:
        case Lit(text, fold):
            return shown(text) + (" in either case" if fold else "")
        case Run(members, least, most):
            return count(least, most) + class_name(members)
        case Trim(members, blank):
            return f"*{class_name(members)}, without {class_name(blank)} at its ends"
        case Rep(_, least, most):
            return "many" if (least, most) == (0, None) else f"times {count(least, most) or 1}"
        case _:
            return word(node)


def word(node: Seq | Alt | Opt | Slice | Const | Map | Label) -> str:
    """What is done with the items, by the combinator's name."""
    match node:
        case Seq(_, pick):
            return "seq" if pick is None else f"seq, value of item {pick + 1}"
        case Map(_, function):
            return f"map {getattr(function, '__name__', function)}"
        case Const(_, value):
            return f"value {value!r}"
        case Label(_, name):
            return f"called {name!r}"
        case Slice():
            return "recognize"
    return "alt" if isinstance(node, Alt) else "opt"


def count(least: int, most: int | None) -> str:
    """How often, as ABNF writes it: nothing for once, `*` for any number."""
    if least == most:
        return "" if least == 1 else str(least)
    return f"{least or ''}*{'' if most is None else most}"
