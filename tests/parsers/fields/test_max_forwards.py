import pytest

from sozu.parsers.fields.max_forwards import max_forwards
from sozu.parsers.result import Error
from sozu.parsers.whole import whole
from tests.parsers.three_ways import reads, refuses


@pytest.mark.parametrize("value", [b"0", b"10", b"007", b"999999999"])
def test_max_forwards_is_a_number(value: bytes) -> None:
    reads(max_forwards, value, int(value), after=b"\r\n")


@pytest.mark.parametrize(("value", "position"), [(b"-1", 0), (b"+1", 0), (b"1_0", 1), (b"1 ", 1), (b"1234567890", 9)])
def test_what_is_no_number_says_nothing(value: bytes, position: int) -> None:
    found = whole(max_forwards, value)

    assert isinstance(found, Error)
    assert found.position == position


def test_a_value_without_a_digit_is_wrong_at_once() -> None:
    refuses(max_forwards, b"x", 0)
