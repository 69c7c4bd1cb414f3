"""A worker that grows beyond what it may is replaced: something in it leaks, and its successor begins small.

It drains as in an upgrade: its idle clients go over, and whoever is busy has a grace. Slots are looked at one after the other, so not all go at once.
"""

from collections.abc import Callable, Iterable
import logging
import os
from pathlib import Path
from typing import Final

import gevent

from sozu.master.workers.roster import Worker, WorkerState

log = logging.getLogger("sozu.master")

EVERY: Final = 5.0  # seconds
PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Scales:
    """Weighs whoever `workers` gives; `most` is in bytes of resident memory."""

    def __init__(self, workers: Callable[[], Iterable[Worker]], most: int) -> None:
        self._workers, self._most = workers, most
        self._told = set[Worker]()

    def run(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            gevent.sleep(EVERY)
            self.look()

    def look(self) -> None:
        """Ask for a successor of whoever is too large."""
        running = [worker for worker in self._workers() if worker.state is WorkerState.RUNNING]
        self._told.intersection_update(running)
        for worker in running:
            size = resident(worker.process.pid)
            # Told once, since a worker that waits for its turn to be replaced goes on being too large.
            if size > self._most and worker not in self._told:
                self._told.add(worker)
                log.error("event=worker_too_large slot=%d pid=%d bytes=%d most=%d", worker.slot, worker.process.pid, size, self._most)
                worker.replace(f"it holds {size >> 20} MiB of memory")


def resident(pid: int) -> int:
    """Bytes; 0 of a process that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * PAGE
    except OSError:
        return 0
