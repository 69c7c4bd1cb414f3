"""Does the loop turn? A stall is named in the log, with how long it lasted; a long one with what the process was doing meanwhile.

A loop that stands still cannot tell what it stands in. So a watchdog of the C library's kind (faulthandler) is wound up once a second; when nobody
does for a while it writes every thread's stack to standard error, from a thread of its own. That costs nothing in between, where a tracer of
greenlets would cost something at each switch.
"""

from collections.abc import Callable
import faulthandler
import logging
from time import monotonic

from gevent.hub import Hub

log = logging.getLogger("sozu.proxy")

STALL = 0.25  # seconds that a turn may take
LONG = 2.0  # seconds after which the stack is written
PERIOD = 0.1  # seconds
# Each winding starts a thread, so not at every look; a stall is written down after 1 to 2 seconds of it.
WIND = 1.0  # seconds between two windings

Wind = Callable[[float], object]


class Stalls:
    """`look` is called every `period` seconds if all is well."""

    def __init__(self, period: float, wind: Wind = faulthandler.dump_traceback_later, now: Callable[[], float] = monotonic) -> None:
        self._period, self._wind, self._now = period, wind, now
        self._last = now()
        self._wound = 0.0

    def look(self) -> None:
        """Another turn."""
        now = self._now()
        late = now - self._last - self._period
        self._last = now
        if late > STALL:
            log.warning("event=loop_stalled seconds=%.2f", late)
        if now - self._wound >= WIND:
            self._wound = now
            self._wind(LONG)


def watch_stalls(hub: Hub) -> Stalls:
    """Watch this hub's loop for as long as the process lives."""
    stalls = Stalls(PERIOD)
    # Without a reference, or the loop would never be found empty, and a deserted worker would not end.
    timer = hub.loop.timer(PERIOD, PERIOD, ref=False)
    timer.start(stalls.look)
    return stalls
