from collections.abc import Iterator

import gevent
from gevent.event import Event
import pytest

from sozu.command.commit import commit
from sozu.command.orders import AddBackend, AddCluster, AnyOrder, RemoveBackend
from sozu.command.state import ConfigState
from sozu.command.terms import Health
from sozu.proxy.health import Rounds, rounds
from sozu.proxy.loop.connect import Preface
from sozu.proxy.registry import BackendKey, LiveBackend, Registry
from sozu.proxy.stream import Stream

A, B = "127.0.0.1:9001", "127.0.0.1:9002"
CHECKED = AddCluster(cluster="web", health=Health(interval=0.001, rise=1, fall=2))


def unreached(live: LiveBackend, _preface: Preface) -> Stream:
    raise AssertionError(live.name)  # `is_well` is another one here


class World:
    def __init__(self) -> None:
        self.state = ConfigState()
        self.registry = Registry()
        self.rounds = Rounds(self.registry, unreached)
        self.ill: set[str] = set()
        self.told: list[tuple[BackendKey, bool]] = []
        self.news = Event()
        self.rounds.tell = self.tell
        self.asked: list[str] = []

    def tell(self, key: BackendKey, up: bool) -> None:  # noqa: FBT001
        self.told.append((key, up))
        self.news.set()

    def order(self, *orders: AnyOrder) -> None:
        done = commit(self.state, orders)
        self.state = done.state
        draft = self.registry.draft()
        draft.after(done.effects)
        self.registry.publish(draft)
        self.rounds.follow(self.state)

    def wait(self) -> None:
        assert self.news.wait(5)
        self.news.clear()

    def well(self) -> dict[str, bool]:
        return {live.name: live.well for live in self.registry}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World()

    def is_well(_: object, name: str, *__: object) -> bool:
        world.asked.append(name)
        return name not in world.ill

    monkeypatch.setattr(rounds, "is_well", is_well)
    world.order(CHECKED, AddBackend(cluster="web", address=A), AddBackend(cluster="web", address=B))
    yield world
    world.rounds.run(running=False)


def test_who_is_ill_is_taken_out_and_brought_back(world: World) -> None:
    world.ill.add(A)
    world.rounds.run(running=True)
    world.wait()
    assert (world.told, world.well()) == ([(("web", A), False)], {A: False, B: True})
    world.ill.clear()
    world.wait()
    assert (world.told[1:], world.well()) == ([(("web", A), True)], {A: True, B: True})


def test_who_is_not_his_turn_asks_nobody_and_learns_from_others(world: World) -> None:
    world.rounds.learn(("web", A), up=False)
    gevent.sleep(0)
    assert (world.asked, world.well()) == ([], {A: False, B: True})
    world.rounds.learn(("web", A), up=True)
    assert world.well()[A]


def test_what_was_learnt_holds_when_the_turn_comes(world: World) -> None:
    world.rounds.learn(("web", A), up=False)
    world.rounds.run(running=True)
    world.news.clear()
    world.wait()
    assert world.told[1:] == [(("web", A), True)]


def test_another_master_hears_what_was_found_before(world: World) -> None:
    world.ill.add(A)
    world.rounds.run(running=True)
    world.wait()
    world.told.clear()
    world.rounds.run(running=True)
    assert world.told == [(("web", A), False)]


def test_without_checks_everybody_is_well_again(world: World) -> None:
    world.rounds.learn(("web", A), up=False)
    world.order(AddCluster(cluster="web"))
    assert world.well()[A]
    world.rounds.learn(("web", A), up=False)
    assert world.well()[A]


def test_who_is_in_maintenance_or_gone_is_not_asked(world: World) -> None:
    world.order(AddBackend(cluster="web", address=A, maintenance=True), RemoveBackend(cluster="web", address=B))
    world.rounds.run(running=True)
    gevent.sleep(0)
    assert world.asked == []


def test_one_that_leaves_and_comes_back_down_is_known_to_be(world: World) -> None:
    world.rounds.learn(("web", A), up=False)
    world.order(RemoveBackend(cluster="web", address=A), AddBackend(cluster="web", address=A, weight=5))
    assert not world.well()[A]
