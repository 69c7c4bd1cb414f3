from parsy import Parser
import pytest

from sozu.parsers.combinators import many, verify
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import tag, take_while1
from sozu.parsers.result import Error
from sozu.parsers.whole import whole

EXCLAMATIONS = many(take_while1(b"ab") << tag(b"!"))
ANY = [EXCLAMATIONS, fuse(EXCLAMATIONS), verify(EXCLAMATIONS, lambda _: True, "nothing else")]


@pytest.mark.parametrize("parser", ANY)
def test_a_value_that_takes_every_byte_is_given(parser: Parser) -> None:
    assert whole(parser, b"a!bb!") == [b"a", b"bb"]
    assert whole(parser, b"") == []


@pytest.mark.parametrize("parser", ANY)
def test_what_is_left_over_is_an_error_where_the_grammar_could_not_go_on(parser: Parser) -> None:
    outcome = whole(parser, b"a!b?")

    assert isinstance(outcome, Error)
    assert outcome.position == 3
    assert "'!'" in outcome.expected


@pytest.mark.parametrize("parser", [fuse(tag(b"a!")), tag(b"a!")])
def test_an_end_that_comes_too_early_is_an_error(parser: Parser) -> None:
    outcome = whole(parser, b"a")

    assert isinstance(outcome, Error)
    assert outcome.position == 1
