"""How a worker comes to be: exec, Hello, its sockets, the state, and then its word that it accepts.

The same way at the start, after a crash and in an upgrade. Failure costs the newcomer and nothing else.
"""

from collections.abc import Sequence
from contextlib import ExitStack
import logging

import gevent
import gevent.socket

from sozu import __version__
from sozu.birth import Born, bear_worker
from sozu.command.channel import channel_to_worker
from sozu.command.worker_protocol import SCHEMA, Hello, Ready
from sozu.master.workers.briefing import Briefing
from sozu.master.workers.link import LinkEnded, WorkerLink
from sozu.master.workers.process import Process
from sozu.master.workers.roster import Worker, WorkerState

log = logging.getLogger("sozu.master")

START_PATIENCE = 30.0  # seconds from exec to Ready
# The kernel closes a dying process's descriptors before it announces the
# end: looked at too early, each crash would be told as a channel that broke.
EOF_PATIENCE = 1.0  # seconds between the end of a channel and the end of its process


class SlotNotFilled(Exception):
    """A newcomer did not come to accept; it is gone, and whatever ran before runs on."""


def launch(slot: int, command: Sequence[str]) -> Worker:
    """Start a worker's process, with `--channel FD` added to the command. Raises SlotNotFilled."""
    try:
        return _taken(slot, bear_worker(command))
    except OSError as error:
        raise SlotNotFilled(f"the worker's process cannot be started: {error}") from error


def _taken(slot: int, born: Born) -> Worker:
    # gevent's kind of socket is non-blocking, and only our end may be: the other is the worker's to choose.
    link = WorkerLink(channel_to_worker(gevent.socket.socket(fileno=born.channel.detach())))
    return Worker(slot, Process(born.pid), link)


def launch_early(slots: int, command: Sequence[str], end: ExitStack, born: list[Born]) -> list[Worker]:
    """Start the first workers before there is anything to tell them: they are imported while the journal is read. Raises SlotNotFilled.

    Those that are `born` already are taken, all of them. At the `end` those that do not serve by then are ended.
    """
    early: list[Worker] = []
    while born or len(early) < slots:
        number = len(early)
        early.append(_taken(number, born.pop(0)) if born else launch(number, command))
        end.callback(_dismiss, early[-1])
    return early


def needed(early: Sequence[Worker], slots: int) -> Sequence[Worker]:
    """Those for so many slots; the others are ended."""
    for worker in early[slots:]:
        _dismiss(worker)
    return early[:slots]


def _dismiss(worker: Worker) -> None:
    # Who serves by now has a slot, and that slot's ways to end.
    if worker.state is WorkerState.STARTING:
        worker.process.kill()
        worker.link.close()


def make_ready(newcomer: Worker, briefing: Briefing) -> None:
    """Have it accept. Raises SlotNotFilled, and then it is gone."""
    try:
        with gevent.Timeout(START_PATIENCE, SlotNotFilled(f"{newcomer.name} was not ready within {START_PATIENCE:g} s")):
            _introduce(newcomer, briefing)
    # A socket that cannot be opened for this slot, or no descriptor left for a duplicate, in the middle of `give`. Not
    # caught, it would end the greenlet that keeps the slot, which then would stay empty for good.
    except OSError as error:
        raise SlotNotFilled(f"{newcomer.name} could not be given what it needs: {error}") from error
    except LinkEnded as why:
        # For its fate: that it was a signal, and which, says more than that it said nothing.
        newcomer.process.ended.wait(EOF_PATIENCE)
        raise SlotNotFilled(f"{newcomer.name} was not ready: {why} ({newcomer.process.fate})") from why
    else:
        newcomer.now(WorkerState.RUNNING)
    finally:
        # However this ended, also by a stop that kills this greenlet: a
        # process that nobody waits for would hold its sockets for ever.
        if newcomer.state is WorkerState.STARTING:
            newcomer.process.kill()


def _introduce(newcomer: Worker, briefing: Briefing) -> None:
    # First: its version decides in which words it is told the state.
    newcomer.version = _version(newcomer.link.greeting(Hello))
    briefing.give(newcomer)
    newcomer.link.greeting(Ready)
    if newcomer.process.ended.is_set():  # while its word was on the way: who comes before it must not be told to drain
        raise LinkEnded("it has ended")


def _version(hello: Hello) -> str:
    if hello.schema != SCHEMA:
        raise SlotNotFilled(f"the worker speaks schema {hello.schema}, this master {SCHEMA}")
    if hello.version != __version__:
        log.warning("event=other_version worker=%s master=%s", hello.version, __version__)
    return hello.version
