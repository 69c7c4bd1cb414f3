"""What the soak excuses, and what it does not."""

from dataclasses import replace

import pytest
from reckoning import Blow, Failure, account

SHORT = Failure(begun=9.9, failed=10.1, why="reset", ended=True)  # of a connection of its own, under way when a worker was killed at 10
KEPT = replace(SHORT, opened=1.0, answered=9.8)


def verdict(failure: Failure, *blows: Blow) -> str:
    return account(failure, blows, set())


def killed(at: float = 10.0, gone: float | None = None) -> Blow:
    return Blow(7, at, at if gone is None else gone)


@pytest.mark.parametrize("failure", [SHORT, KEPT, replace(KEPT, answered=None), replace(KEPT, halfway=True)])
def test_what_was_under_way_when_a_worker_was_killed_is_excused(failure: Failure) -> None:
    assert verdict(failure, killed()) == "in flight on what was killed"


@pytest.mark.parametrize(
    "failure",
    [
        replace(SHORT, begun=10.01),  # it was others' to answer
        replace(SHORT, failed=9.99),  # before
        replace(SHORT, failed=11.5),  # by something else
        replace(SHORT, ended=False),  # a status, a silence
        replace(KEPT, opened=10.01, answered=None),
        replace(KEPT, begun=20.0, answered=12.0, failed=20.1, halfway=True),  # an answer came after the blow: it was at another worker
    ],
)
def test_whatever_does_not_fit_is_lost(failure: Failure) -> None:
    assert verdict(failure, killed()) == "lost: reset"


def test_without_a_blow_there_is_no_excuse() -> None:
    assert verdict(SHORT) == "lost: reset"
    assert verdict(KEPT) == "idle close"
    assert verdict(replace(KEPT, halfway=True)) == "lost: reset"


def test_a_blow_excuses_one_request_of_a_client() -> None:
    excused = set[int]()
    blows = [killed(), killed()]

    assert [account(SHORT, blows, excused) for _ in range(3)] == ["in flight on what was killed"] * 2 + ["lost: reset"]


def test_who_was_idle_finds_that_out_whenever_he_asks() -> None:
    assert verdict(replace(KEPT, begun=20.0, failed=20.1), killed()) == "idle on what was killed"


def test_one_that_hangs_takes_what_it_has_when_it_goes_at_last() -> None:
    hangs = killed(at=10.0, gone=17.0)

    assert verdict(replace(KEPT, begun=10.5, failed=17.1), hangs) == "in flight on what was killed"
    assert verdict(replace(SHORT, failed=17.1), hangs) == "in flight on what was killed"
    assert verdict(replace(SHORT, begun=10.5, failed=17.1), hangs) == "lost: reset"
