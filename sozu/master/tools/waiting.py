"""The long waits of `remove_*` with `wait`: until the last exchange or session of what was removed has ended.

A wait is a subscription: who lost it may ask again, and is understood although the thing is gone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sozu.command.addresses import BadAddress, normal_address
from sozu.command.orders import AnyOrder, RemoveBackend, RemoveCluster, RemoveListener
from sozu.command.state import BackendKey
from sozu.master.ledger import Ledger
from sozu.master.news.chronicle import still_running
from sozu.master.publication import Publication
from sozu.master.tools.tool import Declined, Final, Say
from sozu.master.tools.watching import StillInUse, watch_backend, watch_listener
from sozu.master.workers.roster import Roster

Awaited = RemoveBackend | RemoveCluster | RemoveListener


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who is asked, and who knows what has departed."""

    ledger: Ledger
    roster: Roster

    def departed(self, order: AnyOrder) -> bool:
        """Is it a wait for what was removed before? Then there is nothing to commit."""
        match order:
            case RemoveBackend(cluster=cluster, address=address, wait=True):
                key = (cluster, _normal(address))
                return key not in self.ledger.state.backends and key in self.ledger.departures
            case RemoveCluster(cluster=cluster, wait=True):
                return cluster not in self.ledger.state.clusters and any(key[0] == cluster for key in self.ledger.departures)
            case RemoveListener(address=address, wait=True):
                normal = _normal(address)
                return normal not in self.ledger.state.listeners and normal in self.ledger.departures
            case _:
                return False

    def until_gone(self, orders: Sequence[Awaited], publication: Publication | None, told: dict[str, Any], say: Say) -> Final:
        """Wait for all of them. `publication` removed them just now; None: somebody asks again."""
        begin = f"revision {told['revision']}: {', '.join(map(_name, orders))}"
        say(f"{begin} gets no new requests; waiting for those it has", told)
        try:
            for key in self._backends(orders, publication):
                watch_backend(self.roster, *key, say)
            for order in orders:
                if isinstance(order, RemoveListener):
                    watch_listener(self.roster, _normal(order.address), say)
        except StillInUse as why:
            raise Declined(f"{why}; it was removed in revision {told['revision']}, and has been added since", {**told, "code": "back-again"}) from why
        return Final(f"{begin} may be stopped now", told)

    def _backends(self, orders: Iterable[Awaited], publication: Publication | None) -> Iterator[BackendKey]:
        for order in orders:
            match order:
                case RemoveBackend():
                    yield order.cluster, _normal(order.address)
                case RemoveCluster():
                    keys = self.ledger.departures if publication is None else still_running(publication)
                    yield from (key for key in keys if key[0] == order.cluster)
                case _:
                    continue


def awaited(orders: Sequence[AnyOrder]) -> list[Awaited]:
    """Those that somebody wants to wait for."""
    return [order for order in orders if isinstance(order, Awaited) and order.wait]


def _name(order: Awaited) -> str:
    match order:
        case RemoveBackend():
            return f"{order.address} of cluster {order.cluster}"
        case RemoveCluster():
            return f"cluster {order.cluster}"
        case RemoveListener():
            return f"listener {order.address}"


def _normal(address: str) -> str:
    try:
        return normal_address(address)
    except BadAddress:
        return address  # `commit` says what is wrong with it
