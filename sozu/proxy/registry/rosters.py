"""Who may be chosen: a roster for each cluster, drafted aside (`Registry.draft`, `RosterDraft.after`), published by one assignment.

A roster says whom to choose from: the live backends in it survive every swap that keeps their key; one that no roster names
retires. Nothing here switches greenlets.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster
from sozu.proxy.registry.affinity import key_for
from sozu.proxy.registry.balancing import Balancer, Maglev, balancer_for
from sozu.proxy.registry.live_backend import BackendKey, LiveBackend


class Roster:
    """Whom a cluster may send to. `tiers`: the backends with a weight, then the backups, used when all before are out.

    `sole` is the one with a weight, if there is but one: nothing is to be balanced then. `key` finds in a request what decides who gets it;
    None where the balancer does not ask.
    """

    __slots__ = ("balancer", "cluster", "key", "members", "sole", "tiers")

    def __init__(self, cluster: Cluster, balancer: Balancer, members: Mapping[str, LiveBackend]) -> None:
        self.cluster = cluster
        self.balancer = balancer
        self.members = members
        self.key = key_for(cluster)
        self.sole: LiveBackend | None = None
        self.tiers: tuple[tuple[LiveBackend, ...], ...] = ()

    def refresh(self) -> None:
        """Sort the members anew: something about them has changed."""
        weighted = [live for live in self.members.values() if live.fact.weight]
        first = tuple(live for live in weighted if not live.fact.backup)
        self.tiers = (first, tuple(live for live in weighted if live.fact.backup))
        self.sole = first[0] if len(first) == 1 else None
        if isinstance(self.balancer, Maglev):
            self.balancer.prepare(first)

    def choose(self, tried: Container[BackendKey] = (), key: bytes = b"") -> LiveBackend | None:
        """Pick from the first tier that has someone untried."""
        for tier in self.tiers:
            if candidates := tuple(live for live in tier if live.key not in tried) if tried else tier:
                return self.balancer.pick(candidates, key)
        return None


class Registry:
    """All live backends of a worker, and the rosters by which exchanges find them."""

    def __init__(self) -> None:
        self.rosters: dict[str, Roster] = {}
        self._live: dict[BackendKey, LiveBackend] = {}
        self.left_running: list[BackendKey] = []  # of those that left with the last change, those that still had exchanges
        self.judged: dict[LiveBackend, str] = {}  # those that went down or came up, and why, until somebody has told it

    def find(self, key: BackendKey) -> LiveBackend | None:
        """A backend in use, or a retired one that still has exchanges; None once it is gone."""
        return self._live.get(key)

    def __iter__(self) -> Iterator[LiveBackend]:
        """All backends that are in use, or retired with exchanges still running."""
        return iter(self._live.values())

    def judge(self, live: LiveBackend, *, down: bool, reason: str = "") -> None:
        """Note whether a connection could be had."""
        if live.down is not down:
            live.down = down
            self.judged[live] = reason

    def shed(self) -> bool:
        """Close half of the idle connections, the older half, of the backend that has most; False if none has any."""
        live = max(self._live.values(), key=lambda live: len(live.idle), default=None)
        if live is None or not live.idle:
            return False
        half = (len(live.idle) + 1) // 2
        older, live.idle[:] = live.idle[:half], live.idle[half:]
        for idle in older:
            idle.close()
        return True

    def draft(self) -> "RosterDraft":
        """Begin a change aside."""
        return RosterDraft(self)

    def publish(self, draft: "RosterDraft") -> None:
        """The swap. From here on new exchanges meet the new rosters; those that run keep what they chose."""
        self.left_running = [live.key for live in draft.leaving if live.exchanges]
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
        for roster in draft.rebuilt.values():
            roster.refresh()

    def _forgetter(self, live: LiveBackend) -> Callable[[], None]:
        def forget() -> None:
            if live.retired:
                del self._live[live.key]

        return forget


class RosterDraft:
    """The next rosters, built beside those in use. Feed it effects in order, in slices if there are many."""

    def __init__(self, registry: Registry) -> None:
        self.rosters = dict(registry.rosters)
        self.rebuilt: dict[str, Roster] = {}
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
        self.rebuilt.pop(name, None)
        cluster = clusters.get(name, old.cluster if old else None)
        members = dict(old.members) if old else {}
        for address, fact in backends.items():
            left = members.pop(address, None)
            if fact is not None:
                members[address] = self._enlist(fact)
            elif left is not None:
                self._discharge(left)
        if cluster is not None:
            kept = old is not None and old.cluster.load_balancing is cluster.load_balancing
            balancer = old.balancer if kept and old is not None else balancer_for(cluster.load_balancing)
            self.rosters[name] = self.rebuilt[name] = Roster(cluster, balancer, members)
        else:
            assert not members, "a cluster leaves after its backends"

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
