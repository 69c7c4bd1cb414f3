from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from sozu.parsers.console.rendering import caret, error_shown, plain, shown
from sozu.parsers.reasons import Reason
from sozu.parsers.result import Done, Error, Incomplete, Needed
from sozu.parsers.uri import Authority, Form


@dataclass(frozen=True)
class Point:
    x: int
    y: bytes


@pytest.mark.parametrize(
    ("value", "shown_as"),
    [
        (None, None),
        (True, True),
        (1, 1),
        (1.5, 1.5),
        ("é", "é"),
        (b"\xe9", "é"),
        (bytearray(b"a"), "a"),
        (memoryview(b"a"), "a"),
        (Form.ORIGIN, "origin-form"),
        (datetime(1994, 11, 6, tzinfo=UTC), "1994-11-06T00:00:00+00:00"),
        ({b"a": [b"b"]}, {"a": ["b"]}),
        ((b"a", 1), ["a", 1]),
        (frozenset([b"a"]), ["a"]),
        (Authority(b"a", 80), {"host": "a", "port": 80}),
        (Point(1, b"a"), {"x": 1, "y": "a"}),
        (1j, "1j"),
    ],
)
def test_values_are_shown_as_json_has_them(value: Any, shown_as: Any) -> None:
    assert plain(value) == shown_as


def test_done_shows_value_end_and_rest() -> None:
    assert shown(Done(b"abc", b"a", 1), b"abc") == {"outcome": "done", "end": 1, "rest": 2, "value": "a"}


def test_incomplete_shows_what_is_needed() -> None:
    assert shown(Incomplete(Needed(3)), b"") == {"outcome": "incomplete", "needed": 3}


def test_an_error_shows_place_expectation_and_caret() -> None:
    found = shown(Error(4, frozenset(["b", "a"])), b"x\r\nyz")

    assert found == {
        "outcome": "error",
        "position": 4,
        "line": 2,
        "column": 2,
        "expected": ["a", "b"],
        "caret": "x\\r\\nyz\n      ^",
    }


def test_an_error_with_a_reason_shows_the_rule() -> None:
    found = error_shown(Error(0, frozenset(), Reason.VERSION), b"")

    assert (found["reason"], found["section"]) == ("version", "RFC 9112 2.3")


def test_the_caret_of_a_stream_points_into_the_block_at_hand() -> None:
    found = error_shown(Error(1002), b"abcd", before=1000)

    assert found["caret"] == "abcd\n  ^"
    assert "line" not in found


def test_a_caret_shows_a_few_bytes_around_it() -> None:
    assert caret(b"a" * 100 + b"!" + b"b" * 100, 100) == "a" * 40 + "!" + "b" * 23 + "\n" + " " * 40 + "^"
