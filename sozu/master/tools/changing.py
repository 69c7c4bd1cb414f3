"""Verbs that change the configuration. All go through the ledger; every refusal says what was left untouched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sozu.command.commit import Refused
from sozu.command.journal import JournalError, saved
from sozu.command.orders import AnyOrder
from sozu.command.requests import LoadState, Rollback
from sozu.command.state import ConfigState
from sozu.master.aims import Aim, nothing_but, the_same_as
from sozu.master.aside import Aside
from sozu.master.history import History, NoSuchRevision
from sozu.master.ledger import Ledger
from sozu.master.proposals import NothingToDo, NotWritten, Outdated
from sozu.master.publication import Publication
from sozu.master.sockets import CannotListen
from sozu.master.stopping import Stopping
from sozu.master.tools.collecting import collect, taken
from sozu.master.tools.rehearsing import Rehearsal
from sozu.master.tools.tool import Declined, Final, Say, Tool
from sozu.master.tools.waiting import Waiting, awaited
from sozu.master.tools.words import chosen, hear_workers, outcome, place, result, which


@dataclass(frozen=True, slots=True)
class Changing:
    """What changes are made with."""

    ledger: Ledger
    history: History
    aside: Aside
    waiting: Waiting
    stopping: Stopping
    rehearsal: Rehearsal

    def order(self, order: AnyOrder, tool: Tool, say: Say) -> Final:
        """One order: a transaction by itself, or a part of the one that has begun."""
        # Not looked at yet: what an order means depends on those before it, so only the whole can be judged.
        if tool.collected is not None:
            return collect(tool, [order])
        # Somebody has lost his wait and asks again: a commit would refuse to remove what is not there.
        if self.waiting.departed(order):
            return self.waiting.until_gone(awaited([order]), None, {"revision": self.ledger.state.revision, "late": []}, say)
        return self.commit([order], tool, None, say)

    def commit(self, orders: Sequence[AnyOrder], tool: Tool, if_revision: int | None, say: Say) -> Final:
        """These orders, all or none. Where there are none, no revision is made."""
        revision = self.ledger.state.revision
        # With another revision in mind, or in the middle of a stop, the
        # answer has to be the refusal that any other transaction would get.
        if not orders and if_revision in {None, revision} and not self.stopping.begun.is_set():
            return Final(f"nothing to do (still at revision {revision})", {"revision": revision, "late": []})
        publication = self._settle(lambda: self.ledger.propose(orders, tool.author, if_revision), orders)
        # Before the wait: a worker that has not yet carried out the removal would say that the backend is in use, which
        # ends the wait.
        hear_workers(publication, say)
        removed = awaited(orders)
        if removed:
            return self.waiting.until_gone(removed, publication, result(publication), say)
        if addresses := chosen(orders, publication):
            return Final(f"{outcome(publication)}; listens on {', '.join(addresses)}", {**result(publication), "listeners": addresses})
        return Final(outcome(publication), result(publication))

    def apply(self, tool: Tool, if_revision: int | None, say: Say) -> Final:
        """What was collected is the whole configuration."""
        # The transaction is over whatever comes: a tool that is refused
        # begins a new one, and does not add to one that it believes gone.
        orders = taken(tool)
        return self._become(nothing_but(orders), tool, if_revision, say, orders)

    def rollback(self, request: Rollback, tool: Tool, say: Say) -> Final:
        """What was said at a revision is said again."""
        return self._restore(lambda: self.history.state_at(request.revision), request, tool, say)

    def load(self, request: LoadState, tool: Tool, say: Say) -> Final:
        """What a file says is said."""
        path = Path(request.path)
        if not path.is_absolute():
            raise Declined(f"path: {request.path} is not absolute, and the master's folder is not yours; nothing was changed", {"code": "not-absolute"})
        return self._restore(lambda: self.aside.call(saved.load, path), request, tool, say)

    def _restore(self, target: Callable[[], ConfigState], request: Rollback | LoadState, tool: Tool, say: Say) -> Final:
        try:
            # The past is read here, in the tool's own greenlet: the clerk,
            # for whom everybody waits, is given a state and not a file.
            aim = the_same_as(target())
        except (NoSuchRevision, JournalError, OSError) as why:
            code = "no-such-revision" if isinstance(why, NoSuchRevision) else "damaged"
            raise Declined(f"{why}; {self._untouched()}", {"code": code}) from why
        # The very aim that would be committed, so that what is shown
        # and what is made cannot differ but by what others do.
        if request.dry_run:
            return self.rehearsal.show(aim, say)
        return self._become(aim, tool, request.if_revision, say)

    def _become(self, aim: Aim, tool: Tool, if_revision: int | None, say: Say, orders: Sequence[AnyOrder] = ()) -> Final:
        try:
            publication = self._settle(lambda: self.ledger.become(aim, tool.author, if_revision), orders)
        except NothingToDo as nothing:
            return Final(str(nothing), {"revision": self.ledger.state.revision, "late": []})
        hear_workers(publication, say)
        # Of what was committed: since this was planned, others may have committed too.
        summary = self.rehearsal.summary(publication.effects)
        return Final(f"{outcome(publication)}; {summary}", result(publication))

    def _settle(self, propose: Callable[[], Publication], orders: Sequence[AnyOrder]) -> Publication:
        # A stop has closed the listening sockets, and fills no slot: a new listener would be open with nobody to accept
        # there.
        if self.stopping.begun.is_set():
            raise Declined(f"the proxy is stopping; {self._untouched()}", {"code": "stopping"})
        try:
            return propose()
        except Refused as refusal:
            raise Declined(f"{which(refusal, orders)}{refusal.reason}; {self._untouched()}", place(refusal)) from refusal
        except (CannotListen, NotWritten, Outdated) as why:
            raise Declined(f"{why}; {self._untouched()}", {"code": _CODES[type(why)]}) from why

    def _untouched(self) -> str:
        return f"nothing was changed (still at revision {self.ledger.state.revision})"


_CODES: dict[type[Exception], str] = {CannotListen: "cannot-listen", NotWritten: "not-written", Outdated: "outdated"}
