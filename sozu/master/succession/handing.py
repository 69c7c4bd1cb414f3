"""A master gathers its estate: it comes to rest, and everything that it holds becomes a fact, a descriptor or unread bytes.

Clients notice nothing, since workers do not; tools wait in the queue of the command socket. Nothing is closed for others by
this, so that the estate can as well be taken by the very same process, should the next program not start.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import logging

import gevent

from sozu import __version__
from sozu.command.settings import Settings
from sozu.master.ledger import Ledger
from sozu.master.metrics.page import MetricsPage
from sozu.master.opening import Opened
from sozu.master.succession.estate import Estate, SlotLeft, WorkerLeft
from sozu.master.workers.roster import Worker
from sozu.master.workers.slot import Slot
from sozu.master.workers.slots import Slots

log = logging.getLogger("sozu.master")

READING_PATIENCE = 5.0  # seconds in which a worker must have read what it was told


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a master holds."""

    settings: Settings
    opened: Opened
    slots: Slots
    ledger: Ledger
    page: MetricsPage | None


def hand_over(held: Holdings, asker: object, grace: float) -> Estate:
    """Come to rest and leave everything. `asker` is the greenlet whose answer to a tool is given by the next master."""
    # In this order. First nobody may ask for anything any more; then the ledger writes and publishes what was proposed,
    # so that the journal is whole and each change stands in every worker's queue; then no slot is filled any more, or a
    # newcomer would be in nobody's list; only then are the channels emptied and given up. Each of these may switch, and
    # what comes meanwhile must find its way into the one after it.
    door, tools = held.opened.door.hand_over(asker)
    metrics = held.page.hand_over() if held.page is not None else None
    held.ledger.close()
    workers = held.slots.give_up()
    left = list(_workers_left(workers))
    # Descriptors as they are, where that can be: a duplicate would be wanted where there may be none left, and the original would
    # stay open in this process, should it be the next master too.
    return Estate(
        version=__version__,
        settings=held.settings,
        started=held.opened.since,
        journal=held.opened.journal.fileno(),
        door=door,
        log=next(iter(held.opened.log.descriptors), None),
        metrics=metrics,
        listeners=held.opened.sockets.hand_over(),
        disordered=list(held.opened.sockets.disordered),
        slots=[_slot_left(slot) for slot in held.slots],
        workers=left,
        departed=list(held.ledger.departures.backends),
        departed_frontends=list(held.ledger.departures.frontends),
        departed_listeners=list(held.ledger.departures.listeners),
        departed_clusters=list(held.ledger.departures.clusters),
        tools=tools,
        signals=[],
        belongings=held.opened.belongings,
        grace=grace,
        ticket_secret=held.opened.ticket_secret.value.hex(),
        ticket_period=held.opened.ticket_secret.period,
        rates=held.opened.rates,
    )


def _slot_left(slot: Slot) -> SlotLeft:
    return SlotLeft(number=slot.number, fills=slot.fills, lent_to=None if slot.borrower is None else slot.borrower.process.pid)


def _workers_left(workers: Iterable[Worker]) -> Iterator[WorkerLeft]:
    # All at once: several that do not read cost one patience, and not one each.
    handing = [(worker, gevent.spawn(worker.link.hand_over, READING_PATIENCE)) for worker in workers]
    for worker, handed in handing:
        link = handed.get()
        if link is None:
            log.warning("event=worker_killed slot=%d pid=%d reason='it does not read its channel'", worker.slot, worker.process.pid)
            # What it has not read goes with this program. It would never
            # be sure to have the state, and nobody could tell it so.
            worker.process.kill()
            worker.process.ended.wait()
            continue
        # From here on its end is the next master's to see: a child that is not reaped keeps its pid, by which it is found.
        worker.process.forget()
        yield WorkerLeft(
            slot=worker.slot,
            pid=worker.process.pid,
            state=worker.state,
            since=worker.since,
            leave_by=worker.leave_by,
            channel=link.descriptor,
            unread=link.unread,
            next_id=link.next_id,
            rendezvous=worker.rendezvous,
            version=worker.version,
        )
