"""`serve`: the master's life. Open everything that may fail, fill the slots, obey signals and tools, close everything.

What is opened first guards the rest: the journal's lock and the command socket keep two masters apart before a port is touched.
The process that calls `serve` is the master until it ends: its pid is what systemd, containers and terminals hold on to.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
import logging
import os
import resource
from signal import SIGHUP, SIGINT, SIGTERM, Signals
from time import monotonic

import gevent
from gevent.queue import Queue
from setproctitle import setproctitle

from sozu.command.commit import Refused
from sozu.command.config import Configuration
from sozu.command.facts import Overrides
from sozu.command.journal import Journal, JournalError
from sozu.command.orders import AnyOrder
from sozu.command.requests import DEFAULT_GRACE
from sozu.command.settings import in_force
from sozu.command.worker_protocol import TakeLog
from sozu.master.aside import Aside
from sozu.master.history import History
from sozu.master.ledger import Ledger, NotWritten
from sozu.master.loads import Loads
from sozu.master.logs import LogFile
from sozu.master.metrics.exposition import exposition
from sozu.master.metrics.figures import Figures
from sozu.master.metrics.page import MetricsPage
from sozu.master.notify import READY, STOPPING, notify
from sozu.master.publication import Publication
from sozu.master.restart import Beginning, begin, replayed
from sozu.master.signals import caught
from sozu.master.sockets import CannotListen, ListenerSockets
from sozu.master.stopping import Stopping
from sozu.master.tools.changing import Changing
from sozu.master.tools.door import Door
from sozu.master.tools.looking import Looking
from sozu.master.tools.rehearsing import Rehearsal
from sozu.master.tools.verbs import Verbs
from sozu.master.workers.briefing import Briefing
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.roster import Roster
from sozu.master.workers.slots import Slots

log = logging.getLogger("sozu.master")


class CannotStart(Exception):
    """Why there is no proxy now; nothing of it runs."""


@dataclass(frozen=True, slots=True)
class Started:
    """What there is to tell when the first workers accept."""

    pid: int
    command_socket: str
    journal: str
    revision: int
    listeners: tuple[str, ...]  # addresses, with the ports that they really have
    prometheus: str | None  # address of the page of figures, with its real port
    difference: tuple[AnyOrder, ...]  # what the file says and the journal does not: orders that were not carried out


def serve(
    configuration: Configuration,
    worker_command: Sequence[str],
    *,
    file_wins: bool = False,
    announce: Callable[[Started], object] = lambda _: None,
) -> int:
    """Be the master until told to stop; the exit code of the process.

    `worker_command` starts a worker when `--channel FD` is added to it. With `file_wins` the configuration is applied over what
    the journal holds. `announce` is called once, when every slot was tried. Raises CannotStart.
    """
    _prepare_process(configuration.settings.command_socket)
    with ExitStack() as opened:
        try:
            master = Master(configuration, worker_command, file_wins=file_wins, opened=opened)
        except (JournalError, CannotListen, Refused, NotWritten, OSError) as why:
            raise CannotStart(f"{why}; nothing was started") from why
        return master.run(announce)


class Master:
    """Everything that is open, and who does what with it. `opened` closes it again, in reverse."""

    def __init__(
        self, configuration: Configuration, worker_command: Sequence[str], *, file_wins: bool, opened: ExitStack
    ) -> None:
        self._settings = settings = configuration.settings
        journal = opened.enter_context(Journal.open(settings.journal))
        self._door = Door(settings.command_socket)
        opened.callback(self._door.close)
        self._log = LogFile(settings.access_log)
        opened.callback(self._log.close)
        self._sockets = ListenerSockets(settings.workers)
        opened.callback(self._sockets.close_all)
        self._roster = Roster()
        aside = Aside()
        opened.callback(aside.close)
        before = replayed(journal)
        self._ledger = Ledger(before.state, journal, self._sockets, self._roster, aside, heard=self._heard)
        opened.callback(self._ledger.close)
        self._speak()
        file_wins = file_wins or before.from_file
        self._beginning: Beginning = begin(self._ledger, self._sockets, configuration.state, file_wins=file_wins)
        briefing = Briefing(settings, self._log, self._sockets, lambda: self._ledger.state, self._roster)
        self._slots = Slots(settings.workers, worker_command, briefing, self._roster)
        page = self._open_metrics_page(settings.metrics.prometheus, opened)
        self._figures = Figures(settings, self._ledger, self._slots, self._roster, page, monotonic())
        self._stopping = Stopping(self._slots, self._sockets)
        self._verbs = self._know(History(journal.path, aside), aside)
        self._wishes: Queue[Signals | None] = Queue()

    def _know(self, history: History, aside: Aside) -> Verbs:
        rehearsal = Rehearsal(self._ledger, Loads(self._roster), aside)
        changing = Changing(self._ledger, history, aside, self._roster, self._stopping, rehearsal)
        looking = Looking(self._ledger, history, self._figures, aside)
        return Verbs(changing, looking, rehearsal, self._stopping, self._roster)

    def _heard(self, publication: Publication) -> None:
        if any(isinstance(change.after or change.before, Overrides) for change in publication.effects):
            self._speak()

    def _speak(self) -> None:
        level = in_force(self._settings, self._ledger.state.override).log_level
        logging.getLogger("sozu").setLevel(level.upper())

    def _open_metrics_page(self, address: str | None, opened: ExitStack) -> str | None:
        if address is None:
            return None
        page = MetricsPage(address, self._page)
        opened.callback(page.close)
        return page.address

    def run(self, announce: Callable[[Started], object]) -> int:
        """Serve until stopped."""
        self._stopping.begun.rawlink(lambda _: notify(STOPPING, os.environ))
        self._stopping.done.rawlink(lambda _: self._wishes.put(None))
        self._door.open_for(self._verbs.answer)
        with caught((SIGTERM, SIGINT, SIGHUP), self._wishes.put):
            start = gevent.spawn(self._start, announce)
            self._obey()
        start.kill()
        if start.value is False:
            raise CannotStart("no worker came to accept (the reasons are above); nothing runs")
        return 0

    def _start(self, announce: Callable[[Started], object]) -> bool:
        if not self._slots.start():
            self._stopping.hard()
            return False
        notify(READY, os.environ)
        try:
            announce(self._started())
        except OSError as error:  # nobody reads our standard output, or its disk is full: no reason not to serve
            log.warning("event=not_announced reason=%r", str(error))
        return True

    def _obey(self) -> None:
        for signum in iter(self._wishes.get, None):
            log.info("event=signal name=%s", signum.name)
            if signum is SIGHUP:
                self._reopen_log()
            elif signum is SIGINT and self._stopping.begun.is_set():
                self._stopping.hard()
            else:
                self._stopping.soft(DEFAULT_GRACE)

    def _reopen_log(self) -> None:
        try:
            self._log.reopen()
        except OSError as error:
            log.error("event=log_not_reopened reason=%r", str(error))  # noqa: TRY400 - the old file stays in use
            return
        for worker in self._roster:
            descriptors = self._log.descriptors
            Gathering(None).ask(worker, lambda number: [TakeLog(id=number, descriptors=1)], descriptors)

    def _started(self) -> Started:
        return Started(
            pid=os.getpid(),
            command_socket=self._settings.command_socket,
            journal=self._settings.journal,
            revision=self._ledger.state.revision,
            listeners=tuple(self._ledger.state.listeners),
            prometheus=self._figures.prometheus,
            difference=self._beginning.difference,
        )

    def _page(self) -> bytes:
        return exposition(self._figures.of_master(), self._figures.metrics()["workers"])


def _prepare_process(command_socket: str) -> None:
    logging.basicConfig(format="time=%(asctime)s level=%(levelname)s %(message)s", level=logging.INFO)
    setproctitle(f"sozu: master {command_socket}")
    # Workers inherit the limit: a proxy needs two descriptors for each exchange, and the usual 1024 is for other programs.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
