"""Descriptors held back for the day when there are no others, and how many sessions the rest is enough for.

A worker that accepts until no descriptor is left could not even reach the backends of those it accepted, nor take a new log from its master. So
some are reserved: given free when accept fails for want of them, or a connection to a backend; taken back before accepting goes on.
"""

import os
from pathlib import Path
import resource

# Not for sessions to come but for those that are in: connections to their backends, and a new log.
HELD = 16
PER_SESSION = 2  # the client's connection and the backend's


class Reserve:
    """`held` descriptors of nothing."""

    def __init__(self, held: int = HELD) -> None:
        self._most = held
        self._held: list[int] = []
        self.refill()

    def refill(self) -> bool:
        """Hold them (again); False, and none are held, if there are not so many."""
        try:
            # All or none: with a part of it accepting would go on, and the next want would come before there is anything to give.
            while len(self._held) < self._most:
                # A confined worker may open little else.
                self._held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> bool:
        """Give them free; False if there are none."""
        held, self._held = self._held, []
        for descriptor in held:
            os.close(descriptor)
        return bool(held)


def sessions_at_most(wanted: int) -> int:
    """How many of the wanted sessions this process has descriptors for, beside those that are open now."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    # Counted and not assumed: what is open at the start depends on the master's listeners, on libraries and on the log. A
    # worker that took more sessions than it has descriptors for would accept clients only to answer them by 503.
    free = limit - HELD - sum(1 for _ in Path("/proc/self/fd").iterdir())
    return max(1, min(wanted, free // PER_SESSION))
