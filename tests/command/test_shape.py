from enum import StrEnum
from typing import Annotated, Any

from hypothesis import given
from hypothesis import strategies as st
import msgspec
import pytest

from sozu.command.shape import Misfit, described, misfits
from sozu.command.terms import Health


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Part(msgspec.Struct):
    name: str
    size: Annotated[float, msgspec.Meta(gt=0)] = 1.0


class Nothing(msgspec.Struct):
    pass


class Whole(msgspec.Struct):
    count: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    ratio: float = 1.0
    flag: bool = False
    colour: Colour = Colour.RED
    part: Part | None = None
    parts: tuple[str | Part, ...] = ()
    named: dict[str, Part | None] = {}
    limit: int | None = None
    tint: Colour | None = None
    words: tuple[str, ...] | None = None
    numbers: dict[str, int] | None = None
    free: Any = None
    renamed: str = msgspec.field(default="", name="as")
    empty: Nothing | None = None


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"count": 9, "ratio": 2, "flag": True, "colour": "green", "as": "x", "free": [1, {}]},
        {"part": {"name": "x", "size": 0.5}, "parts": ["x", {"name": "y"}], "named": {"a": None, "b": {"name": "z"}}},
        {"part": None, "limit": None, "tint": None, "words": None, "numbers": None, "empty": {}},
        {"count": 1, "as": ""},
        {"limit": 5, "tint": "red", "words": ["a"], "numbers": {"a": 1}},
    ],
)
def test_what_fits_has_no_misfits(value: object) -> None:
    assert misfits(Whole, value) == []


@pytest.mark.parametrize(
    ("value", "misfit"),
    [
        ([], "found a list (expected a mapping with count, ratio, flag, colour, part, parts, named, limit, tint, words, numbers, free, as, empty)"),
        ({"count": 0}, "count: found the number 0 (expected a whole number, at least 1 and at most 9)"),
        ({"count": 1.5}, "count: found the number 1.5 (expected a whole number, at least 1 and at most 9)"),
        ({"count": True}, "count: found true (expected a whole number, at least 1 and at most 9)"),
        ({"count": None}, "count: found nothing (expected a whole number, at least 1 and at most 9)"),
        ({"ratio": "1"}, 'ratio: found the text "1" (expected a number)'),
        ({"ratio": False}, "ratio: found false (expected a number)"),
        ({"flag": "yes"}, 'flag: found the text "yes" (expected true or false)'),
        ({"colour": "gren"}, 'colour: found the text "gren" (expected one of red, green); did you mean "green"?'),
        ({"colour": 1}, "colour: found the number 1 (expected one of red, green)"),
        ({"tint": "gren"}, 'tint: found the text "gren" (expected one of red, green); did you mean "green"?'),
        ({"limit": "5"}, 'limit: found the text "5" (expected a whole number)'),
        ({"limit": 5.5}, "limit: found the number 5.5 (expected a whole number)"),
        ({"part": {"name": "x", "size": 0}}, "part.size: found the number 0 (expected a number, more than 0)"),
        ({"part": {}}, "part: name is missing (expected a text)"),
        ({"part": []}, "part: found a list (expected a mapping with name, size)"),
        ({"parts": "x"}, 'parts: found the text "x" (expected a list)'),
        ({"parts": ["x", 5]}, "parts.1: found the number 5 (expected a text or a mapping with name, size)"),
        ({"parts": [{"nam": "x", "name": "y"}]}, 'parts.0.nam: unknown key (expected one of name, size); did you mean "name"?'),
        ({"named": {"a": {"name": 5}}}, "named.a.name: found the number 5 (expected a text)"),
        ({"named": []}, "named: found a list (expected a mapping)"),
        ({"words": [5]}, "words.0: found the number 5 (expected a text)"),
        ({"numbers": {"a": {}}}, "numbers.a: found a mapping (expected a whole number)"),
        ({"renamed": "x"}, None),
        ({"empty": {"x": 1}}, "empty.x: unknown key (expected no keys here)"),
        ({"as": "x" * 50, "flag": "x" * 50}, f'flag: found the text "{"x" * 40}…" (expected true or false)'),
    ],
)
def test_a_misfit_says_where_what_was_found_and_what_was_expected(value: object, misfit: str | None) -> None:
    (found,) = misfits(Whole, value)

    if misfit is not None:
        assert str(found) == misfit
    else:
        assert (found.path, found.at_key) == (("renamed",), True)


def test_all_misfits_are_found_in_the_order_of_the_value() -> None:
    found = misfits(Whole, {"flag": 1, "parts": [1, "x", 2], "cuont": 3, "count": 0})

    assert [misfit.path for misfit in found] == [("flag",), ("parts", 0), ("parts", 2), ("cuont",), ("count",)]


@pytest.mark.parametrize(
    ("health", "said"),
    [
        ({"path": "x"}, ['path: found the text "x" (expected a path: "/health", with a query or without, in visible ASCII characters)']),
        ({"host": "a b"}, ['host: found the text "a b" (expected a host: "app.example.com", in visible ASCII characters)']),
        ({"path": "/x?y", "host": ""}, []),
    ],
)
def test_a_text_may_have_to_look_like_something(health: dict[str, str], said: list[str]) -> None:
    assert [str(misfit) for misfit in misfits(Health, health)] == said


def test_a_misfit_may_be_about_the_whole() -> None:
    assert str(Misfit((), "found nothing")) == "found nothing"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats(-2, 2) | st.sampled_from(["red", "x", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*Whole.__struct_encode_fields__, "name", "size", "other"]), inner, max_size=4),
    max_leaves=8,
)


@given(json_values)
def test_without_misfits_msgspec_takes_the_value_and_it_takes_none_with_a_wrong_value(value: object) -> None:
    wrong = [misfit for misfit in misfits(Whole, value) if not misfit.at_key]
    try:
        msgspec.convert(value, Whole)
    except msgspec.ValidationError:
        assert wrong
    else:
        # msgspec takes 5.0 for an int; we ask people to write 5.
        assert not wrong or all("expected a whole number" in str(misfit) for misfit in wrong)


@pytest.mark.parametrize(
    ("value", "words"), [(None, "nothing"), ([], "a list"), ({}, "a mapping"), (0.5, "the number 0.5"), (True, "true")]
)
def test_values_are_described_in_words(value: object, words: str) -> None:
    assert described(value) == words
