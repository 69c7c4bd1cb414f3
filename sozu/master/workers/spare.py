"""A worker's process without a slot, with everything imported: the next slot whose worker dies or hangs takes it.

Under load to start Python takes five times as long as on an idle machine, since everybody else wants the processor too; what is left to be done by a spare is a tenth of that
(docs/decisions/008.md). It has our code, not that on the disk: who is to have that, in an upgrade, is started anew.
"""

from collections.abc import Sequence
import logging
from pathlib import Path
from typing import Final

import gevent
from gevent.event import Event

from sozu.master.workers.filling import SlotNotFilled, launch
from sozu.master.workers.roster import Worker

log = logging.getLogger("sozu.master")

FIRST: Final = 15.0  # seconds after the start: what is started for a moment needs none, and whoever measures us then is not to find 24 MB more
QUIET: Final = 1.0  # seconds after one was taken: those who wait for a worker come first
NOWHERE: Final = -1  # the slot of a spare
ASLEEP: Final = "S"  # in /proc: it waits for us, as it should; one that somebody has stopped would not


class Spare:
    """Keeps one."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._worker: Worker | None = None
        self._taken = Event()

    def keep(self) -> None:
        """Have one after a while or the first death, and another one when it was taken; for ever."""
        if self._taken.wait(FIRST):
            self._await_quiet()
        while True:
            try:
                # It says Hello and then waits for its Welcome, with all that takes long behind it.
                self._worker = launch(NOWHERE, self._command)
            except SlotNotFilled as why:
                log.warning("event=no_spare reason=%r", str(why))
            # After a failure as well: what is wanting for a process now, those who serve may need themselves.
            self._taken.wait()
            self._await_quiet()

    def _await_quiet(self) -> None:
        gevent.sleep(QUIET)
        # After the pause, so that several deaths at once lead to one start, which nobody waits for.
        self._taken.clear()

    def take(self, slot: int) -> Worker | None:
        """The spare, for this slot; None if there is none that is ready to begin."""
        worker, self._worker = self._worker, None
        # Also where there was none: the first one may still be a
        # quarter of a minute away, and this was the first death.
        self._taken.set()
        if worker is None:
            return None
        # One that was stopped would be waited for as long as any newcomer, half a minute, while the slot is empty.
        if not (worker.link.greeted and is_asleep(worker.process.pid)):
            _dismiss(worker)
            return None
        worker.slot = slot
        return worker

    def end(self) -> None:
        """Have none, and wait until it is gone."""
        worker, self._worker = self._worker, None
        if worker is not None:
            _dismiss(worker)
            worker.process.ended.wait()


def _dismiss(worker: Worker) -> None:
    worker.process.kill()
    worker.link.close()


def is_asleep(pid: int) -> bool:
    """Does it wait for something, and has it not been stopped?"""
    try:
        # A program's name is in parentheses there, and may have blanks and parentheses itself (proc_pid_stat(5)).
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == ASLEEP
    except OSError:
        return False
