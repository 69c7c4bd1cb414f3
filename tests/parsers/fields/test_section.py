from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from sozu.parsers.fields.section import values, without
from sozu.parsers.fuse import fuse
from sozu.parsers.http1 import field_section
from sozu.parsers.result import Done

HOST = frozenset((b"host",))
READ = fuse(field_section)
NAMES = st.sampled_from([b"a", b"A", b"ab", b"b", b"B", b"x-a", b"a-b", b"a.b", b"a+b"])
VALUES = st.sampled_from([b"", b" 1", b"\t1 \t", b"a:b", b" a: b", b"\xff", b":", b" x a:"])
SECTIONS = st.lists(st.tuples(NAMES, VALUES)).map(lambda lines: b"".join(b"%b:%b\r\n" % line for line in lines))


def fields(section: bytes) -> list[tuple[bytes, bytes]]:
    outcome = READ.fused(section + b"\r\n")
    assert isinstance(outcome, Done)
    found: list[tuple[bytes, bytes]] = outcome.value
    return found


def test_lines_are_taken_out_by_name_in_any_case() -> None:
    assert without(b"A: 1\r\nHOST: x\r\nhost-b: y\r\nHost: z\r\n", HOST) == b"A: 1\r\nhost-b: y\r\n"
    assert without(b"Host: z\r\n", HOST) == b""
    assert without(b"", HOST) == b""


def test_lines_next_to_each_other_are_taken_out_together() -> None:
    assert without(b"Host: 1\r\nTE: 2\r\nhost:\r\nA: 3\r\n", HOST | {b"te"}) == b"A: 3\r\n"


@pytest.mark.parametrize(
    ("section", "found"),
    [
        (b"", []),
        (b"A: 1\r\nb:2\r\na:\t3 \r\n", [b"1", b"3"]),
        (b"b: A: 1\r\n", []),
        (b"aa: 1\r\n", []),
        (b"a:\r\n", [b""]),
    ],
)
def test_values_come_in_the_order_of_their_lines(section: bytes, found: list[bytes]) -> None:
    assert values(section, b"a") == found


@given(SECTIONS, NAMES.map(bytes.lower))
@settings(max_examples=200, deadline=None)
def test_the_search_finds_what_the_grammar_reads(section: bytes, name: bytes) -> None:
    assert values(section, name) == [value for each, value in fields(section) if each.lower() == name]
    assert fields(without(section, frozenset((name,)))) == [pair for pair in fields(section) if pair[0].lower() != name]
