import os
from types import SimpleNamespace
from typing import Any

from sozu.master.workers.roster import WorkerState
from sozu.master.workers.weighing import Scales, resident


class Leaking:
    """A worker that is this very process."""

    def __init__(self, state: WorkerState = WorkerState.RUNNING) -> None:
        self.slot, self.state, self.process = 0, state, SimpleNamespace(pid=os.getpid())
        self.replaced: list[str] = []

    def replace(self, reason: str) -> None:
        self.replaced.append(reason)


def weigh(worker: Any, most: int, times: int = 1) -> list[str]:
    scales = Scales(lambda: [worker], most)
    for _ in range(times):
        scales.look()
    replaced: list[str] = worker.replaced
    return replaced


def test_one_that_is_too_large_is_replaced_once() -> None:
    (reason,) = weigh(Leaking(), 1, times=3)
    assert reason.startswith("it holds ")
    assert reason.endswith(" MiB of memory")


def test_one_that_holds_what_it_may_stays() -> None:
    assert weigh(Leaking(), resident(os.getpid()) * 100) == []


def test_one_that_drains_is_let_be() -> None:
    assert weigh(Leaking(WorkerState.DRAINING), 1) == []


def test_one_that_has_ended_holds_nothing() -> None:
    assert resident(1 << 30) == 0
