import pytest

from sozu.parsers.regex.grammar import DEEPEST, regex
from sozu.parsers.regex.tree import Choice, Expression, OneOf, Repetition, Sequence
from sozu.parsers.result import Error
from sozu.parsers.whole import whole

A, B = OneOf(frozenset(b"a")), OneOf(frozenset(b"b"))


def read(pattern: str) -> Expression:
    found = whole(regex, pattern.encode())
    assert not isinstance(found, Error), found
    expression: Expression = found[1]
    return expression


def error(pattern: str) -> Error:
    found = whole(regex, pattern.encode())
    assert isinstance(found, Error), found
    return found


@pytest.mark.parametrize(
    ("pattern", "expression"),
    [
        ("", Sequence(())),
        ("a", A),
        ("^a$", A),
        ("(?i)a", A),
        ("ab", Sequence((A, B))),
        ("a|b", Choice((A, B))),
        ("a|", Choice((A, Sequence(())))),
        ("(a)", A),
        ("(?:a)b", Sequence((A, B))),
        ("(?P<x>a)", A),
        ("a*", Repetition(A, 0, None)),
        ("a+?", Repetition(A, 1, None)),
        ("a?", Repetition(A, 0, 1)),
        ("a{2}", Repetition(A, 2, 2)),
        ("a{2,}", Repetition(A, 2, None)),
        ("a{2,3}", Repetition(A, 2, 3)),
        ("[a]", A),
        ("[ab]", OneOf(frozenset(b"ab"))),
        ("[a-c]", OneOf(frozenset(b"abc"))),
        ("[-a-c-]", OneOf(frozenset(b"-abc"))),
        ("[^a]", OneOf(frozenset(b"a"), inverted=True)),
        ("[a^]", OneOf(frozenset(b"a^"))),
        (r"[\]\\\-]", OneOf(frozenset(b"]\\-"))),
        (r"\.", OneOf(frozenset(b"."))),
        (r"\x2F", OneOf(frozenset(b"/"))),
        (r"\t", OneOf(frozenset(b"\t"))),
        (r"[\d_]", OneOf(frozenset(b"0123456789_"))),
        (".", OneOf(frozenset(range(256)))),
        ("(" * DEEPEST + "a" + ")" * DEEPEST, A),
    ],
)
def test_an_expression_means_what_it_says(pattern: str, expression: Expression) -> None:
    assert read(pattern) == expression


@pytest.mark.parametrize(
    ("pattern", "position", "expected"),
    [
        ("(?=a)", 2, "there is no lookaround"),
        ("(?!a)", 2, "there is no lookaround"),
        ("(?<=a)", 3, "[0-9A-Z_a-z]"),
        (r"\1", 1, "one of dDwWsStnr"),
        (r"\b", 1, "one of dDwWsStnr"),
        ("a**", 2, "the end"),
        ("a++", 2, "the end"),
        ("*", 0, "character"),
        ("a$b", 2, "the end"),
        ("a^b", 1, "the end"),
        ("a)", 1, "the end"),
        ("(a", 2, "')'"),
        ("[a", 2, "']'"),
        ("[]", 1, "character of a class"),
        ("[c-a]", 1, "range like a-z, from the lower to the higher"),
        (r"[\d-z]", 1, "range like a-z, from the lower to the higher"),
        ("a{3,2}", 1, "bounds like {2,5}, the lower one first"),
        ("a{", 2, "[0-9]"),
        ("(" * (DEEPEST + 1) + "a", DEEPEST + 1, "no more than 8 groups within each other"),
        ("ab\x01", 2, "the end"),
    ],
)
def test_an_error_is_where_the_expression_ends_to_be_one(pattern: str, position: int, expected: str) -> None:
    found = error(pattern)

    assert found.position == position
    assert expected in ", ".join(found.expected)
