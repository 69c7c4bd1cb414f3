"""What a new worker is told before it may accept: who it is, its sockets, the state. In one instant, without a switch.

That instant is what makes a worker that starts in the middle of transactions consistent: the state it is given has one
revision, it joins the roster in the same instant, and its channel keeps order; so it hears each later transaction, once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
import logging
from time import time
from typing import Final

import gevent
import msgspec

from sozu import __version__
from sozu.command.certificates.sealing import TicketSecret
from sozu.command.channel import parts, portions
from sozu.command.facts import AnyFact, Listener
from sozu.command.settings import Settings
from sozu.command.state import ConfigState, orders_of
from sozu.command.worker_protocol import Apportion, GiveListeners, ListenerName, Load, MeetThere, TakeLog, Welcome
from sozu.master.logs import LogFile
from sozu.master.sockets import ListenerSockets
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.rendezvous import Places
from sozu.master.workers.roster import Roster, Worker

log = logging.getLogger("sozu.master")

HOUR: Final = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Briefing:
    """Where the facts for a newcomer come from; `state` gives the state that is in force now."""

    settings: Settings
    log: LogFile
    sockets: ListenerSockets
    state: Callable[[], ConfigState]
    roster: Roster
    places: Places | None = None  # where the next master would find the worker
    ticket_secret: TicketSecret = field(default_factory=TicketSecret.new)  # one for all workers: each resumes the TLS sessions of the others
    rates: int | None = None  # a descriptor of the memory in which all workers count

    def give(self, newcomer: Worker) -> None:
        """Tell a newcomer everything up to the last part of the state, which makes it accept and say Ready."""
        # From here to `join` nothing may switch, and `tell` never does: a transaction that was committed in between
        # would be neither in this state nor in the newcomer's queue.
        state, access_log = self.state(), self.log.descriptors
        secret = self.ticket_secret
        # Aged before it is told: the hourly look may be most of an hour
        # away, and no newcomer is to learn what must be forgotten.
        secret.age(time())
        welcome = Welcome(
            slot=newcomer.slot, settings=self.settings, ticket_secret=secret.value.hex(), ticket_period=secret.period, descriptors=len(access_log)
        )
        self._agree_where_to_meet(newcomer)  # first: from Welcome on it is confined, and may listen nowhere
        newcomer.link.tell(welcome, access_log)
        memory = () if self.rates is None else (self.rates,)
        newcomer.link.tell(Apportion(workers=self.sockets.slots, descriptors=len(memory)), memory)
        # Before the state, with the last part of which it accepts. A worker that had the state first would say that it
        # is ready while nobody takes those who wait in its slot's queues.
        give_listeners(newcomer, self.sockets, state.listeners.values())
        # Facts were looked at when they were committed. As orders each would be looked at again, and put into words and
        # back: a third of the time that a worker with ten thousand clusters takes to begin.
        for load in as_facts(state) if newcomer.version == __version__ else as_orders(state):
            newcomer.link.tell(load)
        self.roster.join(newcomer)

    def _agree_where_to_meet(self, newcomer: Worker) -> None:
        made = self.places.make(newcomer.slot) if self.places is not None else None
        if made is not None:
            place, newcomer.rendezvous = made
            # Ours is closed at once: while anybody has it open, a master that comes after the worker's death would wait
            # in its queue, instead of being refused and knowing that nobody is there.
            with place:
                newcomer.link.tell(MeetThere(descriptors=1), [place])

    def lend(self, slot: int, borrower: Worker) -> bool:
        """Have a worker accept on the sockets of a slot that nobody fills now, as far as they go into one message. False if it has none yet."""
        # Only sockets that are there: behind one that was opened now nobody
        # waits, and the slot's own worker has it opened when it comes.
        listeners = [each for each in self.state().listeners.values() if each.active and self.sockets.has(slot, each.address)]
        if listeners:
            # One message and no more: for the borrower each one says all that this lender lends, so that a second would
            # end the loan of the first.
            _give(borrower, slot, self.sockets, next(portions(listeners)), lent_by=slot)
        return bool(listeners)


def as_facts(state: ConfigState) -> Iterator[Load]:
    """A state for a worker of our own version: as it is."""
    # Whatever is referred to comes before who refers to it.
    for name in ("overrides", "listeners", "clusters", "certificates", "frontends", "backends"):
        facts: Mapping[object, AnyFact] = getattr(state, name)
        for some in parts(facts.values()) if facts else ():
            yield msgspec.structs.replace(Load(revision=state.revision, orders=(), last=False), **{name: some})
    yield Load(revision=state.revision, orders=(), last=True)


def as_orders(state: ConfigState) -> Iterator[Load]:
    """The same in the words that every version understands, which looks at each of them again."""
    *some, last = parts(orders_of(state))
    for orders in some:
        yield Load(revision=state.revision, orders=orders, last=False)
    yield Load(revision=state.revision, orders=last, last=True)


def end_loan(slot: int, borrower: Worker) -> None:
    """Have it accept no more on what this slot has lent."""
    borrower.link.tell(GiveListeners(listeners=(), lent_by=slot))


def age_hourly(secret: TicketSecret) -> None:
    """Without end: what it was must not be found in our memory, also while no worker is born."""
    while True:
        secret.age(time())
        gevent.sleep(HOUR)


def give_log(workers: Iterable[Worker], file: LogFile) -> None:
    """Have them write the access log there, if there is one."""
    for worker in workers if file.descriptors else ():
        try:
            Gathering(None).ask(worker, lambda number: [TakeLog(id=number, descriptors=1)], file.descriptors)
        except OSError as error:  # no descriptor is free: it goes on with the file that it has
            log.error("event=log_not_given slot=%d reason=%r", worker.slot, str(error))  # noqa: TRY400 - said in words


def give_listeners(worker: Worker, sockets: ListenerSockets, listeners: Iterable[Listener]) -> None:
    """Hand a worker its sockets of those listeners that are active, in as many messages as the kernel's limit makes it."""
    active = [listener for listener in listeners if listener.active]
    for some in portions(active) if active else ():
        _give(worker, worker.slot, sockets, some, lent_by=None)


def _give(worker: Worker, slot: int, sockets: ListenerSockets, listeners: Iterable[Listener], *, lent_by: int | None) -> None:
    names = tuple(ListenerName(each.protocol, each.address) for each in listeners)
    files = [sockets.of_slot(slot, each.address) for each in names]
    worker.link.tell(GiveListeners(listeners=names, descriptors=len(names), lent_by=lent_by), files)
