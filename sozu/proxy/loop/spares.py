"""Greenlets that wait for work, so that an exchange costs a switch instead of a birth.

A greenlet takes about 6 kB and 2 us to make; a worker with ten thousand idle clients and ten busy ones keeps ten. Raw greenlets, not
gevent's: no link, no join, no result. A job handles its own failures: whatever leaves it ends the worker's hub with a report.
"""

from collections.abc import Callable

from gevent.hub import Hub
from greenlet import getcurrent, greenlet

from sozu.proxy.stream import park

Job = Callable[[], object]


class Spares:
    """`run(job)` in a greenlet that is spare, or in a new one; at most `keep` stay when they have nothing to do."""

    __slots__ = ("_hub", "_keep", "alive", "idle")

    def __init__(self, hub: Hub, keep: int = 256) -> None:
        self._hub = hub
        self._keep = keep
        self.alive = 0
        self.idle: list[Callable[[Job], object]] = []  # their `switch`

    def run(self, job: Job) -> None:
        """Run the job until it parks or ends. To be called in the hub only (a watcher's callback): the job returns there."""
        if not self.idle:
            # Born without the job: a greenlet keeps the arguments of its first switch as long as it lives.
            greenlet(self._live, self._hub).switch()
        self.idle.pop()(job)

    # A greenlet that called `run` itself would be lost when the job parks: a park goes to the hub, and nobody would switch back to the caller.
    def run_soon(self, job: Job) -> None:
        """Run the job in the next turn of the loop. May be called from any greenlet."""
        self._hub.loop.run_callback(self.run, job)

    def _live(self) -> None:
        switch, hub, idle = getcurrent().switch, self._hub, self.idle
        self.alive += 1
        # Asked after each job and by no timer: what a crowd has left behind beyond `keep` ends as its exchanges do.
        try:
            while len(idle) < self._keep:
                idle.append(switch)
                park(hub)()  # no variable holds the job: its session must not outlive it here
        finally:
            self.alive -= 1
