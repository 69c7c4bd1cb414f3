import re
from typing import Any

import pytest

from sozu.parsers.abnf import ALPHA, DIGIT, WSP
from sozu.parsers.combinators import alt, many, opt, seq, times
from sozu.parsers.fusion.prefix import Streaming, viable
from sozu.parsers.leaves import tag, tag_no_case, take_while, take_while1, take_while_m_n, trimmed
from sozu.parsers.regular import Regular

pair = seq(take_while1(ALPHA) << tag(b"="), take_while(DIGIT) << tag(b";"))


@pytest.mark.parametrize(
    ("grammar", "data", "end"),
    [
        (tag(b"abc"), b"abd", 2),
        (tag_no_case(b"abc"), b"ABx", 2),
        (take_while_m_n(2, 4, DIGIT) << tag(b"!"), b"1x", 1),
        (take_while_m_n(2, 4, DIGIT) << tag(b"!"), b"12345", 4),
        (trimmed(ALPHA + WSP, WSP) << tag(b"!"), b" a b?", 4),
        (alt(tag(b"ab"), tag(b"cd")), b"cx", 1),
        (alt(tag(b"ab"), tag(b"cd")), b"x", 0),
        (opt(tag(b"ab")) << tag(b"c"), b"ac", 1),
        (many(pair) << tag(b"."), b"a=1;b=2,", 7),
        (many(pair) << tag(b"."), b"a=1;b", 5),
        (times(pair, 1, 2) << tag(b"."), b"a=;b=;c", 6),
        (times(pair, 0, 0) << tag(b"."), b"a", 0),
    ],
)
def test_the_pattern_stops_at_the_first_byte_that_nothing_can_mend(
    grammar: Regular[Any], data: bytes, end: int
) -> None:
    found = re.match(viable(grammar.tree), data)

    assert found is not None
    assert found.end() == end


@pytest.mark.parametrize(
    ("grammar", "data", "is_closed"),
    [
        (take_while(DIGIT), b"12", False),
        (take_while(DIGIT), b"12-", True),
        (take_while_m_n(0, 2, DIGIT), b"12", True),
        (take_while_m_n(0, 2, DIGIT), b"1", False),
        (tag(b"a") << opt(tag(b"bc")), b"ab", False),
        (tag(b"a") << opt(tag(b"bc")), b"abx", True),
        (many(tag(b"ab")), b"aba", False),
        (many(tag(b"ab")), b"abb", True),
        (times(tag(b"ab"), 2, 2), b"abab", True),
        (times(tag(b"ab"), 0, 1), b"a", False),
        (tag(b"ab"), b"ab", True),
    ],
)
def test_in_streaming_input_a_match_ends_only_where_that_is_proven(
    grammar: Regular[Any],
    data: bytes,
    is_closed: bool,  # noqa: FBT001 - a row of the table
) -> None:
    assert (re.match(Streaming().emit(grammar.tree), data) is not None) is is_closed
