import gevent
import pytest

from sozu.command.answers import Status
from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster
from sozu.proxy.registry import LiveBackend, Registry
from sozu.proxy.worker import watch as watch_module
from sozu.proxy.worker.watch import watch_backend, watch_sessions

WEB, ONE = Cluster(cluster="web"), Backend(cluster="web", address="127.0.0.1:9001")


class Watched:
    """A registry with one backend, and what somebody who watches it hears."""

    def __init__(self, exchanges: int) -> None:
        self.registry = Registry()
        self.change(Change(None, WEB), Change(None, ONE))
        self.live = self.found()
        for _ in range(exchanges):
            self.live.exchanges += 1
        self.heard: list[tuple[Status, int]] = []

    def change(self, *effects: Change) -> None:
        draft = self.registry.draft()
        draft.after(effects)
        self.registry.publish(draft)

    def found(self) -> LiveBackend:
        live = self.registry.rosters["web"].choose()
        assert live is not None
        return live

    def watch(self) -> None:
        watch_backend(self.registry, ONE.key, lambda status, count: self.heard.append((status, count)))


def test_a_backend_that_is_not_there_is_drained() -> None:
    watched = Watched(0)
    watched.change(Change(ONE, None))
    watched.watch()
    assert watched.heard == [(Status.OK, 0)]


def test_a_backend_in_use_is_not() -> None:
    watched = Watched(2)
    watched.watch()
    assert watched.heard == [(Status.ERROR, 2)]
    assert watched.live.on_gone == []


def test_it_says_how_many_are_left_and_when_none_is() -> None:
    watched = Watched(2)
    watched.change(Change(ONE, None))
    watching = gevent.spawn(watched.watch)
    gevent.idle()
    watched.live.end()
    watched.live.end()
    watching.get(timeout=5)
    assert watched.heard == [(Status.PROCESSING, 2), (Status.OK, 0)]


def test_two_may_watch() -> None:
    watched = Watched(1)
    watched.change(Change(ONE, None))
    watching = [gevent.spawn(watched.watch) for _ in range(2)]
    gevent.idle()
    watched.live.end()
    gevent.joinall(watching, timeout=5, raise_error=True)
    assert watched.heard == [(Status.PROCESSING, 1)] * 2 + [(Status.OK, 0)] * 2


def test_a_backend_that_comes_back_ends_the_watch_with_an_error() -> None:
    watched = Watched(3)
    watched.change(Change(ONE, None))
    watching = gevent.spawn(watched.watch)
    gevent.idle()
    watched.change(Change(None, ONE))
    watching.get(timeout=5)
    assert watched.heard == [(Status.PROCESSING, 3), (Status.ERROR, 3)]
    watched.live.end()


def test_a_backend_that_comes_back_and_goes_again_is_still_watched() -> None:
    watched = Watched(3)
    watched.change(Change(ONE, None))
    watching = gevent.spawn(watched.watch)
    gevent.idle()
    watched.change(Change(None, ONE))
    watched.change(Change(ONE, None))
    gevent.idle()
    for _ in range(3):
        watched.live.end()
    watching.get(timeout=5)
    assert watched.heard == [(Status.PROCESSING, 3), (Status.OK, 0)]


def test_sessions_are_counted_until_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "_NEWS_EVERY", 0)
    heard: list[tuple[Status, int]] = []
    counts = iter([2, 2, 1, 0])
    watch_sessions(lambda: next(counts), lambda status, count: heard.append((status, count)), ending=True)

    assert heard == [(Status.PROCESSING, 2), (Status.PROCESSING, 1), (Status.OK, 0)]


def test_sessions_of_a_listener_that_accepts_are_not_waited_for() -> None:
    heard: list[tuple[Status, int]] = []
    watch_sessions(lambda: 3, lambda status, count: heard.append((status, count)), ending=False)

    assert heard == [(Status.ERROR, 3)]
