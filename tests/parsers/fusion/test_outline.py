from typing import Any

import pytest

from sozu.parsers.abnf import DIGIT, WSP
from sozu.parsers.combinators import alt, many, many1, map_, opt, recognize, seq, times, value
from sozu.parsers.fusion.outline import outline
from sozu.parsers.leaves import tag, tag_no_case, take, take_while, take_while1, take_while_m_n, trimmed
from sozu.parsers.regular import Regular

a, b = tag(b"a"), tag(b"b")


@pytest.mark.parametrize(
    ("grammar", "line"),
    [
        (a, "'a'"),
        (tag_no_case(b"Basic"), "'Basic' in either case"),
        (take_while(DIGIT), "*[0-9]"),
        (take_while1(DIGIT), "1*[0-9]"),
        (take_while_m_n(0, 3, DIGIT), "*3[0-9]"),
        (take_while_m_n(1, 1, DIGIT), "[0-9]"),
        (take(4), "4any byte"),
        (trimmed(DIGIT + WSP, WSP), "*[\\t 0-9], without [\\t ] at its ends"),
    ],
)
def test_a_leaf_is_one_line(grammar: Regular[Any], line: str) -> None:
    assert outline(grammar.tree) == line


@pytest.mark.parametrize(
    ("grammar", "heading"),
    [
        (seq(a), "seq"),
        (alt(a), "alt"),
        (opt(a), "opt"),
        (many(a), "many"),
        (many1(a), "times 1*"),
        (times(a, 1, 1), "times 1"),
        (times(a, 2, 4), "times 2*4"),
        (recognize(a), "recognize"),
        (value(0, a), "value 0"),
        (map_(a, bytes.lower), "map lower"),
        (a.desc("letter"), "called 'letter'"),
    ],
)
def test_a_combinator_is_a_heading_with_its_items_indented(grammar: Regular[Any], heading: str) -> None:
    assert outline(grammar.tree) == f"{heading}\n  'a'"


def test_a_sequence_says_whose_value_it_has() -> None:
    assert outline((a >> b).tree) == "seq, value of item 2\n  'a'\n  'b'"
