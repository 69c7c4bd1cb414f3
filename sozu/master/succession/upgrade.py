"""`sozu upgrade`: bring one worker, or master and workers, to the code on disk; and `sozu workers`, which takes the same way.

Whoever asked may leave: an upgrade goes on without him, and another one is refused meanwhile. The master's own is a trial of it, then
an exec in place (`serving`), and what follows is done by the new code: it replaces the workers, one slot at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import logging
import os
from typing import Any

import gevent
from gevent import getcurrent
from gevent.event import Event
from gevent.queue import Queue

from sozu import __version__
from sozu.command.requests import DEFAULT_GRACE
from sozu.command.settings import in_force
from sozu.master.stopping import Stopping
from sozu.master.succession.estate import names_left
from sozu.master.succession.handing import Holdings
from sozu.master.succession.staffing import resize, settle
from sozu.master.succession.trial import Part, Unfit, try_out
from sozu.master.tools.tool import Declined, Final, Say
from sozu.master.workers.filling import SlotNotFilled
from sozu.master.workers.leaving import what_is_left
from sozu.master.workers.roster import Worker
from sozu.master.workers.slot import Slot

log = logging.getLogger("sozu.master")

NEWS_EVERY = 1.0  # seconds between two words to somebody who waits


@dataclass(frozen=True, slots=True)
class Handover:
    """The wish that the next program takes over: `asker` is the greenlet whose tool it answers."""

    asker: object
    grace: float


class Job:
    """What goes on whether or not somebody follows it. `work` is given a way to tell."""

    def __init__(self, work: Callable[[Say], Final]) -> None:
        # Without a bound, since it may be that nobody reads: what tells must never wait for who asked.
        self._news: Queue[tuple[str, Any] | Final | Declined] = Queue()
        self._work = work
        self.greenlet = gevent.spawn(self._run)
        self.greenlet.link_exception(self._tell_end)

    def follow(self, say: Say) -> Final:
        """Pass on what is told; the end of it. Raises Declined."""
        while True:
            match self._news.get():
                case Final() as final:
                    return final
                case Declined() as why:
                    raise why
                case message, data:
                    say(message, data)

    def end(self) -> None:
        """Go no further; who follows it is told. Never waits."""
        self.greenlet.kill(block=False)
        self._news.put(Declined("the proxy is stopping, and this goes no further"))

    def _run(self) -> None:
        try:
            self._news.put(self._work(self._tell))
        except Declined as why:
            log.error("event=upgrade_failed reason=%r", str(why))  # noqa: TRY400 - said in words, to who asked as well
            self._news.put(why)

    def _tell_end(self, broken: "gevent.Greenlet[..., None]") -> None:
        # A broken invariant, and gevent has printed the traceback: whoever follows us is not to wait for ever.
        self._news.put(Declined(f"it ended before its end: {broken.exception!r}; `sozu status` shows what runs now"))

    def _tell(self, message: str, data: Any) -> None:
        log.info("event=upgrade %s", message)
        self._news.put((message, data))


class Upgrading:
    """The verbs. `program` starts the master's code when `--trial FD` or `--estate FD` is added; `wish` asks to be succeeded."""

    def __init__(
        self, holdings: Holdings, stopping: Stopping, program: Sequence[str], wish: Callable[[Handover], object]
    ) -> None:
        self._held, self._slots = holdings, holdings.slots
        self._stopping, self._program, self._wish = stopping, program, wish
        self._job: Job | None = None
        # An upgrade that went on would fill the slots that a stop empties.
        stopping.begun.rawlink(lambda _: self._end())
        self.unheeded = False  # settings were changed, and what is under way comes first

    def worker(self, number: int, grace: float, say: Say) -> Final:
        """Replace one worker."""
        slots = list(self._slots)
        if not 0 <= number < len(slots):
            raise Declined(f"there is no worker {number}; they are 0 to {len(slots) - 1}; nothing was changed")
        return self._begin(lambda tell: self._renew([slots[number]], grace, tell)).follow(say)

    def everything(self, grace: float, say: Say) -> Final:
        """Replace master and workers; the final answer is given by the next master, to whoever waits in this greenlet."""
        # Of all greenlets that answer tools, the one that the door does
        # not end: its tool gets the final word of the next master.
        asker = getcurrent()
        return self._begin(lambda tell: self._hand_over(asker, grace, tell)).follow(say)

    def finish(self, grace: float, obstacle: OSError | None, *, restaff: bool) -> Job:
        """What the next master does first: replace the workers, unless it is the old one again because of an obstacle. Then it may `restaff`."""

        def finish(tell: Say) -> Final:
            if obstacle is not None:
                raise Declined(f"the code on disk cannot be started: {obstacle}; nothing was changed")
            tell(f"the master (pid {os.getpid()}) runs version {__version__}", {"pid": os.getpid(), "version": __version__})
            return self._renew(list(self._slots), grace, tell)

        job = self._begin(finish)
        if restaff:
            self.heed()
        return job

    def staff(self, count: int, grace: float, say: Say, remember: Callable[[], object]) -> Final:
        """Have so many workers. `remember` is called once there are, if a restart would not have so many."""

        def staff(tell: Say) -> Final:
            final = self._staff(count, grace, tell)
            # After they are there: a number that could not be had must not be remembered. And not where it says nothing
            # new, since each commit makes a revision.
            if self._wanted != count:
                remember()
            return final

        return self._begin(staff).follow(say)

    def heed(self) -> None:
        """Orders have changed the settings, perhaps how many workers there should be: see to it, after what is under way. Never waits."""
        self.unheeded = True
        gevent.spawn(self._heed)

    def _heed(self) -> None:
        # Again and again, because while this greenlet waits to run another job may have begun.
        while self._job is not None and not self._job.greenlet.ready():
            self._job.greenlet.join()
        self.unheeded = False
        count = self._wanted
        if count != len(list(self._slots)) and not self._stopping.begun.is_set():
            self._begin(lambda tell: self._staff(count, DEFAULT_GRACE, tell))

    @property
    def _wanted(self) -> int:
        return in_force(self._held.settings, self._held.ledger.state.override).workers

    def _staff(self, count: int, grace: float, tell: Say) -> Final:
        sockets = self._held.opened.sockets
        leaving = resize(self._slots, sockets, count, grace, tell)
        # Before their sockets are closed: they accept for a moment longer, and until the last one has gone somebody may
        # be in its queue.
        _await_ends(leaving, tell)
        self._slots.leave_dropped()
        return settle(sockets, count, leaving)

    # ---- one at a time ------------------------------------------------------------------------

    def _begin(self, work: Callable[[Say], Final]) -> Job:
        if self._stopping.begun.is_set():
            raise Declined("the proxy is stopping; nothing was changed")
        if self._job is not None and not self._job.greenlet.ready():
            raise Declined("an upgrade is under way; nothing was changed by this one")
        self._job = Job(work)
        return self._job

    def _end(self) -> None:
        if self._job is not None:
            self._job.end()

    def _hand_over(self, asker: object, grace: float, tell: Say) -> Final:
        tell("trial: the code on disk reads the journal and starts a worker", None)
        revision = self._held.ledger.state.revision  # before the size: what comes between may be there
        part = Part(settings=self._held.settings, journal_size=self._held.opened.journal.size, revision=revision, left=names_left())
        try:
            version = try_out(self._program, part)
        except (Unfit, OSError) as why:
            raise Declined(f"{why}; nothing was changed") from why
        tell(f"the code on disk is version {version}; it takes over as master now, with the same pid", {"version": version})
        self._wish(Handover(asker, grace))
        Event().wait()  # whatever comes next is said by the next master
        raise AssertionError("this greenlet ends with this program")

    def _renew(self, slots: Sequence[Slot], grace: float, tell: Say) -> Final:
        # One slot after the other, but their ends are waited for together:
        # else a tunnel in each would make it a grace for each worker.
        leaving = [before for slot in slots if (before := self._renew_one(slot, grace, tell)) is not None]
        _await_ends(leaving, tell)
        count = len(slots)
        words = f"{count} {'worker runs' if count == 1 else 'workers run'} version {__version__}"
        return Final(f"upgraded: {words}", {"version": __version__, "workers": [slot.number for slot in slots]})

    def _renew_one(self, slot: Slot, grace: float, tell: Say) -> Worker | None:
        about = {"worker": slot.number}
        tell(f"worker {slot.number}: a newcomer of the code on disk starts", about)
        try:
            before = self._slots.renew(slot, grace)
        except SlotNotFilled as why:
            goes_on = "nobody serves there" if slot.worker is None else f"{slot.worker.name} goes on as it was"
            # The first failure is the last: the same code would fail in the next slot, where somebody serves.
            raise Declined(f"{why}; {goes_on}, and so do the workers after it", about) from why
        assert slot.worker is not None, "it was just filled"
        log.info("event=worker_upgraded slot=%d pid=%d version=%s", slot.number, slot.worker.process.pid, slot.worker.version)
        drains = f", {before.name} accepts no more and finishes what it has" if before is not None else ""
        tell(f"{slot.worker.name} accepts{drains}", {**about, "pid": slot.worker.process.pid})
        return before


def _await_ends(leaving: Sequence[Worker], tell: Say) -> None:
    """Until the last one has ended: each has a grace, and is killed after it."""
    ends = [worker.process.ended for worker in leaving]
    while len(gevent.wait(ends, NEWS_EVERY)) < len(ends):
        left = [worker.name for worker in leaving if not worker.process.ended.is_set()]
        tell(f"still finishing: {what_is_left(leaving)}", {"finishing": left})
