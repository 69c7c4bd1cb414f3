"""The terms on which a cluster takes requests, where it has any: what is counted for them lives as long as the cluster, whatever changes.

    affinity      the key by which hrw and maglev choose; the cookie that keeps a client with its backend
    allowances    retries as a share of the requests; exchanges of one client
    breaker       refusing at once where most fails
    misses        leaving a backend alone that fails
    waiting       the queue for a backend that has room
A cluster that names none of these has no Terms, and its requests pay for none. Limits hold for all workers together: each has its part.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Final, TypeVar

from sozu.command.facts import Cluster
from sozu.proxy.registry.balancing import KEYED, Candidate
from sozu.proxy.registry.terms.affinity import Key, key_for
from sozu.proxy.registry.terms.allowances import Guests, RetryBudget
from sozu.proxy.registry.terms.breaker import Breaker
from sozu.proxy.registry.terms.waiting import WaitingRoom

__all__ = ["NO_TERMS", "Terms", "terms_for"]

K = TypeVar("K", Breaker, RetryBudget, Guests)  # what goes on counting when its policy changes
P = TypeVar("P")

_DEFAULT: Final = Cluster(cluster="")
# Compared in one go, for each of ten thousand clusters. A new kind of terms has to be named here, or a
# cluster that has it alone goes without. A queue is not: where nothing bounds `max_exchanges` nobody waits.
_asked = attrgetter("sticky", "split", "retries", "breaker", "max_exchanges", "max_per_client", "proxy_protocol")
_NOTHING: Final = _asked(_DEFAULT)


class Terms:
    """Those of one cluster; None stands for what it does not ask for."""

    __slots__ = ("_cluster", "_workers", "breaker", "budget", "guests", "key", "name", "plain", "proxy_protocol", "queue", "room")

    def __init__(self, cluster: Cluster, workers: int, old: "Terms | None") -> None:
        self._cluster = cluster
        self._workers = workers
        self.name = cluster.cluster
        self.key: Key | None = key_for(cluster)
        # Those of the old terms as they are, also where the cluster has another policy: until `hold` it is the old terms' exchanges that count in them.
        self.breaker: Breaker | None = None if old is None else old.breaker
        self.budget: RetryBudget | None = None if old is None else old.budget
        self.guests: Guests | None = None if old is None else old.guests
        self.queue: WaitingRoom = WaitingRoom(0) if old is None else old.queue
        self.plain = self.key is None and cluster.sticky is None and not cluster.split and cluster.proxy_protocol is None  # asks nothing of a request
        self.room = self._part(cluster.max_exchanges)
        self.proxy_protocol = cluster.proxy_protocol

    def hold(self) -> None:
        """From now on these hold. What was counted under the terms before goes on being counted."""
        cluster = self._cluster
        # A lease goes on with the Terms that it began with, so what is taken off here is still there for whoever has to leave it.
        self.breaker = _kept(self.breaker, cluster.breaker, Breaker)
        self.budget = _kept(self.budget, cluster.retries, RetryBudget)
        self.guests = _kept(self.guests, self._part(cluster.max_per_client), Guests)
        # Fewer seats send nobody away who sits already: `enter` looks at the size, and at nobody else.
        self.queue.size = self._part(cluster.queue.size) or 0 if cluster.queue is not None else 0
        # Who was called when the roster was prepared has met the one before, and would else wait for the end of an exchange that may hang.
        self.queue.call_all()

    def divide(self, workers: int) -> None:
        """Have the part that one of so many workers has."""
        self._workers = workers
        self.room = self._part(self._cluster.max_exchanges)
        self.hold()

    @property
    def patience(self) -> float:
        """Seconds that a request may wait for room."""
        return 0.0 if self._cluster.queue is None else self._cluster.queue.seconds

    def is_full(self, backend: Candidate) -> bool:
        """Has it as many exchanges as one may have?"""
        return self.room is not None and backend.exchanges >= self.room

    def _part(self, limit: int | None) -> int | None:
        """Of a limit for all workers: ours. Rounded up, since none would be too little."""
        # Down, 2 workers would let in 2 of a limit of 3, and nobody at all of a limit of 1.
        return None if limit is None else -(-limit // self._workers)


def _kept(old: K | None, policy: P | None, make: Callable[[P], K]) -> K | None:
    # What is asked for no longer is forgotten with its counts; asked for again, it begins at nothing.
    if policy is None:
        return None
    if old is None:
        return make(policy)
    # The counter stays and only its policy is replaced: else each change of a cluster would close an open circuit, and forget how many exchanges a client has.
    old.policy = policy  # type: ignore[assignment]  # each has the policy that it was made with
    return old


def terms_for(cluster: Cluster, workers: int, old: Terms | None) -> Terms | None:
    """Its terms; None if it has none. They hold from `hold` on."""
    plain = cluster.load_balancing not in KEYED and _asked(cluster) == _NOTHING
    return None if plain else Terms(cluster, workers, old)


NO_TERMS: Final = Terms(_DEFAULT, 1, None)
