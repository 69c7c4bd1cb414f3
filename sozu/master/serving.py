"""`serve`: the master's life. Open everything that may fail, fill the slots, obey signals and tools, close everything.

The process that calls `serve` is the master until it ends: its pid is what systemd, containers and terminals hold on to. In an
upgrade it execs the code on disk, and goes on there with `succeed` (docs/life_of_an_upgrade.md).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
import logging
import os
from signal import SIGHUP, SIGINT, Signals

import gevent
from gevent.queue import Queue
import msgspec

from sozu import __version__
from sozu.birth import Born
from sozu.command.commit import Refused
from sozu.command.config import Configuration
from sozu.command.facts import Listener
from sozu.command.journal import JournalError
from sozu.command.orders import AnyOrder
from sozu.command.requests import DEFAULT_GRACE
from sozu.command.settings import Settings, in_force
from sozu.master.aside import Aside
from sozu.master.history import History
from sozu.master.ledger import Ledger
from sozu.master.loads import Loads
from sozu.master.metrics.figures import Figures
from sozu.master.metrics.page import MetricsPage
from sozu.master.metrics.statsd import telling
from sozu.master.news.chronicle import Chronicle
from sozu.master.news.events import EventLog, Events
from sozu.master.news.expiry import watch_expiry
from sozu.master.opening import NOTHING, CannotStart, Opened, Programs, open_all
from sozu.master.proposals import NotWritten
from sozu.master.restart import Beginning, begin, replayed, tell_if_torn
from sozu.master.signals import caught
from sozu.master.sockets import CannotListen
from sozu.master.stopping import Stopping
from sozu.master.succession.adoption import take_in
from sozu.master.succession.estate import Belongings, Estate
from sozu.master.succession.exec import OURS, become, come_to_serve, hold_signals, release_signals
from sozu.master.succession.handing import Holdings, hand_over
from sozu.master.succession.inheriting import inherit, inherit_workers
from sozu.master.succession.upgrade import Handover, Upgrading
from sozu.master.surroundings import pidfile
from sozu.master.surroundings.notify import READY, STOPPING, notify, reloading, show_life
from sozu.master.surroundings.preparing import prepare_process, settle
from sozu.master.surroundings.reaping import keep_reaping
from sozu.master.tools.changing import Changing
from sozu.master.tools.explaining import Explaining
from sozu.master.tools.looking import Looking
from sozu.master.tools.rehearsing import Rehearsal
from sozu.master.tools.verbs import Verbs
from sozu.master.tools.waiting import Waiting
from sozu.master.workers.briefing import Briefing, age_hourly, give_log
from sozu.master.workers.filling import SlotNotFilled, launch_early, needed
from sozu.master.workers.rendezvous import Places
from sozu.master.workers.roster import Roster, Worker
from sozu.master.workers.slots import Slots

log = logging.getLogger("sozu.master")

ONE_TURN = 0.001  # seconds; a timer has the loop look for everything else that happened


@dataclass(frozen=True, slots=True)
class Started:
    """What there is to tell when the first workers accept."""

    pid: int
    command_socket: str
    journal: str
    revision: int
    listeners: tuple[Listener, ...]  # with the ports that they really have
    prometheus: str | None  # address of the page of figures, with its real port
    difference: tuple[AnyOrder, ...]  # what the file says and the journal does not: orders that were not carried out


def serve(
    configuration: Configuration,
    programs: Programs,
    *,
    file_wins: bool = False,
    workers_win: bool = False,
    announce: Callable[[Started], object] = lambda _: None,
    belongings: Belongings = NOTHING,
    born: list[Born] | None = None,
) -> int:
    """Be the master until told to stop; the exit code of the process.

    With `file_wins` the configuration goes over what the journal holds, with `workers_win` only its number of workers. `announce` is called once, when every slot was tried.
    Workers that were `born` ahead are taken. Raises CannotStart.
    """
    settings, early = configuration.settings, list[Worker]()
    prepare_process(settings.command_socket)
    with ExitStack() as end:
        try:
            opened = open_all(settings, belongings, lambda: early.extend(launch_early(settings.workers, programs.worker, end, born or [])), file_wins=file_wins, workers_win=workers_win)
            master = Master(settings, opened, programs, end, needed(early, 0 if opened.orphanage.slots else opened.sockets.slots))
            master.begin(configuration, file_wins=file_wins, workers_win=workers_win)
        except (JournalError, CannotListen, Refused, NotWritten, SlotNotFilled, OSError) as why:
            raise CannotStart(f"{why}; nothing was started") from why
        return _until_stopped(master.run(announce), programs, end)


def succeed(estate: Estate, programs: Programs) -> int:
    """Be the master that follows another one in its process; the exit code of the process."""
    prepare_process(estate.settings.command_socket)
    with ExitStack() as end:
        return _until_stopped(_inherited(estate, programs, None, end), programs, end)


def _until_stopped(outcome: int | Estate, programs: Programs, end: ExitStack) -> int:
    while isinstance(outcome, Estate):
        end.pop_all()  # nothing is closed for good: it is all in the estate
        obstacle = become(programs.heir, outcome)
        outcome = _inherited(outcome, programs, obstacle, end)
    return outcome


def _inherited(estate: Estate, programs: Programs, obstacle: OSError | None, end: ExitStack) -> int | Estate:
    return Master(estate.settings, inherit(estate), programs, end).go_on(estate, obstacle)


class Master:
    """Everything that is open, and who does what with it. `end` closes it again, in reverse."""

    def __init__(self, settings: Settings, opened: Opened, programs: Programs, end: ExitStack, early: Sequence[Worker] = ()) -> None:
        self._settings, self._opened = settings, opened
        self._events = Events()
        chronicler = EventLog(self._events)
        log.addHandler(chronicler)
        end.callback(log.removeHandler, chronicler)
        opened.close_with(end)
        self._roster = Roster()
        aside = self._aside = Aside()
        end.callback(aside.close)
        self._before = opened.before or replayed(opened.journal)
        tell_if_torn(opened.journal)
        end.callback(pidfile.remove, settings.pidfile)
        expiry = watch_expiry(self._events, lambda: self._ledger.state)
        told = Chronicle(self._events, self._roster, self._heed_settings, expiry.look, follow=lambda: self._slots.checks.follow(), lend=lambda: self._slots.lend_anew())  # noqa: PLW0108 - there are no slots yet
        self._ledger = Ledger(self._before.state, opened.journal, opened.sockets, self._roster, aside, told=told, departures=opened.departures)
        end.callback(self._ledger.close)
        self._speak()
        self._beginning = Beginning()
        gevent.spawn(age_hourly, opened.ticket_secret)
        state = lambda: self._ledger.state  # noqa: E731 - what is in force when it is asked
        briefing = Briefing(settings, opened.log, opened.sockets, state, self._roster, Places(settings.command_socket), opened.ticket_secret, opened.rates)
        self._slots = Slots(opened.sockets.slots, programs.worker, briefing, self._roster, early)
        page = self._open_metrics_page(settings.metrics.prometheus, end)
        self._figures = Figures(settings, self._ledger, self._slots, self._roster, page.address if page else None, opened.since)
        self._stopping = Stopping(self._slots, opened.sockets)
        self._wishes: Queue[Signals | Handover | None] = Queue()
        self._holdings = Holdings(settings, opened, self._slots, self._ledger, page)
        self._upgrading = Upgrading(self._holdings, self._stopping, programs.heir, self._wishes.put)
        self._verbs = self._know(History(opened.journal.path, aside), aside)

    def _know(self, history: History, aside: Aside) -> Verbs:
        rehearsal = Rehearsal(self._ledger, Loads(self._roster), aside)
        changing = Changing(self._ledger, history, aside, Waiting(self._ledger, self._roster), self._stopping, rehearsal)
        explaining = Explaining(self._ledger, Loads(self._roster), self._settings, aside)
        looking = Looking(self._ledger, history, self._figures, self._events, explaining, aside)
        return Verbs(changing, looking, rehearsal, self._stopping, self._upgrading, self._roster)

    def _heed_settings(self) -> None:
        self._speak()
        self._upgrading.heed()

    def _speak(self) -> None:
        level = in_force(self._settings, self._ledger.state.override).log_level
        # The handlers decide what is shown: events are made of what is not shown as well.
        for handler in logging.getLogger().handlers:
            handler.setLevel(level.upper())

    def _open_metrics_page(self, address: str | None, end: ExitStack) -> MetricsPage | None:
        if address is None:
            return None
        exposition = import_module("sozu.master.metrics.exposition").exposition  # who has no such page need not wait for prometheus-client
        page = MetricsPage(address, lambda: exposition(*self._figures.read()), self._opened.page)
        end.callback(page.close)
        return page

    def begin(self, configuration: Configuration, *, file_wins: bool, workers_win: bool) -> None:
        """Come to the first state, and listen. Raises CannotListen, Refused or NotWritten."""
        sockets, wins = self._opened.sockets, file_wins or self._before.from_file
        self._beginning = begin(self._ledger, sockets, configuration.state, file_wins=wins, workers_win=workers_win)
        state = self._ledger.state
        self._close_unneeded()
        take_in(self._opened.orphanage, self._slots, self._settings, state)
        pidfile.write(self._settings.pidfile)
        give_log(self._roster, self._opened.log)

    def _close_unneeded(self) -> None:
        """Nobody is going to accept on those: who has removed a listener may have died, or handed over, before all workers had left it."""
        for address in set(self._opened.sockets) - {each.address for each in self._ledger.state.listeners.values() if each.active}:
            self._opened.sockets.close(address)

    def run(self, announce: Callable[[Started], object]) -> int | Estate:
        """Serve until stopped, or until the code on disk shall go on."""
        self._opened.door.open_for(self._verbs.answer)
        with caught(OURS, self._wishes.put):
            start = gevent.spawn(self._start, announce)
            left = self._obey()
        start.kill()
        if start.value is False:
            raise CannotStart("no worker came to accept (the reasons are above); nothing runs")
        return left or 0

    def go_on(self, estate: Estate, obstacle: OSError | None) -> int | Estate:
        """Serve with what another master has left; an obstacle is why it is its own heir."""
        self._events.resume(estate.events)
        self._close_unneeded()
        inherit_workers(estate, self._slots)
        for signum in estate.signals:
            self._wishes.put(signum)
        self._opened.door.open_for(self._verbs.answer)
        self._slots.start()
        job = self._upgrading.finish(estate.grace, obstacle, restaff=estate.restaff)
        for tool in estate.tools:
            self._opened.door.go_on(tool, self._verbs.answer, job.follow)
        come_to_serve()
        log.info("event=took_over pid=%d version=%s workers=%d", os.getpid(), __version__, len(estate.workers))
        notify(READY, os.environ)
        gevent.spawn(settle, self._aside)
        with caught(OURS, self._wishes.put):
            release_signals()
            return self._obey() or 0

    def _start(self, announce: Callable[[Started], object]) -> bool:
        if not self._slots.start() and not self._opened.orphanage.slots:  # what served already is tried for again and again
            self._stopping.hard()
            return False
        notify(READY, os.environ)
        try:
            announce(self._started())
        except OSError as error:  # nobody reads our standard output, or its disk is full: no reason not to serve
            log.warning("event=not_announced reason=%r", str(error))
        settle(self._aside)
        return True

    def _obey(self) -> Estate | None:
        self._stopping.begun.rawlink(lambda _: notify(STOPPING, os.environ))
        gevent.spawn(show_life, os.environ, os.getpid())
        gevent.spawn(keep_reaping, os.getpid())
        self._stopping.done.rawlink(lambda _: self._wishes.put(None))
        with telling(self._settings.metrics.statsd, self._figures.read):
            for wish in iter(self._wishes.get, None):
                if isinstance(wish, Signals):
                    self._heed(wish)
                elif isinstance(wish, Handover) and not self._stopping.begun.is_set():
                    return self._leave(wish)
        return None

    def _heed(self, signum: Signals) -> None:
        log.info("event=signal name=%s", signum.name)
        if signum is SIGHUP:
            self._reopen_log()
        elif signum is SIGINT and self._stopping.begun.is_set():
            self._stopping.hard()
        else:
            self._stopping.soft(DEFAULT_GRACE)

    def _leave(self, wish: Handover) -> Estate:
        notify(reloading(), os.environ)
        stops = self._stopping.put_off()
        estate = hand_over(self._holdings, wish.asker, wish.grace)
        self._aside.close()
        hold_signals()  # now that there is no other thread, which could still take one
        gevent.sleep(ONE_TURN)  # what came before is a wish then
        return msgspec.structs.replace(estate, signals=[*stops, *self._waiting_signals()], events=self._events.all(), restaff=self._upgrading.unheeded)

    def _waiting_signals(self) -> Iterator[Signals]:
        wishes = [self._wishes.get() for _ in range(self._wishes.qsize())]
        return (each for each in wishes if isinstance(each, Signals))

    def _reopen_log(self) -> None:
        try:
            self._opened.log.reopen()
        except OSError as error:
            log.error("event=log_not_reopened reason=%r", str(error))  # noqa: TRY400 - the old file stays in use
        else:
            give_log(self._roster, self._opened.log)

    def _started(self) -> Started:
        return Started(
            pid=os.getpid(),
            command_socket=self._settings.command_socket,
            journal=self._settings.journal,
            revision=self._ledger.state.revision,
            listeners=tuple(self._ledger.state.listeners.values()),
            prometheus=self._figures.prometheus,
            difference=self._aside.call(self._beginning.difference),
        )
