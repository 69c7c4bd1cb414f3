"""Who is late? One sweep per tick instead of one timer per request.

Whoever may be late is watched for as long as its connection lives: a Front (a client) or a Back (a backend's connection). Each holds
one `deadline`, which the code that waits moves on by a plain assignment. The sweep calls `expire` on the late ones, in the hub: an idle one closes,
a busy one throws `Late` into its exchange. Ten thousand watched ones cost about 0.4 ms a sweep.
"""

from collections.abc import Set as AbstractSet
from typing import Protocol

from sozu.proxy.clock import Clock

# A number like others: the sweep compares and has no second question for those without a deadline.
NEVER = float("inf")


# It does not say what was late: only who waits knows what for (answering/accidents.py, reaching/connecting.py).
class Late(Exception):
    """Thrown into the greenlet of an exchange where it waits."""


class Watched(Protocol):
    """Something with a deadline (`NEVER` for none)."""

    deadline: float

    def expire(self) -> None:
        """The deadline has passed. Called in the hub; must move the deadline, throw or close."""


class Deadlines:
    """The sweep over the `watched` ones of a worker and over its `sessions`, which are in a set of their own anyway."""

    __slots__ = ("_clock", "_sessions", "watched")

    def __init__(self, clock: Clock, sessions: AbstractSet[Watched] = frozenset()) -> None:
        self._clock = clock
        self._sessions = sessions
        self.watched: set[Watched] = set()

    def sweep(self) -> None:
        """Expire what is late. One that is closed, or given more time, while its neighbours expire is let be."""
        now = self._clock.now
        for watched in (self.watched, self._sessions):
            # A list first: those that expire leave the set while it is gone through, and their ends may take others along.
            for one in [one for one in watched if one.deadline <= now]:
                if one in watched and one.deadline <= now:
                    one.expire()
