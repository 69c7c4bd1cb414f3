from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.console.escapes import escaped, unescaped


def test_control_bytes_are_written_as_in_source_code() -> None:
    assert escaped(b"a\r\n\t\0\\\x7f\xe9") == r"a\r\n\t\0\\\x7f\xe9"


@given(st.binary())
def test_what_was_escaped_comes_back(data: bytes) -> None:
    assert unescaped(escaped(data)) == data


def test_text_that_needs_no_escape_may_stand_as_it_is() -> None:
    assert unescaped("é\n") == b"\xe9\n"


@pytest.mark.parametrize("text", ["\\", r"\q", r"\x", r"\x1", r"\xgg"])
def test_anything_else_after_a_backslash_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        unescaped(text)
