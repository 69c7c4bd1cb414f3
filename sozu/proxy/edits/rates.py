"""How many requests a client's address may send to a frontend: token buckets. Pure: the time is an argument.

A bucket is made by the first request and is full then; it fills at the frontend's rate up to its burst. Those that are full again say nothing any more, so
the oldest are forgotten when there are too many: a flood of addresses costs memory for so many and no more, and frees only who has long been quiet.
"""

from collections import OrderedDict
from functools import lru_cache
from math import ceil
from typing import Final

from sozu.command.edits.facts import Rate
from sozu.proxy.edits.common_rates import CommonRates, rule_name

KEPT: Final = 1024  # frontends: those that were asked for lately
MOST: Final = 65_536  # buckets of one frontend: 10 MB


class Buckets:
    """Those of one frontend, of which this worker has its part."""

    __slots__ = ("_buckets", "_burst", "_rate")

    def __init__(self, rate: Rate, workers: int) -> None:
        self._rate = rate.requests / rate.seconds / workers
        # A bucket that holds less than one token would never let anybody in.
        self._burst = max(1.0, (rate.burst or rate.requests) / workers)
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # by address, the one used last at the end: (tokens, then)

    def take(self, address: bytes, now: float) -> int:
        """Take a token. 0 if there was one; else after how many whole seconds there will be."""
        # Taken out and put back at the end, so that the dict is in the order of last use and the first one is who was quiet for longest.
        tokens, then = self._buckets.pop(address, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        enough = tokens >= 1
        # A request that is refused takes no token: who goes on asking too often is let in at the rate all the same.
        self._buckets[address] = (tokens - enough, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return 0 if enough else max(1, ceil((1 - tokens) / self._rate))


class Rates:
    """The buckets of a worker's frontends, by rule: another rule begins anew, and those that were not asked for lately are forgotten.

    They are in `common`, where all workers count; where there is none, or no room in it, this worker has its part of the rate.
    """

    __slots__ = ("_buckets", "_names", "common", "workers")

    def __init__(self) -> None:
        self.workers = 1
        self.common: CommonRates | None = None
        self._names = lru_cache(KEPT)(rule_name)
        self._buckets: OrderedDict[tuple[object, Rate], Buckets] = OrderedDict()

    def take(self, frontend: object, rate: Rate, address: bytes, now: float) -> int:
        """See Buckets; `frontend` is a frontend's key."""
        if self.common is not None:
            wait = self.common.take(self._names(frontend, rate), rate, address, now)
            if wait is not None:
                return wait
        buckets = self._buckets.pop((frontend, rate), None) or Buckets(rate, self.workers)
        self._buckets[frontend, rate] = buckets
        if len(self._buckets) > KEPT:
            self._buckets.popitem(last=False)
        return buckets.take(address, now)
