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

_GRACE = 10.0  # seconds, when a signal and not the master says drain
# A collection of everything that lives costs milliseconds, and what a request leaves behind is freed by its counts alone.
_GARBAGE_THRESHOLDS = (50_000, 50, 100)


def main(arguments: Sequence[str]) -> int:
    """Serve until drained; returns the exit code."""
    faulthandler.enable()  # should C code crash, the log has the stack
    gc.disable()  # a large state is built first; `_settle` turns it on again
    channel = _channel(arguments)
    logging.basicConfig(format=f"time=%(asctime)s level=%(levelname)s pid={os.getpid()} %(message)s", level=logging.INFO)
    setproctitle("sozu: worker, starting")
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
        return socket.socket(fileno=number)
    except OSError as error:
        parser.error(f"descriptor {number} is no channel: {error.strerror}")


def _take_all_descriptors() -> None:
    """A session needs two descriptors, and the usual soft limit is 1024: take what the hard limit allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _confine(slot: int, settings: Settings) -> dict[str, Any]:
    """See sozu.proxy.sandbox. Everything is imported by now."""
    if settings.affinity:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[slot % len(cores)]})
    try:
        return {"sandbox": confine(settings.sandbox, settings.user)}
    except NotConfined as why:
        log.error("event=not_confined reason=%r", str(why))  # noqa: TRY400 - the reason is in words
        raise SystemExit(1) from None


def _settle(slot: int) -> None:
    """Everything that lives long is there: show which slot this is, and spare the collector all of it.

    It is not asked to look first: with 10,000 clusters that takes a tenth of a second in which nobody is served yet, and finds a few modules' leavings.
    """
    setproctitle(f"sozu: worker of slot {slot}")
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    gc.enable()
    watch_stalls(get_hub())
