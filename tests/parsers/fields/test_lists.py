import pytest

from sozu.parsers.fields.lists import (
    ELEMENTS,
    connection,
    elements,
    expect,
    quoted_raw,
    quoted_string,
    te,
    token,
    transfer_encoding,
)
from sozu.parsers.fuse import Fused, fuse
from sozu.parsers.result import Error
from sozu.parsers.whole import whole
from tests.parsers.three_ways import reads, refuses


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (b"close", [b"close"]),
        (b"Keep-Alive, UPGRADE", [b"keep-alive", b"upgrade"]),
        (b"a,b ,\tc", [b"a", b"b", b"c"]),
        (b"", []),
        (b" ", []),
        (b",, a ,, b,", [b"a", b"b"]),
    ],
)
def test_connection_is_a_list_of_names_in_lower_case(value: bytes, options: list[bytes]) -> None:
    reads(connection, value, options, after=b"\r\n")


@pytest.mark.parametrize(("value", "position"), [(b"a b", 2), (b"a;b", 1), (b'"a"', 0), (b"a,@", 2), (b"a\x0b,b", 1)])
def test_what_is_no_list_is_an_error_where_it_breaks(value: bytes, position: int) -> None:
    found = whole(connection, value)

    assert isinstance(found, Error)
    assert found.position == position


@pytest.mark.parametrize("parser", [te, transfer_encoding])
@pytest.mark.parametrize(
    ("value", "codings"),
    [
        (b"chunked", [(b"chunked", [])]),
        (b"gzip, Chunked", [(b"gzip", []), (b"chunked", [])]),
        (b"trailers, deflate;q=0.5", [(b"trailers", []), (b"deflate", [(b"q", b"0.5")])]),
        (b"a ; B = c", None),
        (b'a ; B="c,\\"d" ; ;e=f , g', [(b"a", [(b"b", b'c,"d'), (b"e", b"f")]), (b"g", [])]),
    ],
)
def test_codings_have_parameters(parser: Fused[object], value: bytes, codings: object) -> None:
    if codings is None:
        assert isinstance(whole(parser, value), Error)
    else:
        reads(parser, value, codings, after=b"\r\n")


@pytest.mark.parametrize(
    ("value", "expectations"),
    [
        (b"100-continue", [(b"100-continue", None, [])]),
        (b"100-Continue , x=y", [(b"100-continue", None, []), (b"x", b"y", [])]),
        (b'x="y z";a=b', [(b"x", b"y z", [(b"a", b"b")])]),
    ],
)
def test_expectations_may_have_a_value(value: bytes, expectations: object) -> None:
    reads(expect, value, expectations, after=b"\r\n")


def test_a_quoted_string_is_read_with_and_without_its_quotes() -> None:
    written = b'"a\\"b\\\\ \xe9\t"'

    reads(fuse(quoted_string), written, b'a"b\\ \xe9\t')
    reads(fuse(quoted_raw), written, written)
    reads(fuse(token), b"a!#~", b"a!#~", after=b" ")
    refuses(fuse(quoted_string), b'"a\r', 2)
    refuses(fuse(quoted_string), b'"\\\x7f', 2)
    refuses(fuse(token), b'"', 0)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"Close", (b"Close", [])),
        (b" a b ,\tc", (b"a b", [b"c"])),
        (b"", (b"", [])),
        (b',"a,b"', (b"", [b'"a', b'b"'])),
    ],
)
def test_an_element_is_what_stands_between_two_commas(value: bytes, found: object) -> None:
    reads(ELEMENTS, value, found, after=b"\r\n")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, set()),
        (b" , ", set()),
        (b"Keep-Alive, UPGRADE , \xff;q=1", {b"keep-alive", b"upgrade", b"\xff;q=1"}),
        (b"close,close", {b"close"}),
    ],
)
def test_elements_count_once_in_lower_case_and_not_when_they_are_empty(value: bytes | None, found: set[bytes]) -> None:
    assert elements(value) == found
