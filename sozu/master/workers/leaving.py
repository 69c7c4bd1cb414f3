"""How a worker goes: told to drain, and killed if it has not gone a while after its grace."""

from collections.abc import Iterable, Mapping
import logging
import signal
import socket
from time import monotonic
from typing import Any

import gevent

from sozu import __version__
from sozu.command.worker_protocol import AskStatus, Drain, Inherit
from sozu.master.workers.gathering import Gathering
from sozu.master.workers.roster import Worker, WorkerState

log = logging.getLogger("sozu.master")

HUNG_GRACE = 1.0  # seconds; of one that hangs, should it come back: what its clients wait for is lost else, and they should know soon
ASKING_PATIENCE = 0.5  # seconds
EXIT_PATIENCE = 2.0  # seconds that a worker may take beyond its grace before it is killed


def see_off(worker: Worker, grace: float, heir: Worker | None = None) -> None:
    """Tell a worker to finish within `grace` seconds and exit; kill it if it does not. Its idle clients go to the heir. Never waits."""
    grace = min(grace, HUNG_GRACE) if worker.hung else grace
    # First of all: its end is no crash from here on, for which a slot would be filled and a request be suspected.
    worker.now(WorkerState.DRAINING)
    # In the worker, and not only in the greenlet below: the next master has to know it (succession/estate.py).
    worker.leave_by = worker.since + grace + EXIT_PATIENCE
    ways = _way_between(heir)
    # Nobody listens for the replies: the end of the process says it all.
    Gathering(None).ask(worker, lambda number: [Drain(id=number, grace=grace)], ways)
    # What was told has its own duplicate. As long as we held an
    # end, neither of the two would see that the other one has gone.
    for way in ways:
        way.close()
    # In a greenlet of its own, since this is called for several in a row, and in the middle of `fill`.
    gevent.spawn(await_exit, worker)


def _way_between(heir: Worker | None) -> list[socket.socket]:
    """The end for the one that goes of a way to this heir; none where nobody would understand. Workers of our own code do."""
    if heir is None or heir.version != __version__:
        return []
    try:
        ours, theirs = socket.socketpair()
        with theirs:
            # An heir that hangs takes nobody in. So the one that goes sends no client before the heir has said over
            # this way that it is there (sozu/proxy/worker/bequeathing.py): a soak had lost four connections.
            heir.link.tell(Inherit(), [theirs])
    except OSError as error:  # no descriptor is free: its clients are asked to come anew
        log.warning("event=no_way_to_heir slot=%d reason=%r", heir.slot, str(error))
        return []
    return [ours]


def what_is_left(workers: Iterable[Worker]) -> str:
    """What those who have not ended still finish, in words."""
    gathering = Gathering(ASKING_PATIENCE)
    left = [worker for worker in workers if not worker.process.ended.is_set()]
    for worker in left:
        gathering.ask(worker, lambda number: [AskStatus(id=number)])
    told = {worker: reply.data for worker, reply in gathering.replies() if isinstance(reply.data, dict)}
    return ", ".join(_in_words(worker, told.get(worker, {})) for worker in left)


def _in_words(worker: Worker, told: Mapping[str, Any]) -> str:
    if "connections" not in told:
        return worker.name
    return f"{worker.name}: {told.get('exchanges', 0)} exchanges, {told['connections']} connections"


def await_exit(worker: Worker) -> None:
    """Wait for the end of a worker that drains; kill it at the time by which it has to have gone."""
    leave_by = worker.leave_by
    assert leave_by is not None, "it was told to drain"
    # Without a channel Drain has not reached it; a signal does, and means the same to it.
    if worker.link.ended.is_set():
        worker.process.send(signal.SIGTERM)
    ended = worker.process.ended.wait(max(0.0, leave_by - monotonic()))
    # Where it was told anew, as by a stop, another greenlet waits for that time; one that another master watches is not ours to kill.
    if not ended and worker.leave_by == leave_by and worker.process.watched:
        log.warning("event=worker_killed slot=%d pid=%d reason='did not exit'", worker.slot, worker.process.pid)
        worker.process.kill()
