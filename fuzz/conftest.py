"""`pytest fuzz/ --fuzz-seconds N`: all tests here together run for about N seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import time

import pytest

Rounds = Callable[[], Iterator[int]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-seconds", type=float, default=60.0, help="time for all fuzzing together (default: 60)")


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    """This test's share of the time."""
    items = [item for item in request.session.items if "seconds" in getattr(item, "fixturenames", ())]
    return float(request.config.getoption("--fuzz-seconds")) / max(1, len(items))


@pytest.fixture
def rounds(seconds: float) -> Rounds:
    """0, 1, 2… until the time is up: seeds, so that any round can be run again by its number."""

    def until_time_is_up() -> Iterator[int]:
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            yield number
            number += 1

    return until_time_is_up
