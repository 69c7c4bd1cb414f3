from typing import Any

import pytest

from sozu.command.facts import Cluster
from sozu.command.state import ConfigState
from sozu.command.terms import Health
from sozu.command.worker_protocol import Checked, Learn, RunChecks
from sozu.master.workers.checks import Checks
from sozu.master.workers.roster import Roster, Worker, WorkerState

CHECKED = ConfigState(clusters={"web": Cluster(cluster="web", health=Health())})
DOWN, UP = Checked(cluster="web", address="a", up=False), Checked(cluster="web", address="a", up=True)


class Link:
    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.checked: Any = None

    def tell(self, message: Any) -> None:
        self.heard.append(message)


def worker(slot: int, state: WorkerState = WorkerState.RUNNING) -> Worker:
    made = Worker(slot, None, Link())  # type: ignore[arg-type]
    made.now(state)
    return made


def heard(one: Worker) -> list[Any]:
    link: Any = one.link
    found, link.heard = link.heard, []
    return list(found)


class World:
    def __init__(self, state: ConfigState = CHECKED) -> None:
        self.state = state
        self.roster = Roster()
        self.checks = Checks(self.roster, lambda: self.state)

    def join(self, *workers: Worker) -> None:
        for one in workers:
            self.roster.join(one)
        self.checks.look()


@pytest.fixture
def world() -> World:
    return World()


def test_the_lowest_running_slot_asks(world: World) -> None:
    first, second, starting = worker(1), worker(2), worker(0, WorkerState.STARTING)
    world.join(second, first, starting)
    assert [heard(first), heard(second), heard(starting)] == [[RunChecks(run=True)], [], []]
    world.checks.look()
    assert heard(first) == []


def test_another_one_asks_when_it_leaves_or_a_lower_one_comes(world: World) -> None:
    first, second = worker(1), worker(2)
    world.join(first, second)
    first.now(WorkerState.DRAINING)
    world.checks.look()
    assert (heard(first), heard(second)) == ([RunChecks(run=True), RunChecks(run=False)], [RunChecks(run=True)])
    newcomer = worker(0)
    world.join(newcomer)
    assert (heard(second), heard(newcomer)) == ([RunChecks(run=False)], [RunChecks(run=True)])


def test_what_one_finds_the_others_are_told_and_newcomers_too(world: World) -> None:
    first, second, third = worker(0), worker(1), worker(2)
    world.join(first, second)
    heard(first)
    link: Any = first.link
    link.checked(DOWN)
    learn = Learn(cluster="web", address="a", up=False)
    assert (heard(first), heard(second)) == ([], [learn])
    world.join(third)
    assert heard(third) == [learn]
    link.checked(UP)
    world.join(fourth := worker(3))
    assert (heard(fourth), heard(third)) == ([], [Learn(cluster="web", address="a", up=True)])


def test_nobody_is_told_anything_where_no_cluster_wants_checks() -> None:
    world = World(ConfigState(clusters={"web": Cluster(cluster="web")}))
    world.join(one := worker(0))
    assert heard(one) == []
    world.state = CHECKED
    world.checks.look()
    assert heard(one) == [RunChecks(run=True)]
