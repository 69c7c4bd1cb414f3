"""Slots are permanent, workers are not. `fill` is the one way a worker comes to be: at the start, after a crash, as a replacement.

Failure before a newcomer accepts costs the newcomer and nothing else; the worker before it is told to drain only afterwards.
Both accept on the very same sockets for that while, so no connection meets a closed door (DESIGN.md 4).
"""

from collections.abc import Callable, Iterator, Sequence
import logging
from time import monotonic

import gevent
from gevent.lock import BoundedSemaphore

from sozu.master.workers.briefing import Briefing, end_loan
from sozu.master.workers.checks import Checks
from sozu.master.workers.filling import EOF_PATIENCE, SlotNotFilled, launch, make_ready
from sozu.master.workers.heartbeat import Heartbeat
from sozu.master.workers.leaving import see_off
from sozu.master.workers.lookups import Lookups
from sozu.master.workers.rendezvous import remove
from sozu.master.workers.roster import Roster, Worker, WorkerState
from sozu.master.workers.slot import Slot
from sozu.master.workers.spare import Spare
from sozu.master.workers.suspects import Suspects
from sozu.master.workers.weighing import Scales

log = logging.getLogger("sozu.master")

ALONE = 0.5  # seconds; while nobody at all serves, there is nothing to spare by waiting longer
REPLACEMENT_GRACE = 10.0  # seconds that a replaced worker has for its sessions


class Slots:
    """All slots of this master, each with a greenlet that keeps it filled."""

    def __init__(self, count: int, command: Sequence[str], briefing: Briefing, roster: Roster, early: Sequence[Worker] = ()) -> None:
        """`early` are workers that were launched, one for each slot from 0 on, and have heard nothing yet."""
        self._early = {worker.slot: worker for worker in early}
        self._slots = [Slot(number) for number in range(count)]
        self._command, self._briefing, self._roster = command, briefing, roster
        self._dropped: list[Slot] = []  # and somebody may still be in their queues
        self._living: set[Worker] = set()
        self._keepers: list[gevent.Greenlet[..., None]] = []
        self._one_replacement = BoundedSemaphore(1)
        self.checks = Checks(roster, briefing.state)
        self._suspects = Suspects(briefing.settings.command_socket)
        self._spare = Spare(command)
        self._closed = False  # no slot is filled any more

    def __iter__(self) -> Iterator[Slot]:
        return iter(tuple(self._slots))

    def take_on(self, worker: Worker) -> None:
        """Go on with a worker of another master: the one that serves under its slot, or one that drains."""
        # One that drains may be of a slot that its master was about to drop.
        slot = self._slots[worker.slot] if worker.slot < len(self._slots) else Slot(worker.slot, dropped=True)
        self._watch(slot, worker)
        self._suspects.watch(worker)
        self._roster.join(worker)
        if worker.state is not WorkerState.RUNNING:
            return
        if slot.worker is not None:  # its master has died before it could tell the older of the two to drain
            see_off(worker, REPLACEMENT_GRACE, slot.worker)
        else:
            slot.worker = worker

    def go_on_lending(self, number: int, borrower: Worker) -> None:
        """This worker accepts for this slot: a loan of another master, which ends as one of ours."""
        self._slots[number].borrower = borrower

    def give_up(self) -> list[Worker]:
        """Fill no slot any more, and name the workers that serve or drain: they are another master's now. Who is not ready yet is killed."""
        self._keep_no_more()
        return list(self._living)

    def start(self) -> bool:
        """Fill every slot, and keep them filled. Returns when each was tried once: is there a worker now?"""
        self._keepers = [gevent.spawn(self._keep_filled, slot) for slot in self._slots]
        self._keepers.append(gevent.spawn(Heartbeat(lambda: tuple(self._living)).run))
        self._keepers.append(gevent.spawn(self.checks.run))
        self._keepers.append(gevent.spawn(Lookups(self._roster).run))
        if (most := self._briefing.settings.max_worker_memory) is not None:
            self._keepers.append(gevent.spawn(Scales(lambda: tuple(self._living), most).run))
        # Tried, and not filled: one slot whose worker does not start must not keep the others from being announced.
        gevent.wait([slot.tried for slot in self._slots])
        self._keepers.append(gevent.spawn(self._spare.keep))
        return not all(slot.vacant for slot in self._slots)

    def add(self, count: int) -> list[Slot]:
        """Have so many slots; returns the new ones, when each was tried once."""
        added = [Slot(number) for number in range(len(self._slots), count)]
        self._slots += added
        self._keepers += [gevent.spawn(self._keep_filled, slot) for slot in added]
        gevent.wait([slot.tried for slot in added])
        return added

    def drop(self, count: int, grace: float) -> list[Worker]:
        """Have the first `count` slots only; returns the workers of the others, which drain now or did so already."""
        dropped, self._slots = self._slots[count:], self._slots[:count]
        self._dropped += dropped
        leaving = []
        for slot in dropped:
            slot.dropped = True
            slot.attention.set()
            if slot.worker is not None and not slot.vacant:
                see_off(slot.worker, grace, self._heir_of(slot))
                leaving.append(slot.worker)
        self._lend_out()
        gone = {slot.number for slot in dropped}
        return leaving + [worker for worker in self._living if worker.slot in gone and worker not in leaving]

    def leave_dropped(self) -> None:
        """Nobody waits in the queues of dropped slots any more: who accepts for them may stop."""
        while self._dropped:
            self._end_loan(self._dropped.pop())

    def _heir_of(self, dropped: Slot) -> Worker | None:
        able = [each.worker for each in self._slots if each.worker is not None and each.worker.able]
        return able[dropped.number % len(able)] if able else None

    # ---- filling ------------------------------------------------------------------------------

    def fill(self, slot: Slot, grace: float, *, anew: bool = True) -> Worker | None:
        """Start a worker for this slot; once it accepts, tell the one before it to drain, and return that one.

        With `anew` it is started from the disk; else a spare one may do. Raises SlotNotFilled: then the newcomer is gone and the one before has noticed nothing.
        If the slot was dropped meanwhile it is the newcomer that drains.
        """
        if self._closed:
            raise SlotNotFilled("no slot is filled any more")
        newcomer = self._launch(slot, anew=anew)
        slot.filling = True
        try:
            make_ready(newcomer, self._briefing)
        finally:
            slot.filling = False
        if slot.dropped:
            see_off(newcomer, REPLACEMENT_GRACE, self._heir_of(slot))
            return None
        self._suspects.watch(newcomer)
        before, slot.worker = slot.worker, newcomer
        self._end_loan(slot)
        if before is not None:
            see_off(before, grace, newcomer)
        self._lend_out()  # only now: what the one before was lent is lent to somebody who stays
        slot.fills += 1
        # The first ones are announced by `serve`, in words for people.
        level = logging.DEBUG if slot.fills == 1 else logging.INFO
        log.log(level, "event=worker_ready slot=%d pid=%d fills=%d", slot.number, newcomer.process.pid, slot.fills)
        return before

    def renew(self, slot: Slot, grace: float) -> Worker | None:
        """Fill a slot though its worker is well; returns that one, which drains now. Raises SlotNotFilled."""
        with self._one_replacement, slot.alone:
            return self.fill(slot, grace)

    def _launch(self, slot: Slot, *, anew: bool) -> Worker:
        at_hand = self._early.pop(slot.number, None) or (None if anew else self._spare.take(slot.number))
        worker = at_hand or launch(slot.number, self._command)
        # Before it has said a word, because a stop has to find whoever is on the way.
        self._watch(slot, worker)
        return worker

    def _watch(self, slot: Slot, worker: Worker) -> None:
        worker.replace = lambda reason: self._replace(slot, worker, reason)
        self._living.add(worker)
        # rawlink calls back in the hub, where nothing may wait: what waits gets a greenlet.
        worker.process.ended.rawlink(lambda _: self._ended(slot, worker))
        worker.link.ended.rawlink(lambda _: gevent.spawn(self._link_ended, worker))

    # ---- keeping them filled ------------------------------------------------------------------

    def _keep_filled(self, slot: Slot) -> None:
        while not slot.dropped:
            while slot.wanting and not slot.dropped:
                self._lend_out()
                # Where a borrower or the worker before serves, a crash
                # loop may take its time; where nobody does, clients wait.
                gevent.sleep(slot.pause if slot.borrower is not None or not slot.vacant else min(slot.pause, ALONE))
                self._try_to_fill(slot)
                slot.tried.set()
            slot.tried.set()
            slot.attention.wait()
            slot.attention.clear()

    def _lend_out(self) -> None:
        """Who is in a queue that nobody serves need not wait for the slot's next worker: another accepts there, and they outlive us too. Never waits."""
        able = [each.worker for each in self._slots if each.worker is not None and each.worker.able and not self._closed]
        for slot in (*self._slots, *self._dropped) if able else ():
            served = any(each is not None and each.able for each in (slot.worker, slot.borrower))
            if not served and self._lent(slot.number, able[0]):
                slot.borrower = able[0]
                log.info("event=slot_lent slot=%d to=%d pid=%d", slot.number, able[0].slot, able[0].process.pid)

    def lend_anew(self) -> None:
        """Listeners have come or gone: who accepts for another slot does so on all that there are now. Never waits."""
        for slot in (*self._slots, *self._dropped):
            if slot.borrower is not None and slot.borrower.able:
                self._lent(slot.number, slot.borrower)

    def _lent(self, number: int, borrower: Worker) -> bool:
        try:
            return self._briefing.lend(number, borrower)
        except OSError as error:  # no descriptor is free: who waits there waits for the slot's own worker
            log.warning("event=slot_not_lent slot=%d reason=%r", number, str(error))
            return False

    def _end_loan(self, slot: Slot) -> None:
        borrower, slot.borrower = slot.borrower, None
        if borrower is not None:
            end_loan(slot.number, borrower)

    def _try_to_fill(self, slot: Slot) -> None:
        slot.pause = 0.0
        try:
            if slot.vacant:
                self._fill_if_wanting(slot)
            else:
                # A load under which one worker is late makes others late as well: replacing all at once would add to it.
                with self._one_replacement:
                    self._fill_if_wanting(slot)
        except SlotNotFilled as why:
            slot.pause = slot.backoff.after(0.0)
            log.error(  # noqa: TRY400 - the reason is in words; a traceback of ours would say nothing about the worker
                "event=slot_not_filled slot=%d retry_in=%.2f reason=%r", slot.number, slot.pause, str(why)
            )

    def _fill_if_wanting(self, slot: Slot) -> None:
        with slot.alone:
            if slot.wanting and not slot.dropped:
                self.fill(slot, REPLACEMENT_GRACE, anew=False)

    def _replace(self, slot: Slot, worker: Worker, reason: str) -> None:
        if worker.state is WorkerState.STARTING:  # nobody waits for one that cannot follow: whoever fills the slot tries again
            worker.process.kill()
        elif slot.worker is worker and slot.unfit is not worker:
            log.warning("event=worker_replaced slot=%d pid=%d reason=%r", worker.slot, worker.process.pid, reason)
            if worker.hung:
                self._suspects.name(worker, reason)
            slot.unfit = worker
            slot.pause = slot.backoff.after(monotonic() - worker.since)
            slot.attention.set()

    def _ended(self, slot: Slot, worker: Worker) -> None:
        # On the hub: nothing here may switch.
        self._living.discard(worker)
        self._roster.leave(worker)
        if worker.rendezvous:
            remove(worker.rendezvous)
        if worker.state is WorkerState.DRAINING:
            log.info("event=worker_left slot=%d pid=%d fate=%r", slot.number, worker.process.pid, worker.process.fate)
        elif slot.worker is worker:
            lifetime = monotonic() - worker.since
            slot.pause = slot.backoff.after(lifetime)
            # Status 0: somebody has sent it a SIGTERM, and it has drained.
            log.log(
                logging.INFO if worker.process.fate == "status 0" else logging.ERROR,
                "event=worker_ended slot=%d pid=%d fate=%r lifetime=%.1f retry_in=%.2f",
                *(slot.number, worker.process.pid, worker.process.fate, lifetime, slot.pause),
            )
            if worker.process.fate != "status 0":
                self._suspects.name(worker, worker.process.fate)
            slot.attention.set()
        self._lend_out()
        self._suspects.forget(worker)

    def _link_ended(self, worker: Worker) -> None:
        if not worker.process.ended.wait(EOF_PATIENCE) and worker.state is WorkerState.RUNNING:
            worker.replace("its channel ended and it did not")

    # ---- letting them go ----------------------------------------------------------------------

    def drain_all(self, grace: float, told: Callable[[], None]) -> None:
        """Fill no slot any more, tell every worker to finish, call `told`, and wait until the last one has ended."""
        self._keep_no_more()
        for worker in tuple(self._living):
            see_off(worker, grace)
        told()
        self._await_all()

    def kill_all(self) -> None:
        """End every worker now, and wait until the last one has ended."""
        self._keep_no_more()
        for worker in tuple(self._living):
            worker.process.kill()
        self._await_all()

    def _keep_no_more(self) -> None:
        """From here on nobody comes: who is not ready yet goes, whoever has sent for him."""
        self._closed = True
        gevent.killall(self._keepers)
        self._spare.end()
        # Those whom no keeper has started, too: an upgrade fills slots in its own greenlet.
        newcomers = [worker for worker in self._living if worker.state is WorkerState.STARTING]
        for worker in newcomers:
            worker.process.kill()
        gevent.wait([worker.process.ended for worker in newcomers])

    def _await_all(self) -> None:
        gevent.wait([worker.process.ended for worker in self._living])
