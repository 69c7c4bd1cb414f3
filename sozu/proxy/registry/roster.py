"""Whom a cluster may send to, sorted so that choosing asks nothing that does not change from request to request."""

from collections.abc import Container, Mapping
from typing import Final

from sozu.command.facts import Cluster
from sozu.proxy.registry.balancing import Balancer, LeastLoaded, Maglev, RoundRobin
from sozu.proxy.registry.live_backend import BackendKey, LiveBackend
from sozu.proxy.registry.terms import Terms

_NONE: Final[list[float]] = []


class Roster:
    """The members of one cluster, in `tiers`: those with a weight that are well, then the backups, used when all before are out.

    If nobody is well all are asked: what looks like the end of all backends is more often an end of our view of them. `sole` is the one of the
    first tier, if there is but one: nothing is to be balanced then. `terms` is None where the cluster has none.
    """

    __slots__ = ("_share", "balancer", "cluster", "members", "sole", "terms", "tiers")

    def __init__(self, cluster: Cluster, balancer: Balancer, members: Mapping[str, LiveBackend], terms: Terms | None) -> None:
        self.cluster = cluster
        # Its own: this roster is sorted before it is in force, and a table knows the tuple of one roster only. Shared, nearly all keys moved until the swap.
        self.balancer = balancer.beside() if isinstance(balancer, Maglev) else balancer
        self.members = members
        self.terms = terms
        self.sole: LiveBackend | None = None
        self.tiers: tuple[tuple[LiveBackend, ...], ...] = ()
        self._share = [0.0] * len(cluster.split) if cluster.split else _NONE

    def refresh(self) -> None:
        """Sort the members anew: something about them has changed."""
        # A new tuple each time, also of the same members: balancers know by identity that nothing has changed, and weights may have. A
        # list inside: a generator would be resumed for each member, and a large transaction comes by here once for each cluster.
        first = tuple([live for live in self.members.values() if live.serves and live.well and not live.fact.backup])
        # Nearly always all are well and none is a backup: then nobody is looked at twice.
        self.tiers = (first, ()) if len(first) == len(self.members) else self._sorted()
        first = self.tiers[0]
        self.sole = first[0] if len(first) == 1 else None
        if isinstance(self.balancer, Maglev):
            # Maglev's table is for the first tier alone; whoever falls back to another one is chosen by lots that are drawn by the key, which need no table.
            self.balancer.prepare(first)
        if self.terms is not None:
            # Here as well as at the end of exchanges: a backend that comes up again, or has just been added, ends no exchange of which the queue would hear.
            self.terms.queue.call_all()  # somebody may have come back, with room

    def leave(self) -> None:
        """Another one is in its place, or none."""
        if self.terms is not None:
            # Who waits looks again: the cluster may have no limit any more, or be gone. Nobody else would call, where the new roster has no terms.
            self.terms.queue.call_all()

    def _sorted(self) -> tuple[tuple[LiveBackend, ...], tuple[LiveBackend, ...]]:
        able = [live for live in self.members.values() if live.serves]
        well = [live for live in able if live.well] or able
        return tuple(live for live in well if not live.fact.backup), tuple(live for live in well if live.fact.backup)

    def choose(self, tried: Container[BackendKey] = (), key: bytes = b"") -> LiveBackend | None:
        """Pick from the first tier that has someone untried, with room for one more."""
        room = None if self.terms is None else self.terms.room
        for tier in self.tiers:
            # What is left of a tier is asked through `pick_of`, not through `pick`: by `pick` all turns
            # of a backend that could not be reached went to the same neighbour.
            if tried or (room is not None and any([live.exchanges >= room for live in tier])):  # noqa: C419 - quicker for a few
                able = tuple(live for live in tier if live.key not in tried and (room is None or live.exchanges < room))
                if able:
                    return self.balancer.pick_of(tier, able) if isinstance(self.balancer, RoundRobin | LeastLoaded) else self.balancer.pick(able, key)
            elif tier:
                return self.balancer.pick(tier, key)  # the very tuple that the balancer knows
        return None

    def known_by(self, token: bytes) -> LiveBackend | None:
        """The member that a client's cookie names, if it may still be sent there: also one of weight 0, which gets no new clients."""
        # A walk and no table by token: that would be made with each roster, also for the clusters that never see a cookie, which are most of ten thousand.
        for live in self.members.values():
            if live.token == token and live.well and live.addresses and not live.fact.maintenance:
                return live
        return None

    def untried(self, tried: Container[BackendKey]) -> bool:
        """Is there someone who was not tried?"""
        # Who gets nobody from `choose` has to know which it is: all are full, and to wait for
        # room helps; or all have failed, and to wait would cost the client seconds for nothing.
        return any(live.key not in tried for tier in self.tiers for live in tier)

    def other(self) -> str | None:
        """The cluster that this request is split off to, None for this one. Shares are kept exactly: nothing is left to chance."""
        # Counted, not thrown: of 25 % every fourth request is one, from the first four on, so that also a test with little traffic reaches the next version.
        for place, share in enumerate(self.cluster.split):
            self._share[place] += share.share
        for place, share in enumerate(self.cluster.split):
            if self._share[place] >= 100.0:
                # Less a hundred, not set to nothing: what a share has above it belongs to its next turn, else 30 % would be every fourth request.
                self._share[place] -= 100.0
                return share.cluster
        return None
