from typing import Any

import pytest

from sozu.parsers.abnf import ALPHA, DIGIT, WSP
from sozu.parsers.combinators import alt, many, opt, recognize, seq, times, value
from sozu.parsers.fuse import fuse
from sozu.parsers.fusion.analysis import clashes, decisions, first, name
from sozu.parsers.leaves import none_of, tag, tag_no_case, take, take_while, take_while1, take_while_m_n, trimmed
from sozu.parsers.regular import Regular

a, b = tag(b"a"), tag(b"b")

# Each is a mistake that would make a match quadratic, or differ from the combinators
CLASHING: list[tuple[Regular[Any], str]] = [
    (seq(take_while(ALPHA), a), "[A-Za-z] before something that also begins with [a]"),
    (alt(a, tag(b"ab")), "'a' or else something that also begins with [a]"),
    (alt(opt(a), b), "['a'] may be empty, so that no later alternative is ever tried"),
    (seq(opt(a), tag(b"ab")), "['a'] before"),
    (seq(many(a), a), "0*('a') before"),
    (many(alt(seq(take_while1(b"a"), b), a)), "[a] 'b' or else something"),  # (a+b|a)*
    (many(seq(opt(seq(take_while1(b"a"), b)), a)), "[[a] 'b'] before"),  # ((a+b)?a)*
    (many(take_while1(b"a")), "[a] before"),
    (seq(trimmed(ALPHA + b" ", b" "), a), "before"),
    (seq(alt(a, take_while(b"b")), a), "'a' before"),
    (seq(times(a, 1, 2), a), "1*2('a') before"),
    (tag_no_case(b"ab") | tag(b"Ax"), "or else"),
]


@pytest.mark.parametrize(("grammar", "words"), CLASHING)
def test_a_grammar_that_could_be_slow_or_differ_is_refused_by_name(grammar: Regular[Any], words: str) -> None:
    with pytest.raises(ValueError, match="grammar cannot be fused") as caught:
        fuse(grammar)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "grammar",
    [
        seq(times(a, 2, 2), a),
        seq(take(3), a),
        seq(take_while_m_n(2, 2, b"a"), a),
        alt(a, b, take_while(DIGIT)),
        seq(trimmed(ALPHA + WSP, WSP), tag(b"\r\n")),
        many(seq(opt(a), b)),
        seq(take_while_m_n(0, 0, b"a"), a),
        seq(times(a, 0, 0), a),
    ],
)
def test_a_grammar_that_one_byte_decides_is_certified(grammar: Regular[Any]) -> None:
    assert not list(clashes(grammar.tree))


def test_first_sets() -> None:
    assert first(seq(opt(a), take_while(b"x"), b, tag(b"z")).tree) == frozenset(b"axb")
    assert first(tag_no_case(b"ab").tree) == frozenset(b"aA")
    assert first(many(a).map(len).tree) == first(recognize(value(1, a)).desc("x").tree) == frozenset(b"a")
    assert first(tag(b"").tree) == first(take(0).tree) == first(times(a, 0, 0).tree) == frozenset()
    assert first(trimmed(b"a ", b" ").tree) == frozenset(b"a ")


def test_grammars_are_named_like_abnf() -> None:
    grammar = seq(
        many(a),
        times(b, 1, 2),
        opt(a | b),
        none_of(b"a").desc("other"),
        recognize(value(1, a.map(len))),
        trimmed(b"x", b""),
    )
    assert name(grammar.tree) == "0*('a') 1*2('b') [('a' | 'b')] other 'a' [x]"


def test_the_certificate_says_at_each_choice_which_byte_decides() -> None:
    grammar = opt(tag(b".") >> take_while(b"01")) >> tag(b"\r")
    assert [str(decision) for decision in decisions(grammar.tree)] == [
        "['.' [01]]: goes on with [.], before [\\r]",
        "[01]: goes on with [01], before [\\r]",
    ]


def test_what_nothing_follows_goes_on_till_the_end_of_the_match() -> None:
    assert [str(decision) for decision in decisions(take_while(b"01").tree)] == [
        "[01]: goes on with [01], before the end of the match"
    ]


def test_a_grammar_without_choice_has_nothing_to_decide() -> None:
    assert not list(decisions(tag(b"PRI").tree))
