"""How a committed transaction reaches this worker's traffic: built aside, in slices, then published in one breath.

The orders were validated by the master, and `carry_out` is the very function it used; so an Objection here means that
master and worker have come apart, and the worker says so instead of guessing. Between the last lines of `apply`
nothing switches greenlets: every exchange sees the configuration before a transaction or after it, never half of it.
What a large one leaves to do afterwards, when nobody waits for it, is done by `settle`, in slices again.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final, Protocol, cast

from sozu.command.addresses import named_address
from sozu.command.draft import Change, Draft
from sozu.command.facts import AnyFact, Backend, Cluster, Fact, Frontend
from sozu.command.orders import AnyOrder
from sozu.command.routes import RouteDraft, RouteTable
from sozu.command.rules import carry_out
from sozu.command.state import ConfigState
from sozu.proxy.loop.breath import Breath
from sozu.proxy.registry import Registry, RosterDraft

# A bit cannot be shorter than what is done between two looks: slices of 64 took up to 1.5 ms (docs/decisions/009.md).
_SLICE: Final = 4  # orders between two looks at the clock


class Tables(Protocol):
    """Where exchanges look: the part of Traffic that a transaction replaces."""

    routes: RouteTable
    registry: Registry


class Transactions:
    """The worker's state, and the way to the next one. Traffic runs in each `breath`, between two bits."""

    def __init__(self, tables: Tables, breath: Breath, is_noted: Callable[[Change, Draft], bool] = lambda *_: True) -> None:
        """Of the changes those that are `noted` are told to who applies a transaction; that is asked in the slices, too."""
        self.state = ConfigState()
        self._tables = tables
        self._breath = breath
        self._is_noted = is_noted
        self._parts: list[AnyOrder | AnyFact] = []
        self._settling: Iterator[object] = iter(())
        self._gently = False  # a small change is over before anybody would be the better for a pause

    def collect(self, orders: Sequence[AnyOrder | AnyFact]) -> None:
        """Keep a part of a transaction that came in several messages; facts are as the master has them, and need no second look."""
        self._parts.extend(orders)

    @property
    def waiting(self) -> int:
        """How many orders were collected."""
        return len(self._parts)

    def apply(self, revision: int, orders: Sequence[AnyOrder]) -> list[Change]:
        """Carry out what was collected and these last orders; the changes that are noted. Raises Objection, and then nothing has changed."""
        # Taken off before anything can fail: parts of a transaction that was refused must not be carried out with the next one.
        whole, self._parts = [*self._parts, *orders], []
        self._breath.begin()
        # Everything is built beside what is in use. An Objection, or the end of this worker, leaves traffic with what it has.
        draft, noted = Draft(self.state), list[Change]()
        routes, rosters = self._tables.routes.draft(), self._tables.registry.draft()
        # At revision 0 nothing is served yet: nobody waits, and what is built at once is built once.
        size = _SLICE if self.state.revision else max(len(whole), 1)
        for start in range(0, len(whole), size):
            done = len(draft.effects)
            self._carry_out(draft, whole[start : start + size])
            effects = draft.effects[done:]
            routes.after(effects)
            rosters.after(effects)
            # Asked here, slice by slice: ten thousand changes looked at in one go at the end would be one long turn.
            noted += [change for change in effects if self._is_noted(change, draft)]
            # By effects as well as by orders: one order may remove a cluster with all that it has.
            self._gently = self.state.revision > 0 and max(len(whole), len(draft.effects)) > _SLICE
            # One step, since what took the time is done: it is asked only whether somebody has waited long enough.
            self._let_run((effects,))
        self._publish(revision, draft, routes, rosters)
        # Kept until the followers have heard of the change: to free ten thousand objects takes some milliseconds, and nobody waits for that.
        self._settling = chain(self._tables.registry.settle(rosters), _dropped(whole), _dropped(draft.effects), routes.forget())
        return noted

    def _carry_out(self, draft: Draft, some: Sequence[AnyOrder | AnyFact]) -> None:
        # The master has checked these facts, and nothing is there that they could contradict: without the rules a start takes a third less.
        if not self.state.revision and some and isinstance(some[0], Fact):
            draft.fill(cast("Sequence[AnyFact]", some))  # a state is told as facts, or as orders
            return
        for order in some:
            carry_out(draft, cast("AnyOrder", order))

    def _publish(self, revision: int, draft: Draft, routes: RouteDraft, rosters: RosterDraft) -> None:
        registry = self._tables.registry
        # What takes long comes first, in steps between which traffic meets the old tables, all of them. Below this nothing switches.
        self._let_run(routes.build())
        self._let_run(registry.prepare(rosters))
        # All three together: what is remembered of a head names a route and a roster, and is forgotten
        # when routes change; a request between the lines would remember the new one with the old other.
        self.state = draft.state(revision)
        self._tables.routes = routes.table()
        registry.swap(rosters)

    def settle(self) -> None:
        """Finish what nobody sees any more."""
        settling, self._settling = self._settling, iter(())
        self._let_run(settling)

    def pack(self) -> None:
        """Where much has gone: make the tables anew, no larger than they need to be, and apart from where what has gone was made."""
        self._let_run(self._packing())

    def _packing(self) -> Iterator[None]:
        # Each is made whole and then assigned, so that traffic may run between the three.
        self.state = self.state.packed()
        yield
        self._tables.routes = self._tables.routes.packed()
        yield
        self._tables.registry.pack()

    def _let_run(self, steps: Iterable[object]) -> None:
        if self._gently:
            self._breath.through(steps)
        else:
            deque(steps, maxlen=0)


def _dropped(items: list[Any]) -> Iterator[None]:
    """Let go of these one by one: ten thousand at once take some milliseconds."""
    while items:
        items.pop()
        yield


def is_noted(change: Change, draft: Draft) -> bool:
    """Does it regard more than the tables of routes and backends? Of ten thousand changes few do."""
    fact = change.after or change.before
    if isinstance(fact, Backend):  # first: nearly all changes of a large transaction are of backends
        cluster = draft.clusters.get(fact.cluster)
        return (cluster is not None and cluster.health is not None) or named_address(fact.address) is not None
    if isinstance(fact, Cluster):
        return _is_asked_for(change.after) or _is_asked_for(change.before)
    if isinstance(fact, Frontend):
        # One that goes may have exchanges that somebody waits for; one that comes matters to TLS alone, the others are in the route table already.
        return change.after is None or _is_of_tls(change.after) or _is_of_tls(change.before)
    return True


def _is_asked_for(fact: AnyFact | None) -> bool:
    return isinstance(fact, Cluster) and (fact.tls is not None or fact.health is not None)


def _is_of_tls(fact: AnyFact | None) -> bool:
    return isinstance(fact, Frontend) and (fact.certificate is not None or fact.passthrough)
