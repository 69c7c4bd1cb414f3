"""`sozu worker --channel N`: one process, exec'ed by the master with its end of the channel as descriptor N.

Signals: SIGINT and SIGHUP are ignored, since a terminal sends them to the whole group and the master decides. SIGTERM
drains this one worker (a service manager may send it to all processes at once, and it is the way to end a worker whose
master is gone); a Drain that comes later sets a new deadline. SIGKILL costs what is in flight, and the master refills.
"""

import argparse
from collections.abc import Sequence
import faulthandler
import gc
import logging
import os
import resource
import signal
from typing import Any

import gevent
from gevent import get_hub, socket
from setproctitle import setproctitle

from sozu.command.channel import channel_to_master
from sozu.command.settings import Settings
from sozu.proxy.sandbox import NotConfined, confine
from sozu.proxy.worker.life import Life
from sozu.proxy.worker.master_link import MasterLink
from sozu.proxy.worker.stalls import watch_stalls

log = logging.getLogger("sozu.proxy")

# The same as `--grace` of the command line, so that a worker ends in the same way whoever asks it to.
_GRACE = 10.0  # seconds, when a signal and not the master says drain
# A collection of everything that lives costs milliseconds, and what a request leaves behind is freed by its counts alone.
_GARBAGE_THRESHOLDS = (50_000, 50, 100)


def main(arguments: Sequence[str]) -> int:
    """Serve until drained; returns the exit code."""
    faulthandler.enable()  # should C code crash, the log has the stack
    gc.disable()  # a large state is built first; `_settle` turns it on again
    channel = _channel(arguments)
    # At INFO until the settings have come with Welcome; what goes wrong before is to be seen in any case.
    logging.basicConfig(format=f"time=%(asctime)s level=%(levelname)s pid={os.getpid()} %(message)s", level=logging.INFO)
    # A spare worker stays at this point until it is needed: in `ps` it should not pass for one that serves.
    setproctitle("sozu: worker, starting")
    # Before anything counts how many there are (`sessions_at_most`).
    _take_all_descriptors()
    life = Life(MasterLink(channel_to_master(channel)), prepared=_settle, confine=_confine)
    _ignore(signal.SIGINT, signal.SIGHUP)
    gevent.signal_handler(signal.SIGTERM, life.end, _GRACE)
    return life.run()


def _ignore(*signals: signal.Signals) -> None:
    for each in signals:
        signal.signal(each, signal.SIG_IGN)
    # The master has us born with them blocked, so that none could end us while we were imported.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


def _channel(arguments: Sequence[str]) -> socket.socket:
    parser = argparse.ArgumentParser(prog="sozu worker", description="Started by `sozu serve`, not by hand.")
    parser.add_argument("--channel", type=int, required=True, metavar="N", help="the descriptor of the master's channel")
    number = parser.parse_args(arguments).channel
    try:
        # gevent's kind: one greenlet reads the channel, and a read that blocks would stop all the others.
        return socket.socket(fileno=number)
    except OSError as error:
        parser.error(f"descriptor {number} is no channel: {error.strerror}")


def _take_all_descriptors() -> None:
    """A session needs two descriptors, and the usual soft limit is 1024: take what the hard limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Not left to the operator: select(2), for whose sake the soft limit is 1024, is called nowhere here (Departures polls).
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _confine(slot: int, settings: Settings) -> dict[str, Any]:
    """See sozu.proxy.sandbox. Everything is imported by now."""
    if settings.affinity:
        # Of those that we may use, which in a container are not all; counted by slot, so that a successor gets the core of the one before.
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[slot % len(cores)]})
    try:
        return {"sandbox": confine(settings.sandbox, settings.user)}
    except NotConfined as why:
        log.error("event=not_confined reason=%r", str(why))  # noqa: TRY400 - the reason is in words
        # It leaves the greenlet that heard Welcome, and gevent ends the process on this one; any other exception would be that greenlet's end only.
        raise SystemExit(1) from None


def _settle(slot: int) -> None:
    """Everything that lives long is there: show which slot this is, and spare the collector all of it.

    It is not asked to look first: with 10,000 clusters that takes a tenth of a second in which nobody is served yet, and finds a few modules' leavings.
    """
    setproctitle(f"sozu: worker of slot {slot}")
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    gc.enable()
    # Last: to load a large state is one long turn of the loop, in which nobody is served and nothing is wrong.
    watch_stalls(get_hub())
