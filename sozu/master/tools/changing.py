"""Verbs that change the configuration. All go through the ledger; every refusal says what was left untouched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sozu.command.addresses import BadAddress, normal_address
from sozu.command.commit import Refused
from sozu.command.journal import JournalError, saved
from sozu.command.orders import AnyOrder, RemoveBackend
from sozu.command.requests import LoadState, Rollback
from sozu.command.state import ConfigState
from sozu.master.aims import Aim, nothing_but, the_same_as
from sozu.master.aside import Aside
from sozu.master.history import History, NoSuchRevision
from sozu.master.ledger import Ledger, NothingToDo, NotWritten, Outdated
from sozu.master.publication import Publication
from sozu.master.sockets import CannotListen
from sozu.master.stopping import Stopping
from sozu.master.tools.collecting import collect, taken
from sozu.master.tools.rehearsing import Rehearsal
from sozu.master.tools.tool import Declined, Final, Say, Tool
from sozu.master.tools.watching import StillInUse, watch_backend
from sozu.master.tools.words import hear_workers, outcome, place, result, which
from sozu.master.workers.roster import Roster


@dataclass(frozen=True, slots=True)
class Changing:
    """What changes are made with."""

    ledger: Ledger
    history: History
    aside: Aside
    roster: Roster
    stopping: Stopping
    rehearsal: Rehearsal

    def order(self, order: AnyOrder, tool: Tool, say: Say) -> Final:
        """One order: a transaction by itself, or a part of the one that has begun."""
        if tool.collected is not None:
            return collect(tool, [order])
        if isinstance(order, RemoveBackend) and order.wait and self._has_departed(order):
            return self._watch([order], {"revision": self.ledger.state.revision, "late": []}, say)
        return self.commit([order], tool, None, say)

    def commit(self, orders: Sequence[AnyOrder], tool: Tool, if_revision: int | None, say: Say) -> Final:
        """These orders, all or none."""
        publication = self._settle(lambda: self.ledger.propose(orders, tool.author, if_revision), orders)
        hear_workers(publication, say)
        awaited = [order for order in orders if isinstance(order, RemoveBackend) and order.wait]
        if awaited:
            return self._watch(awaited, result(publication), say)
        return Final(outcome(publication), result(publication))

    def apply(self, tool: Tool, if_revision: int | None, say: Say) -> Final:
        """What was collected is the whole configuration."""
        orders = taken(tool)
        return self._become(nothing_but(orders), tool, if_revision, say, orders)

    def rollback(self, request: Rollback, tool: Tool, say: Say) -> Final:
        """What was said at a revision is said again."""
        return self._restore(lambda: self.history.state_at(request.revision), request, tool, say)

    def load(self, request: LoadState, tool: Tool, say: Say) -> Final:
        """What a file says is said."""
        path = Path(request.path)
        if not path.is_absolute():
            raise Declined(f"path: {request.path} is not absolute, and the master's folder is not yours; nothing was changed")
        return self._restore(lambda: self.aside.call(saved.load, path), request, tool, say)

    def _restore(self, target: Callable[[], ConfigState], request: Rollback | LoadState, tool: Tool, say: Say) -> Final:
        try:
            aim = the_same_as(target())
        except (NoSuchRevision, JournalError, OSError) as why:
            raise Declined(f"{why}; {self._untouched()}") from why
        if request.dry_run:
            return self.rehearsal.show(aim, say)
        return self._become(aim, tool, request.if_revision, say)

    def _become(self, aim: Aim, tool: Tool, if_revision: int | None, say: Say, orders: Sequence[AnyOrder] = ()) -> Final:
        try:
            publication = self._settle(lambda: self.ledger.become(aim, tool.author, if_revision), orders)
        except NothingToDo as nothing:
            return Final(str(nothing), {"revision": self.ledger.state.revision, "late": []})
        hear_workers(publication, say)
        summary = self.rehearsal.summary(publication.effects)
        return Final(f"{outcome(publication)}; {summary}", result(publication))

    def _settle(self, propose: Callable[[], Publication], orders: Sequence[AnyOrder]) -> Publication:
        if self.stopping.begun.is_set():
            raise Declined(f"the proxy is stopping; {self._untouched()}")
        try:
            return propose()
        except Refused as refusal:
            raise Declined(f"{which(refusal, orders)}{refusal.reason}; {self._untouched()}", place(refusal)) from refusal
        except (CannotListen, NotWritten, Outdated) as why:
            raise Declined(f"{why}; {self._untouched()}") from why

    def _untouched(self) -> str:
        return f"nothing was changed (still at revision {self.ledger.state.revision})"

    def _watch(self, removed: list[RemoveBackend], told: dict[str, Any], say: Say) -> Final:
        number, names = told["revision"], ", ".join(f"{order.address} of cluster {order.cluster}" for order in removed)
        say(f"revision {number}: {names} gets no new requests; waiting for those it has", told)
        for order in removed:
            try:
                watch_backend(self.roster, order.cluster, _normal(order.address), say)
            except StillInUse as why:
                raise Declined(f"{why}; it was removed in revision {number}, and has been added since", told) from why
        return Final(f"revision {number}: {names} may be stopped now", told)

    def _has_departed(self, order: RemoveBackend) -> bool:
        # Who lost the wait may ask again: the backend is gone from the state then, and that is no mistake of the asker.
        key = (order.cluster, _normal(order.address))
        return key not in self.ledger.state.backends and self.ledger.departed(key)


def _normal(address: str) -> str:
    try:
        return normal_address(address)
    except BadAddress:
        return address  # `commit` says what is wrong with it
