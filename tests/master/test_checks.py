from typing import Any

import pytest

from sozu.command.commit import commit
from sozu.command.facts import Cluster
from sozu.command.orders import AddBackend, AddCluster, AnyOrder, RemoveBackend, RemoveCluster
from sozu.command.state import ConfigState
from sozu.command.terms import Health
from sozu.command.worker_protocol import Checked, Learn, RunChecks
from sozu.master.workers.checks import Checks
from sozu.master.workers.roster import Roster, Worker, WorkerState

CHECKED = commit(ConfigState(), [AddCluster(cluster="web", health=Health()), AddBackend(cluster="web", address="127.0.0.1:1")]).state
A = "127.0.0.1:1"
DOWN, UP = Checked(cluster="web", address=A, up=False), Checked(cluster="web", address=A, up=True)
LEARN_DOWN = Learn(cluster="web", address=A, up=False)


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

    def order(self, *orders: AnyOrder) -> None:
        self.state = commit(self.state, orders).state
        self.checks.follow()


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
    assert (heard(first), heard(second)) == ([], [LEARN_DOWN])
    world.join(third)
    assert heard(third) == [LEARN_DOWN]
    link.checked(UP)
    world.join(fourth := worker(3))
    assert (heard(fourth), heard(third)) == ([], [Learn(cluster="web", address=A, up=True)])


@pytest.mark.parametrize(
    ("away", "back"),
    [
        ([RemoveBackend(cluster="web", address=A)], [AddBackend(cluster="web", address=A)]),
        ([RemoveCluster(cluster="web")], [AddCluster(cluster="web", health=Health()), AddBackend(cluster="web", address=A)]),
        ([AddBackend(cluster="web", address=A, maintenance=True)], [AddBackend(cluster="web", address=A)]),
        ([AddCluster(cluster="web")], [AddCluster(cluster="web", health=Health())]),
    ],
    ids=["backend", "cluster", "maintenance", "health"],
)
def test_what_workers_forget_newcomers_are_not_told(world: World, away: list[AnyOrder], back: list[AnyOrder]) -> None:
    first, second = worker(0), worker(1)
    world.join(first)
    world.checks.hear(first, DOWN)
    world.order(*away)
    world.order(*back)  # both between two looks
    world.join(second)

    assert heard(second) == []


def test_a_verdict_outlives_other_changes_of_the_backend(world: World) -> None:
    first, second = worker(0), worker(1)
    world.join(first)
    world.checks.hear(first, DOWN)
    world.order(AddBackend(cluster="web", address=A, weight=7))
    world.join(second)

    assert heard(second) == [LEARN_DOWN]


def test_a_verdict_that_was_under_way_while_its_backend_went_is_nobodys(world: World) -> None:
    first, second = worker(0), worker(1)
    world.join(first, second)
    world.order(RemoveBackend(cluster="web", address=A))
    world.checks.hear(first, DOWN)
    world.order(AddBackend(cluster="web", address=A))
    world.join(third := worker(2))

    assert (heard(second), heard(third)) == ([], [])


def test_nobody_is_told_anything_where_no_cluster_wants_checks() -> None:
    world = World(ConfigState(clusters={"web": Cluster(cluster="web")}))
    world.join(one := worker(0))
    assert heard(one) == []
    world.state = CHECKED
    world.checks.look()
    assert heard(one) == [RunChecks(run=True)]
