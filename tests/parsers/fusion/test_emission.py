import re
from typing import Any

import pytest

from sozu.parsers.abnf import ALPHA, DIGIT, WSP
from sozu.parsers.combinators import alt, many, opt, recognize, seq, times
from sozu.parsers.fusion import emission
from sozu.parsers.fusion.emission import Emitter, Strict, byte_set, quick_is_sound, repeated, run, spans
from sozu.parsers.leaves import one_of, tag, tag_no_case, take_while, take_while1, take_while_m_n, trimmed
from sozu.parsers.regular import Regular

a, b = tag(b"a"), tag(b"b")
word = trimmed(ALPHA + WSP, WSP)


@pytest.mark.parametrize(
    ("grammar", "pattern"),
    [
        (tag(b"a-b"), rb"a\x2db"),
        (tag_no_case(b"a1"), rb"[Aa]1"),
        (tag_no_case(b"a-b"), rb"[Aa](?i:\x2db)"),
        (one_of(DIGIT), rb"[0-9]"),
        (take_while(DIGIT), rb"[0-9]*+"),
        (take_while1(DIGIT), rb"[0-9]++"),
        (take_while_m_n(2, 2, DIGIT), rb"[0-9]{2}"),
        (take_while_m_n(1, 3, DIGIT), rb"[0-9]{1,3}+"),
        (seq(opt(a), b), rb"(?:a|)b"),
        (opt(a), rb"(?>a|)"),
        (seq(alt(a, b), a), rb"(?:a|b)a"),
        (many(a) << b, rb"(?:a)*+b"),
        (times(a, 2) << b, rb"(?:a){2,}+b"),
        (recognize(a), rb"a"),
    ],
)
def test_a_tree_becomes_the_pattern_that_means_the_same(
    grammar: Regular[Any], pattern: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emission, "POSSESSIVE_GROUPS_WORK", True)

    assert Emitter().emit(grammar.tree) == pattern


def test_a_strict_choice_stops_where_an_item_was_begun() -> None:
    assert Strict().emit(opt(tag(b"ab")).tree) == rb"(?>ab|(?!a))"
    assert re.match(Strict().emit((many(tag(b"ab")) << tag(b"c")).tree), b"abac") is None


def test_a_class_is_written_in_ranges_and_never_negated_but_for_one_byte() -> None:
    assert spans(frozenset(b"abcx")) == [(0x61, 0x63), (0x78, 0x78)]
    assert byte_set(frozenset(b"abcx")) == b"[a-cx]"
    assert byte_set(frozenset(range(256)) - {0x3A}) == rb"[^\x3a]"
    assert re.match(byte_set(frozenset()), b"a") is None


def test_where_possessive_groups_are_broken_an_atomic_one_takes_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emission, "POSSESSIVE_GROUPS_WORK", False)

    assert repeated(b"ab", 0, None) == b"(?>(?:ab)*)"
    assert run(frozenset(b"ab"), 0, 0) == b""


@pytest.mark.parametrize(
    ("grammar", "is_sound"),
    [(word << a, True), (many(word << a), False), (many(word << a) << b, True), (alt(seq(a, word), b), False)],
)
def test_the_quick_dialect_is_asked_only_where_its_refusal_refuses_all(grammar: Regular[Any], is_sound: bool) -> None:  # noqa: FBT001 - a row of the table
    assert quick_is_sound(grammar.tree) is is_sound
