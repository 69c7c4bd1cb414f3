"""Every case of the corpus gets its verdict, and every property holds for it."""

import pytest

from fuzz.corpora import CASES, STRICT, Case, judged
from fuzz.properties import check
from sozu.parsers.kinds import KINDS, WHOLE_VALUES
from sozu.parsers.reasons import Reason


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_is_the_one_beside_the_file(case: Case) -> None:
    assert judged(case) == case.verdict


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_property_holds_for_it(case: Case) -> None:
    check(case.kind, case.data)


def test_only_values_that_end_with_their_input_need_to_be_called_complete() -> None:
    assert {case.kind for case in CASES if case.complete} <= WHOLE_VALUES


def test_no_kind_is_without_a_case() -> None:
    assert {case.kind for case in CASES} == set(KINDS)


def test_the_strict_table_is_long_and_has_no_case_twice() -> None:
    assert len(STRICT) >= 120
    assert len({case.name for case in STRICT}) == len(STRICT)
    assert len({(case.kind, case.data) for case in STRICT}) == len(STRICT)


def test_every_refusal_that_a_message_can_earn_is_in_the_corpus() -> None:
    elsewhere = {Reason.UPGRADE_UNASKED, Reason.BODY_TOO_LARGE, Reason.FRAME_TOO_LONG}
    elsewhere.add(Reason.HOST_MISDIRECTED)  # earned by the connection that a request comes on
    elsewhere |= {reason for reason in Reason if reason.startswith("path-")}  # earned by a path that has to be routed

    assert {case.verdict.reason for case in CASES} >= {str(reason) for reason in set(Reason) - elsewhere}
