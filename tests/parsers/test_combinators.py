from typing import Any

from parsy import Parser, generate, success
import pytest

from sozu.parsers.abnf import ALPHA, DIGIT
from sozu.parsers.combinators import (
    alt,
    complete,
    cut,
    length_data,
    length_value,
    many,
    many1,
    map_,
    not_,
    opt,
    peek,
    recognize,
    record,
    sep_by,
    seq,
    times,
    value,
    verify,
)
from sozu.parsers.leaves import be_u8, one_of, tag, take, take_until, take_while, take_while1
from sozu.parsers.regular import Regular
from sozu.parsers.result import Done, Error, Incomplete, Outcome, run

word = take_while1(ALPHA)
number = take_while1(DIGIT)
opaque = Parser(word.wrapped_fn)  # the same without a tree: plain parsy


def said(parser: Parser, data: bytes) -> object:
    """The value, or the position of the error, or None."""
    outcome: Outcome[Any] = run(parser, data)
    match outcome:
        case Done():
            return outcome.value
        case Error(position):
            return position
        case Incomplete():
            return None


@pytest.mark.parametrize("item", [word, opaque], ids=["regular", "plain"])
def test_combinators_read_alike_with_and_without_a_tree(item: Parser) -> None:
    assert said(seq(item, number), b"ab12 ") == (b"ab", b"12")
    assert said(alt(item, number), b"12 ") == b"12"
    assert said(many(item << tag(b",")), b"a,b,c,1") == [b"a", b"b", b"c"]
    assert said(many(item << tag(b",")), b"1") == []
    assert said(many1(item << tag(b",")), b"1") == 0
    assert said(times(item << tag(b","), 1, 2), b"a,b,c,") == [b"a", b"b"]
    assert said(opt(item), b"1") is None
    assert said(opt(item), b"a ") == b"a"
    assert said(recognize(seq(item, tag(b","), number)), b"ab,1 ") == b"ab,1"
    assert said(recognize(item), b"1") == 0
    assert said(value(7, item), b"a ") == 7
    assert said(map_(item, len), b"abc ") == 3
    assert said(sep_by(item, tag(b",")), b"a,b ") == [b"a", b"b"]
    assert said(sep_by(item, tag(b",")), b"1") == []
    assert said(sep_by(item, tag(b","), 2), b"a ") == 1
    assert said(item | number, b"12 ") == b"12"
    assert said(item >> number, b"a1 ") == b"1"
    assert said(item << number, b"a1 ") == b"a"


@pytest.mark.parametrize(
    "parser",
    [seq(word, number), alt(word, number), many(word), times(word, 1), opt(word), recognize(word), value(1, word)],
)
def test_regular_in_gives_regular_out(parser: Parser) -> None:
    assert isinstance(parser, Regular)


@pytest.mark.parametrize(
    "parser",
    [
        seq(opaque, word),
        alt(word, opaque),
        word | opaque,
        word >> opaque,
        word << opaque,
        many(opaque),
        sep_by(word, opaque),
    ],
)
def test_one_plain_part_makes_all_plain(parser: Parser) -> None:
    assert not isinstance(parser, Regular)


@pytest.mark.parametrize("item", [take_while(ALPHA), opt(word), tag(b"")])
def test_regular_repetition_of_nothing_is_refused_when_it_is_written(item: Regular[Any]) -> None:
    for build in (many, many1, Regular.many, Regular.optional):
        with pytest.raises(ValueError, match="nothing"):
            build(item)


def test_plain_repetition_of_nothing_is_an_error_and_not_a_hang() -> None:
    outcome = run(many(success(1)), b"abc")
    assert isinstance(outcome, Error)
    assert "progress" in str(outcome)
    assert said(sep_by(word, success(None)), b"a1") == 1


def test_incomplete_flies_through_every_combinator() -> None:
    @generate
    def generated() -> Any:
        yield word
        return (yield number)

    for parser in (
        seq(word, number),
        alt(word, number),
        many(word << tag(b",")),
        opt(word),
        peek(word),
        not_(word),
        cut(word),
        generated,
        recognize(opaque),
        verify(word, bool, "a word"),
        length_value(be_u8, word),
        word.bind(success),
        sep_by(word, number),
    ):
        assert run(parser, b"") == Incomplete()


def test_peek_takes_nothing() -> None:
    assert said(seq(peek(word), word), b"ab ") == (b"ab", b"ab")
    assert said(peek(word), b"1") == 0


def test_not_succeeds_where_the_parser_does_not() -> None:
    assert said(not_(word) >> number, b"1 ") == b"1"
    assert said(not_(word), b"a ") == 0


def test_cut_keeps_alternatives_from_being_tried() -> None:
    line = tag(b"a") >> tag(b"b") | tag(b"ac")
    strict = alt(tag(b"a") >> cut(tag(b"b")), tag(b"ac"))
    assert said(line, b"ac") == b"ac"
    assert run(strict, b"ac") == Error(1, frozenset({"'b'"}))
    assert said(strict, b"ab") == b"b"


def test_complete_takes_the_end_of_the_buffer_for_the_end() -> None:
    assert said(complete(word), b"ab") == b"ab"
    assert said(complete(complete(tag(b"abc"))), b"ab") == 2


def test_verify_refuses_a_value_by_name() -> None:
    small = verify(map_(number, int), lambda size: size < 100, "a number below 100")
    assert said(small, b"99 ") == 99
    assert run(small, b"100 ") == Error(0, frozenset({"a number below 100"}))
    assert said(small, b"x") == 0


def test_record_makes_an_object_of_the_values() -> None:
    assert said(record(complex, map_(number, int) << tag(b","), map_(number, int)), b"1,2 ") == complex(1, 2)


def test_length_data_takes_as_many_bytes_as_the_number_says() -> None:
    assert said(length_data(be_u8), b"\x02abc") == b"ab"
    outcome = run(length_data(be_u8), b"\x05ab")
    assert outcome == Incomplete(outcome.needed)  # type: ignore[union-attr]
    assert outcome.needed.hint() == 3  # type: ignore[union-attr]


def test_length_value_confines_the_parser() -> None:
    parser = length_value(be_u8, word)
    assert said(parser, b"\x02abcd") == b"ab"
    assert said(parser << tag(b"!"), b"\x03a12!") == b"a"  # what the parser leaves of its bytes is skipped
    assert run(parser, b"\x02") == Incomplete(run(take(2), b"").needed)  # type: ignore[union-attr]
    assert said(parser, b"\x0212") == 1
    assert said(length_value(tag(b"x").map(lambda _: 2), take(3)), b"xabcd") == 3
    assert said(length_value(tag(b"x").map(lambda _: 2), word), b"y") == 0


def test_plain_length_failure_is_told() -> None:
    assert said(length_value(take_until(b",", 3).map(len), word), b"abcdef") == 4


def test_an_impossible_count_is_refused() -> None:
    with pytest.raises(ValueError, match="3 to 2"):
        times(word, 3, 2)
    assert said(one_of(ALPHA).times(2), b"ab") == [b"a", b"b"]
    assert said(one_of(ALPHA).times(0, float("inf")), b"ab1") == [b"a", b"b"]
