from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.abnf import ALPHA
from sozu.parsers.fields.forwarded import FORWARDED, NODE, Node, forwarded, node, write_forwarded, x_forwarded_for
from sozu.parsers.result import Done, Error, Incomplete, run
from sozu.parsers.whole import whole
from tests.parsers.three_ways import reads, refuses


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        (b'for="_gazonk"', [{b"for": b"_gazonk"}]),
        (b'For="[2001:db8:cafe::17]:4711"', [{b"for": b"[2001:db8:cafe::17]:4711"}]),
        (
            b"for=192.0.2.60;proto=http;by=203.0.113.43",
            [{b"for": b"192.0.2.60", b"proto": b"http", b"by": b"203.0.113.43"}],
        ),
        (b"for=192.0.2.43, for=198.51.100.17", [{b"for": b"192.0.2.43"}, {b"for": b"198.51.100.17"}]),
        (b'for="a\\"b,c;d"', [{b"for": b'a"b,c;d'}]),
        (b";for=a;;by=b;", [{b"for": b"a", b"by": b"b"}]),
        (b"; , for=a ,,", [{b"for": b"a"}]),
        (b"", []),
    ],
)
def test_each_element_is_a_proxy_on_the_way(value: bytes, elements: list[dict[bytes, bytes]]) -> None:
    reads(forwarded, value, elements, after=b"\r\n")


def test_the_grammar_reads_the_same_fused_and_step_by_step() -> None:
    reads(FORWARDED, b'for=a;;BY="b c" , ;x=y', [{b"for": b"a", b"by": b"b c"}, {b"x": b"y"}], after=b"\r\n")


@pytest.mark.parametrize(
    ("value", "position"),
    [
        (b"for", 3),
        (b"for=", 4),
        (b"for =a", 3),
        (b"for= a", 4),
        (b"for=a ;by=b", 6),
        (b"for=[::1]", 4),
        (b'for="a', 6),
        (b"for=a b", 6),
    ],
)
def test_a_broken_value_is_an_error_where_it_breaks(value: bytes, position: int) -> None:
    found = whole(forwarded, value)

    assert isinstance(found, Error)
    assert found.position == position


@pytest.mark.parametrize("begun", [b"for=a;for", b"for=a;for=", b'for=a;for="b'])
def test_a_pair_that_has_only_begun_may_turn_out_to_be_none(begun: bytes) -> None:
    assert isinstance(run(forwarded, begun), Incomplete)
    assert run(forwarded, begun + b"\0") == Done(begun + b"\0", [{b"for": b"a"}], 6)


def test_a_parameter_comes_once_in_an_element() -> None:
    for written, position in (
        (b"for=a;FOR=b", 9),
        (b';for="a;b" ,by=1;for="x,\\";";;By="2"', 32),
        (b"for=a;for=b, for=c", 9),
    ):
        refuses(forwarded, written, position)
    assert whole(forwarded, b"for=a,for=b") == [{b"for": b"a"}, {b"for": b"b"}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"192.0.2.43", Node("192.0.2.43")),
        (b"192.0.2.43:47011", Node("192.0.2.43", "47011")),
        (b"[2001:db8::17]:4711", Node("[2001:db8::17]", "4711")),
        (b"[::1]", Node("[::1]")),
        (b"unknown", Node("unknown")),
        (b"Unknown:1", Node("Unknown", "1")),
        (b"_hidden", Node("_hidden")),
        (b"_SEVKISEK:_port.1", Node("_SEVKISEK", "_port.1")),
    ],
)
def test_a_node_is_an_address_or_a_made_up_name(value: bytes, expected: Node) -> None:
    reads(node, value, expected, after=b"\r\n")
    reads(NODE, value, expected, after=b"\r\n")


@pytest.mark.parametrize(
    "value", [b"", b"_", b"example.com", b"1.2.3", b"1.2.3.256", b"[::g]", b"[:::]", b"[1.2.3.4]", b"1.2.3.4:x", b"::1"]
)
def test_anything_else_is_no_node(value: bytes) -> None:
    assert isinstance(whole(node, value), Error)


def test_a_broken_node_is_an_error_where_it_breaks() -> None:
    refuses(NODE, b"[::1 ", 4)
    refuses(NODE, b"[x", 1)
    refuses(NODE, b"!", 0)


NAMES = st.text(ALPHA.decode(), min_size=1, max_size=5).map(lambda name: name.lower().encode())
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=10).map(str.encode)
ELEMENTS = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), max_size=3)


@given(ELEMENTS)
def test_what_is_written_is_read_back(elements: list[dict[bytes, bytes]]) -> None:
    assert whole(forwarded, write_forwarded(elements)) == elements


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        (b"192.0.2.1", [b"192.0.2.1"]),
        (b"192.0.2.1, 2001:db8::1 ,[::1]:80,", [b"192.0.2.1", b"2001:db8::1", b"[::1]:80"]),
        (b"unknown,192.0.2.1:99", [b"unknown", b"192.0.2.1:99"]),
    ],
)
def test_x_forwarded_for_is_a_list_of_what_was_written(value: bytes, addresses: list[bytes]) -> None:
    reads(x_forwarded_for, value, addresses, after=b"\r\n")


def test_two_addresses_without_a_comma_are_an_error() -> None:
    found = whole(x_forwarded_for, b"1.1.1.1 2.2.2.2")

    assert isinstance(found, Error)
    assert found.position == 8
