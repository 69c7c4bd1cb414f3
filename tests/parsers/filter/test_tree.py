import pytest

from sozu.parsers.filter.tree import (
    Comparison,
    Conjunction,
    Disjunction,
    Expression,
    Field,
    Member,
    Negation,
    Operator,
    names,
    text,
)

A = Field("a")
IS_X = Comparison("b", Operator.EQUAL, "x")
IN = Member("c", (1, None))


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (A, "a"),
        (IS_X, 'b == "x"'),
        (IN, "c in (1, null)"),
        (Negation(A), "not a"),
        (Negation(IN), "not c in (1, null)"),
        (Negation(Negation(A)), "not (not a)"),
        (Conjunction((A, Disjunction((A, IS_X)))), 'a and (a or b == "x")'),
        (Disjunction((Negation(A), Conjunction((A, A)))), "(not a) or (a and a)"),
    ],
)
def test_a_tree_is_written_with_parentheses_where_one_might_wonder(expression: Expression, written: str) -> None:
    assert text(expression) == written


def test_the_fields_that_a_filter_looks_at_are_known() -> None:
    assert names(Conjunction((A, Disjunction((IS_X, Negation(IN)))))) == {"a", "b", "c"}
