"""The long waits of `remove_*` with `wait`: until the last exchange or session of what was removed has ended.

A wait is a subscription: who lost it may ask again, and is understood although the thing is gone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sozu.command.addresses import BadAddress, normal_address
from sozu.command.facts import Frontend
from sozu.command.orders import AnyOrder, RemoveBackend, RemoveCluster, RemoveHttpFrontend, RemoveListener
from sozu.command.rules import Objection
from sozu.command.rules.frontends import frontend_of
from sozu.command.rules.names import frontend_name
from sozu.command.state import BackendKey
from sozu.master.ledger import Ledger
from sozu.master.news.chronicle import still_running
from sozu.master.publication import Publication
from sozu.master.tools.tool import Declined, Final, Say
from sozu.master.tools.watching import StillInUse, watch_backend, watch_frontend, watch_listener
from sozu.master.workers.roster import Roster

Awaited = RemoveBackend | RemoveCluster | RemoveHttpFrontend | RemoveListener


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who is asked, and who knows what has departed."""

    ledger: Ledger
    roster: Roster

    def departed(self, order: AnyOrder) -> bool:
        """Is it a wait for what was removed before? Then there is nothing to commit."""
        match order:
            case RemoveBackend(cluster=cluster, address=address, wait=True):
                # Remembered under its normal address, however it was written when it was removed, and is written now.
                key = (cluster, _normal(address))
                # One that has come back is not waited for: to remove it again is a change, and goes through the ledger.
                return key not in self.ledger.state.backends and key in self.ledger.departures.backends
            case RemoveCluster(cluster=cluster, wait=True):
                gone = self.ledger.departures
                # An older master has left backends only, and no clusters.
                return cluster not in self.ledger.state.clusters and (cluster in gone.clusters or any(key[0] == cluster for key in gone.backends))
            case RemoveListener(address=address, wait=True):
                normal = _normal(address)
                return normal not in self.ledger.state.listeners and normal in self.ledger.departures.listeners
            case RemoveHttpFrontend(wait=True):
                frontend = _frontend(order)
                return frontend is not None and frontend.key not in self.ledger.state.frontends and frontend.key in self.ledger.departures.frontends
            case _:
                return False

    def until_gone(self, orders: Sequence[Awaited], publication: Publication | None, told: dict[str, Any], say: Say) -> Final:
        """Wait for all of them. `publication` removed them just now; None: somebody asks again."""
        begin = f"revision {told['revision']}: {', '.join(map(_name, orders))}"
        say(f"{begin} gets no new requests; waiting for those it has", told)
        try:
            # One after the other takes no longer than the longest: what has ended meanwhile is answered at once.
            for key in self._backends(orders, publication):
                watch_backend(self.roster, *key, say)
            for order in orders:
                self._until_sessions_end(order, say)
        except StillInUse as why:
            raise Declined(f"{why}; it was removed in revision {told['revision']}, and has been added since", {**told, "code": "back-again"}) from why
        return Final(f"{begin} may be stopped now", told)

    def _until_sessions_end(self, order: Awaited, say: Say) -> None:
        if isinstance(order, RemoveListener):
            watch_listener(self.roster, _normal(order.address), say)
        elif isinstance(order, RemoveHttpFrontend) and (gone := _frontend(order)) is not None:
            watch_frontend(self.roster, gone.key, frontend_name(gone), say)

    def _backends(self, orders: Iterable[Awaited], publication: Publication | None) -> Iterator[BackendKey]:
        for order in orders:
            match order:
                case RemoveBackend():
                    yield order.cluster, _normal(order.address)
                case RemoveCluster():
                    # After a commit the workers have just said which of them still run.
                    # Who asks again may have lost any of those that are remembered.
                    keys = tuple(self.ledger.departures.backends) if publication is None else still_running(publication)
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
        case RemoveHttpFrontend():
            gone = _frontend(order)
            return f"frontend {frontend_name(gone)} of cluster {order.cluster}" if gone is not None else "a frontend"


def _frontend(order: RemoveHttpFrontend) -> Frontend | None:
    try:
        return frontend_of(order)
    except Objection:
        return None  # `commit` says what is wrong with it


def _normal(address: str) -> str:
    try:
        return normal_address(address)
    except BadAddress:
        return address  # `commit` says what is wrong with it
