from collections.abc import Iterable
from typing import Self

import gevent

from sozu.proxy.worker.drain import drain_sessions


class Session:
    """Ends when asked if it is idle, else when `finish` is called or when it is cut."""

    idle_since = 0.0

    def __init__(self, sessions: set[Self], *, idle: bool) -> None:
        self.sessions, self.idle, self.cut = sessions, idle, False
        sessions.add(self)

    def drain(self) -> None:
        if self.idle:
            self.finish()

    def finish(self) -> None:
        self.sessions.discard(self)

    def close(self) -> None:
        self.cut = True
        self.finish()


def remaining(*seconds: float) -> Iterable[float]:
    yield from seconds
    while True:
        yield 0.0


def test_idle_sessions_end_at_once() -> None:
    sessions: set[Session] = set()
    for _ in range(3):
        Session(sessions, idle=True)
    assert drain_sessions(sessions, lambda: 10.0) == 0
    assert sessions == set()


def test_busy_sessions_are_waited_for() -> None:
    sessions: set[Session] = set()
    busy = Session(sessions, idle=False)
    gevent.spawn(busy.finish)
    assert drain_sessions(sessions, lambda: 10.0) == 0
    assert not busy.cut


def test_after_the_grace_the_rest_is_cut_and_counted() -> None:
    sessions: set[Session] = set()
    busy = Session(sessions, idle=False)
    times = iter(remaining(0.01, 0.01))
    assert drain_sessions(sessions, lambda: next(times)) == 1
    assert busy.cut
