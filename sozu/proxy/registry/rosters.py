"""Who may be chosen: a roster for each cluster, drafted aside (`Registry.draft`, `RosterDraft.after`), published by one assignment (`swap`).

What takes its time and nobody can see is done before (`prepare`), what nobody waits for after it (`settle`), both in steps between which traffic runs.

A roster says whom to choose from: the live backends in it survive every swap that keeps their key; one that no roster names
retires. Nothing here switches greenlets.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
import logging
from typing import Final

from sozu.command.draft import Change
from sozu.command.facts import Backend, Cluster
from sozu.command.terms import Failures
from sozu.proxy.registry.balancing import balancer_for
from sozu.proxy.registry.live_backend import BackendKey, LiveBackend, SocketAddress
from sozu.proxy.registry.recovery import Recovery
from sozu.proxy.registry.roster import Roster
from sozu.proxy.registry.stacks import Stacks, shares
from sozu.proxy.registry.terms import Terms, terms_for
from sozu.proxy.registry.terms.misses import Misses

log = logging.getLogger("sozu.proxy")

Facts = list[tuple[LiveBackend, Backend]]  # who is to be told what

_MOST_NAMED: Final = 20  # backends in a status
_FAILURES: Final = Failures()  # where a cluster says nothing of them


class Registry:
    """All live backends of a worker, and the rosters by which exchanges find them. `workers` share what a limit allows."""

    def __init__(self, workers: int = 1) -> None:
        self.rosters: dict[str, Roster] = {}
        self.workers = workers
        self._live: dict[BackendKey, LiveBackend] = {}
        self.left_running: list[BackendKey] = []  # of those that left with the last change, those that still had exchanges
        self.judged: dict[LiveBackend, str] = {}  # those that went down or came up, and why, until somebody has told it
        self._recovery = Recovery()
        self._stacks = Stacks()
        self._now = 0.0
        self._drafted: RosterDraft | None = None  # between its preparation and its swap

    def divide(self, workers: int) -> None:
        """Among so many workers limits are divided from now on."""
        self.workers = workers
        for roster in self.rosters.values():
            if roster.terms is not None:
                roster.terms.divide(workers)

    def find(self, key: BackendKey) -> LiveBackend | None:
        """A backend in use, or a retired one that still has exchanges; None once it is gone."""
        return self._live.get(key)

    def __iter__(self) -> Iterator[LiveBackend]:
        """All backends that are in use, or retired with exchanges still running."""
        return iter(self._live.values())

    def troubles(self) -> dict[str, int]:
        """How many backends are in each kind of trouble."""
        counts = Counter(live.trouble for live in self._live.values())
        return {kind: counts[kind] for kind in ("down", "resting", "pending")}

    def troubled(self) -> list[dict[str, str]]:
        """Some of them: cluster, address, state."""
        found = ((live, trouble) for live in self._live.values() if (trouble := live.trouble))
        return [{"cluster": live.key[0], "address": live.key[1], "state": trouble} for live, trouble in islice(found, _MOST_NAMED)]

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
        # In place: the list may be the stack of all backends at this address, and each
        # connection's `home`. They leave it first: a close does not look for itself there.
        older, live.idle[:] = live.idle[:half], live.idle[half:]
        for idle in older:
            idle.close()
        return True

    def tick(self, now: float) -> None:
        """Time has passed: some come back."""
        self._now = now
        for live, rested in self._recovery.tick(now):
            if rested:
                self._come_back(live)
            self._refresh(live)

    def failed(self, live: LiveBackend, now: float) -> None:
        """An exchange has failed because of this backend; after too many it is left alone for a while."""
        roster = self.rosters.get(live.key[0])
        if roster is None or live.retired:
            return
        misses = live.misses = live.misses or Misses()
        if misses.note(now, roster.cluster.failures or _FAILURES):
            log.info("event=backend_rests cluster=%s backend=%s seconds=%g", *live.key, misses.pause)
            self._recovery.rest(live, misses.until)
            self._refresh(live)

    def found(self, key: BackendKey, *, up: bool) -> None:
        """An active check has found out how this backend is."""
        live = self._live.get(key)
        if live is None or live.up is up:
            return
        log.warning("event=backend_%s cluster=%s backend=%s", "up" if up else "down", *key)
        live.up = up
        self.judge(live, down=not up, reason="health check")
        if up:
            self._come_back(live)
        self._refresh(live)

    def place(self, key: BackendKey, addresses: tuple[SocketAddress, ...]) -> None:
        """Where DNS says that this backend is now; connections to other places are not used again."""
        live = self._live.get(key)
        if live is None or set(live.addresses) == set(addresses):
            return
        live.addresses = addresses
        live.forget_idle()
        self._refresh(live)

    def _come_back(self, live: LiveBackend) -> None:
        self._warm_up(live, self.rosters)

    def _warm_up(self, live: LiveBackend, rosters: Mapping[str, Roster]) -> None:
        roster = rosters.get(live.key[0])
        if roster is not None:
            self._recovery.warm_up(live, self._now, roster.cluster.slow_start or 0.0)

    def _refresh(self, live: LiveBackend) -> None:
        name = live.key[0]
        # Traffic runs between the steps of a preparation, and backends fail meanwhile: what was sorted before would be published as it is no longer.
        if self._drafted is not None:
            self._drafted.spoil(name)  # what was seen of this backend is not so any more
        roster = self.rosters.get(name)
        if roster is not None:
            roster.refresh()

    def pack(self) -> None:
        """Have tables no larger than they need to be."""
        self._live, self.rosters = dict(self._live), dict(self.rosters)

    def draft(self) -> "RosterDraft":
        """Begin a change aside."""
        return RosterDraft(self)

    def prepare(self, draft: "RosterDraft") -> Iterator[None]:
        """Build it, a cluster in each step, with all that no exchange can notice: who serves already, and changes, is left for the swap."""
        self._drafted = draft
        # Only newcomers are told here: no roster in force names them, so nobody notices. Who serves already would show new settings before their revision.
        for roster, facts in draft.build():
            for live, fact in facts:
                self._welcome(live, fact, draft)
            if roster is not None:
                self._set_up(roster)
            yield

    def publish(self, draft: "RosterDraft") -> None:
        """Change all at once. For a large draft, see the next two."""
        self.swap(draft)
        deque(self.settle(draft), maxlen=0)

    def swap(self, draft: "RosterDraft") -> None:
        """From here on new exchanges meet the new rosters; those that run keep what they chose."""
        # What is left of it, if somebody has taken steps already. From here to the end nothing switches: no exchange may find rosters of two revisions.
        deque(self.prepare(draft), maxlen=0)
        self._drafted = None
        # Asked before anybody is let go: the worker's reply names them, and the master watches these only; the others have drained with the reply.
        self.left_running = [live.key for live in draft.leaving if live.exchanges]
        self.rosters = draft.rosters
        for live, fact in draft.facts:
            self._welcome(live, fact, draft)
        for name in draft.unprepared:
            self._set_up(draft.rebuilt[name])
        for terms in draft.terms:
            # Not when they were built: counters are shared with the terms in force until now, and would have been judged by a policy that is not published.
            terms.hold()

    def settle(self, draft: "RosterDraft") -> Iterator[None]:
        """Let those go that are in use no more."""
        while draft.leaving:
            live = draft.leaving.pop()
            if live.exchanges:
                live.on_gone.append(self._forgetter(live))
            else:
                del self._live[live.key]
            # Before `retire`, which closes all that is in the backend's stack: of a shared
            # one that would be the connections of every other cluster at the address.
            self._stacks.leave(live)
            live.retire()
            yield
        while draft.replaced:  # nobody has them any more, and ten thousand at once take some milliseconds
            if (old := draft.replaced.pop()) is not None:
                old.leave()
            yield

    def _welcome(self, live: LiveBackend, fact: Backend, draft: "RosterDraft") -> None:
        served = live.key in self._live and live.serves
        self._live[live.key] = live
        live.serve(fact)
        if draft.spares and not served and live.serves:
            self._warm_up(live, draft.rosters)

    def _set_up(self, roster: Roster) -> None:
        for live in roster.members.values():
            self._stacks.place(live, roster.cluster)
        roster.refresh()

    def _forgetter(self, live: LiveBackend) -> Callable[[], None]:
        def forget() -> None:
            # By the same call it is told that it has come back before its last exchange ended: then it is in use, and stays.
            if live.retired:
                del self._live[live.key]

        return forget


class RosterDraft:
    """The next rosters, built beside those in use. Feed it effects in order, in slices if there are many, then `build`."""

    def __init__(self, registry: Registry) -> None:
        self.rosters = dict(registry.rosters)
        self.rebuilt: dict[str, Roster] = {}
        self.replaced: list[Roster | None] = []
        self.leaving: set[LiveBackend] = set()
        self.facts: Facts = []  # that are to be told at the swap
        self.unprepared: set[str] = set()  # clusters whose rosters are to be set up then
        self.terms: list[Terms] = []
        self.spares = any(True for _ in registry)  # newcomers; at the start all are new, and none is to be spared
        self._registry = registry
        self._clusters: dict[str, Cluster | None] = {}
        self._backends: dict[str, dict[str, Backend | None]] = {}

    def after(self, effects: Iterable[Change]) -> None:
        """Note what is touched; nothing else is built anew."""
        for change in effects:
            match change.after or change.before:
                # Noted here and built once at the end, in whatever number of slices a transaction names the same cluster.
                case Cluster(cluster=name):
                    self._clusters[name] = change.after if isinstance(change.after, Cluster) else None
                    self._backends.setdefault(name, {})
                case Backend(cluster=name, address=address):
                    fact = change.after if isinstance(change.after, Backend) else None
                    self._backends.setdefault(name, {})[address] = fact

    def build(self) -> Iterator[tuple[Roster | None, Facts]]:
        """Build what is touched, a cluster in each step; gives each roster that can be set up now, with what its newcomers are to be told first."""
        while self._backends:
            name, backends = self._backends.popitem()
            roster, facts, changing = self._rebuild(name, backends)
            # Somebody of this cluster serves already, and changes: sorted now, its tiers would go by settings that he gets at the swap only.
            if roster is not None and changing:
                self.facts += facts
                self.unprepared.add(name)
                yield None, []
            else:
                yield roster, facts

    def spoil(self, name: str) -> None:
        """What was prepared of this cluster is to be done again."""
        if name in self.rebuilt:
            self.unprepared.add(name)

    def _rebuild(self, name: str, backends: Mapping[str, Backend | None]) -> tuple[Roster | None, Facts, bool]:
        old = self.rosters.pop(name, None)
        self.replaced.append(old)
        cluster = self._clusters.pop(name, old.cluster if old else None)
        # Another stack is a change too: prepared, it would take in connections that exchanges open in the old way until the swap.
        changing = old is not None and cluster is not None and shares(old.cluster) is not shares(cluster)
        members, facts = dict(old.members) if old else {}, Facts()
        for address, fact in backends.items():
            left = members.pop(address, None)
            if fact is not None:
                live = self._registry.find(fact.key)
                changing = changing or live is not None
                members[address] = live = live or LiveBackend(fact)
                facts.append((live, fact))
            elif left is not None:
                self.leaving.add(left)
        if cluster is None:
            assert not members, "a cluster leaves after its backends"
            return None, facts, False
        # A balancer that stays goes on with its turn: begun anew by each transaction, the first backend of the list would get the first request after each.
        kept = old is not None and old.cluster.load_balancing is cluster.load_balancing
        balancer = old.balancer if kept and old is not None else balancer_for(cluster.load_balancing)
        same = old is not None and old.cluster is cluster
        terms = old.terms if same and old is not None else terms_for(cluster, self._registry.workers, None if old is None else old.terms)
        self.terms += () if terms is None else (terms,)
        roster = self.rosters[name] = self.rebuilt[name] = Roster(cluster, balancer, members, terms)
        return roster, facts, changing
