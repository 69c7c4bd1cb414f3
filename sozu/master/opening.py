"""What a master opens at its start, before it starts anything: each may fail, and then nothing has happened.

The journal's lock and the command socket come first: they keep two masters apart before a port is touched.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
import os
from time import monotonic
from typing import Final

import gevent.socket

from sozu.command.certificates.sealing import TicketSecret
from sozu.command.journal import Journal
from sozu.command.settings import Settings, in_force
from sozu.master.departures import Departures
from sozu.master.logs import LogFile
from sozu.master.restart import Replayed, replayed
from sozu.master.sockets import ListenerSockets
from sozu.master.succession.adoption import Orphanage, find_orphans
from sozu.master.succession.estate import Belongings
from sozu.master.surroundings.activation import activated_sockets
from sozu.master.surroundings.storing import Store
from sozu.master.tools.door import Door
from sozu.master.workers.rendezvous import Places

# A fixed size: each worker maps it once and finds a client's place by the number of places there are. Were it to grow
# while it is in use, two workers would count one client in two places.
RATES: Final = 1 << 21  # bytes: 131,072 clients' addresses at a time, of which only those in use take memory

NOTHING = Belongings()


def common_memory() -> int:
    """Memory without a name, all zeros, which is there as long as somebody has it open."""
    # No file with a name: that would outlive a master that was killed, while this one lives exactly as long as a worker
    # or a master has it open. Close-on-exec, since workers are sent it over their channel; an upgrade marks its own
    # copy as inheritable.
    descriptor = os.memfd_create("sozu-rates", os.MFD_CLOEXEC)
    # All zeros is an empty book: a bucket that was full at time 0 says
    # nothing, so its place is free (sozu/proxy/edits/common_rates.py).
    os.ftruncate(descriptor, RATES)
    return descriptor


class CannotStart(Exception):
    """Why there is no proxy now; nothing of it runs."""


@dataclass(frozen=True, slots=True)
class Programs:
    """How to start what is on the disk: a worker with `--channel FD` added, a master that follows us with `--estate FD`."""

    worker: Sequence[str]
    heir: Sequence[str]


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open, and what is known besides. `page` is the listening socket of the page of figures, if another master has opened it.

    `since` is when the proxy started (monotonic seconds), `departures` is what another master has removed,
    `orphanage` has the workers of one that died, `before` is what the journal says if it was read already. From the secret follow the keys that seal TLS session tickets; `rates` is
    a descriptor of the memory in which all workers count.
    """

    journal: Journal
    door: Door
    log: LogFile
    sockets: ListenerSockets
    belongings: Belongings
    since: float
    page: gevent.socket.socket | None = None
    departures: Departures = field(default_factory=Departures)
    orphanage: Orphanage = field(default_factory=Orphanage)
    before: Replayed | None = None
    ticket_secret: TicketSecret = field(default_factory=TicketSecret.new)
    rates: int = field(default_factory=common_memory)

    def close_with(self, end: ExitStack) -> None:
        """Have everything closed at the end, in reverse."""
        # The journal is named first, so that its lock is given up last: as long as anything of ours is open, no other
        # master may begin. The sockets are abandoned and not all closed, because a stop has closed them already; what
        # is found open here belongs to a start that failed, and some of it to workers that go on.
        for each in (self.journal.close, self.door.close, self.log.close, self.sockets.abandon):
            end.callback(each)
        end.callback(os.close, self.rates)


def open_all(settings: Settings, belongings: Belongings, locked: Callable[[], object] = lambda: None, *, file_wins: bool = False, workers_win: bool = False) -> Opened:
    """Open what the settings name. Raises JournalError, CannotListen or OSError, with nothing left open.

    `locked` is called as soon as no other master can have our journal, which may take a while to read.
    """
    # The lock comes before all else. The door, for one, takes a stale socket away after a look at it: two masters of
    # one journal that look in the same moment would both find it stale.
    with ExitStack() as unless_it_works:
        journal = unless_it_works.enter_context(Journal.open(settings.journal))
        # Only from here on is this start worth its workers: a `serve` that was begun by mistake beside a running one
        # has ended at the lock. And no later, since they import what they need while a large journal is read.
        locked()
        before = replayed(journal)
        # What an order has said of the number of workers holds only as long as the journal wins. Where the file is
        # going to win, no slot is to be opened that goes at once.
        count = settings.workers if file_wins or workers_win or before.from_file else in_force(settings, before.state.override).workers
        door = Door(settings.command_socket)
        unless_it_works.callback(door.close)
        log = LogFile(settings.access_log)
        unless_it_works.callback(log.close)
        # After journal and door: a worker without a master talks with
        # one at a time, so nobody may ask who could still be refused.
        orphanage = find_orphans(Places(settings.command_socket))
        came = activated_sockets(os.environ, os.getpid())
        # Slots for all who were found, though fewer may be wanted: `adopt` closes what is beyond the last slot, and who
        # waits in such a queue would go with the worker that holds it.
        sockets = ListenerSockets(max(count, orphanage.slots), Store(os.environ, came.stored))
        for address, descriptors in orphanage.sockets().items():
            sockets.adopt(address, descriptors)
        # After the orphans', because these say which slot each socket belongs to; systemd knows that only of those that
        # we have stored there.
        for address, descriptors in came.sockets.items():
            _adopt_or_close(sockets, address, descriptors)
        opened = Opened(journal, door, log, sockets, belongings, monotonic(), orphanage=orphanage, before=before)
        unless_it_works.pop_all()
    return opened


def _adopt_or_close(sockets: ListenerSockets, address: str, descriptors: Mapping[int, int]) -> None:
    if address not in sockets:
        sockets.adopt(address, descriptors)
        return
    for descriptor in descriptors.values():
        os.close(descriptor)  # workers that go on have the same ones
