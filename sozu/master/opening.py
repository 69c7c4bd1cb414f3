"""What a master opens at its start, before it starts anything: each may fail, and then nothing has happened.

The journal's lock and the command socket come first: they keep two masters apart before a port is touched.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic

import gevent.socket

from sozu.command.journal import Journal
from sozu.command.settings import Settings
from sozu.command.state import BackendKey
from sozu.master.logs import LogFile
from sozu.master.sockets import ListenerSockets
from sozu.master.succession.estate import Belongings
from sozu.master.tools.door import Door


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open, and what is known besides. `page` is the listening socket of the page of figures, if another master has opened it.

    `since` is when the proxy started (monotonic seconds), `departures` are the backends that another master has removed.
    """

    journal: Journal
    door: Door
    log: LogFile
    sockets: ListenerSockets
    belongings: Belongings
    since: float
    page: gevent.socket.socket | None = None
    departures: tuple[BackendKey, ...] = ()

    def close_with(self, end: ExitStack) -> None:
        """Have everything closed at the end, in reverse."""
        for each in (self.journal.close, self.door.close, self.log.close, self.sockets.close_all):
            end.callback(each)


def open_all(settings: Settings, belongings: Belongings) -> Opened:
    """Open what the settings name. Raises JournalError, CannotListen or OSError, with nothing left open."""
    with ExitStack() as unless_it_works:
        journal = unless_it_works.enter_context(Journal.open(settings.journal))
        door = Door(settings.command_socket)
        unless_it_works.callback(door.close)
        opened = Opened(journal, door, LogFile(settings.access_log), ListenerSockets(settings.workers), belongings, monotonic())
        unless_it_works.pop_all()
    return opened
