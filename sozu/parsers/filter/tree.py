"""What a filter says, as a tree of facts; and a tree as text, in the one spelling that needs no thinking about precedence."""

from __future__ import annotations

from enum import StrEnum
import json
from typing import TypeAlias

import msgspec

Value: TypeAlias = str | int | float | bool | None


class Operator(StrEnum):
    """How a field is compared."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LIKE = "~"
    UNLIKE = "!~"


class Field(msgspec.Struct, frozen=True):
    """The field is there, and is neither false, 0, empty nor null."""

    name: str


class Comparison(msgspec.Struct, frozen=True):
    """A field beside a constant."""

    name: str
    operator: Operator
    value: Value


class Member(msgspec.Struct, frozen=True):
    """The field equals one of the constants."""

    name: str
    values: tuple[Value, ...]


class Negation(msgspec.Struct, frozen=True):
    """The opposite."""

    item: Expression


class Conjunction(msgspec.Struct, frozen=True):
    """Every one of two or more."""

    items: tuple[Expression, ...]


class Disjunction(msgspec.Struct, frozen=True):
    """One or more of two or more."""

    items: tuple[Expression, ...]


Expression: TypeAlias = "Field | Comparison | Member | Negation | Conjunction | Disjunction"


def names(expression: Expression) -> frozenset[str]:
    """The fields that a filter looks at: for telling someone that there is no such field."""
    match expression:
        case Field(name) | Comparison(name) | Member(name):
            return frozenset([name])
        case Negation(item):
            return names(item)
        case _:
            return frozenset().union(*map(names, expression.items))


def text(expression: Expression) -> str:
    """The filter, such that parsing it gives the same tree."""
    match expression:
        case Field(name):
            return name
        case Comparison(name, operator, value):
            return f"{name} {operator} {constant(value)}"
        case Member(name, values):
            return f"{name} in ({', '.join(map(constant, values))})"
        case Negation(item):
            # Parentheses where they are not needed: the text is for people, who would have to recall which of `not` and `and` binds closer.
            return f"not {part(item)}"
        case Conjunction(items):
            return " and ".join(map(part, items))
        case _:
            return " or ".join(map(part, expression.items))


def part(expression: Expression) -> str:
    """In parentheses, where there is more than one thing inside."""
    return f"({text(expression)})" if isinstance(expression, Negation | Conjunction | Disjunction) else text(expression)


def constant(value: Value) -> str:
    """JSON is how constants are written."""
    return json.dumps(value, ensure_ascii=False)
