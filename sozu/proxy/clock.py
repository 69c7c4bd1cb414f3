"""Time as the data path sees it: a monotonic clock that is read without a call, and ticks.

Deadlines need a tenth of a second, not a system call per request: `now` is refreshed by one timer of the loop. Durations that
people read (the access log, the histogram) take `monotonic()` itself. Neither moves when someone sets the machine's clock; the
date in an answer does (`http_date`, RFC 9110 section 5.6.7), once a second.
"""

from collections.abc import Callable
from email.utils import formatdate
from time import monotonic, time
from typing import Any

from gevent.hub import Hub

# Timeouts are seconds, so a tenth more is nothing; a sweep over ten thousand deadlines at each tick is 0.4 % of a core (deadlines.py).
TICK = 0.1


class Clock:
    """`now` in seconds of the monotonic clock, late by a tick at most; `next`, the tick to come; `http_date` for a Date field.

    A deadline is `next` plus its time: it never comes too early, and costs an addition instead of a call.
    """

    __slots__ = ("_on_tick", "_timer", "http_date", "next", "now")

    def __init__(self) -> None:
        # One timer for all who want to be called: each of its own would be one more wake-up of a worker that has nothing to do.
        self._on_tick: list[Callable[[], None]] = []
        self._timer: Any = None
        self.refresh()

    def refresh(self) -> None:
        """Read the system's clocks."""
        self.set(monotonic())
        # Not strftime, whose names of days and months follow the locale: RFC 9110 section 5.6.7 wants the English ones.
        self.http_date = formatdate(time(), usegmt=True).encode()

    def set(self, now: float) -> None:
        """It is `now`, and will be until the next call."""
        self.now = now
        # `now` may be a tick old: a deadline counted from it could come early by as much, and a timeout of 0.1 s at once.
        self.next = now + TICK

    def after(self, seconds: float) -> float:
        """The moment that is `seconds` away, and never earlier than that."""
        return self.next + seconds

    def each_tick(self, call: Callable[[], None]) -> None:
        """Have `call` called after every tick, in the hub."""
        self._on_tick.append(call)

    def tick(self) -> None:
        """One tick: refresh, then tell those who asked."""
        # Before the others: they compare deadlines with what it sets.
        self.refresh()
        for call in self._on_tick:
            call()

    def start(self, hub: Hub) -> None:
        """Tick with the loop of this hub until `stop`; the timer alone does not keep the loop running."""
        # ref=False: with a timer that counts as work no loop would ever be at its end, and whoever waits for that would wait for good.
        self._timer = hub.loop.timer(TICK, TICK, ref=False)
        self._timer.start(self.tick)

    def stop(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None
