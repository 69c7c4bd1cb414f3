from random import Random
import re
import time
from typing import Any

from parsy import seq as parsy_seq
import pytest

from fuzz.grammars import grammar, grammar_of_a_list, mutated, sentence
from fuzz.test_fusion import same, unrolled_like_plain
from sozu.parsers.abnf import ALPHA, DIGIT, WSP
from sozu.parsers.combinators import alt, many, many1, opt, recognize, record, sep_by, seq, times, value
from sozu.parsers.fuse import Fused, explain, fuse
from sozu.parsers.fusion import emission
from sozu.parsers.leaves import (
    none_of,
    one_of,
    tag,
    tag_no_case,
    take,
    take_while,
    take_while1,
    take_while_m_n,
    trimmed,
)
from sozu.parsers.regular import Regular
from sozu.parsers.result import Complete, Done, Error, Incomplete, run
from sozu.parsers.tree import EVERY_BYTE

word, digits = take_while1(ALPHA), take_while1(DIGIT)
pair = seq(word << tag(b"="), trimmed(DIGIT + WSP, WSP) << tag(b";"))

GRAMMARS: list[Regular[Any]] = [
    word,
    tag(b"abc") | tag(b"xyz"),
    alt(tag(b"ab"), digits, take_while(b"x")),
    seq(opt(tag(b"ab")), opt(tag(b"cd"))),
    seq(opt(word), opt(digits).map(str), tag(b".")),
    many(tag(b"ab")),
    many(seq(tag(b"x"), opt(tag(b"ab")))),
    many(pair) << tag(b"."),
    many(pair),
    many1(word << tag(b",")),
    many(value(3, tag(b"a")) | (digits << tag(b",")).map(int)) << tag(b";"),
    many(many(word << tag(b" ")) << tag(b";")) << tag(b"."),
    times(one_of(b"ab"), 2, 4),
    times(tag(b"ab"), 2, 2),
    times(seq(digits, tag(b",")), 0, 2) << tag(b"."),
    take_while_m_n(1, 3, DIGIT),
    times(tag(b"ab"), 0, 0) << tag(b"."),
    record(complex, digits.map(int) << tag(b","), digits.map(int)) << tag(b";"),
    seq(digits, tag(b".")).combine(max),
    recognize(seq(word, opt(seq(tag(b":"), digits)))) << tag(b" "),
    sep_by(word, tag(b",")) << tag(b"."),
    tag_no_case(b"Keep-Alive"),
    none_of(b"\r") >> take(2),
    trimmed(ALPHA + WSP, WSP),
    seq(trimmed(ALPHA + WSP, WSP), tag(b"\r\n")),
    many(seq(tag(b"-"), trimmed(ALPHA + WSP, WSP))),
    many(seq(trimmed(ALPHA + WSP, WSP), tag(b";"))) << tag(b"."),
    alt(seq(tag(b"-"), trimmed(ALPHA + WSP, WSP) << tag(b";")), take_while(DIGIT)),
    many(recognize(seq(word, tag(b"="))).desc("key") | value(None, digits << tag(b","))) << tag(b"."),
]


@pytest.mark.parametrize("stepwise", GRAMMARS)
def test_fused_equals_step_by_step(stepwise: Regular[Any]) -> None:
    fused, rng = fuse(stepwise), Random(1)
    for _ in range(150):
        text = mutated(rng, sentence(rng, stepwise.tree), b"abAB1 .,;=:x-\r\n\x00\xff")
        for end in range(len(text) + 1):
            same(fused, stepwise, text[:end])
            same(fused, stepwise, Complete(text[:end]))


@pytest.mark.parametrize("seed", range(60))
def test_random_grammars_read_the_same_fused(seed: int) -> None:
    rng = Random(seed)
    stepwise = grammar(rng)
    fused = fuse(stepwise)
    for _ in range(10):
        data = mutated(rng, sentence(rng, stepwise.tree))
        same(fused, stepwise, data)
        same(fused, stepwise, Complete(data))


@pytest.mark.parametrize("seed", range(20))
def test_fusion_is_right_where_possessive_groups_are_not(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emission, "POSSESSIVE_GROUPS_WORK", False)
    test_random_grammars_read_the_same_fused(seed)


@pytest.mark.parametrize("size", [0, 1, 3, 11, 12, 13, 30, 47, 48, 49, 60])
def test_unrolled_lists_are_the_same_lists(size: int) -> None:
    grammar_of_lines = seq(tag(b"begin;"), many(pair) << tag(b"."))
    unrolled, plain = fuse(grammar_of_lines, unroll=True), fuse(grammar_of_lines)
    text = b"begin;" + b"".join(b"key= %d;" % number for number in range(size)) + b"."
    for data in (text, text.replace(b"= ", b"=  "), text[:-1], text.replace(b"k", b"1"), b"zz" + text):
        for pos in (0, 2):
            same(unrolled, plain, data, pos)


@pytest.mark.parametrize(
    ("stepwise", "why"),
    [
        (many((digits << tag(b";")).map(int)) << tag(b"."), "an item is more than its groups"),
        (many(digits << tag(b";")) << tag(b"."), "an item is more than its groups"),
        (many(seq(digits, tag(b";"))) << tag(b"."), "an item is more than its groups"),
        (many(tag(b"ab")) << tag(b"."), "an item is more than its groups"),
        (many(seq(word, opt(digits)) << tag(b";")) << tag(b"."), "an item is more than its groups"),
        (many(seq(digits, many(pair) << tag(b"!"))) << tag(b"."), "an item is more than its groups"),
        (seq(many(pair) << tag(b"."), digits << tag(b".")), "behind it"),
        (seq(many(pair) << tag(b"."), many(pair) << tag(b"!")), "behind it"),
        (seq(opt(many(pair) << tag(b".")), tag(b"!")), "behind it"),
    ],
)
def test_what_unrolling_would_change_is_not_unrolled(stepwise: Regular[Any], why: str) -> None:
    fuse(stepwise)
    with pytest.raises(ValueError, match=f"cannot be unrolled.*{why}"):
        fuse(stepwise, unroll=True)


def test_lists_of_random_items_are_the_same_unrolled() -> None:
    assert sum(unrolled_like_plain(rng, *grammar_of_a_list(rng)) for rng in map(Random, range(100))) > 10


@pytest.mark.parametrize("stepwise", [many(pair), times(pair, 0, 3) << tag(b"."), word, opt(many(pair) >> tag(b"."))])
def test_where_nothing_can_be_unrolled_nothing_changes(stepwise: Regular[Any]) -> None:
    unrolled = fuse(stepwise, unroll=True)
    for size in (0, 3, 60):
        same(unrolled, fuse(stepwise), b"key= 1;" * size + b".")


def test_a_text_that_looks_like_the_generated_function_is_only_a_text() -> None:
    stepwise = seq(tag(b"def fused(data, pos=0):"), many(pair) << tag(b"."))
    text = b"def fused(data, pos=0):" + b"key= 1;" * 60 + b"."
    same(fuse(stepwise, unroll=True), stepwise, text)


def test_a_fused_parser_is_a_part_of_other_parsers() -> None:
    fused = fuse(word << tag(b"="))
    plain = parsy_seq(fused, digits)
    assert run(plain, b"ab=12 ").value == [b"ab", b"12"]  # type: ignore[union-attr]
    assert run(plain, b"ab") == Incomplete()
    assert run(plain, b"ab!") == Error(2, frozenset({"'='", "[A-Za-z]"}))
    assert isinstance(fuse(seq(fused, digits) << tag(b";")), Fused)


def test_errors_name_what_was_expected_only_when_asked() -> None:
    outcome = fuse(seq(word.desc("name"), tag(b":"))).fused(b"1")
    assert outcome == Error(0, frozenset({"name"}))


def test_open_ends_wait_for_the_byte_that_closes_them() -> None:
    parser = fuse(many(tag(b"ab")))
    assert parser.fused(b"ab") == parser.fused(b"aba") == Incomplete()
    assert parser.fused(b"abac") == Done(b"abac", [b"ab"], 2)
    assert parser.fused(Complete(b"aba")) == Done(Complete(b"aba"), [b"ab"], 2)


def test_buffers_of_any_kind_are_read() -> None:
    parser = fuse(many(pair) << tag(b"."))
    for data in (bytearray(b"a= 1;."), memoryview(b"a= 1;.")):
        assert run(parser, data).value == [(b"a", b"1")]  # type: ignore[union-attr]


def test_explain_shows_tree_patterns_and_code() -> None:
    report = explain(fuse(many(pair) << tag(b".")))
    for title in ("grammar", "tree", "pattern", "prefix pattern", "certificate", "generated"):
        assert f"-- {title}\n" in report
    assert "def fused(data, pos=0):" in report


def test_no_pattern_negates_a_class_of_several_bytes() -> None:
    for stepwise in GRAMMARS:
        assert not re.search(rb"\[\^[^\]\\]*-", fuse(stepwise).pattern)


@pytest.mark.parametrize("member", [b"", b"a", b"ab", b"abc", b"^-]\\"])
def test_classes_of_bytes_mean_what_they_hold(member: bytes) -> None:
    for members in (frozenset(member), EVERY_BYTE - frozenset(member)):
        pattern = re.compile(emission.byte_set(members))
        assert {byte for byte in range(256) if pattern.fullmatch(bytes([byte]))} == members


def test_hostile_input_is_read_in_linear_time() -> None:
    parser = fuse(many(seq(word, opt(seq(tag(b"-"), digits)), tag(b";"))) << tag(b"."))
    times_taken = []
    for size in (20_000, 160_000):
        data = b"a-1;" * (size // 4) + b"a-\x00"
        begin = time.perf_counter()
        assert isinstance(parser.fused(data), Error)
        times_taken.append(time.perf_counter() - begin)
    assert times_taken[1] < 40 * times_taken[0]  # eightfold input; a square would be 64
