"""The live things of a worker, by stable key: what is counted, pooled and remembered while tables come and go.

Tables hold facts and are replaced; a LiveBackend survives every swap that keeps its key. It retires when no table names
it (its idle connections are closed at once), and is gone when, besides, its last exchange or tunnel has ended: that
moment is the "drained" event for which an operator waits. See docs/life_of_an_order.md.
A change is drafted aside (`Registry.draft`, `RosterDraft.after`) and published by one assignment. Nothing here switches greenlets.
"""

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sozu.command.addresses import parse_address
from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster
from sozu.proxy.balancing import Balancer, balancer_for

BackendKey = tuple[str, str]  # (cluster, address), as facts.Backend.key


class Idle(Protocol):
    """A pooled connection to a backend that nobody uses now."""

    def close(self) -> None:
        """Close it; must not switch greenlets."""


class LiveBackend:
    """A backend as this worker lives with it.

    The data path calls `begin` where it chose it, in the same breath, and `end` when the exchange or tunnel is over; it
    keeps pooled connections in `idle` (last in, first out) and keeps none once `retired` is set.
    `address` is (family, sockaddr), ready for a socket.
    """

    __slots__ = ("address", "credit", "exchanges", "fact", "idle", "key", "on_gone", "retired", "weight")

    def __init__(self, fact: Backend) -> None:
        where = parse_address(fact.address)
        self.key: BackendKey = fact.key
        self.address = (where.family, where.sockaddr)
        self.fact = fact
        self.weight = fact.weight
        self.credit = 0  # the balancer's notebook
        self.exchanges = 0
        self.idle: list[Idle] = []
        self.retired = False
        self.on_gone: list[Callable[[], None]] = []

    def begin(self) -> None:
        """One more exchange or tunnel."""
        self.exchanges += 1

    def end(self) -> None:
        """One less; the last one of a retired backend is what somebody may be waiting for."""
        self.exchanges -= 1
        if self.retired and not self.exchanges:
            self._tell()

    def serve(self, fact: Backend) -> None:
        """Take new settings, or come back from retirement with the old counts."""
        self.fact = fact
        self.weight = fact.weight
        if self.retired:
            self.retired = False
            self._tell()

    def retire(self) -> None:
        """No table names it any more: nothing new begins here, and idle connections have no future."""
        self.retired = True
        while self.idle:
            self.idle.pop().close()
        if not self.exchanges:
            self._tell()

    def _tell(self) -> None:
        listeners, self.on_gone = self.on_gone, []
        for listener in listeners:
            listener()


@dataclass(frozen=True, slots=True)
class Roster:
    """Whom a cluster may send to. `tiers`: the backends with a weight, then the backups, used when all before are out."""

    cluster: Cluster
    balancer: Balancer
    members: Mapping[str, LiveBackend]
    tiers: tuple[tuple[LiveBackend, ...], tuple[LiveBackend, ...]]

    def choose(self, tried: Container[BackendKey]) -> LiveBackend | None:
        """Pick from the first tier that has someone untried."""
        for tier in self.tiers:
            candidates = tuple(live for live in tier if live.key not in tried) if tried else tier
            if candidates:
                return self.balancer.pick(candidates)
        return None


class Registry:
    """All live backends of a worker, and the rosters by which exchanges find them."""

    def __init__(self) -> None:
        self.rosters: dict[str, Roster] = {}
        self._live: dict[BackendKey, LiveBackend] = {}

    def choose(self, cluster: str, tried: Container[BackendKey] = ()) -> LiveBackend | None:
        """A backend of this cluster that is not among the tried ones; None if there is none (503)."""
        roster = self.rosters.get(cluster)
        return None if roster is None else roster.choose(tried)

    def find(self, key: BackendKey) -> LiveBackend | None:
        """A backend in use, or a retired one that still has exchanges; None once it is gone."""
        return self._live.get(key)

    def draft(self) -> "RosterDraft":
        """Begin a change aside."""
        return RosterDraft(self)

    def publish(self, draft: "RosterDraft") -> None:
        """The swap. From here on new exchanges meet the new rosters; those that run keep what they chose."""
        self.rosters = draft.rosters
        for live, fact in draft.facts.items():
            self._live[live.key] = live
            live.serve(fact)
        for live in draft.leaving:
            if live.exchanges:
                live.on_gone.append(self._forgetter(live))
            else:
                del self._live[live.key]
            live.retire()

    def _forgetter(self, live: LiveBackend) -> Callable[[], None]:
        def forget() -> None:
            if live.retired:
                del self._live[live.key]

        return forget


class RosterDraft:
    """The next rosters, built beside those in use. Feed it effects in order, in slices if there are many."""

    def __init__(self, registry: Registry) -> None:
        self.rosters = dict(registry.rosters)
        self.facts: dict[LiveBackend, Backend] = {}
        self.leaving: set[LiveBackend] = set()
        self._registry = registry
        self._newcomers: dict[BackendKey, LiveBackend] = {}

    def after(self, effects: Iterable[Change]) -> None:
        """Rebuild the rosters that these effects touch, and no others."""
        clusters: dict[str, Cluster | None] = {}
        backends: dict[str, dict[str, Backend | None]] = {}
        for change in effects:
            match change.after or change.before:
                case Cluster(cluster=name):
                    clusters[name] = change.after if isinstance(change.after, Cluster) else None
                case Backend(cluster=name, address=address):
                    fact = change.after if isinstance(change.after, Backend) else None
                    backends.setdefault(name, {})[address] = fact
        for name in {**clusters, **backends}:
            self._rebuild(name, clusters, backends.get(name, {}))

    def _rebuild(
        self, name: str, clusters: Mapping[str, Cluster | None], backends: Mapping[str, Backend | None]
    ) -> None:
        old = self.rosters.pop(name, None)
        cluster = clusters.get(name, old.cluster if old else None)
        members = dict(old.members) if old else {}
        for address, fact in backends.items():
            left = members.pop(address, None)
            if fact is not None:
                members[address] = self._enlist(fact)
            elif left is not None:
                self._discharge(left)
        if cluster is None:
            for live in members.values():
                self._discharge(live)
        else:
            self.rosters[name] = self._roster(cluster, members, old)

    def _enlist(self, fact: Backend) -> LiveBackend:
        live = self._registry.find(fact.key) or self._newcomers.get(fact.key)
        if live is None:
            live = self._newcomers[fact.key] = LiveBackend(fact)
        self.facts[live] = fact
        self.leaving.discard(live)
        return live

    def _discharge(self, live: LiveBackend) -> None:
        self.facts.pop(live, None)
        if live.key not in self._newcomers:
            self.leaving.add(live)

    def _roster(self, cluster: Cluster, members: Mapping[str, LiveBackend], old: Roster | None) -> Roster:
        kept = old is not None and old.cluster.load_balancing is cluster.load_balancing
        balancer = old.balancer if kept and old is not None else balancer_for(cluster.load_balancing)
        weighted = [(live, self.facts.get(live, live.fact)) for live in members.values()]
        first = tuple(live for live, fact in weighted if fact.weight and not fact.backup)
        backups = tuple(live for live, fact in weighted if fact.weight and fact.backup)
        return Roster(cluster, balancer, members, (first, backups))
