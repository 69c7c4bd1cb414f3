"""Those who come back: from a rest after failures, and into their full share. Looked at once per tick; costs nothing while nobody does."""

from collections.abc import Iterator
from typing import Final

from sozu.proxy.registry.live_backend import LiveBackend

# Not nothing: `least_loaded` and `power_of_two` divide by the weight, and one that is never asked cannot show that it is well.
LEAST: Final = 0.05  # of its weight a newcomer has from the first moment


class Recovery:
    """Who rests and until when, who warms up and since when."""

    __slots__ = ("_resting", "_warming")

    def __init__(self) -> None:
        self._resting: dict[LiveBackend, float] = {}
        self._warming: dict[LiveBackend, tuple[float, float]] = {}  # since when, and for how many seconds

    def rest(self, live: LiveBackend, until: float) -> None:
        """Let it alone until then."""
        live.resting = True
        self._resting[live] = until

    def warm_up(self, live: LiveBackend, now: float, seconds: float) -> None:
        """Let it grow into its weight."""
        if seconds:
            self._warming[live] = (now, seconds)
            live.weight = live.fact.weight * LEAST

    def tick(self, now: float) -> Iterator[tuple[LiveBackend, bool]]:
        """Those about whom something has changed; True: its rest is over."""
        for live in [live for live, until in self._resting.items() if until <= now]:
            del self._resting[live]
            live.resting = False
            yield live, True
        for live, (since, seconds) in tuple(self._warming.items()):
            grown = (now - since) / seconds
            if grown >= 1 or live.retired:
                del self._warming[live]
            # Told at each tick, though only the weight has moved: a balancer looks at weights
            # again when it is given another tuple, which a refresh of the roster makes.
            live.weight = live.fact.weight * min(1.0, max(LEAST, grown))
            yield live, False
