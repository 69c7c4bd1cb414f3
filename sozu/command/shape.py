"""Does a value read from JSON or YAML have the shape of a struct? Finds every misfit, with its path and the nearest name. Pure.

msgspec's own decoder stops at the first misfit and lets unknown fields pass or names one without a suggestion; that is right between
programs, and what `requests` and the configuration file are for is people. Only the types that our structs use are known here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from json import JSONDecoder
import re
from typing import Any

from msgspec import inspect

from sozu.command.nearest import nearest

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Misfit:
    """One place where a value is not what the struct says. `at_key`: the key itself is wrong, not its value."""

    path: Path
    message: str
    expected: str = ""
    nearest: str | None = None
    at_key: bool = False

    def __str__(self) -> str:
        """All in one line, as an answer on the command socket says it."""
        place = ".".join(map(str, self.path))
        expected = f" (expected {self.expected})" if self.expected else ""
        meant = f'; did you mean "{self.nearest}"?' if self.nearest is not None else ""
        return f"{place}: {self.message}{expected}{meant}" if place else f"{self.message}{expected}{meant}"


def misfits(shape: type, value: object) -> list[Misfit]:
    """All misfits, in the order in which a reader meets them. `shape` is a msgspec.Struct of plain types."""
    # All, and not the first: a file with five mistakes is mended in one go.
    return list(_misfits(_type_info(shape), value, ()))


def steps(field: str) -> Path:
    """The path of a field as a Misfit or an Objection writes it: `headers.0.regex`."""
    return tuple(int(step) if step.isdigit() else step for step in field.split("."))


def described(value: object) -> str:
    """What was found instead, in words: `the text "yes"`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'the text "{value if len(value) <= 40 else value[:40] + "…"}"'
        case list():
            return "a list"
        case _:
            return "a mapping"


@cache
# About a millisecond for a verb of many fields; there are as many results as shapes, so none is ever dropped.
def _type_info(shape: type) -> inspect.Type:
    return inspect.type_info(shape)


def _misfits(kind: inspect.Type, value: object, path: Path) -> Iterator[Misfit]:
    match kind:
        case inspect.Metadata():
            yield from _misfits_of_described(kind, value, path)
        # A branch is chosen first, since only the one that was meant shall speak: of `str | None` nobody wants to read two
        # refusals.
        case inspect.UnionType():
            yield from _misfits_of_union(kind, value, path)
        case inspect.StructType() if isinstance(value, dict):
            yield from _misfits_of_struct(kind, value, path)
        case inspect.DictType() if isinstance(value, dict):
            for key, item in value.items():
                yield from _misfits(kind.value_type, item, (*path, key))
        case inspect.VarTupleType() if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _misfits(kind.item_type, item, (*path, index))
        case _ if not _fits(kind, value):
            found = f"found {described(value)}"
            yield Misfit(path, found, _expected(kind), _nearest_choice(kind, value))


def _misfits_of_described(kind: inspect.Metadata, value: object, path: Path) -> Iterator[Misfit]:
    # A description, as in Annotated[str, Meta(description="an address")], tells people more than "a text" does.
    yield from (replace(misfit, expected=_expected(kind)) for misfit in _misfits(kind.type, value, path))


def _misfits_of_union(union: inspect.UnionType, value: object, path: Path) -> Iterator[Misfit]:
    for kind in union.types:
        # The first branch of that sort is the one that was meant: so a misspelled key in a part is told with its path, and not as
        # "found a mapping". Unions of two structs would need more than this; we have none.
        if _of_that_sort(kind, value):
            yield from _misfits(kind, value, path)
            return
    yield Misfit(path, f"found {described(value)}", _expected(union))


def _misfits_of_struct(struct: inspect.StructType, value: Mapping[str, object], path: Path) -> Iterator[Misfit]:
    fields = {field.encode_name: field for field in struct.fields}
    for key, item in value.items():
        if key in fields:
            yield from _misfits(fields[key].type, item, (*path, key))
        else:
            expected = f"one of {', '.join(fields)}" if fields else "no keys here"
            yield Misfit((*path, key), "unknown key", expected, nearest(key, fields), at_key=True)
    # After the keys that are there: whoever has mistyped a required one reads the suggestion first.
    for field in struct.fields:
        if field.required and field.encode_name not in value:
            yield Misfit(path, f"{field.encode_name} is missing", _expected(field.type))


def _of_that_sort(kind: inspect.Type, value: object) -> bool:
    """Whether this branch of a union is the one that was meant; what is wrong inside it is for later."""
    match kind:
        case inspect.Metadata():
            return _of_that_sort(kind.type, value)
        case inspect.StructType() | inspect.DictType():
            return isinstance(value, dict)
        case inspect.VarTupleType():
            return isinstance(value, list)
        # Any text: a wrong choice is then told with the nearest one, for which the union as a whole has no word.
        case inspect.EnumType():
            return isinstance(value, str)
        case inspect.IntType() | inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            return _fits(kind, value)


def _fits(kind: inspect.Type, value: object) -> bool:
    match kind:
        case inspect.AnyType():
            return True
        case inspect.NoneType():
            return value is None
        # Each kind by itself, for in Python True is an int: `weight: true` would pass for 1.
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.StrType():
            # `search`, as msgspec does it: a pattern that means the whole text has to say so.
            return isinstance(value, str) and (kind.pattern is None or re.search(kind.pattern, value) is not None)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool) and _within(kind, value)
        case inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool) and _within(kind, value)
        case inspect.EnumType():
            return isinstance(value, str) and value in _choices(kind)
        case _:
            return False


def _within(kind: inspect.IntType | inspect.FloatType, value: float) -> bool:
    return (
        (kind.gt is None or value > kind.gt)
        and (kind.ge is None or value >= kind.ge)
        and (kind.le is None or value <= kind.le)
    )


def _choices(kind: inspect.EnumType) -> list[str]:
    return [str(member.value) for member in kind.cls]


def _nearest_choice(kind: inspect.Type, value: object) -> str | None:
    return nearest(value, _choices(kind)) if isinstance(kind, inspect.EnumType) and isinstance(value, str) else None


def _expected(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return str((kind.extra_json_schema or {})["description"])
        case inspect.UnionType():
            return " or ".join(_expected(branch) for branch in kind.types if not isinstance(branch, inspect.NoneType))
        case inspect.EnumType():
            return f"one of {', '.join(_choices(kind))}"
        case inspect.IntType():
            return f"a whole number{_bounds(kind)}"
        case inspect.FloatType():
            return f"a number{_bounds(kind)}"
        case inspect.StructType():
            return f"a mapping with {', '.join(_names(kind.fields))}"
        case _:
            return _WORDS[type(kind)]


_WORDS: dict[type[inspect.Type], str] = {
    inspect.StrType: "a text",
    inspect.BoolType: "true or false",
    inspect.VarTupleType: "a list",
    inspect.DictType: "a mapping",
}


def _names(fields: Iterable[inspect.Field]) -> Iterator[str]:
    return (field.encode_name for field in fields)


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    limits = (("more than", kind.gt), ("at least", kind.ge), ("at most", kind.le))
    bounds = " and ".join(f"{words} {limit:.15g}" for words, limit in limits if limit is not None)
    return f", {bounds}" if bounds else ""


class _Twice(Exception):
    """A key that an object has twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Equal lengths are the usual case, and cost nothing more than the dict; who it was is asked only then.
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


# Python's own reader, since msgspec's has no hook for pairs.
_READER = JSONDecoder(object_pairs_hook=_once)


def said_twice(payload: bytes) -> str | None:
    """A key that stands twice in one object (RFC 8259 section 4): most readers believe the last, some the first."""
    try:
        _READER.decode(payload.decode())
    except _Twice as twice:
        return str(twice)
    except (ValueError, RecursionError):
        return None  # a number that is too long for that reader, or too deep a nest: no field takes these
    return None
