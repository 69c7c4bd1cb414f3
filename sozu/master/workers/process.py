"""A child process: started by exec, its end learned from a pidfd, its signals sent through it.

A pid may be given anew as soon as a child is reaped; a pidfd names one process for good. There is no SIGCHLD handler here:
one watcher per child says which one ended, and nobody else's children are reaped by mistake.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import os
import signal
import subprocess

from gevent import get_hub
from gevent.event import Event

READ = 1  # libev's EV_READ
# A terminal sends these to the whole group. A worker will ignore them, but first it has to be imported: meanwhile they wait.
FOR_THE_MASTER = (signal.SIGINT, signal.SIGHUP)


class Process:
    """A running child. `ended` is set when it is gone and reaped; `fate` then says how."""

    def __init__(self, command: Sequence[str], descriptor: int) -> None:
        """Start `command`, which inherits this one descriptor and our standard output and error. Raises OSError."""
        self.ended = Event()
        # NOTIFY_SOCKET is between systemd and the master: a child that inherits it could speak in the master's name.
        surroundings = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        with _blocked(FOR_THE_MASTER):
            self._child = subprocess.Popen(  # noqa: S603 - the command is our own: python -m sozu worker
                command, stdin=subprocess.DEVNULL, pass_fds=(descriptor,), env=surroundings
            )
        self._pidfd = os.pidfd_open(self._child.pid)
        self._watcher = get_hub().loop.io(self._pidfd, READ)
        self._watcher.start(self._reap)

    @property
    def pid(self) -> int:
        """The child's pid, also after its end."""
        return self._child.pid

    @property
    def fate(self) -> str:
        """How it ended, in words: "status 0", "signal SIGKILL"; "running" before."""
        match self._child.returncode:
            case None:
                return "running"
            case code if code < 0:
                return f"signal {signal.Signals(-code).name}"
            case code:
                return f"status {code}"

    def kill(self) -> None:
        """End it at once (SIGKILL), if it has not ended."""
        self.send(signal.SIGKILL)

    def send(self, signum: signal.Signals) -> None:
        """Send a signal, if it has not ended."""
        if not self.ended.is_set():
            signal.pidfd_send_signal(self._pidfd, signum)

    def _reap(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        self._child.wait()
        os.close(self._pidfd)
        self.ended.set()


@contextmanager
def _blocked(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Let these signals wait while the block runs; a child that is started in it is born with them blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
