from enum import StrEnum

import pytest

from sozu.parsers.leaves import tag, take
from sozu.parsers.result import Complete, Done, Error, Incomplete, Needed, run


class Code(StrEnum):
    BAD = "bad"


def test_match_sees_rest_and_value() -> None:
    match run(tag(b"ab"), b"abc"):
        case Done(rest, value):
            assert (rest, value) == (b"c", b"ab")
        case _:
            pytest.fail("not Done")


def test_match_sees_position_and_expected() -> None:
    match run(tag(b"ab"), b"ax"):
        case Error(position, expected):
            assert (position, expected) == (1, frozenset({"'ab'"}))
        case _:
            pytest.fail("not an Error")


def test_match_sees_needed() -> None:
    match run(take(5), b"ab"):
        case Incomplete(needed):
            assert needed.hint() == 3
        case _:
            pytest.fail("not Incomplete")


def test_hint_is_never_below_one() -> None:
    assert Needed(0).hint() == 1
    assert Incomplete().needed.hint() == 1


def test_outcomes_are_frozen() -> None:
    for outcome in (Done(b"", 1, 0), Error(1), Incomplete()):
        with pytest.raises(AttributeError):
            outcome.position = 3  # type: ignore[union-attr]


def test_positions_count_from_the_beginning_of_the_data() -> None:
    assert run(tag(b"b"), b"ab", 1) == Done(b"ab", b"b", 2)
    assert run(tag(b"b"), b"aax", 2) == Error(2, frozenset({"'b'"}))


def test_expected_and_reason_are_asked_for_only_when_someone_looks() -> None:
    asked: list[str] = []

    def name() -> frozenset[str]:
        asked.append("expected")
        return frozenset({"x"})

    def blame() -> Code:
        asked.append("reason")
        return Code.BAD

    error = Error(3, name, blame)
    assert not asked
    assert (error.expected, error.reason) == (frozenset({"x"}), Code.BAD)
    assert asked == ["expected", "reason"]


def test_errors_are_equal_by_position_expected_and_reason() -> None:
    assert Error(1, frozenset({"x"})) == Error(1, lambda: frozenset({"x"}))
    assert Error(1) != Error(2)
    assert Error(1, reason=Code.BAD) != Error(1)
    assert Error(1) != 1
    assert hash(Error(1)) == hash(Error(1, frozenset({"x"})))


def test_errors_tell_where_and_what() -> None:
    error = Error(5, frozenset({"b", "a"}))
    assert str(error) == "at byte 5: expected a or b"
    assert str(Error(0)) == "at byte 0: expected nothing"
    assert repr(error) == "Error(position=5, expected=['a', 'b'])"


def test_done_shows_its_value_and_not_the_input() -> None:
    assert repr(Done(b"abc", b"ab", 2)) == "Done(value=b'ab', end=2)"
    assert (Done(b"abc", b"ab", 2).data, Done(b"abc", b"ab", 2).rest) == (b"abc", b"c")


def test_line_and_column_count_from_one() -> None:
    data = b"ab\ncd\nef"
    assert Error(0).line_col(data) == (1, 1)
    assert Error(4).line_col(data) == (2, 2)
    assert Error(6).line_col(bytearray(data)) == (3, 1)


def test_complete_bytes_are_bytes() -> None:
    assert Complete(b"ab") == b"ab"
    assert isinstance(run(take(3), Complete(b"ab")), Error)


def test_buffers_of_any_kind_are_read() -> None:
    for data in (bytearray(b"abc"), memoryview(b"abc")):
        outcome = run(tag(b"ab"), data)
        assert isinstance(outcome, Done)
        assert (outcome.value, bytes(outcome.rest)) == (b"ab", b"c")
