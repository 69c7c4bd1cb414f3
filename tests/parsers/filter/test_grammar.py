import json

from hypothesis import given
from hypothesis import strategies as st
import pytest

from sozu.parsers.filter.grammar import DEEPEST, filter_expression, identifier, parse_filter, text_constant
from sozu.parsers.filter.tree import (
    Comparison,
    Conjunction,
    Disjunction,
    Expression,
    Field,
    Member,
    Negation,
    Operator,
    text,
)
from sozu.parsers.result import Done, Error, Incomplete, run
from tests.parsers.filter.expressions import EXPRESSIONS
from tests.parsers.three_ways import reads, refuses

A, B, C = Field("a"), Field("b"), Field("c")
EQUAL = Operator.EQUAL


@pytest.mark.parametrize(
    ("written", "expression"),
    [
        (
            'status>=500 and cluster=="x"',
            Conjunction((Comparison("status", Operator.GREATER_OR_EQUAL, 500), Comparison("cluster", EQUAL, "x"))),
        ),
        ("a", A),
        (" a\t\n", A),
        ("(a)", A),
        ("a or b and c", Disjunction((A, Conjunction((B, C))))),
        ("(a or b) and c", Conjunction((Disjunction((A, B)), C))),
        ("a and b and c", Conjunction((A, B, C))),
        ("a or b or c", Disjunction((A, B, C))),
        ("not a and b", Conjunction((Negation(A), B))),
        ("not (a and b)", Negation(Conjunction((A, B)))),
        ("not(a)", Negation(A)),
        ("not not a", A),
        ("not not not a", Negation(A)),
        ("a in (1,'x' , null)", Member("a", (1, "x", None))),
        ("a not in(1)", Negation(Member("a", (1,)))),
        ("not a not in (1)", Negation(Negation(Member("a", (1,))))),
        ("nothing or order", Disjunction((Field("nothing"), Field("order")))),
        ("backend.id", Field("backend.id")),
        ("x-y_1", Field("x-y_1")),
    ],
)
def test_a_filter_is_read(written: str, expression: Expression) -> None:
    assert parse_filter(written) == expression


@pytest.mark.parametrize("operator", Operator)
def test_every_operator_is_read_with_and_without_blanks(operator: Operator) -> None:
    assert parse_filter(f"a{operator}1") == parse_filter(f"a {operator} 1") == Comparison("a", operator, 1)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0", 0),
        ("-1", -1),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-2.5E-1", -0.25),
        ("true", True),
        ("false", False),
        ("null", None),
        ('""', ""),
        ('"a\\n\\"\\u00e9"', 'a\n"é'),
        ('"é"', "é"),
        ("'it is \"so\" \\n'", 'it is "so" \\n'),
        ("'é'", "é"),
    ],
)
def test_constants_are_those_of_json_and_text_in_single_quotes(written: str, value: object) -> None:
    assert parse_filter(f"a == {written}") == Comparison("a", EQUAL, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "position", "expected"),
    [
        ("", 0, "name"),
        ("  ", 2, "name"),
        ("and", 0, "name"),
        ("a b", 2, "operator"),
        ("a and", 5, "name"),
        ("a = 1", 3, "'='"),
        ("a ==", 4, "constant"),
        ("a == b", 5, "constant"),
        ("a == 1x", 6, "'.'"),
        ("a == 01", 6, "'.'"),
        ("a == +1", 5, "constant"),
        ("a == truex", 9, "something else"),
        ("a == 1234567890123456789", 23, "'.'"),
        ("(a", 2, "')'"),
        ("a)", 1, "the end"),
        ("a in 1", 5, "'('"),
        ("a in ()", 6, "constant"),
        ("a in (1,)", 8, "constant"),
        ("a == 'x", 7, '"\'"'),
        ('a == "\\x"', 7, "'u'"),
        ("é", 0, "name"),
        ("a == 'é' und b", 9, "'or'"),
        ('a == "\\ud800"', 5, "text in UTF-8"),
        ("a == 1e999", 5, "number below 1.8e308"),
        ("a in (1, -1e309)", 9, "number below 1.8e308"),
        ("a == '\ud800'", 5, "text in UTF-8"),
        ('a == "\ud800"', 5, "text in UTF-8"),
    ],
)
def test_an_error_tells_where_and_what_was_expected(written: str, position: int, expected: str) -> None:
    found = parse_filter(written)

    assert isinstance(found, Error)
    assert (found.position, expected in found.expected) == (position, True), found


def test_parentheses_nest_up_to_a_depth() -> None:
    assert parse_filter("(" * DEEPEST + "a" + ")" * DEEPEST) == A
    assert isinstance(parse_filter("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1)), Error)
    assert isinstance(parse_filter("(" * 100_000), Error)
    assert parse_filter("not " * 1000 + "a") == A


def test_constants_and_names_read_the_same_fused_and_step_by_step() -> None:
    for literal in (b"-12.5e+3", b'"a\\u00e9\\n b"', b"null", b"0"):
        reads(text_constant, literal, (json.loads(literal),), after=b" ")
    reads(text_constant, b"'a \\ b'", ("a \\ b",))
    reads(identifier, b"a.b-c", b"a.b-c", after=b"=")
    refuses(text_constant, b'"\n', 1)
    refuses(text_constant, b"nil", 1)
    refuses(identifier, b"1a", 0)


def test_a_filter_that_may_go_on_is_incomplete_and_what_follows_is_left_alone() -> None:
    written = b"a == 1 and b in ('x')"

    for size in range(len(written) + 1):
        assert isinstance(run(filter_expression, written[:size]), Incomplete)
    outcome = run(filter_expression, written + b";")
    assert isinstance(outcome, Done)
    assert outcome.rest == b";"


@pytest.mark.parametrize("written", ["1.7976931348623157e308", "1.2345678901234567e-4", "5e-324", "999999999999999999", "9.999999999999999e15", "1e-999"])
def test_numbers_at_the_edges_are_written_and_read_back(written: str) -> None:
    expression = parse_filter(f"a == {written}")
    assert not isinstance(expression, Error)
    assert parse_filter(text(expression)) == expression


@given(EXPRESSIONS)
def test_what_is_written_is_read_back(expression: Expression) -> None:
    assert parse_filter(text(expression)) == expression


@given(st.text("abn1'\"()=!<>~, notridu\\", max_size=30))
def test_any_text_is_read_or_refused_where_it_breaks(written: str) -> None:
    found = parse_filter(written)

    if isinstance(found, Error):
        assert 0 <= found.position <= len(written)
        assert found.expected
    else:
        assert parse_filter(text(found)) == found
