"""Does a record pass a filter? Pure, total and free of surprises: no question about any record raises an error.

a field that is not there is null                  == and != compare values of the same kind: 1 and true differ, 1 and 1.0 do not
< <= > >= hold among numbers and among texts       ~ and !~ compare text (of a number, its digits) with a pattern, * standing for
only, hence never for null                         any text
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sozu.parsers.filter.tree import Comparison, Conjunction, Field, Member, Negation, Operator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sozu.parsers.filter.tree import Expression


def passes(expression: Expression, record: Mapping[str, object]) -> bool:
    """Whether the record is one of those that were asked for."""
    match expression:
        case Field(name):
            # get() and no error: a filter about a field that only some records have shall not end at the first of the others.
            return bool(record.get(name))
        case Comparison(name, operator, value):
            return TESTS[operator](record.get(name), value)
        case Member(name, values):
            return any(same(record.get(name), value) for value in values)
        case Negation(item):
            return not passes(item, record)
        case Conjunction(items):
            return all(passes(item, record) for item in items)
        case _:
            return any(passes(item, record) for item in expression.items)


def same(left: object, right: object) -> bool:
    """Equal, and of the same kind; Python alone would take true for 1."""
    # For Python bool is an int, so `== 1` would select what is `true`. int and float stay one kind, since JSON tells no difference between 1 and 1.0.
    return isinstance(left, bool) is isinstance(right, bool) and left == right


def ordered(left: Any, right: Any) -> bool:
    """Can one be less than the other?"""
    return kind_of(left) is not None and kind_of(left) is kind_of(right)


def kind_of(value: object) -> type | None:
    """Numbers are one kind, texts another; the rest has no order."""
    # First, and for the same reason: `true > 0` is a question that nobody asks on purpose.
    if isinstance(value, bool):
        return None
    return float if isinstance(value, int | float) else str if isinstance(value, str) else None


def like(value: object, pattern: object) -> bool:
    """Is the value's text as the pattern says? Linear: the leftmost place for each piece is as good as any."""
    if kind_of(value) is None:
        return False
    # Not fnmatch, for which `?` and `[` mean something as well, and not a pattern for `re`, which backtracks over several stars, on text that any
    # client may have chosen.
    first, *others = str(pattern).split("*")
    found = str(value)
    if not others:
        return found == first
    *middle, last = others
    end = len(found) - len(last)
    position = len(first)
    # Both ends must not overlap: "aba" is not like "ab*ba", though it begins and ends as it says.
    if position > end or not (found.startswith(first) and found.endswith(last)):
        return False
    for piece in middle:
        place = found.find(piece, position, end)
        if place < 0:
            return False
        position = place + len(piece)
    return True


TESTS: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQUAL: same,
    Operator.UNEQUAL: lambda left, right: not same(left, right),
    Operator.LESS: lambda left, right: ordered(left, right) and left < right,
    Operator.LESS_OR_EQUAL: lambda left, right: ordered(left, right) and left <= right,
    Operator.GREATER: lambda left, right: ordered(left, right) and left > right,
    Operator.GREATER_OR_EQUAL: lambda left, right: ordered(left, right) and left >= right,
    Operator.LIKE: like,
    Operator.UNLIKE: lambda left, right: not like(left, right),
}
