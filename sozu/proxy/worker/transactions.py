"""How a committed transaction reaches this worker's traffic: built aside, in slices, then published in one breath.

The orders were validated by the master, and `carry_out` is the very function it used; so an Objection here means that
master and worker have come apart, and the worker says so instead of guessing. Between the last three lines of `apply`
nothing switches greenlets: every exchange sees the configuration before a transaction or after it, never half of it.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from sozu.command.draft import Change, Draft
from sozu.command.orders import AnyOrder
from sozu.command.routes import RouteTable
from sozu.command.rules import carry_out
from sozu.command.state import ConfigState
from sozu.proxy.registry import Registry

_SLICE = 32  # orders: half a millisecond of the hub's time


class Tables(Protocol):
    """Where exchanges look: the part of Traffic that a transaction replaces."""

    routes: RouteTable
    registry: Registry


class Transactions:
    """The worker's state, and the way to the next one. `pause` lets traffic run between two slices."""

    def __init__(self, tables: Tables, pause: Callable[[], object]) -> None:
        self.state = ConfigState()
        self._tables = tables
        self._pause = pause
        self._parts: list[AnyOrder] = []

    def collect(self, orders: Sequence[AnyOrder]) -> None:
        """Keep a part of a transaction that came in several messages."""
        self._parts.extend(orders)

    def apply(self, revision: int, orders: Sequence[AnyOrder]) -> list[Change]:
        """Carry out what was collected and these last orders; what has changed. Raises Objection, and then nothing has."""
        whole, self._parts = [*self._parts, *orders], []
        draft = Draft(self.state)
        routes = self._tables.routes.draft()
        rosters = self._tables.registry.draft()
        # From revision 0 on nothing is served yet: nobody waits, and what is built at once is built once.
        size = _SLICE if self.state.revision else max(len(whole), 1)
        for start in range(0, len(whole), size):
            if start:
                self._pause()
            done = len(draft.effects)
            for order in whole[start : start + size]:
                carry_out(draft, order)
            effects = draft.effects[done:]
            routes.after(effects)
            rosters.after(effects)
        self.state = draft.state(revision)
        self._tables.routes = routes.table()
        self._tables.registry.publish(rosters)
        return draft.effects
