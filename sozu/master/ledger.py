"""The one commit path. One greenlet owns the state and the journal: validate, bind new listeners, fsync, publish.

What waits while an fsync runs is committed together with the next one (group commit). Everything that can fail comes before
the fsync and is undone when it does; after it nothing can fail (`publication` deals with late workers).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
import logging
from time import time
from typing import TypeVar

import gevent
from gevent.event import AsyncResult
from gevent.queue import Queue
from gevent.threadpool import ThreadPool

from sozu.command.commit import Commit, Refused, commit
from sozu.command.draft import Change
from sozu.command.facts import Backend, Listener
from sozu.command.journal import Journal, Record
from sozu.command.orders import AnyOrder
from sozu.command.state import BackendKey, ConfigState
from sozu.master.author import Author
from sozu.master.ports import with_real_ports
from sozu.master.publication import Publication
from sozu.master.sockets import CannotListen, ListenerSockets, Staging
from sozu.master.workers.briefing import give_listeners
from sozu.master.workers.roster import Roster

log = logging.getLogger("sozu.master")

T = TypeVar("T")

HEAVY = 500  # orders; beyond that many a commit is computed off the loop, which supervises meanwhile
REMEMBERED = 10_000  # removed backends whose last exchanges may still be asked for


class Outdated(Exception):
    """Another revision than `if_revision` is in force."""


class NotWritten(Exception):
    """The journal took no record."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A transaction that somebody waits for."""

    orders: Sequence[AnyOrder]
    author: Author
    if_revision: int | None
    outcome: "AsyncResult[Publication]" = field(default_factory=AsyncResult)


@dataclass(frozen=True, slots=True)
class Entry:
    """A proposal that was found good, ready to be written; its new listeners are open."""

    proposal: Proposal
    orders: Sequence[AnyOrder]
    commit: Commit
    staging: Staging

    @property
    def record(self) -> Record:
        """What the journal keeps of it."""
        author = self.proposal.author
        return Record(
            revision=self.commit.revision,
            when=time(),
            uid=author.uid,
            pid=author.pid,
            command=author.command,
            orders=tuple(self.orders),
            from_file=author.from_file,
        )


class Ledger:
    """State, journal, and the queue of proposals."""

    def __init__(
        self,
        state: ConfigState,
        journal: Journal,
        sockets: ListenerSockets,
        roster: Roster,
        heard: Callable[[Publication], object] = lambda _: None,
    ) -> None:
        """`heard` is told each publication the moment it is in force; it must not switch greenlets."""
        self._state = self._drafted = state
        self._journal, self._sockets, self._roster, self._heard = journal, sockets, roster, heard
        self._proposals: Queue[Proposal | None] = Queue()
        self._pool = ThreadPool(1)
        self._departed: dict[BackendKey, None] = {}
        self._clerk = gevent.spawn(self._run)

    @property
    def state(self) -> ConfigState:
        """What is committed, on disk, and in force."""
        return self._state

    def departed(self, backend: BackendKey) -> bool:
        """Was this backend removed while this master ran? Its last exchanges may still be under way."""
        return backend in self._departed

    def propose(self, orders: Sequence[AnyOrder], author: Author, if_revision: int | None = None) -> Publication:
        """Commit a transaction, and return once it is on disk and on its way to the workers.

        Raises Refused, CannotListen, Outdated or NotWritten: then nothing has changed anywhere.
        """
        if self._clerk.dead:
            raise NotWritten("the ledger stopped after an internal error; this master takes no more changes, restart it")
        proposal = Proposal(orders, author, if_revision)
        self._proposals.put(proposal)
        publication = proposal.outcome.get()
        assert publication is not None
        return publication

    def close(self) -> None:
        """Finish what was proposed, and take no more."""
        self._proposals.put(None)
        self._clerk.join()
        self._pool.kill()

    # ---- the clerk: the only greenlet that runs what is below ----------------------------------

    def _run(self) -> None:
        for first in iter(self._proposals.get, None):
            batch = [first, *self._waiting()]
            try:
                self._settle(batch)
            finally:
                _leave_nobody_waiting(batch)

    def _waiting(self) -> Iterator[Proposal]:
        while not self._proposals.empty() and (proposal := self._proposals.peek()) is not None:
            self._proposals.get()
            yield proposal

    def _settle(self, batch: Sequence[Proposal]) -> None:
        entries = [entry for proposal in batch if (entry := self._examine(proposal)) is not None]
        try:
            self._write(entries)
        except OSError as error:
            self._give_up(entries, NotWritten(f"the journal cannot be written: {error}"))
        else:
            for entry in entries:
                self._publish(entry)
        self._drafted = self._state

    def _examine(self, proposal: Proposal) -> Entry | None:
        try:
            entry = self._draft(proposal)
        except (Refused, CannotListen, Outdated) as objection:
            proposal.outcome.set_exception(objection)
            return None
        self._drafted = entry.commit.state
        return entry

    def _draft(self, proposal: Proposal) -> Entry:
        expected, found = proposal.if_revision, self._drafted.revision
        if expected not in (None, found):
            raise Outdated(f"revision {found} is in force, not {expected}")
        with self._sockets.staging() as staging:
            orders = tuple(with_real_ports(proposal.orders, staging.open))
            result = self._compute(orders)
            for address in _accepting(result.state):
                if address not in self._sockets:
                    staging.open(address)
        return Entry(proposal, orders, result, staging)

    def _compute(self, orders: Sequence[AnyOrder]) -> Commit:
        if len(orders) <= HEAVY:
            return commit(self._drafted, orders)
        return self._off_the_loop(commit, self._drafted, orders)

    def _write(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._off_the_loop(self._journal.write, [entry.record for entry in entries])

    def _off_the_loop(self, function: Callable[..., T], *arguments: object) -> T:
        outcome: T | Refused | OSError = self._pool.apply(_outcome, (function, *arguments))
        if isinstance(outcome, Refused | OSError):
            raise outcome
        return outcome

    def _give_up(self, entries: Sequence[Entry], why: NotWritten) -> None:
        log.error("event=journal_failed reason=%r", str(why))
        for entry in entries:
            entry.staging.undo()
            entry.proposal.outcome.set_exception(why)

    def _publish(self, entry: Entry) -> None:
        # No switch in here: whoever joins the roster has either this state or this publication, never neither or both.
        opened = list(_opened(self._state, entry.commit.state))
        self._state = entry.commit.state
        self._remember_departed(entry.commit.effects)
        publication = Publication(entry.commit.revision, entry.orders, entry.commit.effects)
        for worker in self._roster:
            give_listeners(worker, self._sockets, opened)
            publication.send(worker)
        self._heard(publication)
        gevent.spawn(self._see_through, publication)
        entry.proposal.outcome.set(publication)

    # ---- afterwards ---------------------------------------------------------------------------

    def _see_through(self, publication: Publication) -> None:
        publication.follow()
        # Only now: while a worker accepts there, a new listener on that address would be refused by our own probe.
        for change in publication.effects:
            if isinstance(change.before, Listener):
                self._close_unless_needed(change.before.address)

    def _close_unless_needed(self, address: str) -> None:
        needed = address in {*_accepting(self._state), *_accepting(self._drafted)}
        if address in self._sockets and not needed:
            self._sockets.close(address)

    def _remember_departed(self, effects: Sequence[Change]) -> None:
        for change in effects:
            if isinstance(change.after, Backend):
                self._departed.pop(change.after.key, None)
            elif isinstance(change.before, Backend):
                self._departed[change.before.key] = None
        while len(self._departed) > REMEMBERED:
            del self._departed[next(iter(self._departed))]


def _accepting(state: ConfigState) -> Iterator[str]:
    return (listener.address for listener in state.listeners.values() if listener.active)


def _opened(before: ConfigState, after: ConfigState) -> Iterator[Listener]:
    """Where workers begin to accept: they need the sockets before they hear of it, and would keep one that they have already."""
    accepting = set(_accepting(before))
    return (listener for listener in after.listeners.values() if listener.active and listener.address not in accepting)


def _outcome(function: Callable[..., T], *arguments: object) -> T | Refused | OSError:
    """What the function returns, or how it failed: the pool prints a traceback for all that is raised in its thread."""
    try:
        return function(*arguments)
    except (Refused, OSError) as expected:
        return expected


def _leave_nobody_waiting(batch: Sequence[Proposal]) -> None:
    for proposal in batch:
        if not proposal.outcome.ready():
            proposal.outcome.set_exception(NotWritten("the ledger was interrupted; ask for the status to see what is in force"))
