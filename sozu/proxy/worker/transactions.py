"""How a committed transaction reaches this worker's traffic: built aside, in slices, then published in one breath.

The orders were validated by the master, and `carry_out` is the very function it used; so an Objection here means that
master and worker have come apart, and the worker says so instead of guessing. Between the last lines of `apply`
nothing switches greenlets: every exchange sees the configuration before a transaction or after it, never half of it.
What a large one leaves to do afterwards, when nobody waits for it, is done by `settle`, in slices again.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from sozu.command.addresses import named_address
from sozu.command.draft import Change, Draft
from sozu.command.facts import AnyFact, Backend, Cluster, Fact, Frontend
from sozu.command.orders import AnyOrder
from sozu.command.routes import RouteTable
from sozu.command.rules import carry_out
from sozu.command.state import ConfigState
from sozu.proxy.registry import Registry

_SLICE = 64  # orders: a third of a millisecond of the hub's time


class Tables(Protocol):
    """Where exchanges look: the part of Traffic that a transaction replaces."""

    routes: RouteTable
    registry: Registry


class Transactions:
    """The worker's state, and the way to the next one. `pause` lets traffic run between two slices."""

    def __init__(self, tables: Tables, pause: Callable[[], object], is_noted: Callable[[Change, Draft], bool] = lambda *_: True) -> None:
        """Of the changes those that are `noted` are told to who applies a transaction; that is asked in the slices, too."""
        self.state = ConfigState()
        self._tables = tables
        self._pause = pause
        self._is_noted = is_noted
        self._parts: list[AnyOrder | AnyFact] = []
        self._settling: Iterator[None] = iter(())

    def collect(self, orders: Sequence[AnyOrder | AnyFact]) -> None:
        """Keep a part of a transaction that came in several messages; facts are as the master has them, and need no second look."""
        self._parts.extend(orders)

    def apply(self, revision: int, orders: Sequence[AnyOrder]) -> list[Change]:
        """Carry out what was collected and these last orders; the changes that are noted. Raises Objection, and then nothing has changed."""
        whole, self._parts = [*self._parts, *orders], []
        draft = Draft(self.state)
        routes = self._tables.routes.draft()
        registry, noted = self._tables.registry, list[Change]()
        rosters = registry.draft()
        # From revision 0 on nothing is served yet: nobody waits, and what is built at once is built once.
        size = _SLICE if self.state.revision else max(len(whole), 1)
        for start in range(0, len(whole), size):
            if start:
                self._pause()
            done = len(draft.effects)
            for order in whole[start : start + size]:
                if isinstance(order, Fact):
                    draft.put(order)
                else:
                    carry_out(draft, order)
            effects = draft.effects[done:]
            routes.after(effects)
            rosters.after(effects)
            noted += [change for change in effects if self._is_noted(change, draft)]
        self._let_run(registry.prepare(rosters))
        self.state = draft.state(revision)
        self._tables.routes = routes.table()
        registry.swap(rosters)
        self._settling = registry.settle(rosters)
        return noted

    def settle(self) -> None:
        """Finish what nobody sees any more."""
        self._let_run(self._settling)

    def _let_run(self, steps: Iterator[None]) -> None:
        for _ in steps:
            if self.state.revision:
                self._pause()


def is_noted(change: Change, draft: Draft) -> bool:
    """Does it regard more than the tables of routes and backends? Of ten thousand changes few do."""
    match change.after or change.before:
        case Backend(address=address, cluster=name):
            cluster = draft.clusters.get(name)
            return named_address(address) is not None or (cluster is not None and cluster.health is not None)
        case Cluster():
            return any(side is not None and (side.tls is not None or side.health is not None) for side in change if isinstance(side, Cluster))
        case Frontend():
            return change.after is None or any(side.certificate is not None or side.passthrough for side in change if isinstance(side, Frontend))
        case _:
            return True
