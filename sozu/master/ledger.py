"""The one commit path. One greenlet owns the state and the journal: validate, bind new listeners, fsync, publish.

What waits while an fsync runs is committed together with the next one (group commit). Everything that can fail comes before
the fsync and is undone when it does; after it nothing can fail (`publication` deals with late workers).
"""

from collections.abc import Iterator, Sequence
import logging
from time import time
from typing import Protocol

import gevent
from gevent.queue import Queue

from sozu.command.certificates.admitting import admit, holds_certificate
from sozu.command.commit import Commit, Refused, commit
from sozu.command.facts import Listener
from sozu.command.journal import Journal, JournalError
from sozu.command.orders import AnyOrder
from sozu.command.rules.conditions import holds_expression
from sozu.command.state import ConfigState
from sozu.master import garbage
from sozu.master.aims import Aim, these
from sozu.master.aside import Aside
from sozu.master.author import Author
from sozu.master.departures import Departures
from sozu.master.ports import with_real_ports
from sozu.master.proposals import Entry, NothingToDo, NotWritten, Outdated, Proposal
from sozu.master.publication import Publication
from sozu.master.sockets import CannotListen, ListenerSockets
from sozu.master.workers.briefing import give_listeners
from sozu.master.workers.roster import Roster, Worker

log = logging.getLogger("sozu.master")

HEAVY = 500  # orders; beyond that many, or where something has to be compiled, a commit is computed off the loop, which supervises meanwhile


class Told(Protocol):
    """Who hears what becomes of transactions; neither call may switch greenlets."""

    def heard(self, publication: Publication, author: Author) -> None:
        """It is on disk and in force."""

    def settled(self, publication: Publication) -> None:
        """All workers have confirmed it, or are replaced."""


class Ledger:
    """State, journal, and the queue of proposals."""

    def __init__(
        self,
        state: ConfigState,
        journal: Journal,
        sockets: ListenerSockets,
        roster: Roster,
        aside: Aside,
        *,
        told: Told | None = None,
        departures: Departures | None = None,
    ) -> None:
        """`told` hears of each publication, and must not switch greenlets; `aside` is for what only looks; `departures` are those of a master before."""
        self._state = self._drafted = state
        self._journal, self._sockets, self._roster, self._told = journal, sockets, roster, told
        self._proposals: Queue[Proposal | None] = Queue()
        self._left = set[str]()  # addresses that some revision has left, and whose sockets are still to be looked at
        self._writer, self._reader = Aside(), aside
        self.departures = departures or Departures()
        self._clerk = gevent.spawn(self._run)

    @property
    def state(self) -> ConfigState:
        """What is committed, on disk, and in force."""
        return self._state

    def propose(self, orders: Sequence[AnyOrder], author: Author, if_revision: int | None = None) -> Publication:
        """Commit a transaction, and return once it is on disk and on its way to the workers.

        Raises Refused, CannotListen, Outdated or NotWritten: then nothing has changed anywhere.
        """
        return self._settled(Proposal(these(orders), author, if_revision))

    def become(self, aim: Aim, author: Author, if_revision: int | None = None) -> Publication:
        """Commit whatever the aim takes at that moment, as `propose` does. Raises NothingToDo besides."""
        return self._settled(Proposal(aim, author, if_revision, if_any=True))

    def rehearse(self, aim: Aim) -> Commit:
        """What a commit of this aim would come to now; nothing is opened, written or told. Raises Refused."""
        return self._reader.call(_rehearsed, self._state, aim)

    def _settled(self, proposal: Proposal) -> Publication:
        if self._clerk.dead:
            raise NotWritten("the ledger stopped after an internal error; this master takes no more changes, restart it")
        self._proposals.put(proposal)
        publication = proposal.outcome.get()
        assert publication is not None
        return publication

    def close(self) -> None:
        """Finish what was proposed, and take no more."""
        self._proposals.put(None)
        self._clerk.join()
        self._writer.close()

    # ---- the clerk: the only greenlet that runs what is below ----------------------------------

    def _run(self) -> None:
        try:
            while self._serve_next():
                if self._journal.overgrown and self._proposals.empty():
                    self._compact()
        finally:
            _leave_nobody_waiting([*self._waiting()])

    def _serve_next(self) -> bool:
        # A call of its own: who waits in a loop goes on holding the last of what came, which may be ten thousand orders.
        if (first := self._proposals.get()) is None:
            return False
        batch = [first, *self._waiting()]
        try:
            self._settle(batch)
        finally:
            _leave_nobody_waiting(batch)
        return True

    def _compact(self) -> None:
        try:
            self._writer.call(self._journal.compact)
        except (OSError, JournalError) as error:
            log.error("event=journal_not_compacted reason=%r", str(error))  # noqa: TRY400 - the one there was is still in use

    def _waiting(self) -> Iterator[Proposal]:
        while not self._proposals.empty() and (proposal := self._proposals.peek()) is not None:
            self._proposals.get()
            yield proposal

    def _settle(self, batch: Sequence[Proposal]) -> None:
        examined = [self._examine(proposal) for proposal in batch]
        entries = [found for found in examined if isinstance(found, Entry)]
        try:
            self._write(entries)
        except OSError as error:
            self._give_up(entries, NotWritten(f"the journal cannot be written: {error}"))
        else:
            for entry in entries:
                self._publish(entry)
        self._drafted = self._state
        self._close_unneeded()
        for proposal, found in zip(batch, examined, strict=True):
            if isinstance(found, Exception):  # told only now: it may be about what was being written
                proposal.outcome.set_exception(found)

    def _examine(self, proposal: Proposal) -> Entry | Exception:
        try:
            entry = self._draft(proposal)
        except (Refused, CannotListen, Outdated, NothingToDo) as objection:
            return objection
        self._drafted = entry.commit.state
        return entry

    def _draft(self, proposal: Proposal) -> Entry:
        expected, found = proposal.if_revision, self._drafted.revision
        if expected not in (None, found):
            raise Outdated(f"revision {found} is in force, not {expected}")
        with self._sockets.staging() as staging:
            wanted = self._admitted(self._wanted(proposal))
            orders = tuple(with_real_ports(wanted, lambda order: staging.open(order.address)))
            result = self._compute(orders)
            for address in _accepting(result.state):
                if address not in self._sockets:
                    staging.open(address)
        return Entry(proposal, orders, result, staging)

    def _wanted(self, proposal: Proposal) -> Sequence[AnyOrder]:
        if not proposal.if_any:
            return proposal.aim(self._drafted)
        wanted = self._writer.call(proposal.aim, self._drafted)
        if not wanted:
            raise NothingToDo(f"nothing to do (still at revision {self._drafted.revision})")
        return wanted

    def _admitted(self, orders: Sequence[AnyOrder]) -> Sequence[AnyOrder]:
        """Complete: a certificate takes a millisecond, and then no key is read again."""
        return self._writer.call(admit, orders, time()) if any(map(holds_certificate, orders)) else orders

    def _compute(self, orders: Sequence[AnyOrder]) -> Commit:
        if len(orders) > HEAVY or any(map(holds_expression, orders)):
            return self._writer.call(commit, self._drafted, orders)
        return commit(self._drafted, orders)

    def _write(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._writer.call(self._journal.write, [entry.record for entry in entries])

    def _give_up(self, entries: Sequence[Entry], why: NotWritten) -> None:
        log.error("event=journal_failed reason=%r", str(why))
        for entry in entries:
            entry.staging.undo()
            entry.proposal.outcome.set_exception(why)

    def _publish(self, entry: Entry) -> None:
        # No switch in here: whoever joins the roster has either this state or this publication, never neither or both.
        opened = list(_opened(self._state, entry.commit.state))
        self._state = entry.commit.state
        self.departures.follow(entry.commit.effects)
        publication = Publication(entry.commit.revision, entry.orders, entry.commit.effects)
        for worker in self._roster:
            publication.send(worker, self._given(worker, opened))
        if self._told is not None:
            self._told.heard(publication, entry.proposal.author)
        gevent.spawn(self._see_through, publication)
        entry.proposal.outcome.set(publication)

    def _given(self, worker: Worker, opened: Sequence[Listener]) -> str:
        """Hand it these sockets; why it could not be done, or ""."""
        try:
            give_listeners(worker, self._sockets, opened)
        # No descriptor is free for a duplicate. It is too late to refuse: whoever begins from the new state is handed all of them.
        except OSError as error:
            return f"it could not be given its sockets: {error.strerror}"
        return ""

    # ---- afterwards, each in a greenlet: a worker may take seconds to confirm, and the clerk must not wait -------

    def _see_through(self, publication: Publication) -> None:
        publication.follow()
        if self._told is not None:
            self._told.settled(publication)
        # Only then: while a worker accepts there, a new listener on that address would be refused by our own probe.
        if left := {change.before.address for change in publication.effects if isinstance(change.before, Listener)}:
            publication.await_the_deaf()
            self._left |= left
            self._close_unneeded()
        if len(publication.effects) >= garbage.LARGE:
            garbage.give_back_after(publication, self._pack)

    def _pack(self) -> None:
        before, self._state = self._state, self._state.packed()
        self._drafted = self._state if self._drafted is before else self._drafted
        self.departures.pack()

    def _close_unneeded(self) -> None:
        # Not while a batch is being written: of its transactions one may need what the next one leaves again, and all may be taken back.
        if self._drafted is self._state:
            for address in self._left.difference(_accepting(self._state)).intersection(self._sockets):
                self._sockets.close(address)
            self._left.clear()


def _accepting(state: ConfigState) -> Iterator[str]:
    return (listener.address for listener in state.listeners.values() if listener.active)


def _opened(before: ConfigState, after: ConfigState) -> Iterator[Listener]:
    """Where workers begin to accept: they need the sockets before they hear of it, and would keep one that they have already."""
    accepting = set(_accepting(before))
    return (listener for listener in after.listeners.values() if listener.active and listener.address not in accepting)


def _rehearsed(state: ConfigState, aim: Aim) -> Commit:
    return commit(state, admit(aim(state), time()))


def _leave_nobody_waiting(batch: Sequence[Proposal]) -> None:
    for proposal in batch:
        if not proposal.outcome.ready():
            proposal.outcome.set_exception(NotWritten("the ledger was interrupted; ask for the status to see what is in force"))
