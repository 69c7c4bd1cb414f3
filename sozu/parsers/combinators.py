"""Combinators: parsers out of parsers, by nom's names. They take any parsy parser; regular ones in give a regular one out.

What Incomplete does: it flies through everything here, except `complete`, which asks again with input that will not grow.

    seq(a, b)       the tuple of both values           opt(a)             a, or None
    alt(a, b)       the first that matches             peek(a)            a, without taking it
    many(a)         list of a, as many as there are    not_(a)            None where a does not match, without taking
    many1(a)        the same, at least one             cut(a)             a; its error is final, no alternative is tried
    times(a, m, n)  m to n of a                        complete(a)        a, on input that will not grow
    sep_by(a, s)    a, s, a, s, a                      recognize(a)       the bytes that a took
    value(v, a)     v where a matches                  verify(a, test)    a, if its value passes the test
    map_(a, f)      f of its value                     length_data(n)     as many bytes as n says
    record(C, a, b) C(a, b)                            length_value(n, a) a, inside as many bytes as n says
`a | b`, `a >> b` and `a << b` are alt, and seq with the right or left value. Many, sep_by and opt refuse a parser that may match nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

import parsy
from parsy import Parser, Result

from sozu.parsers.leaves import take
from sozu.parsers.regular import Regular, repeated
from sozu.parsers.result import Bytes, Complete, Failure
from sozu.parsers.tree import Alt, Const, Map, Seq, Slice

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
U = TypeVar("U")


def regular(parsers: tuple[Parser, ...]) -> tuple[Regular[Any], ...] | None:
    """The same parsers if each carries a tree, else None."""
    # One part that we cannot look into makes the whole a plain parser: a tree with a hole in it could not become a pattern.
    kept = tuple(parser for parser in parsers if isinstance(parser, Regular))
    return kept if len(kept) == len(parsers) else None


@overload
def seq(*parsers: Regular[Any]) -> Regular[tuple[Any, ...]]: ...
@overload
def seq(*parsers: Parser) -> Parser: ...
def seq(*parsers: Parser) -> Parser:
    """All of them, one after the other; the value is the tuple of their values."""
    if known := regular(parsers):
        return Regular[Any](Seq(tuple(parser.tree for parser in known)))
    # parsy gives a list. A tuple is what the regular reading and the fused one give, and the three have to be equal.
    return parsy.seq(*parsers).map(tuple)


@overload
def alt(*parsers: Regular[Any]) -> Regular[Any]: ...
@overload
def alt(*parsers: Parser) -> Parser: ...
def alt(*parsers: Parser) -> Parser:
    """The first that matches; the others are not tried again, whatever follows."""
    if known := regular(parsers):
        return Regular[Any](Alt(tuple(parser.tree for parser in known)))
    return parsy.alt(*parsers)


@overload
def many(parser: Regular[T]) -> Regular[list[T]]: ...
@overload
def many(parser: Parser) -> Parser: ...
def many(parser: Parser) -> Parser:
    """As often as it is there; the value is a list."""
    return times(parser, 0)


@overload
def many1(parser: Regular[T]) -> Regular[list[T]]: ...
@overload
def many1(parser: Parser) -> Parser: ...
def many1(parser: Parser) -> Parser:
    """The same, at least once."""
    return times(parser, 1)


@overload
def times(parser: Regular[T], least: int, most: int | None = None) -> Regular[list[T]]: ...
@overload
def times(parser: Parser, least: int, most: int | None = None) -> Parser: ...
def times(parser: Parser, least: int, most: int | None = None) -> Parser:
    """`least` to `most` times, as often as it is there; None: no upper bound. (parsy's method `times(n)` means exactly n.)"""
    if isinstance(parser, Regular):
        return repeated(parser, least, most)
    return progressing(parser).times(least, float("inf") if most is None else most)


def progressing(parser: Parser) -> Parser:
    """Nom's guard: where a parser that we cannot look into matches nothing, repeating it is an error and not a hang."""

    def read(data: Bytes, at: int) -> Result:
        result = parser(data, at)
        if result.status and result.index == at:
            # A failed result would not do: `many` takes a failure for the end of its list, and the mistake in the grammar would pass unseen.
            raise Failure(at, frozenset(["progress: the repeated parser matched nothing"]))
        return result

    return Parser(read)


@overload
def opt(parser: Regular[T]) -> Regular[T | None]: ...
@overload
def opt(parser: Parser) -> Parser: ...
def opt(parser: Parser) -> Parser:
    """The value if it is there, else None."""
    return parser.optional()


def peek(parser: Parser) -> Parser:
    """The value, with nothing taken."""
    return parsy.peek(parser)


def not_(parser: Parser) -> Parser:
    """Succeeds with None, and takes nothing, where the parser does not match."""

    def read(data: Bytes, at: int) -> Result:
        # At the end of a streaming buffer the parser raises More, which goes through here unhindered: absence is not proven by bytes that lack.
        if parser(data, at).status:
            return Result.failure(at, "something else")
        return Result.success(at, None)

    return Parser(read)


def cut(parser: Parser) -> Parser:
    """From here on we know which branch it is: a failure is final (nom's Failure), the error names what this branch wanted."""

    def read(data: Bytes, at: int) -> Result:
        result = parser(data, at)
        if not result.status:
            # An exception, because parsy's `alt` looks at results and would go on with its next branch. It passes `opt` and `many` likewise.
            raise Failure(result.furthest, result.expected)
        return result

    return Parser(read)


def complete(parser: Parser) -> Parser:
    """The one bridge from streaming to complete input: inside, the end of the buffer is the end. Costs a copy of the buffer."""

    def read(data: Bytes, at: int) -> Result:
        # The copy keeps all of the buffer, not what follows `at`: positions count from the beginning of the same bytes inside and outside.
        return parser(data if isinstance(data, Complete) else Complete(data), at)

    return Parser(read)


@overload
def recognize(parser: Regular[Any]) -> Regular[bytes]: ...
@overload
def recognize(parser: Parser) -> Parser: ...
def recognize(parser: Parser) -> Parser:
    """The bytes that the parser took."""
    if isinstance(parser, Regular):
        return Regular[bytes](Slice(parser.tree))

    def read(data: Bytes, at: int) -> Result:
        result = parser(data, at)
        return Result.success(result.index, bytes(data[at : result.index])).aggregate(result) if result.status else result

    return Parser(read)


@overload
def value(constant: T, parser: Regular[Any]) -> Regular[T]: ...
@overload
def value(constant: Any, parser: Parser) -> Parser: ...
def value(constant: Any, parser: Parser) -> Parser:
    """`constant` where the parser matches."""
    if isinstance(parser, Regular):
        return Regular[Any](Const(parser.tree, constant))
    return parser.result(constant)


@overload
def map_(parser: Regular[T], function: Callable[[T], U]) -> Regular[U]: ...
@overload
def map_(parser: Parser, function: Callable[[Any], Any]) -> Parser: ...
def map_(parser: Parser, function: Callable[[Any], Any]) -> Parser:
    """`function` of the parser's value."""
    return parser.map(function)


def record(make: Callable[..., T], *parsers: Regular[Any]) -> Regular[T]:
    """All of them, one after the other; the value is `make` of their values: a class, usually."""
    return Regular(Map(Seq(tuple(parser.tree for parser in parsers)), make, spread=True))


def verify(parser: Parser, test: Callable[[Any], bool], name: str) -> Parser:
    """The parser, if its value passes the test; `name` says in an error what was expected instead."""

    def read(data: Bytes, at: int) -> Result:
        result = parser(data, at)
        # Blamed is the beginning: the value as a whole is wrong, no byte of it. Where the byte matters, fields/sound.py looks at the bytes themselves.
        return Result.failure(at, name) if result.status and not test(result.value) else result

    return Parser(read)


@overload
def sep_by(parser: Regular[T], separator: Regular[Any], least: int = 0) -> Regular[list[T]]: ...
@overload
def sep_by(parser: Parser, separator: Parser, least: int = 0) -> Parser: ...
def sep_by(parser: Parser, separator: Parser, least: int = 0) -> Parser:
    """One after the other with `separator` between, `least` or more; the value is the list without the separators."""
    if not (isinstance(parser, Regular) and isinstance(separator, Regular)):
        return parser.sep_by(progressing(separator), min=least)
    # The default is None and the list is made afterwards. A default of [] would be one list for all outcomes, and whoever appended to it
    # would change what the next input gives.
    if least == 0:
        return sep_by(parser, separator, 1).optional().map(lambda values: values or [])
    # The separator leads each further item. `*(item separator) item` would begin twice with an item, which one byte does not tell apart.
    more: Regular[Any] = repeated(separator.followed_by(parser, 1), least - 1, None)
    return Regular[Any](Map(Seq((parser.tree, more.tree)), first_and_more))


def first_and_more(pair: tuple[Any, list[Any]]) -> list[Any]:
    """`(a, [b, c])` -> `[a, b, c]`."""
    return [pair[0], *pair[1]]


def length_data(size: Parser) -> Parser:
    """As many bytes as the number before them says."""
    return size.bind(take)


def length_value(size: Parser, parser: Parser) -> Parser:
    """The parser, run inside as many bytes as the number before them says, which are complete; what it leaves of them is skipped."""

    def inside(length: int) -> Parser:
        def read(data: Bytes, at: int) -> Result:
            # First all of the bytes, then a look inside: a record that is half there is Incomplete and asks for just what it lacks, and the
            # inner parser never meets the end of the stream.
            outer = take(length)(data, at)
            if not outer.status:
                return outer
            # Cut at the end of the record, so that a length inside cannot reach beyond the one outside: the over-read of Heartbleed is of that kind.
            result = parser(Complete(data[: at + length]), at)
            if not result.status:
                raise Failure(result.furthest, result.expected)
            return Result.success(outer.index, result.value)

        return Parser(read)

    return size.bind(inside)

