"""A child process: started by exec, its end learned from a pidfd, its signals sent through it.

A pid may be given anew as soon as a child is reaped; a pidfd names one process for good. There is no SIGCHLD handler here:
one watcher per child says which one ended, and nobody else's children are reaped by mistake. A process that somebody else has
started (an orphan of a master that died) can be watched and signalled just so; only how it ended is not told to us.
"""

from collections.abc import Sequence
from contextlib import suppress
import os
import signal
from typing import Final, Self

from gevent import get_hub
from gevent.event import Event

from sozu.birth import FOR_THE_MASTER, bear

READ = 1  # libev's EV_READ
_NAMES: Final = {each.value: each.name for each in signal.Signals}  # those for real time have none, but for the first and the last
WATCHED: Final = set[int]()  # the pids of those that run and that we have not forgotten


class Process:
    """A running process. `ended` is set when it is gone and reaped; `fate` then says how."""

    def __init__(self, pid: int) -> None:
        """Watch a process that runs: a child, or at least one of our user. Raises OSError."""
        self.ended = Event()
        self.pid = pid
        self.fate = "running"  # "status 0", "signal SIGKILL", or "unknown" if it was nobody's child of ours
        self._pidfd = os.pidfd_open(pid)
        self._watcher = get_hub().loop.io(self._pidfd, READ)
        # A pidfd can be read as soon as its process has ended (pidfd_open(2)), which is all that a loop needs.
        self._watcher.start(self._reap)
        # For whoever reaps strangers (surroundings/reaping.py): this one is not to be taken from us.
        WATCHED.add(pid)

    @classmethod
    def start(cls, command: Sequence[str], descriptor: int, blocked: Sequence[signal.Signals] = FOR_THE_MASTER) -> Self:
        """Start a command, see `bear`. Raises OSError."""
        return cls(bear(command, descriptor, blocked))

    def kill(self) -> None:
        """End it at once (SIGKILL), if it has not ended."""
        self.send(signal.SIGKILL)

    @property
    def watched(self) -> bool:
        """Does it run, and is it ours to watch?"""
        return self._pidfd >= 0

    def send(self, signum: signal.Signals) -> None:
        """Send a signal, if it has not ended; and not to one that was forgotten, whose descriptor may be another process's by now."""
        if self.watched:
            with suppress(ProcessLookupError):  # nobody's child of ours, and reaped before we heard of it
                signal.pidfd_send_signal(self._pidfd, signum)

    def forget(self) -> None:
        """Watch it no more: a successor of this master will."""
        if self.watched:
            self._unwatch()

    def _reap(self) -> None:
        # Before `ended` is set: whoever waits for that reads the fate next.
        self.fate = _fate(self._pidfd)
        self._unwatch()
        self.ended.set()

    def _unwatch(self) -> None:
        WATCHED.discard(self.pid)
        # Before the descriptor is closed: the loop would go on asking
        # about its number, which may be another file's by then.
        self._watcher.stop()
        self._watcher.close()
        os.close(self._pidfd)
        self._pidfd = -1


def _fate(pidfd: int) -> str:
    try:
        end = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    except ChildProcessError:
        # waitid(2) tells how a process ended to its parent only.
        return "unknown"
    assert end is not None, "without WNOHANG there is always one"
    if end.si_code == os.CLD_EXITED:
        return f"status {end.si_status}"
    return f"signal {_NAMES.get(end.si_status, end.si_status)}"
