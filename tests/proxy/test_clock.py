from email.utils import parsedate_to_datetime
from time import monotonic

import gevent
from gevent.hub import get_hub

from sozu.proxy.clock import TICK, Clock
from sozu.proxy.deadlines import NEVER, Deadlines


class Waiting:
    def __init__(self, deadline: float, others: "list[Waiting] | None" = None) -> None:
        self.deadline = deadline
        self.expired = 0
        self.others = others or []

    def expire(self) -> None:
        self.expired += 1
        self.deadline = NEVER
        for other in self.others:
            other.deadline = NEVER


def test_now_is_the_monotonic_clock_at_the_last_tick() -> None:
    clock = Clock()
    before = clock.now
    clock.now = 0.0
    clock.tick()
    assert before <= clock.now <= monotonic()


def test_a_moment_from_now_is_never_early() -> None:
    clock = Clock()
    clock.set(monotonic() - TICK)
    assert clock.after(1.0) >= monotonic() + 1.0 - 0.01


def test_the_date_is_http_date() -> None:
    assert parsedate_to_datetime(Clock().http_date.decode()).tzinfo is not None


def test_a_started_clock_ticks_until_it_is_stopped() -> None:
    clock, ticks = Clock(), gevent.event.Event()
    clock.each_tick(ticks.set)
    clock.start(get_hub())
    assert ticks.wait(timeout=5)
    clock.stop()
    clock.stop()


def test_the_sweep_expires_who_is_late_and_nobody_else() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)
    late, early, never = Waiting(clock.now - 1), Waiting(clock.now + 1), Waiting(NEVER)
    deadlines.watched.update((late, early, never))
    deadlines.sweep()
    assert [late.expired, early.expired, never.expired] == [1, 0, 0]


def test_one_that_gets_more_time_during_the_sweep_is_let_be() -> None:
    clock = Clock()
    deadlines = Deadlines(clock)
    first = Waiting(clock.now - 1)
    second = Waiting(clock.now - 1, [first])
    first.others = [second]
    deadlines.watched.update((first, second))
    deadlines.sweep()
    assert first.expired + second.expired == 1
