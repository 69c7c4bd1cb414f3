"""What an estate becomes: the parts of a master, as they were."""

import logging
import os
from pathlib import Path

import gevent
import gevent.socket

from sozu.command.certificates.sealing import TicketSecret
from sozu.command.channel import channel_to_worker
from sozu.command.journal import Journal
from sozu.master.departures import Departures
from sozu.master.logs import LogFile
from sozu.master.opening import Opened, common_memory
from sozu.master.sockets import ListenerSockets
from sozu.master.succession.estate import Estate, WorkerLeft
from sozu.master.surroundings.storing import Store
from sozu.master.tools.door import Door
from sozu.master.workers.leaving import await_exit
from sozu.master.workers.link import WorkerLink
from sozu.master.workers.process import Process
from sozu.master.workers.rendezvous import remove
from sozu.master.workers.roster import Worker
from sozu.master.workers.slots import Slots

log = logging.getLogger("sozu.master")


def inherit(estate: Estate) -> Opened:
    """Take over journal (and its lock), command socket, access log, listening sockets and the page of figures."""
    settings = estate.settings
    sockets = ListenerSockets(len(estate.slots), Store(os.environ))
    for address, descriptors in estate.listeners.items():
        sockets.adopt(address, dict(enumerate(descriptors)))
    # An older master does not say. Then all count as disordered, which costs some connections to ourselves and is never
    # wrong.
    if estate.disordered is not None:
        sockets.disordered = set(estate.disordered)
    return Opened(
        # Not `Journal.open`: this descriptor has the lock, and another one of the same file would be refused because of
        # it (flock(2)).
        Journal(Path(settings.journal), estate.journal),
        Door(settings.command_socket, gevent.socket.socket(fileno=estate.door)),
        LogFile(settings.access_log, estate.log),
        sockets,
        estate.belongings,
        estate.started,
        None if estate.metrics is None else gevent.socket.socket(fileno=estate.metrics),
        Departures(estate.departed, estate.departed_frontends, estate.departed_listeners, estate.departed_clusters),
        ticket_secret=TicketSecret(bytes.fromhex(estate.ticket_secret), estate.ticket_period),
        rates=common_memory() if estate.rates is None else estate.rates,
    )


def inherit_workers(estate: Estate, slots: Slots) -> None:
    """Take on the workers, as they serve and drain."""
    for slot, left in zip(slots, estate.slots, strict=True):
        slot.fills = left.fills
    for each in estate.workers:
        worker = _worker(each)
        if worker is None:
            continue
        slots.take_on(worker)
        # By the pid, which is what names a worker in both programs.
        for lender in estate.slots:
            if lender.lent_to == each.pid:
                slots.go_on_lending(lender.number, worker)
        # The greenlet that was to end it went with the other program; its time has run on meanwhile.
        if worker.leave_by is not None:
            gevent.spawn(await_exit, worker)


def _worker(left: WorkerLeft) -> Worker | None:
    try:
        process = Process(left.pid)
    except ProcessLookupError:  # it was nobody's child of ours, and has ended between two programs
        log.warning("event=worker_ended slot=%d pid=%d fate='unknown'", left.slot, left.pid)
        os.close(left.channel)
        if left.rendezvous:
            remove(left.rendezvous)
        return None
    link = WorkerLink(channel_to_worker(gevent.socket.socket(fileno=left.channel), left.unread), left.next_id)
    return Worker(
        left.slot,
        process,
        link,
        state=left.state,
        since=left.since,
        leave_by=left.leave_by,
        rendezvous=left.rendezvous,
        version=left.version,
    )
