import ast
from pathlib import Path
from typing import Any

import pytest

import sozu.parsers
from sozu.parsers.abnf import ALPHA, DIGIT, byte_class
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import (
    be_u8,
    be_u16,
    be_u24,
    be_u32,
    eof,
    none_of,
    one_of,
    rest,
    tag,
    tag_no_case,
    take,
    take_till,
    take_until,
    take_while,
    take_while1,
    take_while_m_n,
    trimmed,
)
from sozu.parsers.regular import Regular
from sozu.parsers.result import Complete, Done, Error, Incomplete, run

INCOMPLETE = Incomplete()

# The leaf, its input, and (value, end), the position of an error, or INCOMPLETE
STREAMING: list[tuple[Any, bytes, Any]] = [
    (tag(b"abc"), b"abcd", (b"abc", 3)),
    (tag(b"abc"), b"ab1", 2),
    (tag(b"abc"), b"12ab", 0),
    (tag(b"abc"), b"ab", INCOMPLETE),
    (tag(b"abc"), b"", INCOMPLETE),
    (tag_no_case(b"Ab-"), b"aB-", (b"aB-", 3)),
    (tag_no_case(b"Ab-"), b"aBx", 2),
    (tag_no_case(b"Ab-"), b"AB", INCOMPLETE),
    (take(3), b"ab1x", (b"ab1", 3)),
    (take(0), b"", (b"", 0)),
    (take_while(ALPHA), b"ab1", (b"ab", 2)),
    (take_while(ALPHA), b"1", (b"", 0)),
    (take_while(ALPHA), b"ab", INCOMPLETE),
    (take_while1(ALPHA), b"ab1", (b"ab", 2)),
    (take_while1(ALPHA), b"1", 0),
    (take_while1(ALPHA), b"", INCOMPLETE),
    (take_while_m_n(2, 3, ALPHA), b"abcd", (b"abc", 3)),
    (take_while_m_n(2, 3, ALPHA), b"abc", (b"abc", 3)),
    (take_while_m_n(2, 3, ALPHA), b"ab1", (b"ab", 2)),
    (take_while_m_n(2, 3, ALPHA), b"a1", 1),
    (take_while_m_n(2, 3, ALPHA), b"ab", INCOMPLETE),
    (take_till(DIGIT), b"ab1", (b"ab", 2)),
    (take_till(DIGIT), b"ab", INCOMPLETE),
    (one_of(ALPHA), b"a", (b"a", 1)),
    (one_of(ALPHA), b"1", 0),
    (one_of(ALPHA), b"", INCOMPLETE),
    (none_of(ALPHA), b"1", (b"1", 1)),
    (none_of(ALPHA), b"a", 0),
    (trimmed(ALPHA + b" ", b" "), b"  a b  1", (b"a b", 7)),
    (trimmed(ALPHA + b" ", b" "), b"1", (b"", 0)),
    (trimmed(ALPHA + b" ", b" "), b" a ", INCOMPLETE),
    (be_u8, b"\x05", (5, 1)),
    (be_u16, b"\x01\x00", (256, 2)),
    (be_u24, b"\x01\x00\x00", (65536, 3)),
    (be_u32, b"\x01\x00\x00\x00", (1 << 24, 4)),
]


@pytest.mark.parametrize(("leaf", "data", "said"), STREAMING)
def test_leaf_says_the_same_step_by_step_and_fused(leaf: Regular[Any], data: bytes, said: object) -> None:
    for parser in (leaf, fuse(leaf)):
        outcome = run(parser, data)
        match outcome:
            case Done():
                assert (outcome.value, outcome.end) == said
            case Error(position):
                assert position == said
            case Incomplete():
                assert said == INCOMPLETE


@pytest.mark.parametrize(
    ("leaf", "data", "said"),
    [
        (tag(b"abc"), b"ab", 2),
        (take(3), b"ab", 2),
        (take_while(ALPHA), b"ab", (b"ab", 2)),
        (take_while1(ALPHA), b"", 0),
        (take_while_m_n(2, 3, ALPHA), b"ab", (b"ab", 2)),
        (one_of(ALPHA), b"", 0),
        (trimmed(ALPHA + b" ", b" "), b" a ", (b"a", 3)),
    ],
)
def test_leaf_decides_at_the_end_of_complete_input(leaf: Regular[Any], data: bytes, said: object) -> None:
    for parser in (leaf, fuse(leaf)):
        outcome = run(parser, Complete(data))
        assert (outcome.position if isinstance(outcome, Error) else (outcome.value, outcome.end)) == said  # type: ignore[union-attr]


def test_take_asks_for_all_that_is_missing_and_a_class_for_one_byte() -> None:
    for leaf, hint in ((take(5), 3), (take_while_m_n(5, 5, ALPHA), 1)):
        outcome = run(leaf, b"ab")
        assert isinstance(outcome, Incomplete)
        assert outcome.needed.hint() == hint


def test_take_until_stops_before_the_delimiter() -> None:
    assert run(take_until(b"--"), b"a-b--c") == Done(b"a-b--c", b"a-b", 3)
    assert run(take_until(b"--"), b"a-b-") == INCOMPLETE
    assert run(take_until(b"--"), Complete(b"a-b")) == Error(3, frozenset({"'--'"}))


def test_take_until_gives_up_at_its_limit() -> None:
    assert run(take_until(b"--", 3), b"a-b--") == Done(b"a-b--", b"a-b", 3)
    assert run(take_until(b"--", 3), b"a-b-") == INCOMPLETE
    assert run(take_until(b"--", 3), b"abcd-") == Error(5, frozenset({"'--'"}))


def test_rest_and_end_are_known_only_of_complete_input() -> None:
    assert run(rest, b"ab") == run(eof, b"") == INCOMPLETE
    outcome = run(rest, Complete(b"xab"), 1)
    assert isinstance(outcome, Done)
    assert (outcome.value, outcome.end) == (b"ab", 3)
    assert isinstance(run(eof, Complete(b"")), Done)
    assert run(eof, b"a") == Error(0, frozenset({"the end"}))


def test_byte_class_joins_sorts_and_drops_doubles() -> None:
    assert byte_class(b"cb", range(0x61, 0x63), b"b") == b"abc"


def test_no_grammar_uses_a_leaf_of_parsy() -> None:
    allowed = {"Parser", "Result", "seq", "alt", "peek", "generate", "success", "fail", "forward_declaration"}
    folder = Path(sozu.parsers.__file__).parent
    for source in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                assert all(alias.asname is None for alias in node.names if alias.name == "parsy"), source
            if isinstance(node, ast.ImportFrom) and node.module == "parsy":
                assert {alias.name for alias in node.names} <= allowed, source
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "parsy":
                assert node.attr in allowed, source
