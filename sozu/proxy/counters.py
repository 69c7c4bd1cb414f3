"""What a worker counts: plain integers that sessions increment in place, sums over what exchanges have left behind, and one snapshot for the master.

Nothing here formats: the master sums the snapshots of its workers and writes them out for Prometheus. Nothing here locks:
all increments happen on the one thread of the hub. Durations are seconds; a latency runs from the first byte of a
request's head to the last byte of its response.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from sozu.proxy.entry import AnyEntry

# Upper bounds of the latency buckets, in seconds; one more bucket holds what took longer than the last.
LATENCY_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

# A place for each in a list: an index is cheaper than a dict's entry, and no origin makes it grow by statuses of its own.
_HIGHEST_STATUS = 999  # RFC 9110 section 15: three digits; an origin may send some that nobody registered


class Histogram:
    """Counts of durations between fixed bounds; one that equals a bound belongs below it (Prometheus' `le`)."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        # Not cumulative, as Prometheus wants them: each exchange would add to several. The master adds them up, when somebody asks.
        self.counts = [0] * (len(LATENCY_BOUNDS) + 1)
        self.total = 0.0

    def snapshot(self) -> dict[str, Any]:
        """`counts` are per bucket, not cumulative, and one longer than `bounds`."""
        return {"bounds": LATENCY_BOUNDS, "counts": tuple(self.counts), "sum": self.total}


class Counters:
    """One worker's figures since its start; the two `…_open` go down as well, all others only up."""

    __slots__ = (
        "backend_connections",
        "backend_failures",
        "bytes_in",
        "bytes_out",
        "connections_accepted",
        "connections_open",
        "exchanges_open",
        "latency",
        "log_lines_dropped",
        "requests",
        "retries",
        "statuses",
    )

    def __init__(self) -> None:
        self.connections_accepted = 0
        self.connections_open = 0
        self.exchanges_open = 0
        self.requests = 0  # heads that were read whole, and heads that were refused
        self.bytes_in = 0  # of request bodies, as they came
        self.bytes_out = 0  # written to clients, heads and bodies
        self.backend_connections = 0  # connections opened, not reused
        self.backend_failures = 0  # connections that could not be opened or broke before a response
        self.retries = 0
        self.log_lines_dropped = 0
        self.statuses = [0] * (_HIGHEST_STATUS + 1)
        self.latency = Histogram()

    def count(self, entries: Sequence[AnyEntry]) -> None:
        """Count exchanges that are over. A final response (an interim 1xx is none; 101 is) counts by its status and by how long the exchange took."""
        statuses, buckets = self.statuses, self.latency.counts
        # Added up in locals: an attribute costs more than a sum. And in a loop: columns (zip, map) were tried, and took 4,100 instructions
        # for each exchange instead of 2,900 (docs/decisions/005.md).
        sent, total = 0, 0.0
        for _, _, _, _, status, started, _, _, finished, _, _, size_in, size, retries, _ in entries:
            sent += size
            # Most requests have neither a body nor a retry: to look is cheaper than to add nothing.
            if size_in:
                self.bytes_in += size_in
            if retries:
                self.retries += retries
            # A client that went away before its answer has no latency: to count it as quick would flatter a slow backend.
            if status:
                seconds = finished - started
                total += seconds
                statuses[status] += 1
                # bisect_left, not bisect: what equals a bound belongs below it.
                buckets[bisect_left(LATENCY_BOUNDS, seconds)] += 1
        self.requests += len(entries)
        self.bytes_out += sent
        self.latency.total += total

    def snapshot(self) -> dict[str, Any]:
        """All figures as JSON values: integers by their names here, `statuses` by code as text, `latency` as Histogram says."""
        # From the slots, so that a new figure cannot be forgotten here.
        figures: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        # As text, since JSON has no other keys; without the zeros, of which there are nearly a thousand.
        figures["statuses"] = {str(code): count for code, count in enumerate(self.statuses) if count}
        figures["latency"] = self.latency.snapshot()
        return figures
