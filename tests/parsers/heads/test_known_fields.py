from collections.abc import Callable

import pytest

from sozu.parsers.heads.known_fields import coding_fault, host_fault, length_fault, plain_slot


@pytest.mark.parametrize(
    ("fault", "value", "offset"),
    [
        (host_fault, b"a.b:80", None),
        (host_fault, b"", None),
        (host_fault, b"a/b", 1),
        (host_fault, b"[x]", 1),
        (length_fault, b"0042", None),
        (length_fault, b"9" * 18, None),
        (length_fault, b"9" * 19, 18),
        (length_fault, b"", 0),
        (length_fault, b"+1", 0),
        (length_fault, b"1_0", 1),
        (coding_fault, b"Chunked", None),
        (coding_fault, b"gzip, chunked", 0),
    ],
)
def test_a_value_is_right_or_wrong_at_an_offset(
    fault: Callable[[bytes], int | None], value: bytes, offset: int | None
) -> None:
    assert fault(value) == offset


def test_several_lines_of_a_plain_field_make_one_list_and_cookies_one_string() -> None:
    assert plain_slot(b"accept").joint == b", "
    assert plain_slot(b"cookie").joint == b"; "
    assert plain_slot(b"accept").fault(b"\xff") is None
