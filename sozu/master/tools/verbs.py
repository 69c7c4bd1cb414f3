"""One small answer per verb. Orders go through the ledger; everything else only looks, or stops.

Every refusal says what was left untouched.
"""

from dataclasses import dataclass
from typing import Any

from sozu.command.addresses import BadAddress, normal_address
from sozu.command.answers import Status as ReplyStatus
from sozu.command.channel import parts
from sozu.command.commit import Refused
from sozu.command.orders import AnyOrder, RemoveBackend
from sozu.command.requests import (
    Abort,
    AnyRequest,
    Begin,
    Commit,
    DumpState,
    HardStop,
    ListWorkers,
    Metrics,
    SoftStop,
    Status,
)
from sozu.command.state import orders_of
from sozu.master.ledger import Ledger, NotWritten, Outdated
from sozu.master.metrics.figures import Figures
from sozu.master.publication import Publication
from sozu.master.sockets import CannotListen
from sozu.master.stopping import Stopping
from sozu.master.tools.tool import Declined, Final, Say, Tool
from sozu.master.tools.watching import StillInUse, watch_backend
from sozu.master.workers.roster import Roster

MOST_COLLECTED = 1_000_000  # orders in one transaction
LONGEST_GRACE = 86_400.0  # seconds
NEWS_EVERY = 1.0  # seconds between two words to somebody who waits for the end


@dataclass(frozen=True, slots=True)
class Verbs:
    """What the answers are made from."""

    ledger: Ledger
    roster: Roster
    figures: Figures
    stopping: Stopping

    def answer(self, request: AnyOrder | AnyRequest, tool: Tool, say: Say) -> Final:
        """Carry out one request of a tool. Raises Declined."""
        match request:
            case Status() | ListWorkers() | Metrics() | DumpState():
                return self._look(request, say)
            case SoftStop(grace=grace):
                return self._soft_stop(grace, say)
            case HardStop():
                return self._hard_stop()
            case Begin():
                return _begin(tool)
            case Abort():
                return _abort(tool)
            case Commit(if_revision=if_revision):
                return self._commit(_collected(tool), tool, if_revision, say)
            case order:
                return self._order(order, tool, say)

    # ---- changes ------------------------------------------------------------------------------

    def _order(self, order: AnyOrder, tool: Tool, say: Say) -> Final:
        if tool.collected is not None:
            return _collect(tool.collected, order)
        if isinstance(order, RemoveBackend) and order.wait and self._has_departed(order):
            return self._watch([order], {"revision": self.ledger.state.revision, "late": []}, say)
        return self._commit([order], tool, None, say)

    def _commit(self, orders: list[AnyOrder], tool: Tool, if_revision: int | None, say: Say) -> Final:
        publication = self._publish(orders, tool, if_revision)
        _hear_workers(publication, say)
        awaited = [order for order in orders if isinstance(order, RemoveBackend) and order.wait]
        if awaited:
            return self._watch(awaited, _result(publication), say)
        return Final(_outcome(publication), _result(publication))

    def _publish(self, orders: list[AnyOrder], tool: Tool, if_revision: int | None) -> Publication:
        if self.stopping.begun.is_set():
            raise Declined(f"the proxy is stopping; {self._untouched()}")
        try:
            return self.ledger.propose(orders, tool.author, if_revision)
        except Refused as refusal:
            which = f"order {refusal.index + 1} of {len(orders)} ({_verb(refusal.order)}): " if len(orders) > 1 else ""
            raise Declined(f"{which}{refusal.reason}; {self._untouched()}", _place(refusal)) from refusal
        except (CannotListen, Outdated, NotWritten) as why:
            raise Declined(f"{why}; {self._untouched()}") from why

    def _untouched(self) -> str:
        return f"nothing was changed (still at revision {self.ledger.state.revision})"

    def _watch(self, removed: list[RemoveBackend], result: dict[str, Any], say: Say) -> Final:
        number, names = result["revision"], ", ".join(f"{order.address} of cluster {order.cluster}" for order in removed)
        say(f"revision {number}: {names} gets no new requests; waiting for those it has", result)
        for order in removed:
            try:
                watch_backend(self.roster, order.cluster, _normal(order.address), say)
            except StillInUse as why:
                raise Declined(f"{why}; it was removed in revision {number}, and has been added since", result) from why
        return Final(f"revision {number}: {names} may be stopped now", result)

    def _has_departed(self, order: RemoveBackend) -> bool:
        # Who lost the wait may ask again: the backend is gone from the state then, and that is no mistake of the asker.
        key = (order.cluster, _normal(order.address))
        return key not in self.ledger.state.backends and self.ledger.departed(key)

    # ---- looking ------------------------------------------------------------------------------

    def _look(self, request: Status | ListWorkers | Metrics | DumpState, say: Say) -> Final:
        match request:
            case Status():
                return Final("", self.figures.status())
            case ListWorkers():
                return Final("", self.figures.workers())
            case Metrics():
                return Final("", self.figures.metrics())
            case DumpState():
                return self._dump(say)

    def _dump(self, say: Say) -> Final:
        state = self.ledger.state
        *some, last = parts(orders_of(state))
        for orders in some:
            say("", _dumped(state.revision, orders))
        return Final(f"revision {state.revision}", _dumped(state.revision, last))

    # ---- stopping -----------------------------------------------------------------------------

    def _soft_stop(self, grace: float, say: Say) -> Final:
        if not 0 <= grace <= LONGEST_GRACE:
            raise Declined(f"grace: from 0 to {LONGEST_GRACE:g} seconds; nothing was stopped")
        self.stopping.soft(grace)
        while not self.stopping.done.wait(NEWS_EVERY):
            left = len(list(self.roster))
            say(f"{left} {_plural(left, 'worker')} still finishing", {"workers": left})
        return Final("stopped: every session has ended or its grace was over")

    def _hard_stop(self) -> Final:
        self.stopping.hard()
        self.stopping.done.wait()
        return Final("stopped; sessions under way were cut")


# ---- transactions of several messages ----------------------------------------------------------


def _begin(tool: Tool) -> Final:
    if tool.collected is not None:
        raise Declined("a transaction has begun already on this connection; commit or abort it first")
    tool.collected = []
    return Final("begun: orders are collected until commit")


def _abort(tool: Tool) -> Final:
    count = len(_collected(tool))
    return Final(f"forgot {count} {_plural(count, 'order')}; nothing was changed")


def _collect(collected: list[AnyOrder], order: AnyOrder) -> Final:
    if len(collected) >= MOST_COLLECTED:
        raise Declined(f"a transaction has at most {MOST_COLLECTED} orders; this one was not collected, the others are")
    collected.append(order)
    return Final(f"collected: {len(collected)} in this transaction", {"collected": len(collected)})


def _collected(tool: Tool) -> list[AnyOrder]:
    """Take what was collected; the transaction is over, whatever becomes of it."""
    if tool.collected is None:
        raise Declined("no transaction has begun on this connection; nothing was changed")
    orders, tool.collected = tool.collected, None
    return orders


# ---- words -------------------------------------------------------------------------------------


def _hear_workers(publication: Publication, say: Say) -> None:
    for worker, reply in publication:
        if reply.status is ReplyStatus.OK:
            say(f"{worker.name} is at revision {reply.revision}", {"worker": worker.slot, "revision": reply.revision})
        else:
            say(f"{worker.name}: {reply.message}", {"worker": worker.slot})


def _outcome(publication: Publication) -> str:
    committed = f"revision {publication.revision}: committed"
    if publication.late:
        names = ", ".join(worker.name for worker in publication.late)
        return f"{committed}; not confirmed in time by {names}, which is being replaced"
    if not publication.confirmed:
        return f"{committed}; no worker runs now, the next one starts with it"
    return f"{committed}, confirmed by {publication.confirmed} {_plural(publication.confirmed, 'worker')}"


def _result(publication: Publication) -> dict[str, Any]:
    return {"revision": publication.revision, "late": sorted(worker.slot for worker in publication.late)}


def _place(refusal: Refused) -> dict[str, Any]:
    return {"index": refusal.index, "field": refusal.field}


def _verb(order: AnyOrder) -> str:
    return str(order.__struct_config__.tag)


def _normal(address: str) -> str:
    try:
        return normal_address(address)
    except BadAddress:
        return address  # `commit` says what is wrong with it


def _dumped(revision: int, orders: tuple[AnyOrder, ...]) -> dict[str, Any]:
    return {"revision": revision, "orders": orders}


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
