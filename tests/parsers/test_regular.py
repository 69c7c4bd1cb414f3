from parsy import Parser
import pytest

from sozu.parsers.abnf import ALPHA, DIGIT
from sozu.parsers.leaves import tag, take_while1
from sozu.parsers.regular import Regular, class_name
from sozu.parsers.result import Complete, Error, run
from sozu.parsers.tree import Alt, Lit, Map, Rep, Run, Seq, Trim, nullable

word = take_while1(ALPHA).desc("word")


def test_operators_keep_the_tree() -> None:
    a, b, c = tag(b"a"), tag(b"b"), tag(b"c")
    for parser in (
        a | b,
        a >> b,
        a << b,
        a.many(),
        a.times(2),
        a.optional(),
        a.map(len),
        a.result(1),
        a.desc("x"),
        word.combine(max),
    ):
        assert isinstance(parser, Regular)
    assert (a | b | c).tree == Alt((Lit(b"a"), Lit(b"b"), Lit(b"c")))


def test_other_methods_of_parsy_give_plain_parsers_that_work() -> None:
    mixed = tag(b"a").bind(lambda _: tag(b"b"))
    assert isinstance(mixed, Parser)
    assert not isinstance(mixed, Regular)
    assert run(mixed, b"ab").value == b"b"  # type: ignore[union-attr]


def test_combine_spreads_a_tuple() -> None:
    pair = Regular[tuple[bytes, bytes]](Seq((Lit(b"a"), Lit(b"b"))))
    combined = pair.combine(lambda left, right: right + left)
    assert run(combined, b"ab").value == b"ba"  # type: ignore[union-attr]
    assert isinstance(combined.tree, Map)


def test_a_label_names_the_first_byte_and_no_later_one() -> None:
    parser = (tag(b"ab") >> word).desc("thing")
    assert run(parser, b"1") == Error(0, frozenset({"thing"}))
    assert run(parser, b"a1") == Error(1, frozenset({"'ab'"}))
    assert run(parser, b"ab1") == Error(2, frozenset({"word"}))


def test_an_error_names_all_that_could_have_stood_there() -> None:
    parser = take_while1(ALPHA) << (tag(b";") | tag(b","))
    assert run(parser, b"ab1") == Error(2, frozenset({"[A-Za-z]", "';'", "','"}))


def test_classes_are_named_by_their_ranges() -> None:
    assert class_name(frozenset(ALPHA + DIGIT + b"_-")) == "[-0-9A-Z_a-z]"
    assert class_name(frozenset(b"ab\x00")) == "[\\x00ab]"
    assert class_name(frozenset(range(256))) == "any byte"


def test_complete_input_that_ends_within_a_literal_is_an_error_there() -> None:
    assert run(tag(b"abc"), Complete(b"ab")) == Error(2, frozenset({"'abc'"}))


@pytest.mark.parametrize(
    ("tree", "empty"),
    [
        (Lit(b""), True),
        (Run(frozenset(b"a"), 0, None), True),
        (Trim(frozenset(b"a "), frozenset(b" ")), True),
        (Seq((Lit(b""), Lit(b"a"))), False),
        (Alt((Lit(b"a"), Lit(b""))), True),
        (Rep(Lit(b"a"), 0, None), True),
        (Rep(Lit(b"a"), 1, None), False),
        (Map(Lit(b"a"), len), False),
    ],
)
def test_nullable_trees_are_known(tree: Lit | Run | Trim | Seq | Alt | Rep | Map, empty: bool) -> None:  # noqa: FBT001 - a column of the table
    assert nullable(tree) is empty
