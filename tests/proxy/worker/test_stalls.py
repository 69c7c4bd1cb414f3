import subprocess
import sys

import pytest

from sozu.proxy.worker.stalls import LONG, PERIOD, STALL, Stalls


class House:
    def __init__(self) -> None:
        self.now, self.wound = 100.0, list[float]()
        self.stalls = Stalls(PERIOD, self.wound.append, lambda: self.now)

    def turn(self, after: float = PERIOD) -> None:
        self.now += after
        self.stalls.look()


def test_turns_in_time_are_nothing_to_tell(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    for _ in range(100):
        house.turn(PERIOD + STALL / 2)

    assert caplog.messages == []


def test_a_late_turn_is_told_with_how_late_it_was(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    house.turn(PERIOD + 0.5)
    house.turn(PERIOD + 1.5)
    house.turn()

    assert caplog.messages == ["event=loop_stalled seconds=0.50", "event=loop_stalled seconds=1.50"]


def test_the_watchdog_is_wound_up_once_a_second() -> None:
    house = House()
    for _ in range(30):
        house.turn()

    assert house.wound == [LONG] * 3


def test_a_long_stall_shows_where_it_stands() -> None:
    code = (
        "import faulthandler; from sozu.proxy.worker.stalls import Stalls\n"
        "def culprit():\n    while True: sum(range(1000))\n"
        "Stalls(0.05, lambda _: faulthandler.dump_traceback_later(0.1, exit=True)).look()\n"
        "culprit()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)

    assert "in culprit" in done.stderr
