"""How a worker does what takes long: a bit at a time, with the loop in between, so that requests hardly notice.

A request meets a worker twice, on its way to the backend and back, and may wait for the rest of a bit each time: a bit is to be as short as what
a few other requests take. It is measured, not counted, since one order may cost a hundred times what another does. The pause before it says how long
it may be: where many requests come, pauses end early and are short; where few come, the loop sleeps a millisecond, and a bit in proportion does no harm.
"""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Final

import gevent
from gevent import get_hub

# Measured with a transaction of 10,000 orders (docs/decisions/009.md): bits of 0.1 ms with pauses of 0.5 made the 99th percentile of
# requests up to 2.7 times what it is otherwise; bits of 0.03 ms with pauses of 0.3 took 1.5 s for all of it instead of about one.
PAUSE: Final = 0.0004  # seconds at least between two bits
SHARE: Final = 8  # a bit is over after an eighth of the pause before it,
LEAST: Final = 0.00005  # seconds, or after this,
MOST: Final = 0.0005  # and at the latest after this

Pause = Callable[[], object]


def pause(*, anybody: bool) -> None:
    """Let the loop turn: once, or for a while if anybody is there, so that others have the processor too."""
    if anybody:
        # A single turn of the loop would carry out 10,000 orders in 0.35 s, but the percentile of requests was five times what it is without them.
        gevent.sleep(PAUSE)
    else:
        get_hub().wait(get_hub().loop.timer(0.0))  # not sleep(0): that may go round for 5 ms without looking for what has come


class Breath:
    """Call `take` often; it calls `pause`, in which the loop turns, when a bit is over."""

    __slots__ = ("_bit", "_now", "_pause", "_since")

    def __init__(self, pause: Pause, now: Callable[[], float] = perf_counter) -> None:
        self._pause, self._now = pause, now
        self._since, self._bit = 0.0, LEAST

    def begin(self) -> None:
        """What comes now begins a bit."""
        # No pause before it says how busy the loop is: the shortest bit is the one that cannot hurt.
        self._since, self._bit = self._now(), LEAST

    def take(self) -> None:
        """Let traffic run, if it has waited for as long as it may."""
        ended = self._now()
        if ended - self._since >= self._bit:
            self._pause()
            # Read again: the pause belongs to the requests, and must not count as the beginning of the next bit.
            self._since = self._now()
            # Without LEAST a pause of a single turn would leave a bit of nothing, and every step would cost a turn. Without MOST a pause that the
            # scheduler has made long would allow a bit that holds up whoever comes next.
            self._bit = min(max((self._since - ended) / SHARE, LEAST), MOST)

    def through(self, steps: Iterable[object]) -> None:
        """Take all steps."""
        for _ in steps:
            self.take()
