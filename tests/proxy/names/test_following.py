from collections.abc import Iterator

import gevent
from gevent.event import Event
from gevent.queue import Queue
import pytest

from sozu.command.commit import commit
from sozu.command.orders import AddBackend, AddCluster, AnyOrder, RemoveBackend
from sozu.command.state import ConfigState
from sozu.proxy.names import Names, following
from sozu.proxy.names.lookup import Found, NoAddress
from sozu.proxy.registry import LiveBackend, Registry


class World:
    """DNS is what the test says."""

    def __init__(self) -> None:
        self.state = ConfigState()
        self.registry = Registry()
        self.answers: Queue[Found | NoAddress] = Queue()
        self.asked: list[str] = []
        self.waiting = Event()
        self.names = Names(self.registry, self.look_up)

    def look_up(self, host: str) -> Found:
        self.asked.append(host)
        self.waiting.set()
        answer = self.answers.get()
        if isinstance(answer, NoAddress):
            raise answer
        return answer

    def order(self, *orders: AnyOrder) -> None:
        done = commit(self.state, orders)
        self.state = done.state
        draft = self.registry.draft()
        draft.after(done.effects)
        self.registry.publish(draft)
        self.names.follow(self.state)

    def say(self, answer: Found | NoAddress) -> None:
        """Answer the question that is asked now; returns when the next one is."""
        assert self.waiting.wait(5)
        self.waiting.clear()
        self.answers.put(answer)
        assert self.waiting.wait(5)

    def choose(self) -> LiveBackend | None:
        return self.registry.rosters["web"].choose()

    def places(self) -> set[object]:
        live = self.choose()
        return set() if live is None else {live.address[1] for _ in range(4)}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("SHORTEST", "FIRST_RETRY", "LAST_RETRY", "LONGEST"):
        monkeypatch.setattr(following, name, 0.001)
    world = World()
    world.order(AddCluster(cluster="web"), AddBackend(cluster="web", address="App.Example:80"))
    yield world
    world.names.stop()
    gevent.sleep(0)


def test_a_name_is_pending_until_it_is_found(world: World) -> None:
    assert (world.choose(), list(world.state.backends)) == (None, [("web", "app.example:80")])
    world.say(NoAddress("not yet"))
    assert world.choose() is None
    world.say(Found(("192.0.2.1", "::1"), 30))
    assert world.places() == {("192.0.2.1", 80), ("::1", 80)}


def test_it_is_looked_up_again_and_silence_changes_nothing(world: World) -> None:
    world.say(Found(("192.0.2.1",), 0))
    world.say(NoAddress("silent"))
    assert world.places() == {("192.0.2.1", 80)}
    world.say(Found(("192.0.2.2",), 0))
    assert world.places() == {("192.0.2.2", 80)}


def test_who_moves_loses_the_idle_connections_and_nothing_else(world: World) -> None:
    class Pooled:
        closed = False

        def close(self) -> None:
            self.closed = True

    world.say(Found(("192.0.2.1",), 0))
    live = world.choose()
    assert live is not None
    pooled = Pooled()
    live.idle.append(pooled)
    world.say(Found(("192.0.2.1",), 0))
    assert not pooled.closed
    world.say(Found(("192.0.2.2",), 0))
    assert (pooled.closed, world.choose()) == (True, live)


def test_one_question_serves_all_backends_of_a_name(world: World) -> None:
    world.order(AddBackend(cluster="web", address="app.example:81", backup=True))
    world.say(Found(("192.0.2.1",), 0))
    assert set(world.asked) == {"app.example"}
    later = world.registry.find(("web", "app.example:81"))
    assert later is not None
    assert later.address[1] == ("192.0.2.1", 81)
    world.order(AddBackend(cluster="web", address="app.example:82"))
    new = world.registry.find(("web", "app.example:82"))
    assert new is not None
    assert new.address[1] == ("192.0.2.1", 82)


def test_a_name_that_nobody_has_any_more_is_not_looked_up(world: World) -> None:
    world.say(Found(("192.0.2.1",), 0))
    world.order(RemoveBackend(cluster="web", address="app.example:80"))
    asked = len(world.asked)
    world.answers.put(Found(("192.0.2.1",), 0))
    gevent.sleep(0)
    gevent.sleep(0)
    assert len(world.asked) == asked
