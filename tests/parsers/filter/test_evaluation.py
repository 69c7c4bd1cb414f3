from hypothesis import given
import pytest

from sozu.parsers.filter.evaluation import passes
from sozu.parsers.filter.grammar import parse_filter
from sozu.parsers.filter.tree import Conjunction, Disjunction, Expression, Negation
from sozu.parsers.result import Error
from tests.parsers.filter.expressions import EXPRESSIONS, RECORDS

RECORD = {
    "status": 503,
    "cluster": "blog",
    "path": "/api/users/7",
    "time": 0.25,
    "retried": False,
    "tls": True,
    "empty": "",
    "tags": ["a"],
}


def holds(written: str) -> bool:
    expression = parse_filter(written)
    assert not isinstance(expression, Error), expression
    return passes(expression, RECORD)


@pytest.mark.parametrize(
    "written",
    [
        'status >= 500 and cluster == "blog"',
        "status == 503.0",
        "status > 502.5",
        "status < 504",
        "status <= 503",
        "status != 200",
        "status != '503'",
        "status in (502, 503)",
        "status not in (500, '503')",
        "status ~ '5*'",
        "time ~ '0.*'",
        "cluster < 'c'",
        "cluster !~ 'a*'",
        "path ~ '/api/*'",
        "path ~ '*/7'",
        "path ~ '/*/u*s/*7'",
        "path ~ '*'",
        "path ~ '/api/users/7'",
        "path ~ '/api/users/7*'",
        "empty ~ '*'",
        "tls",
        "tls == true",
        "not retried",
        "not empty",
        "nowhere == null",
        "nowhere != 'x'",
        "nowhere !~ '*'",
        "not nowhere",
        "retried or tls",
        "retried == false",
    ],
)
def test_it_passes(written: str) -> None:
    assert holds(written)


@pytest.mark.parametrize(
    "written",
    [
        "status == '503'",
        "status > '5'",
        "status == true",
        "tls == 1",
        "tls > 0",
        "retried == 0",
        "retried == null",
        "nowhere > 0",
        "nowhere < 0",
        "nowhere ~ '*'",
        "nowhere",
        "tags ~ '*'",
        "tls ~ '*'",
        "tags == 'a'",
        "path ~ '/api'",
        "path ~ 'api*'",
        "path ~ '*users'",
        "path ~ '/api/users/7*7'",
        "path ~ '/*x*/7'",
        "path ~ '/*users*api*'",
        "path ~ '/api/users/77*'",
        "status in ('503', true)",
        "tls and retried",
        "retried or nowhere",
    ],
)
def test_it_does_not_pass(written: str) -> None:
    assert not holds(written)


def test_a_hostile_pattern_costs_no_more_than_its_text() -> None:
    expression = parse_filter("path ~ '" + "a*" * 200 + "b'")
    assert not isinstance(expression, Error)

    assert not passes(expression, {"path": "a" * 20_000})


@given(EXPRESSIONS, EXPRESSIONS, RECORDS)
def test_the_laws_of_logic_hold(one: Expression, other: Expression, record: dict[str, object]) -> None:
    first, second = passes(one, record), passes(other, record)

    assert passes(Negation(one), record) is not first
    assert passes(Conjunction((one, other)), record) is (first and second)
    assert passes(Disjunction((one, other)), record) is (first or second)
