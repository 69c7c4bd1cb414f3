"""`Regular`: a parsy parser that also carries its syntax tree, and the reading of such a tree step by step.

This reading is the definition of what a grammar means: byte loops and parsy's own combinators, no `re`. `fuse` (fuse.py) builds the fast
reading of the same tree, and the tests hold the two equal. A Regular stays one under `|`, `>>`, `<<`, `map`, `many`, `times`, `optional`,
`result` and `desc`; any other method of parsy gives a plain parser, which works as well but does not fuse.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar, overload

import parsy
from parsy import Parser, Result

from sozu.parsers.result import Bytes, Complete, More
from sozu.parsers.tree import Alt, Const, Label, Lit, Map, Node, Opt, Rep, Run, Seq, Slice, Trim, nullable

T = TypeVar("T")
U = TypeVar("U")
Reading = Callable[[Any, int], Result]


class Regular(Parser, Generic[T]):
    """A parser whose grammar is known, and so can be fused."""

    def __init__(self, tree: Node) -> None:
        """Read by `tree`. The functions for reading step by step are made at the first call: a fused grammar rarely needs them."""
        # parsy's constructor is not called: it would want the function now, and overwrite the cached property below.
        self.tree = tree

    @cached_property
    def wrapped_fn(self) -> Reading:  # type: ignore[override]  # parsy sets it in its constructor
        """The place where parsy keeps a parser's function."""
        return reading(self.tree)

    @overload
    def __or__(self, other: Regular[Any]) -> Regular[Any]: ...
    @overload
    def __or__(self, other: Parser) -> Parser: ...
    def __or__(self, other: Parser) -> Parser:
        """This one or, where it does not match, the other."""
        if isinstance(other, Regular):
            # Flat, because each choice has its own branch in the pattern: `a | b | c` nested would be an atomic group inside of another for nothing.
            return Regular[Any](Alt((*branches(self.tree), *branches(other.tree))))
        return super().__or__(other)

    @overload
    def then(self, other: Regular[U]) -> Regular[U]: ...
    @overload
    def then(self, other: Parser) -> Parser: ...
    def then(self, other: Parser) -> Parser:
        """Both, with the value of the other (`>>`)."""
        return self.followed_by(other, 1) if isinstance(other, Regular) else super().then(other)

    @overload
    def skip(self, other: Regular[Any]) -> Regular[T]: ...
    @overload
    def skip(self, other: Parser) -> Parser: ...
    def skip(self, other: Parser) -> Parser:
        """Both, with the value of this one (`<<`)."""
        return self.followed_by(other, 0) if isinstance(other, Regular) else super().skip(other)

    @overload
    def __rshift__(self, other: Regular[U]) -> Regular[U]: ...
    @overload
    def __rshift__(self, other: Parser) -> Parser: ...
    def __rshift__(self, other: Parser) -> Parser:
        """`then`."""
        return self.then(other)

    @overload
    def __lshift__(self, other: Regular[Any]) -> Regular[T]: ...
    @overload
    def __lshift__(self, other: Parser) -> Parser: ...
    def __lshift__(self, other: Parser) -> Parser:
        """`skip`."""
        return self.skip(other)

    def followed_by(self, other: Regular[Any], pick: int) -> Regular[Any]:
        """Both, with the value of number `pick`."""
        return Regular(Seq((self.tree, other.tree), pick))

    def map(self, map_function: Callable[[T], U]) -> Regular[U]:
        """This one, with `map_function` of its value."""
        return Regular(Map(self.tree, map_function))

    def combine(self, combine_fn: Callable[..., U]) -> Regular[U]:
        """This one, with `combine_fn` of the parts of its value."""
        return Regular(Map(self.tree, combine_fn, spread=True))

    def result(self, value: U) -> Regular[U]:
        """This one, with the value `value`."""
        return Regular(Const(self.tree, value))

    def many(self) -> Regular[list[T]]:
        """As often as it is there."""
        return repeated(self, 0, None)

    def times(self, min: int, max: float | None = None) -> Regular[list[T]]:  # noqa: A002 - parsy's names
        """`min` to `max` times; without `max` exactly `min` times."""
        # parsy's meaning, since this overrides parsy's method: a bare `times(3)` is exactly three, where our function `times` has no upper bound.
        most = min if max is None else max
        return repeated(self, min, None if most == float("inf") else int(most))

    def optional(self, default: Any = None) -> Regular[Any]:
        """This one if it is there, else the value `default`."""
        if nullable(self.tree):
            raise ValueError("optional() of a parser that may match nothing: it would always be there")
        return Regular(Opt(self.tree, default))

    def desc(self, description: str) -> Regular[T]:
        """This one, called `description` in an error that strikes at its first byte."""
        return Regular(Label(self.tree, description))


def branches(tree: Node) -> tuple[Node, ...]:
    """`a | b | c` is one choice of three."""
    return tree.items if isinstance(tree, Alt) else (tree,)


def repeated(parser: Regular[T], least: int, most: int | None) -> Regular[list[T]]:
    """Regular repetition. Without nom's guard a body that matches nothing would repeat for ever: it is refused here."""
    if nullable(parser.tree):
        # When the grammar is written, not when a stream arrives: parsy would spin on it for ever, and hold the whole worker.
        raise ValueError("repetition of a parser that may match nothing would never end")
    if most is not None and not 0 <= least <= most:
        raise ValueError(f"cannot repeat {least} to {most} times")
    return Regular(Rep(parser.tree, least, most))


def reading(node: Node) -> Reading:  # noqa: C901 - one arm for each kind of node
    """The function that reads `node` step by step, in parsy's convention."""
    match node:
        case Lit(text, fold):
            return literal(text, fold=fold)
        case Run(members, least, most):
            return byte_run(members, least, most)
        case Trim(members, blank):
            return trimmed_run(members, blank)
        # parsy.seq stops at the first failure and keeps the furthest, which is what makes `Error.position` the longest viable prefix here too.
        case Seq(items, pick):
            return parsy.seq(*map(step, items)).map(tuple if pick is None else lambda values: values[pick])
        case Alt(items):
            return parsy.alt(*map(step, items))
        case Opt(item, default):
            return step(item).optional(default)
        case Rep(item, least, most):
            return step(item).times(least, float("inf") if most is None else most)
        case Slice(item):
            return recognized(reading(item))
        case Const(item, value):
            return step(item).map(lambda _: value)
        case Map(item, function, spread):
            return step(item).combine(function) if spread else step(item).map(function)
        case _:
            return labelled(reading(node.item), node.name)


def step(node: Node) -> Parser:
    """The same as a parser."""
    return Parser(reading(node))


def literal(text: bytes, *, fold: bool) -> Reading:
    """A literal fails at the byte that differs, not at its own beginning: so says the prefix pattern."""
    name = shown(text)
    wanted = text.lower()

    def read(data: Bytes, at: int) -> Result:
        # A copy, for a memoryview has no lower(); literals are short.
        got = bytes(data[at : at + len(text)])
        if got == text or (fold and got.lower() == wanted):
            return Result.success(at + len(text), got)
        same = common_prefix(got.lower() if fold else got, wanted if fold else text)
        # All that is there agrees, but it is too short: only now is the end of the buffer of any interest. A difference is an Error at once, even where
        # bytes lack, so that a wrong client need not be waited for.
        if same == len(got) and not isinstance(data, Complete):
            # One byte, though more are lacking: who waits for all four that `tag(b"HELLO") | tag(b"HI")` lacks after "H" waits for ever on a peer that has
            # sent HI and wants its answer.
            raise More
        return Result.failure(at + same, name)

    return read


def common_prefix(left: bytes, right: bytes) -> int:
    """How many bytes at the beginning are the same?"""
    same = 0
    while left[same : same + 1] and left[same : same + 1] == right[same : same + 1]:
        same += 1
    return same


def byte_run(members: frozenset[int], least: int, most: int | None) -> Reading:
    """A run that touches the end of streaming input may go on: only its upper bound settles it."""
    name = class_name(members)

    def read(data: Bytes, at: int) -> Result:
        end = run_end(data, at, members, most)
        if end == len(data) and end - at != most and not isinstance(data, Complete):
            # Only where any byte will do is it certain that fewer than `least` cannot settle the matter.
            raise More(least - (end - at) if len(members) == 256 else 1)
        if end - at < least:
            return Result.failure(end, name)
        # A run that has matched still tells how it could have gone on: the error behind a number then says "digit or dot", not "dot" alone.
        return Result(True, end, bytes(data[at:end]), end, frozenset([name] if end - at != most else []))

    return read


def run_end(data: Bytes, at: int, members: frozenset[int], most: int | None) -> int:
    """The index after the longest run."""
    limit = len(data) if most is None else min(len(data), at + most)
    if len(members) == 256:
        return limit
    # Byte by byte on purpose: this reading is what patterns are tested against, and must not share their engine's mistakes.
    while at < limit and data[at] in members:
        at += 1
    return at


def trimmed_run(members: frozenset[int], blank: frozenset[int]) -> Reading:
    """Take the whole run, then give it without the blanks at its ends."""
    everything = byte_run(members, 0, None)
    blanks = bytes(blank)

    def read(data: Bytes, at: int) -> Result:
        result = everything(data, at)
        # strip() without an argument would also take VT, FF, CR and LF where a class holds them. What a blank is, the grammar says.
        return Result(True, result.index, result.value.strip(blanks), result.furthest, result.expected)

    return read


def recognized(inner: Reading) -> Reading:
    """Replace the value by the bytes."""

    def read(data: Bytes, at: int) -> Result:
        result = inner(data, at)
        if not result.status:
            return result
        return Result(True, result.index, bytes(data[at : result.index]), result.furthest, result.expected)

    return read


def labelled(inner: Reading, name: str) -> Reading:
    """Rename what was expected at the first byte. parsy's `desc` would also move the error there, and lose how far we came."""

    def read(data: Bytes, at: int) -> Result:
        result = inner(data, at)
        # Only an error at the first byte is about the thing as a whole. Further in, the bytes that were wanted there say more than its name.
        if result.furthest != at:
            return result
        return Result(result.status, result.index, result.value, at, frozenset([name]))

    return read


def shown(text: bytes) -> str:
    r"""How a literal is called in errors: 'GET', '\\r\\n'."""
    return repr(text)[1:]


def class_name(members: frozenset[int]) -> str:
    """How a class of bytes is called in errors: [0-9A-F]."""
    if len(members) == 256:
        return "any byte"
    spans: list[list[int]] = []
    for byte in sorted(members):
        if spans and spans[-1][1] == byte - 1:
            spans[-1][1] = byte
        else:
            spans.append([byte, byte])
    return "[" + "".join(span_name(first, last) for first, last in spans) + "]"


def span_name(first: int, last: int) -> str:
    """One span of such a class."""
    ends = [shown(bytes([byte]))[1:-1] for byte in (first, last)]
    return ends[0] if first == last else "-".join(ends) if last > first + 1 else "".join(ends)
