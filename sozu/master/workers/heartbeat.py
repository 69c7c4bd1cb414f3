"""Are they alive? Each running worker is asked once a second; one that is silent for too long is hung, and gets a successor.

The question is answered by the very loop that moves the traffic, so an answer means that it turns. The master does not judge
in the first moments after it was late itself: then it was the machine, or somebody has stopped us all.
"""

from collections.abc import Callable, Iterable
import logging
from time import monotonic

import gevent

from sozu.command.worker_protocol import AskStatus, Reply
from sozu.master.workers.link import WorkerLink
from sozu.master.workers.roster import Worker, WorkerState

log = logging.getLogger("sozu.master")

EVERY = 1.0  # seconds
SILENCE = 3.0  # seconds without an answer: no honest turn of a worker's loop takes so long
LATE = 0.5  # seconds by which the master itself may be late


class Heartbeat:
    """Asks whoever `workers` gives; `run` for ever in a greenlet."""

    def __init__(self, workers: Callable[[], Iterable[Worker]]) -> None:
        self._workers = workers
        self._asked: dict[WorkerLink, float] = {}  # when, of those that have not answered

    def run(self) -> None:
        """Look once a second."""
        while True:
            before = monotonic()
            gevent.sleep(EVERY)
            now = monotonic()
            if now - before > EVERY + LATE:
                # All begin anew, since nobody could be heard while we did not listen. Without this a machine that wakes
                # up, or a master that was stopped for a while, would take all of its workers for hung at once.
                self._asked = dict.fromkeys(self._asked, now)
            self.look(now)

    def look(self, now: float) -> None:
        """Name who is hung, and ask whoever owes no answer. `now` is in monotonic seconds."""
        for worker in self._workers():
            # One that starts has its patience, and one that drains its grace: each has somebody who ends it.
            if worker.state is WorkerState.RUNNING and not worker.link.ended.is_set():
                self._look_at(worker, now)

    def hear(self, link: WorkerLink, reply: Reply | None) -> None:
        """Take an answer from a link."""
        self._asked.pop(link, None)
        if reply is None or not isinstance(reply.data, dict) or reply.data.get("ending") is not True:
            return
        # Somebody has sent it a SIGTERM: it accepts no more, and may have sessions for the whole of its grace. Whoever
        # comes to its queue meanwhile would wait as long, so its successor comes now and not when it has gone.
        for worker in self._workers():
            if worker.link is link and worker.state is WorkerState.RUNNING:
                worker.replace("it was told to end, and not by the master")

    def _look_at(self, worker: Worker, now: float) -> None:
        asked = self._asked.get(worker.link)
        if asked is None:
            # It has answered after all: changes wait for it again,
            # and it may be lent queues, until its successor comes.
            worker.hung = False
            self._asked[worker.link] = now
            worker.link.ask(lambda number: [AskStatus(id=number)], self)
        elif now - asked >= SILENCE and not worker.hung:
            worker.hung = True
            log.error("event=worker_hung slot=%d pid=%d silent=%.1f", worker.slot, worker.process.pid, now - asked)
            worker.replace("it hangs")
