from sozu.parsers.abnf import ALPHA
from sozu.parsers.combinators import seq
from sozu.parsers.fields.sound import Sound
from sozu.parsers.fuse import fuse
from sozu.parsers.leaves import tag, take_while1
from sozu.parsers.result import Complete, Error, run
from sozu.parsers.whole import whole
from tests.parsers.three_ways import reads, refuses


def fault(text: bytes, ended: bool) -> int | None:  # noqa: FBT001 - so `Sound` calls it
    """No x anywhere, and not as few as two letters."""
    place = text.find(b"x")
    if place >= 0:
        return place
    return 2 if ended and len(text) == 2 else None


WORD = Sound(fuse(take_while1(ALPHA)), fault, "no x")
LINE = Sound(fuse(take_while1(ALPHA) << tag(b"!")), fault, "no x")


def test_a_value_that_keeps_the_rule_is_read() -> None:
    reads(WORD, b"abc", b"abc", after=b"-")
    reads(LINE, b"abc!", b"abc")


def test_what_breaks_the_rule_is_an_error_though_more_could_come() -> None:
    refuses(WORD, b"abx", 2)
    refuses(LINE, b"axb", 1)


def test_an_error_of_the_grammar_comes_first_where_it_is_first() -> None:
    outcome = run(LINE, b"ab-x")
    assert isinstance(outcome, Error)
    assert (outcome.position, outcome.expected) == (2, frozenset(["'!'", "[A-Za-z]"]))


def test_a_rule_may_ask_whether_the_value_has_ended() -> None:
    for data in (Complete(b"ab"), b"ab-"):
        outcome = run(WORD, data)
        assert isinstance(outcome, Error)
        assert (outcome.position, outcome.expected) == (2, frozenset(["no x"]))


def test_a_whole_value_has_nothing_behind_it() -> None:
    for text, position in ((b"abc-x", 3), (b"abc!x", 3)):
        found = whole(WORD, text)
        assert isinstance(found, Error)
        assert found.position == position


def test_within_other_combinators_it_is_a_parser_like_any() -> None:
    refuses(seq(tag(b"-"), LINE), b"-ax", 2)
