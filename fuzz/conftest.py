"""`pytest fuzz/ --fuzz-seconds N`: the whole run takes about N seconds.

What has its own length (the corpora, the measurements) goes first; those who look for something new share the time that is left.
Chance is not left to chance: rounds are seeded with 0, 1, 2… on every machine, and a failure names its round. `--fuzz-from N` begins with that one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from itertools import count
import time

import pytest

Rounds = Callable[[], Iterator[int]]
ROUND = pytest.StashKey[int]()
END = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-seconds", type=float, default=60.0, help="time for all fuzzing together (default: 60)")
    parser.addoption(
        "--fuzz-from", type=int, default=0, help="the round to begin with, as a failure names it (default: 0)"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[END] = time.monotonic() + float(config.getoption("--fuzz-seconds"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=goes_on)


def goes_on(item: pytest.Item) -> bool:
    """Does it run for as long as it may?"""
    return "rounds" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure says in which round it happened."""
    report = yield
    if report.failed and ROUND in item.stash:
        number = item.stash[ROUND]
        report.sections.append(("round", f"seed {number}: pytest '{item.nodeid}' --fuzz-from {number}"))
    return report


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    """This test's share of the time that is left."""
    items = request.session.items
    waiting = sum(map(goes_on, items[items.index(request.node) :]))
    return max(0.0, request.config.stash[END] - time.monotonic()) / waiting


@pytest.fixture
def rounds(seconds: float, request: pytest.FixtureRequest) -> Rounds:
    """0, 1, 2… until the time is up, and one at least: seeds, so that any round can be run again by its number."""

    def until_time_is_up() -> Iterator[int]:
        end = time.monotonic() + seconds
        for number in count(request.config.getoption("--fuzz-from")):
            request.node.stash[ROUND] = number
            yield number
            if time.monotonic() >= end:
                return

    return until_time_is_up
