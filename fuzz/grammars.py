"""Random regular grammars that hold the certificate, and random input for them: valid, mutated, cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sozu.parsers.fusion.analysis import clashes
from sozu.parsers.regular import Regular
from sozu.parsers.tree import (
    Alt,
    Const,
    Label,
    Lit,
    Map,
    Node,
    Opt,
    Rep,
    Run,
    Seq,
    Slice,
    Trim,
    nullable,
)

if TYPE_CHECKING:
    from random import Random

ALPHABET = b"abcdXY .\n"
BLANKS = frozenset(b" .")


def grammar(rng: Random) -> Regular[Any]:
    """A grammar that may be fused."""
    while True:
        tree = node(rng, rng.randint(1, 4))
        if not any(clashes(tree)):
            return Regular(tree)


def grammar_of_a_list(rng: Random) -> tuple[Regular[Any], Node]:
    """One in which a list, of items of any kind, stands between other things; and such an item."""
    while True:
        item = Seq(tuple(node(rng, rng.choice([0, 0, 0, 1, 2])) for _ in range(rng.randint(1, 3))), rng.choice([None, None, None, 0]))
        before, behind = node(rng, rng.choice([0, 0, 1])), Lit(b"\0") if rng.random() < 0.7 else node(rng, 1)
        tree: Node = Seq((before, Rep(item, 0, None), behind), rng.choice([None, 1]))
        if rng.random() < 0.2:
            around: list[Node] = [Alt((tree, Lit(b"\1"))), Alt((Lit(b"\1"), tree)), Map(tree, repr), Seq((tree, Lit(b"\n")))]
            tree = rng.choice(around)
        if not nullable(item) and not any(clashes(tree)):
            return Regular(tree), item


def node(rng: Random, depth: int) -> Node:
    """Any tree that the combinators would build."""
    if depth == 0 or rng.random() < 0.15:
        return leaf(rng)
    inner = [node(rng, depth - 1) for _ in range(rng.randint(1, 4))]
    kind = rng.randrange(10)
    if kind < 4:
        return Seq(tuple(inner), rng.choice([None, *range(len(inner))]))
    if kind < 6:
        return Alt(tuple(inner))
    if kind == 6 and not nullable(inner[0]):
        return Opt(inner[0], rng.choice([None, b"", 7]))
    if kind == 7 and not nullable(inner[0]):
        least = rng.choice([0, 0, 1, 2])
        return Rep(inner[0], least, rng.choice([None, None, least, least + 1, least + 3]))
    return wrapped(rng, inner[0])


def wrapped(rng: Random, inner: Node) -> Node:
    """The same language with another value or name."""
    match rng.randrange(5):
        case 0:
            return Const(inner, rng.choice([None, b"x", 3]))
        case 1:
            return Map(inner, repr)
        case 2:
            return Label(inner, "thing")
        case 3 if isinstance(inner, Seq) and inner.pick is None:
            return Map(inner, lambda *parts: ("spread", *parts), spread=True)
        case _:
            return Slice(inner)


def leaf(rng: Random) -> Node:
    """Literals, runs and trimmed runs over a small alphabet, so that clashes and near misses are frequent."""
    match rng.randrange(6):
        case 0 | 1:
            return Lit(bytes(rng.choices(ALPHABET, k=rng.randint(1, 3))), fold=rng.random() < 0.2)
        case 2:
            return Trim(members(rng) | BLANKS, BLANKS)
        case _:
            least = rng.choice([0, 0, 1, 1, 2])
            return Run(members(rng), least, rng.choice([None, None, least, least + 1, least + 3]))


def members(rng: Random) -> frozenset[int]:
    """Some of the alphabet, or all bytes but some of it."""
    some = frozenset(rng.sample(ALPHABET, rng.randint(1, 4)))
    return frozenset(range(256)) - some if rng.random() < 0.1 else some


def sentence(rng: Random, tree: Node) -> bytes:
    """A text that the grammar means (it may match less of it: repetition is greedy)."""
    match tree:
        case Lit(text, fold):
            return text.swapcase() if fold and rng.random() < 0.5 else text
        case Run(among, least, most):
            return run_of(rng, among, rng.randint(least, least + 3 if most is None else most))
        case Trim(among):
            return run_of(rng, among, rng.randint(0, 4))
        case Seq(items):
            return b"".join(sentence(rng, item) for item in items)
        case Alt(items):
            return sentence(rng, rng.choice(items))
        case Opt(item):
            return sentence(rng, item) if rng.random() < 0.6 else b""
        case Rep(item, least, most):
            return b"".join(sentence(rng, item) for _ in range(rng.randint(least, least + 3 if most is None else most)))
        case Slice(item) | Const(item) | Map(item) | Label(item):
            return sentence(rng, item)


def run_of(rng: Random, among: frozenset[int], size: int) -> bytes:
    """`size` bytes out of a class, those of the alphabet if there are any."""
    usual = sorted(among & frozenset(ALPHABET)) or sorted(among)
    return bytes(rng.choices(usual, k=size))


def mutated(rng: Random, text: bytes, alphabet: bytes = ALPHABET) -> bytes:
    """A few bytes replaced, inserted, removed, doubled; cut off; or as it is."""
    data = bytearray(text)
    for _ in range(rng.choice([0, 0, 1, 1, 2, 4])):
        at = rng.randint(0, len(data))
        match rng.randrange(5):
            case 0:
                data[at : at + 1] = bytes([rng.choice(alphabet)])
            case 1:
                data[at:at] = bytes(rng.choices(alphabet, k=rng.randint(1, 3)))
            case 2:
                del data[at : at + rng.randint(1, 3)]
            case 3:
                data[at:at] = data[at : at + rng.randint(1, 6)]
            case _:
                del data[at:]
    return bytes(data)
